"""The past once more, from what the journal stored of it, in another database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import insert, select, text

from flowrules.runtime import tick
from flowrules.runtime.answers import Reaction, SentMessage
from flowrules.sql import tables
from flowrules.sql.columns import tables_for
from flowrules.store.bulk import insert_rows
from flowrules.store.database import Database
from flowrules.store.zones import ensure_zones
from tests.proof.copies import opened
from tests.proof.story import deploy, make
from tests.reference.scenario import Scenario
from tests.support.engine import ledger, model_of

_FACTS = (tables.event, tables.attribute_change, tables.consent)


def canonical(database: Database) -> bytes:
    """The ledger as JSON lines, in its order."""
    with database.read() as connection:
        rows = ledger(connection)
    return b"".join(json.dumps(asdict(row), sort_keys=True).encode() + b"\n" for row in rows)


@dataclass(frozen=True, slots=True)
class Past:
    """`deployed`: the workspaces and when; the rest is as it was stored."""

    customers: Scenario
    deployed: Sequence[tuple[Scenario, int]]
    until: int
    zones: list[str]
    event_types: list[Any]
    facts: dict[str, tuple[list[str], list[Any]]]
    outcomes: list[Any]


def remember(database: Database, customers: Scenario, deployed: Sequence[tuple[Scenario, int]]) -> Past:
    with database.read() as connection:
        facts = {}
        for table in _FACTS:
            result = connection.execute(text(f"SELECT * FROM {table.name}"))  # noqa: S608  # our names
            facts[table.name] = (list(result.keys()), [tuple(row) for row in result])
        return Past(
            customers,
            deployed,
            connection.execute(select(tables.clock.c.last_tick)).scalar_one(),
            list(connection.execute(select(tables.zone.c.name).order_by(tables.zone.c.id)).scalars()),
            [row._asdict() for row in connection.execute(select(tables.event_type))],
            facts,
            [row._asdict() for row in connection.execute(select(tables.outcome))],
        )


def nobody_reacts(_sent: Sequence[SentMessage]) -> list[Reaction]:
    """Channels accept at once; what came back is in the journal."""
    return []


def replay(past: Past, url: str, *, outbox: bool = False) -> bytes:
    """The ledger of the past in an empty database, in as few ticks as it can be done in."""
    make(url, past.customers, facts=False)
    answer = None if outbox else nobody_reacts
    declared = tables_for(model_of(past.customers)).event
    with opened(url) as database:
        with database.write() as connection:
            ensure_zones(connection, past.zones)
            connection.execute(insert(tables.event_type), past.event_types)
            for table in _FACTS:
                columns, rows = past.facts[table.name]
                insert_rows(connection, declared if table is tables.event else table, columns, rows)
            if past.outcomes:
                connection.execute(insert(tables.outcome), past.outcomes)
        for scenario, at in past.deployed:
            tick.tick(database, at - 1, answer=answer)
            deploy(database, scenario, at)
        tick.tick(database, past.until, answer=answer)
        return canonical(database)
