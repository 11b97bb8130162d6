"""Facts, as sets: events, consents, lists.

Takes records of this module inside `Database.intake()`. The same fact twice is one fact. A fact behind the planner
is raised to the first instant no tick has gone past, and that instant is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from sqlalchemy import Connection, Table, delete, func, select

from flowrules.model.campaign import Model
from flowrules.model.schema import Stored
from flowrules.sql import tables
from flowrules.sql.columns import property_column, tables_for
from flowrules.store.bulk import insert_rows
from flowrules.store.customers import (
    NewChange,
    NewCustomer,
    add_changes,
    add_customers,
    allocate,
    among,
    create,
    find_customers,
)
from flowrules.store.identity import IdentityKind, normalised

__all__ = [
    "NewChange",
    "NewConsent",
    "NewCustomer",
    "NewEvent",
    "Ref",
    "Taken",
    "add_changes",
    "add_consents",
    "add_customers",
    "add_events",
    "replace_list",
]

Ref = tuple[str, str, int, str, int]
"""The message a reaction is about: customer, campaign, instance, step key, pass."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """`key`: its identity, the same for the same fact. `properties`: declared ones by name; `extra`: JSON of others."""

    event: str
    customer: str
    event_time: int
    received_at: int
    key: str
    properties: Mapping[str, Stored]
    extra: str | None = None
    ref: Ref | None = None
    machine: bool = False


@dataclass(frozen=True, slots=True)
class NewConsent:
    """`state`: granted, refused, withdrawn. Without `key` every record is a new one."""

    customer: str
    channel: str
    purpose: str
    state: str
    at: int
    source: str
    event_time: int
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """`known`: how many were there already; `strangers`: positions of those refused for an unknown customer."""

    added: int
    known: int
    strangers: tuple[int, ...]
    customers: int
    """How many customers were created for them."""


def add_events(connection: Connection, model: Model, events: Sequence[NewEvent], *, known_only: bool = False) -> Taken:
    fresh = _fresh(connection, [event.key for event in events])
    who = find_customers(connection, [events[position].customer for position in fresh])
    taken, strangers = _split(fresh, [event.customer for event in events], who, known_only=known_only)
    if not taken:
        return Taken(0, len(events) - len(fresh), strangers, 0)
    first, earliest = allocate(connection, len(taken))
    arrivals = [(events[position].customer, max(events[position].received_at, earliest)) for position in taken]
    created = _create_unknown(connection, model, arrivals, who)
    types = _numbered(connection, tables.event_type, {events[position].event for position in taken})
    campaigns, steps = _reference_ids(connection) if any(event.ref for event in events) else ({}, {})
    declared = {event.name: event.properties for event in model.events}
    columns: dict[str, dict[str, str]] = {}  # event -> property -> column
    for position in taken:
        name = events[position].event
        if name not in columns:
            columns[name] = {each.name: property_column(each) for each in declared.get(name, ())}
    properties = sorted(set(chain.from_iterable(each.values() for each in columns.values())))
    place = {column: 10 + index for index, column in enumerate(properties)}
    rows = []
    for order, position in enumerate(taken):
        event = events[position]
        row: list[Stored | None] = [
            who[event.customer],
            types[event.event],
            arrivals[order][1],
            first + order,
            min(event.event_time, event.received_at),
            None,
            None,
            None,
            None,
            1 if event.machine else None,
            *(None for _ in properties),
            event.extra,
        ]
        if event.ref is not None:
            _, campaign, instance, step, number = event.ref
            row[5:9] = campaigns.get(campaign), instance, steps.get((campaign, step)), number
        if event.properties:
            of_event = columns[event.event]
            for name, value in event.properties.items():
                row[place[of_event[name]]] = value
        rows.append(row)
    rows.sort(key=lambda row: row[:4])
    insert_rows(
        connection,
        tables_for(model).event,
        (
            *("customer_id", "type_id", "at", "seq", "event_time"),
            *("ref_campaign_id", "ref_instance", "ref_step_id", "ref_pass", "machine"),
            *properties,
            "extra",
        ),
        rows,
    )
    _remember(connection, (events[position].key for position in taken))
    return Taken(len(taken), len(events) - len(fresh), strangers, created)


def add_consents(
    connection: Connection, model: Model, consents: Sequence[NewConsent], *, known_only: bool = False
) -> Taken:
    fresh = _fresh(connection, [consent.key for consent in consents])
    who = find_customers(connection, [consents[position].customer for position in fresh])
    taken, strangers = _split(fresh, [consent.customer for consent in consents], who, known_only=known_only)
    if not taken:
        return Taken(0, len(consents) - len(fresh), strangers, 0)
    first, earliest = allocate(connection, len(taken))
    arrivals = [(consents[position].customer, max(consents[position].at, earliest)) for position in taken]
    created = _create_unknown(connection, model, arrivals, who)
    rows = sorted(
        (
            who[consent.customer],
            consent.channel,
            consent.purpose,
            arrivals[order][1],
            first + order,
            consent.state,
            min(consent.event_time, consent.at),
            consent.source,
        )
        for order, consent in enumerate(consents[position] for position in taken)
    )
    insert_rows(
        connection,
        tables.consent,
        ("customer_id", "channel", "purpose", "at", "seq", "state", "event_time", "source"),
        rows,
    )
    _remember(connection, (key for position in taken if (key := consents[position].key) is not None))
    return Taken(len(taken), len(consents) - len(fresh), strangers, created)


def replace_list(connection: Connection, name: str, entries: Iterable[tuple[IdentityKind, str]]) -> int:
    """The list holds exactly these from now on; gives how many are usable."""
    rows = sorted({(name, kind, value) for kind, given in entries if (value := normalised(kind, given))})
    connection.execute(delete(tables.list_entry).where(tables.list_entry.c.list == name))
    insert_rows(connection, tables.list_entry, ("list", "kind", "value"), rows)
    return len(rows)


def _fresh(connection: Connection, keys: Sequence[str | None]) -> list[int]:
    """Positions of keys that were never taken in, each key once; no key is always fresh."""
    given = sorted({key for key in keys if key is not None})
    seen: set[str | None] = set()
    if given:
        seen = set(
            connection.execute(
                select(tables.intake.c.key).where(among(connection, tables.intake.c.key, given))
            ).scalars()
        )
    fresh = []
    for position, key in enumerate(keys):
        if key is None or key not in seen:
            fresh.append(position)
            seen.add(key)
    return fresh


def _remember(connection: Connection, keys: Iterable[str]) -> None:
    insert_rows(connection, tables.intake, ("key",), ((key,) for key in sorted(keys)))


def _split(
    fresh: list[int], customers: Sequence[str], who: Mapping[str, int], *, known_only: bool
) -> tuple[list[int], tuple[int, ...]]:
    if not known_only:
        return fresh, ()
    return (
        [position for position in fresh if customers[position] in who],
        tuple(position for position in fresh if customers[position] not in who),
    )


def _create_unknown(
    connection: Connection, model: Model, arrivals: Sequence[tuple[str, int]], who: dict[str, int]
) -> int:
    """Customers first heard of by a fact, known from its instant on; `who` gets their numbers."""
    unknown: dict[str, NewCustomer] = {}
    for customer, at in arrivals:
        if customer not in who:
            name = customer.strip()
            unknown.setdefault(name, NewCustomer(name, at, {}))
    created = create(connection, model, unknown)
    who |= {customer: created[customer.strip()] for customer, _ in arrivals if customer not in who}
    return len(created)


def _numbered(connection: Connection, table: Table, names: Iterable[str]) -> dict[str, int]:
    """Ids of names in a catalogue of id and name, new ones added."""
    known = {name: number for number, name in connection.execute(select(table.c.id, table.c.name))}
    new = sorted(set(names) - known.keys())
    if new:
        start = (connection.execute(select(func.max(table.c.id))).scalar() or 0) + 1
        added = {name: start + position for position, name in enumerate(new)}
        insert_rows(connection, table, ("id", "name"), [(number, name) for name, number in added.items()])
        known |= added
    return known


def _reference_ids(connection: Connection) -> tuple[dict[str, int], dict[tuple[str, str], int]]:
    campaigns = {row.name: row.id for row in connection.execute(select(tables.campaign.c.id, tables.campaign.c.name))}
    names = {number: name for name, number in campaigns.items()}
    steps = {
        (names[row.campaign_id], row.key): row.id
        for row in connection.execute(select(tables.step.c.id, tables.step.c.campaign_id, tables.step.c.key))
        if row.campaign_id in names
    }
    return campaigns, steps
