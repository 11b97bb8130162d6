"""What the monitor can change: by the same code as the commands, on a connection of its own.

Takes names as people see them; gives a sentence that says what came of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flowrules.monitor.reader import Reader
from flowrules.report.lookup import find_campaign, find_customer, find_message
from flowrules.report.words import counted
from flowrules.runtime import operate
from flowrules.store.database import Database

_SETTLED = {"sent": "counts as sent", "failed": "counts as not sent", "resend": "waits to be handed over once more"}


def pause(reader: Reader, campaign: str) -> str:
    with _writing(reader) as database:
        with database.read() as connection:
            number, now = find_campaign(connection, campaign), reader.now(connection)
        ordered = operate.pause(database, number, now)
    if ordered.at is None:
        return f"{campaign} was paused already"
    return f"{campaign} is paused; {counted(ordered.affected, 'journey')} under way"


def resume(reader: Reader, campaign: str, overdue: operate.Overdue) -> str:
    with _writing(reader) as database:
        with database.read() as connection:
            number, now = find_campaign(connection, campaign), reader.now(connection)
        ordered = operate.resume(database, number, now, overdue)
    if ordered.at is None:
        return f"{campaign} was not paused"
    return f"{campaign} goes on; {counted(ordered.affected, 'message')} held"


def leave(reader: Reader, customer: str, campaign: str) -> str:
    with _writing(reader) as database:
        with database.read() as connection:
            who, where = find_customer(connection, customer), find_campaign(connection, campaign)
            now = reader.now(connection)
        ordered = operate.leave(database, who, where, now)
    if ordered.at is None:
        return f"{customer} is not in {campaign}"
    return f"{customer} leaves {campaign} with the next tick"


def settle(reader: Reader, message: str, verdict: operate.Verdict) -> str:
    with _writing(reader) as database:
        with database.read() as connection:
            detail, now = find_message(connection, message), reader.now(connection)
        if not operate.settle(database, detail, verdict, now):
            return f"{message} is not unknown any more"
    return f"{message} {_SETTLED[verdict]}"


@contextmanager
def _writing(reader: Reader) -> Iterator[Database]:
    database = Database.open(reader.url)
    try:
        yield database
    finally:
        database.close()
