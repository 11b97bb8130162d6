"""Facts, as sets: events, consents, lists.

Takes records of this module inside `Database.intake()`. The same fact twice is one fact. A fact behind the planner
is raised to the first instant no tick has gone past, and that instant is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, count, product
from typing import NamedTuple

from sqlalchemy import Connection, Select, Table, delete, func, select

from flowrules.model.campaign import Model
from flowrules.model.schema import Stored
from flowrules.sql import tables
from flowrules.sql.columns import property_column, tables_for
from flowrules.store import refusals
from flowrules.store.bulk import among, insert_rows, listed, listing
from flowrules.store.customers import (
    NewChange,
    NewCustomer,
    add_changes,
    add_customers,
    addresses_then,
    allocate,
    as_address,
    create,
    everybody_called,
    find_customers,
)
from flowrules.store.identity import IdentityKind, normalised
from flowrules.store.keyed import keyed, secret

__all__ = [
    "NewChange",
    "NewConsent",
    "NewCustomer",
    "NewEvent",
    "Ref",
    "Taken",
    "Withdrawal",
    "add_changes",
    "add_consents",
    "add_customers",
    "add_events",
    "replace_list",
]

_ID, _BEHIND_IDS = "id/", "id0"
_NO_REFERENCE = (None, None, None, None)
_CONSENT = ("customer_id", "channel", "purpose", "at", "seq", "state", "event_time", "source", "proof")

_Consent = tuple[int, str, str, int, int, str, int, str, None]

Ref = tuple[str, str, int, str, int]
"""The message a reaction is about: customer, campaign, instance, step key, pass."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Consent that an event takes back: for each of the purposes on each of the channels.

    named: by whom, as the file says it beside a message, which may be of somebody erased or be one of several with that
    address; told: as of NewConsent.
    """

    channels: tuple[str, ...]
    purposes: tuple[str, ...]
    source: str
    named: str | None = None
    told: int | None = None


class NewEvent(NamedTuple):
    """`key`: its identity, the same for the same fact; `content`: a hash of what it says.

    properties: declared ones by name; extra: JSON of others. A tuple, as there are many of them: it is made in a third
    of the time.
    """

    event: str
    customer: str
    event_time: int
    received_at: int
    key: str
    properties: Mapping[str, Stored]
    extra: str | None = None
    ref: Ref | None = None
    machine: bool = False
    permanent: bool = False
    withdrawal: Withdrawal | None = None
    content: int | None = None


@dataclass(frozen=True, slots=True)
class NewConsent:
    """`state`: granted, refused, withdrawn. Without `key` every record is a new one.

    proof: JSON of what else was given with it; also: further (channel, purpose) it holds for. told: when a refusal was
    told, from which on it counts, however late it says that it is.
    """

    customer: str
    channel: str
    purpose: str
    state: str
    at: int
    source: str
    event_time: int
    key: str | None = None
    proof: str | None = None
    also: tuple[tuple[str, str], ...] = ()
    content: int | None = None
    told: int | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """`known`: how many were there already; `strangers`: positions of those refused for an unknown customer."""

    added: int
    known: int
    strangers: tuple[int, ...]
    made: tuple[str, ...]
    """Ids of the customers created for them."""

    differing: tuple[int, ...] = ()
    """Positions of those known with another content, which stays."""


def add_events(connection: Connection, model: Model, events: Sequence[NewEvent], *, known_only: bool = False) -> Taken:
    """The consent that an event takes back ends with it, at its instant and under its number."""
    if not events:
        return Taken(0, 0, (), ())
    _, customers, _, received_at, ids, *_, contents = zip(*events, strict=True)
    keys = _as_kept(connection, ids)
    arrived = _arrive(connection, model, _Facts(keys, contents, customers, received_at), known_only=known_only)
    strangers = [events[position] for position in arrived.taken.strangers]
    taken_back = [(each.customer, each.withdrawal, each.event_time) for each in strangers if each.withdrawal]
    _keep(connection, [(who, product(what.channels, what.purposes), at) for who, what, at in taken_back])
    fresh = [events[position] for position in arrived.positions]
    if not fresh:
        return arrived.taken
    named = {event.event for event in fresh}
    types = _numbered(connection, tables.event_type, named)
    referred = [event.ref for event in fresh if event.ref is not None]
    campaigns, steps = _reference_ids(connection, referred) if referred else ({}, {})
    columns = {  # event -> property -> column
        event.name: {each.name: property_column(each) for each in event.properties}
        for event in model.events
        if event.name in named
    }
    properties = sorted(set(chain.from_iterable(each.values() for each in columns.values())))
    # Of each event the property that stands in each of the columns.
    named_by = {event: {column: name for name, column in each.items()} for event, each in columns.items()}
    order = {event: [each.get(column, "") for column in properties] for event, each in named_by.items()}
    called = _called(connection, model, [each for each in fresh if each.withdrawal], arrived.who)
    refused = _Refused(connection, chain.from_iterable(called.values()))
    rows: list[tuple[Stored | None, ...]] = []
    withdrawn: list[_Consent] = []
    nothing: tuple[Stored | None, ...] = (None,) * len(properties)
    for event, at, seq in zip(fresh, arrived.at, count(arrived.first), strict=False):
        name, customer, happened, received = event[:4]
        about: tuple[Stored | None, ...] = _NO_REFERENCE
        if event.ref is not None:
            campaign, instance, step, number = event.ref[1:]
            about = campaigns.get(campaign), instance, steps.get((campaign, step)), number
        who = arrived.who[customer]
        happened = min(happened, received)
        marks = (1 if event.machine else None, 1 if event.permanent else None)
        values = map(event.properties.get, order[name]) if event.properties and name in order else nothing
        rows.append((who, types[name], at, seq, happened, *about, *marks, *values, event.extra))
        if event.withdrawal is not None:
            source, about_what = event.withdrawal.source, product(event.withdrawal.channels, event.withdrawal.purposes)
            instants = arrived.refused_at(at, event.withdrawal.told)
            for channel, purpose in about_what:
                by = (refused.by(name, who, channel, purpose, happened) for name in called[event.key])
                whose = set(chain.from_iterable(by))
                withdrawn += [
                    (number, channel, purpose, instant, seq, "withdrawn", min(happened, instant), source, None)
                    for number in whose
                    for instant in instants
                ]
    rows.sort()  # no two have the same number: what is compared ends there
    insert_rows(
        connection,
        tables_for(model).event,
        (
            *("customer_id", "type_id", "at", "seq", "event_time"),
            *("ref_campaign_id", "ref_instance", "ref_step_id", "ref_pass", "machine", "permanent"),
            *properties,
            "extra",
        ),
        rows,
    )
    if withdrawn:
        insert_rows(connection, tables.consent, _CONSENT, sorted(withdrawn))
        refused.remember(connection)
    _remember(connection, ((keys[position], events[position].content) for position in arrived.positions))
    return arrived.taken


def _called(
    connection: Connection, model: Model, events: Iterable[NewEvent], who: Mapping[str, int]
) -> dict[str, set[str]]:
    """By whom each has refused: as it names them, and by the address that the message went to it is about."""
    named: dict[str, set[str]] = {}
    reached: dict[str, dict[str, tuple[int, int]]] = {}
    kinds = {channel.name: channel.address for channel in model.channels}
    for event in events:
        about = event.withdrawal
        named[event.key] = {event.customer, *(() if about is None or about.named is None else (about.named,))}
        kind = None if about is None or event.ref is None else kinds.get(about.channels[0])
        if kind is not None:
            reached.setdefault(kind, {})[event.key] = who[event.customer], event.event_time
    for kind, asked in reached.items():
        then = addresses_then(connection, kind, asked.values())
        for key, each in asked.items():
            named[key] |= {then[each]} if each in then else set()
    return named


def add_consents(
    connection: Connection, model: Model, consents: Sequence[NewConsent], *, known_only: bool = False
) -> Taken:
    arrived = _arrive(
        connection,
        model,
        _Facts(
            [each.key for each in consents],
            [each.content for each in consents],
            [each.customer for each in consents],
            [each.at for each in consents],
        ),
        known_only=known_only,
    )
    strangers = [consents[position] for position in arrived.taken.strangers]
    _keep(
        connection,
        [
            (each.customer, ((each.channel, each.purpose), *each.also), each.event_time)
            for each in strangers
            if each.state in refusals.REFUSING
        ],
    )
    fresh = [consents[position] for position in arrived.positions]
    if not fresh:
        return arrived.taken
    arrivals = zip(fresh, arrived.at, count(arrived.first), strict=False)
    rows = _as_rows(connection, arrived, list(arrivals))
    insert_rows(connection, tables.consent, _CONSENT, rows)
    _remember(connection, ((consent.key, consent.content) for consent in fresh if consent.key is not None))
    return arrived.taken


def _keep(connection: Connection, refused: Iterable[tuple[str, Iterable[tuple[str, str]], int]]) -> None:
    """Of customers that are not made, the refusals: for whoever comes with the address they name."""
    kept = _Refused(connection, ())
    for customer, what, at in refused:
        for channel, purpose in what:
            kept.name(customer, channel, purpose, at)
    kept.remember(connection)


class _Refused:
    """A refusal that names an address is that of everybody who has it, and of whoever comes with it later."""

    def __init__(self, connection: Connection, customers: Iterable[str]) -> None:
        self.called = everybody_called(connection, customers)
        self.since: dict[tuple[str, str, str, str], int] = {}

    def by(self, customer: str, number: int, channel: str, purpose: str, at: int) -> set[int]:
        if customer not in self.called:
            return {number}
        self.name(customer, channel, purpose, at)
        return self.called[customer] | {number}

    def name(self, customer: str, channel: str, purpose: str, at: int) -> None:
        address = as_address(customer)
        if address is not None:
            about = (*address, channel, purpose)
            self.since[about] = max(at, self.since.get(about, at))

    def remember(self, connection: Connection) -> None:
        refusals.remember(connection, self.since)


def _as_rows(
    connection: Connection, arrived: _Arrived, arrivals: Sequence[tuple[NewConsent, int, int]]
) -> list[tuple[Stored | None, ...]]:
    """A consent that is told late does not undo what was refused after it was given: it is kept as outdated."""
    who = arrived.who
    giving = sorted({who[each.customer] for each, *_ in arrivals if each.state == "granted"})
    refused = refusals.on_record(connection, giving) if giving else {}
    refusing = _Refused(connection, {each.customer for each, *_ in arrivals if each.state in refusals.REFUSING})
    rows: list[tuple[Stored | None, ...]] = []
    for consent, at, seq in sorted(arrivals, key=lambda arrival: arrival[1:]):
        customer, given = who[consent.customer], min(consent.event_time, at)
        for channel, purpose in ((consent.channel, consent.purpose), *consent.also):
            if consent.state in refusals.REFUSING:
                state, instants = consent.state, arrived.refused_at(at, consent.told)
                whose = refusing.by(consent.customer, customer, channel, purpose, given)
                for number in whose:
                    refused.setdefault((number, channel, purpose), []).append((at, given))
            else:
                named = product((channel, tables.EVERY), (purpose, tables.EVERY))
                before = chain.from_iterable(refused.get((customer, *each), ()) for each in named)
                instants, whose = {at}, {customer}
                outdated = any(told <= at and given < since for told, since in before)
                state = tables.OUTDATED if outdated else consent.state
            rows += [
                (number, channel, purpose, instant, seq, state, min(given, instant), consent.source, consent.proof)
                for number in whose
                for instant in instants
            ]
    refusing.remember(connection)
    return sorted(rows, key=lambda row: row[:5])


@dataclass(frozen=True, slots=True)
class ListChange:
    """before: how many stood in it."""

    name: str
    before: int
    added: int
    lost: int


def list_changes(
    connection: Connection, lists: Mapping[str, Iterable[tuple[IdentityKind, str]]]
) -> Sequence[ListChange]:
    """What `replace_list` would do to those in which somebody stands."""
    there, found = tables.list_entry.c, []
    for name, entries in sorted(lists.items()):
        known = set(connection.execute(select(there.kind, there.value).where(there.list == name)).tuples())
        given = set(entries)
        if known and given != known:
            found.append(ListChange(name, len(known), len(given - known), len(known - given)))
    return found


def replace_list(connection: Connection, name: str, entries: Iterable[tuple[IdentityKind, str]]) -> int:
    """The list holds exactly these from now on; gives how many are usable. Phone numbers name their country."""
    rows = sorted({(name, kind, value) for kind, given in entries if (value := normalised(kind, given))})
    connection.execute(delete(tables.list_entry).where(tables.list_entry.c.list == name))
    insert_rows(connection, tables.list_entry, ("list", "kind", "value"), rows)
    return len(rows)


@dataclass(frozen=True, slots=True)
class _Facts:
    """Side by side, of each fact."""

    keys: Sequence[str | None]
    contents: Sequence[int | None]
    customers: Sequence[str]
    received: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Arrived:
    """`positions`: of the facts to be stored; `at`: their decision instants; `first`: the number of the first;
    `earliest`: the first instant no tick has gone past.
    """

    taken: Taken
    positions: Sequence[int]
    at: Sequence[int]
    first: int
    who: Mapping[str, int]
    earliest: int

    def refused_at(self, at: int, told: int | None) -> set[int]:
        """A refusal of later today counts now already: a clock may be fast, and a date alone is noon."""
        return {at} if told is None else {at, min(at, max(told, self.earliest))}


def _arrive(connection: Connection, model: Model, facts: _Facts, *, known_only: bool) -> _Arrived:
    """Which are new, whose they are, when they are decided on."""
    fresh, differing = _fresh(connection, facts)
    customers, received = facts.customers, facts.received
    who = find_customers(connection, [customers[position] for position in fresh])
    taken, strangers = _split(fresh, customers, who, known_only=known_only)
    known = len(facts.keys) - len(fresh)
    if not taken:
        return _Arrived(Taken(0, known, strangers, (), differing), (), (), 0, who, 0)
    first, earliest = allocate(connection, len(taken))
    at = [instant if (instant := received[position]) > earliest else earliest for position in taken]
    strange = [
        (customers[position], instant)
        for position, instant in zip(taken, at, strict=True)
        if customers[position] not in who
    ]
    created = _create_unknown(connection, model, strange, who) if strange else ()
    added = Taken(len(taken), known, strangers, created, differing)
    return _Arrived(added, taken, at, first, who, earliest)


def _fresh(connection: Connection, facts: _Facts) -> tuple[Sequence[int], tuple[int, ...]]:
    """Positions of keys that were never taken in, each key once; no key is always fresh.

    And of those that were, with another content.
    """
    given = {key for key in facts.keys if key is not None}
    seen: dict[str, int | None] = {}
    if given:
        query = _taken_in(connection.dialect.name)
        seen = dict(connection.execute(query, listing(connection, sorted(given))).all())
    if not seen and len(given) == len(facts.keys):
        return range(len(facts.keys)), ()
    fresh, differing = [], []
    for position, (key, content) in enumerate(zip(facts.keys, facts.contents, strict=True)):
        if key is None or key not in seen:
            fresh.append(position)
            if key is not None:
                seen[key] = content
        elif content is not None and seen[key] not in {None, content}:
            differing.append(position)
    return fresh, tuple(differing)


@cache
def _taken_in(dialect: str) -> Select[str, int | None]:
    intake = tables.intake.c
    return select(intake.key, intake.content).where(listed(dialect, intake.key))


def _as_kept(connection: Connection, keys: Sequence[str]) -> Sequence[str]:
    """The id of an event may be an address, and is kept when its customer is erased: so only a hash of it is.

    Those that were taken in before this was so stay as they are.
    """
    ids = {key for key in keys if key.startswith(_ID)}
    if not ids:
        return keys
    intake = tables.intake.c
    as_it_was = select(intake.key).where(intake.key >= _ID, intake.key < _BEHIND_IDS)
    plain: set[str] = set()
    if connection.execute(as_it_was.limit(1)).first() is not None:
        plain.update(connection.execute(select(intake.key).where(among(connection, intake.key, sorted(ids)))).scalars())
    key_of = secret(connection)
    return [f"event/{keyed(key_of, key)[:24]}" if key in ids and key not in plain else key for key in keys]


def _remember(connection: Connection, keys: Iterable[tuple[str, int | None]]) -> None:
    insert_rows(connection, tables.intake, ("key", "content"), sorted(keys))


def _split(
    fresh: Sequence[int], customers: Sequence[str], who: Mapping[str, int], *, known_only: bool
) -> tuple[Sequence[int], tuple[int, ...]]:
    if not known_only:
        return fresh, ()
    return (
        [position for position in fresh if customers[position] in who],
        tuple(position for position in fresh if customers[position] not in who),
    )


def _create_unknown(
    connection: Connection, model: Model, strangers: Sequence[tuple[str, int]], who: dict[str, int]
) -> tuple[str, ...]:
    """Customers first heard of by a fact, known from its instant on; `who` gets their numbers."""
    unknown: dict[str, NewCustomer] = {}
    for customer, at in strangers:
        name = customer.strip()
        unknown.setdefault(name, NewCustomer(name, at, {}))
    created = create(connection, model, unknown)
    who |= {customer: created[customer.strip()] for customer, _ in strangers}
    return tuple(created)


def _numbered(connection: Connection, table: Table, names: Iterable[str]) -> dict[str, int]:
    """Ids of names in a catalogue of id and name, new ones added."""
    known = {name: number for number, name in connection.execute(_catalogue(table))}
    new = sorted(set(names) - known.keys())
    if new:
        start = (connection.execute(select(func.max(table.c.id))).scalar() or 0) + 1
        added = {name: start + position for position, name in enumerate(new)}
        insert_rows(connection, table, ("id", "name"), [(number, name) for name, number in added.items()])
        known |= added
    return known


@cache
def _catalogue(table: Table) -> Select[int, str]:
    return select(table.c.id, table.c.name)


def _reference_ids(
    connection: Connection, references: Iterable[Ref]
) -> tuple[dict[str, int], dict[tuple[str, str], int]]:
    names = listing(connection, sorted({campaign for _, campaign, *_ in references}))
    rows = connection.execute(_steps_of(connection.dialect.name), names).all()
    return {name: campaign for name, campaign, *_ in rows}, {(name, key): step for name, _, key, step in rows}


@cache
def _steps_of(dialect: str) -> Select[str, int, str, int]:
    campaign, step = tables.campaign.c, tables.step.c
    joined = tables.campaign.join(tables.step, step.campaign_id == campaign.id)
    return (
        select(campaign.name, campaign.id, step.key, step.id).select_from(joined).where(listed(dialect, campaign.name))
    )
