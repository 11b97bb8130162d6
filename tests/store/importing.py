"""How the tests of imports import: a file written and taken in, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time

from sqlalchemy import insert, text

from flowrules.sql import tables
from flowrules.sql.codes import Status
from flowrules.store.database import Database
from flowrules.store.imports.records import Options
from flowrules.store.imports.run import Imported
from flowrules.store.imports.times import Times

NOON = 43_200_000_000
DAY = 86_400_000_000
SECOND = 1_000_000

Run = Callable[..., Imported]


def options(form: str | None = None, **others: object) -> Options:
    return Options(Times("UTC", time(12), form), **others)  # type: ignore[arg-type]  # what each test says


def rows(database: Database, statement: str) -> list[tuple[object, ...]]:
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def counts(imported: Imported) -> tuple[int, int, int, int, int]:
    return imported.read, imported.added, imported.changed, imported.unchanged, len(imported.rejects)


def reasons(imported: Imported) -> list[tuple[int, str]]:
    return [(reject.row.line, reject.reason) for reject in imported.rejects]


def messages(database: Database, *steps: tuple[int, str]) -> None:
    """Sent to the first customer by campaign 4, `welcome`: each step on the day of its number."""
    with database.write() as connection:
        connection.execute(insert(tables.campaign).values(id=4, name="welcome"))
        for number, key in steps:
            connection.execute(insert(tables.step).values(id=number, campaign_id=4, key=key))
            connection.execute(
                insert(tables.message).values(
                    {
                        **dict.fromkeys(("customer_id", "campaign_id", "instance", "pass", "version_id", "node"), 1),
                        "campaign_id": 4,
                        "step_id": number,
                        "channel_id": 1,
                        "status": Status.SENT,
                        "turn": 1,
                        "decided_at": 0,
                        "sent_at": number * DAY,
                    }
                )
            )
