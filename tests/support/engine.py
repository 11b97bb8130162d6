"""A scenario of the reference interpreter, run by the engine: the other side of every comparison."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text, update

from flowrules.model.campaign import Model
from flowrules.model.schema import BUILTIN_ATTRIBUTES, Channel, Stored, Type
from flowrules.model.snapshot import Snapshot, Template
from flowrules.model.values import coerce
from flowrules.runtime.answers import Reaction, SentMessage
from flowrules.runtime.deploy import apply
from flowrules.runtime.tick import planner
from flowrules.source import Source
from flowrules.sql import tables as t
from flowrules.sql.codes import Decision, Reason
from flowrules.store.columns import add_columns
from flowrules.store.customers import find_ids
from flowrules.store.database import Database
from flowrules.store.identity import normalised
from flowrules.store.journal import (
    NewChange,
    NewConsent,
    NewCustomer,
    NewEvent,
    add_changes,
    add_consents,
    add_customers,
    add_events,
)
from flowrules.store.zones import BEGINNING, ensure_zones
from tests.reference.scenario import RULES, LedgerRow, Scenario, answers, ledger_order
from tests.support.prepared import blank, checked

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = 1_500
_KEPT = ("zone", "zone_offset", "calendar", "month", "workspace", "clock", "journal")


def snapshot_of(scenario: Scenario) -> Snapshot:
    """The workspace of a scenario, with a template for everything it sends."""
    return Snapshot(
        sources=(Source(RULES, scenario.rules),),
        templates=tuple(
            Template(channel, name, f"templates/{channel}/{name}.txt", "---\nsubject: News\n---\nHello")
            for channel, name in scenario.templates
        ),
        lists=frozenset(f"data/{name}.csv" for name in scenario.lists),
        channels=tuple(Channel(name, address) for name, address in sorted(scenario.channels.items())),
        currency=scenario.currency,
        zone=scenario.zone,
    )


def model_of(scenario: Scenario) -> Model:
    found = checked(snapshot_of(scenario))
    assert found.model is not None, [f"{d.code} {d.message} ({d.span.place})" for d in found.diagnostics]
    return found.model


def run_scenario(scenario: Scenario, database_url: str, cuts: Sequence[int] = ()) -> list[LedgerRow]:
    """The ledger after ticks at the cuts and at `until`."""
    with finished(scenario, database_url, cuts) as database, database.read() as connection:
        return ledger(connection)


@contextmanager
def finished(scenario: Scenario, database_url: str, cuts: Sequence[int] = ()) -> Iterator[Database]:
    """The database after the last tick, for tests that look further."""
    with deployed(scenario, database_url) as database:
        with planner(database) as planning:
            for instant in [*cuts, scenario.until]:
                planning.tick(instant, answer=Reactions(scenario).answer)
        yield database


@contextmanager
def deployed(scenario: Scenario, database_url: str) -> Iterator[Database]:
    """The database before the first tick."""
    model = model_of(scenario)
    database = empty(database_url, scenario)
    try:
        with database.intake() as connection:
            add_columns(connection, model)
            fill(connection, model, scenario)
        lists = {
            name: [(kind, value) for kind, raw in entries if (value := normalised(kind, raw))]  # type: ignore[arg-type]  # kinds of a scenario
            for name, entries in scenario.lists.items()
        }
        apply(database, snapshot_of(scenario), model, scenario.deployed_at, lists=lists, looks_back_to=scenario.since)  # type: ignore[arg-type]  # as above
        with database.intake() as connection:
            order(connection, scenario)
        yield database
    finally:
        database.close()


@dataclass(frozen=True, slots=True)
class Reactions:
    """The scenario's own answers, in the words of the engine."""

    scenario: Scenario

    def answer(self, sent: Sequence[SentMessage]) -> list[Reaction]:
        return [
            Reaction(message, event, at, machine)
            for message in sent
            for event, at, machine in answers(
                self.scenario, message.customer, message.step, message.instance, message.pass_, message.at
            )
        ]


# --- data in ------------------------------------------------------------------------------------------


