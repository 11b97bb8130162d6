"""A channel that leaves one message after the other in doubt is left alone for a while, and then tried with one.

What it may have taken is never sent again by itself, so each of them is work for a person. Takes a connection inside
`outbox.writing()`. Kept in the database: who delivers from cron is a new process every minute.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, insert, select

from flowrules.channels.base import Accepted, Outcome, Refused, Unknown
from flowrules.runtime import outbox
from flowrules.sql.tables import workspace

_IN_A_ROW = 3
_MINUTE = 60_000_000
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Doubts:
    """How many of a channel's last messages, one after the other, and when the last of them was given up."""

    channel: str
    number: int = 0
    since: int = 0

    @property
    def rest_until(self) -> int:
        """A minute after the third, two after the fourth, up to an hour."""
        beyond = self.number - _IN_A_ROW
        return self.since + _MINUTE * min(2 ** min(beyond, 6), _LONGEST) if beyond >= 0 else 0

    def rests(self, now: int) -> bool:
        """Not for years, where a clock was ahead and has been set right."""
        return self.since <= now < self.rest_until

    @property
    def words(self) -> str:
        until = datetime.fromtimestamp(self.rest_until / 1_000_000, UTC)
        return f"gave no answer to one message after the other; it is left alone until {until:%Y-%m-%dT%H:%M:%SZ}"


def read(connection: Connection, channel: str) -> Doubts:
    found = connection.execute(select(workspace.c.value).where(workspace.c.key == _key(channel))).scalar()
    if found is None:
        return Doubts(channel)
    number, since = found.split()
    return Doubts(channel, int(number), int(since))


def write(connection: Connection, doubts: Doubts, now: int, outcomes: Iterable[Outcome]) -> None:
    """After these outcomes, the first to the last. What was not handed over says nothing."""
    number = doubts.number
    for outcome in outcomes:
        if isinstance(outcome, Unknown):
            number += 1
        elif isinstance(outcome, Accepted | Refused):
            number = 0
    if number == doubts.number:
        return
    outbox.wait_for_others(connection)
    connection.execute(delete(workspace).where(workspace.c.key == _key(doubts.channel)))
    if number:
        connection.execute(insert(workspace).values(key=_key(doubts.channel), value=f"{number} {now}"))


def _key(channel: str) -> str:
    return f"doubts of {channel}"
