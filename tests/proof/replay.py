"""The past once more, from what the journal stored of it, in another database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text, update

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

KEY = ("customer_id", "campaign_id", "instance", "step_id", "pass")
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
    outcomes: dict[int, list[Any]]
    messages: dict[Any, Any]
    contacts: dict[Any, list[Any]]


def remember(database: Database, customers: Scenario, deployed: Sequence[tuple[Scenario, int]]) -> Past:
    with database.read() as connection:
        facts = {}
        for table in _FACTS:
            result = connection.execute(text(f"SELECT * FROM {table.name}"))  # noqa: S608  # our names
            facts[table.name] = (list(result.keys()), [tuple(row) for row in result])
        outcomes: dict[int, list[Any]] = {}
        for row in connection.execute(select(tables.outcome)):
            outcomes.setdefault(row.at, []).append(row._asdict())
        contacts: dict[Any, list[Any]] = {}
        for row in connection.execute(select(tables.contact)):
            contacts.setdefault(_key(row), []).append(row._asdict())
        return Past(
            customers,
            deployed,
            connection.execute(select(tables.clock.c.last_tick)).scalar_one(),
            list(connection.execute(select(tables.zone.c.name).order_by(tables.zone.c.id)).scalars()),
            [row._asdict() for row in connection.execute(select(tables.event_type))],
            facts,
            outcomes,
            {_key(row): row for row in connection.execute(select(tables.message))},
            contacts,
        )


def _key(row: Any) -> tuple[int, ...]:  # noqa: ANN401  # of any table
    return tuple(row._mapping[name] for name in KEY)


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
        happened = [*((at, scenario) for scenario, at in past.deployed), *((at, None) for at in past.outcomes)]
        for at, scenario in sorted(happened, key=lambda item: item[0]):
            tick.tick(database, at - 1, answer=answer)
            if scenario is not None:
                deploy(database, scenario, at)
            else:
                with database.write() as connection:
                    _tell(connection, past, at)
        tick.tick(database, past.until, answer=answer)
        return canonical(database)


def _tell(connection: Connection, past: Past, at: int) -> None:
    """What the outbox reported at one instant."""
    message, contact = tables.message, tables.contact
    for row in past.outcomes[at]:
        key = tuple(row[name] for name in KEY)
        stored = past.messages[key]
        this = [message.c[name] == value for name, value in zip(KEY, key, strict=True)]
        changed = connection.execute(
            update(message).where(*this).values(status=stored.status, reason=stored.reason, sent_at=stored.sent_at)
        )
        assert changed.rowcount == 1, "there is no such message"
        connection.execute(delete(contact).where(*(contact.c[n] == v for n, v in zip(KEY, key, strict=True))))
        if key in past.contacts:
            connection.execute(insert(contact), past.contacts[key])
    connection.execute(insert(tables.outcome), past.outcomes[at])