def empty(url: str, scenario: Scenario) -> Database:
    """A database without customers, cheaply: the calendar and the zones stay."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        database = blank(url)
    else:
        try:
            database = Database.open(url)
        except Exception:  # noqa: BLE001  # not made yet
            database = blank(url)
        if _worn(database):
            database.close()
            database = blank(url)
    with database.write() as connection:
        if database.dialect == "postgresql":
            _strip(connection)
        facts = {"salt": scenario.salt, "zone": scenario.zone, "currency": scenario.currency}
        connection.execute(delete(t.workspace))
        connection.execute(insert(t.workspace), [{"key": key, "value": value} for key, value in facts.items()])
        ensure_zones(connection, [scenario.zone])
        connection.execute(update(t.clock).values(last_tick=BEGINNING, target=BEGINNING, cursor=0))
        connection.execute(update(t.journal).values(next_seq=1))
    return database


def _worn(database: Database) -> bool:
    """PostgreSQL counts columns that were dropped among the 1,600 that a table can have."""
    with database.read() as connection:
        tables = "CAST('customer' AS regclass), CAST('event' AS regclass)"
        numbers = text(f"SELECT max(attnum) FROM pg_attribute WHERE attrelid IN ({tables})")  # noqa: S608 -- our names
        used: int = connection.execute(numbers).scalar_one()
    return used > _COLUMNS


def _strip(connection: Connection) -> None:
    names = [table.name for table in t.metadata.sorted_tables if table.name not in _KEPT]
    connection.execute(text(f"TRUNCATE {', '.join(names)}"))
    for table, prefix in ((t.customer, "a_"), (t.event, "p_")):
        known = {column.name for column in table.columns}
        found = connection.execute(
            text("SELECT column_name FROM information_schema.columns WHERE table_name = :name"), {"name": table.name}
        ).scalars()
        for column in [name for name in found if name not in known and name.startswith(prefix)]:
            connection.execute(text(f'ALTER TABLE {table.name} DROP COLUMN "{column}"'))


def as_stored(value: object, type_: Type, currency: str) -> Stored:
    match value:
        case bool():
            return int(value)
        case timedelta():
            return value // timedelta(microseconds=1)
        case datetime():
            return (value - _EPOCH) // timedelta(microseconds=1)
        case date():
            return value.toordinal() - date(1970, 1, 1).toordinal()
        case tuple():
            return "\x1f" + "\x1f".join(value) + "\x1f" if value else "\x1f"
        case _:
            return coerce(str(value), type_, currency, "UTC")


def fill(connection: Connection, model: Model, scenario: Scenario) -> None:
    types = {attribute.name: attribute.type for attribute in (*BUILTIN_ATTRIBUTES, *model.attributes)}
    properties = {(event.name, p.name): p.type for event in model.events for p in event.properties}

    def attribute(name: str, value: object) -> Stored | None:
        return None if value is None else as_stored(value, types[name], scenario.currency)

    customers = []
    for customer in scenario.customers:
        values: dict[str, Any] = {
            **customer.attributes,
            "email": customer.email,
            "phone": customer.phone,
            "country": customer.country,
            "timezone": customer.timezone,
        }
        stored = {name: attribute(name, value) for name, value in values.items() if value is not None}
        customers.append(NewCustomer(customer.id, customer.known_at, stored))
    add_customers(connection, model, customers, BEGINNING)
    add_consents(
        connection,
        model,
        [
            NewConsent(item.customer, item.channel, item.purpose, item.state, item.at, "test", item.said_at)
            for item in scenario.consents
        ],
    )
    add_changes(
        connection,
        [
            NewChange(item.customer, item.at, item.attribute, attribute(item.attribute, item.value))
            for item in scenario.changes
        ],
    )
    events = []
    for number, event in enumerate(scenario.events):
        values = {
            name: as_stored(value, properties[event.event, name], scenario.currency)
            for name, value in event.properties.items()
            if value is not None and name != "permanent"
        }
        happened = NewEvent(event.event, event.customer, event.event_time, event.at, f"e{number}", values)
        events.append(happened._replace(permanent=bool(event.properties.get("permanent"))))
    add_events(connection, model, events)


def order(connection: Connection, scenario: Scenario) -> None:
    """What operators order, where the campaigns are known."""
    campaigns = {row.name: row.id for row in connection.execute(select(t.campaign.c.id, t.campaign.c.name))}
    customers = find_ids(connection, [customer.id for customer in scenario.customers])
    pauses = [
        {"campaign_id": campaigns[each.campaign], "since": each.since, "until": each.until, "overdue": each.overdue}
        for each in scenario.pauses
    ]
    exits = [
        {"customer_id": customers[each.customer], "at": each.at, "campaign_id": campaigns[each.campaign],
         "reason": Reason.OPERATOR}
        for each in scenario.operator_exits
    ]  # fmt: skip
    for table, rows in ((t.pause, pauses), (t.operator_exit, exits)):
        if rows:
            connection.execute(insert(table), rows)


# --- the ledger out -----------------------------------------------------------------------------------


def ledger(connection: Connection) -> list[LedgerRow]:
    d = t.decision.c
    labels = {row[0]: row[1] for row in connection.execute(select(t.label.c.id, t.label.c.text))}
    customers = {row[0]: row[1] for row in connection.execute(select(t.customer.c.id, t.customer.c.external_id))}
    campaigns = {row[0]: row[1] for row in connection.execute(select(t.campaign.c.id, t.campaign.c.name))}
    steps = {row[0]: row[1] for row in connection.execute(select(t.step.c.id, t.step.c.key))}
    rows = [
        LedgerRow(
            at=row.at,
            turn=row.turn,
            customer=customers[row.customer_id],
            campaign=campaigns[row.campaign_id],
            instance=row.instance,
            step=steps.get(row.step_id),
            decision=Decision(row.decision).word,
            reason=None if row.reason is None else Reason(row.reason).word,
            rule=labels.get(row.place_id),
            by=labels.get(row.by_id),
            counter=row.counter,
            limit=row.limit,
            window=row.window,
            until=row.until,
            words=labels.get(row.words_id),
            key=row.key,
        )
        for row in connection.execute(select(*d))
    ]
    return sorted(rows, key=ledger_order)


def sends(rows: Iterable[LedgerRow]) -> list[LedgerRow]:
    return [row for row in rows if row.decision == "send"]
