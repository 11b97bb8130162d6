"""Customers, as sets: found, created, brought up to date.

Takes records of this module inside `Database.intake()`, whose locks make `max + 1` and look-before-insert right.
Never loops over the database: a batch costs a handful of statements.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Connection, Select, bindparam, func, select, update

from flowrules.model.campaign import Model
from flowrules.model.schema import BUILTIN_ATTRIBUTES, Attribute, Stored
from flowrules.sql import tables
from flowrules.sql.columns import attribute_column, tables_for
from flowrules.store import refusals
from flowrules.store.bulk import among, insert_rows, listed, listing
from flowrules.store.identities import IDENTITY, Identifying, follow, identify
from flowrules.store.identity import IdentityKind, kinds_of, normalised
from flowrules.store.zones import BEGINNING, ensure_zones

_TARGET = select(tables.clock.c.target)
_TAKE = (
    update(tables.journal)
    .values(next_seq=tables.journal.c.next_seq + bindparam("number"))
    .returning(tables.journal.c.next_seq)
)
_IDENTIFYING: tuple[IdentityKind, ...] = ("email", "phone")


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """`attributes` by name, built-in ones too; None takes a value away from a customer that is known."""

    id: str
    known_at: int
    attributes: Mapping[str, Stored | None]


@dataclass(frozen=True, slots=True)
class NewChange:
    customer: str
    at: int
    attribute: str
    value: Stored | None


@dataclass(frozen=True, slots=True)
class CustomersTaken:
    """`verdicts`: added, changed or unchanged, one for each customer given."""

    verdicts: tuple[str, ...]


def find_customers(connection: Connection, references: Iterable[str]) -> dict[str, int]:
    """Customers by id, else email or phone, as written in `references`; unknown ones are not in the result."""
    wanted = dict.fromkeys(references)
    found = find_ids(connection, wanted)
    result = {reference: found[name] for reference in wanted if (name := reference.strip()) in found}
    if len(result) == len(wanted):
        return result
    for kind in _IDENTIFYING:
        # Nearly all are named by their id: these look-ups are for the rest.
        addresses = {
            reference: value
            for reference in wanted
            if reference not in result and kind in kinds_of(reference) and (value := normalised(kind, reference))
        }
        if addresses:
            owners = _owners(connection, kind, sorted(set(addresses.values())))
            result |= {reference: owners[value] for reference, value in addresses.items() if value in owners}
    return result


def _owners(connection: Connection, kind: IdentityKind, values: Sequence[str]) -> dict[str, int]:
    """Of several who have an address the first; who has it now goes before those who had it once."""
    return {value: min(now or once) for value, (now, once) in _holders(connection, kind, values).items()}


def shared(connection: Connection, emails: Iterable[str]) -> list[str]:
    """Those that several customers have now, each of whom would be written to."""
    values = sorted({value for each in emails if (value := normalised("email", each))})
    return [value for value, (now, _) in sorted(_holders(connection, "email", values).items()) if len(now) > 1]


def _holders(connection: Connection, kind: IdentityKind, values: Sequence[str]) -> dict[str, tuple[set[int], set[int]]]:
    """Of each address that somebody has or had: who has it now, and who had it once. Who alone had it, has it."""
    identity = tables.identity.c
    query = select(identity.value, identity.customer_id, func.max(identity.since)).where(
        identity.kind == kind, among(connection, identity.value, values)
    )
    having: dict[str, dict[int, int]] = {}
    for value, number, since in connection.execute(query.group_by(identity.value, identity.customer_id)):
        having.setdefault(value, {})[number] = since
    several = sorted({number for numbers in having.values() if len(numbers) > 1 for number in numbers})
    newest: dict[int, int] = {}
    if several:
        changed = select(identity.customer_id, func.max(identity.since)).where(
            identity.kind == kind, among(connection, identity.customer_id, several)
        )
        newest = dict(connection.execute(changed.group_by(identity.customer_id)).all())
    found = {}
    for value, numbers in having.items():
        now = {number for number, since in numbers.items() if newest.get(number, since) == since}
        found[value] = now, numbers.keys() - now
    return found


def addresses_then(connection: Connection, kind: str, asked: Iterable[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """Of (customer, instant) the address they had then, where they had one."""
    identity = tables.identity.c
    known: dict[int, list[tuple[int, str]]] = {}
    instants = set(asked)
    query = select(identity.customer_id, identity.since, identity.value).where(
        identity.kind == kind, among(connection, identity.customer_id, sorted({number for number, _ in instants}))
    )
    for number, since, value in connection.execute(query):
        known.setdefault(number, []).append((since, value))
    then = {
        (number, at): max((each for each in known.get(number, ()) if each[0] <= at), default=(0, ""))[1]
        for number, at in instants
    }
    return {each: value for each, value in then.items() if value}


def everybody_called(connection: Connection, references: Iterable[str]) -> dict[str, set[int]]:
    """All whom a reference that is an address may mean: by id, email or phone, now or once."""
    addresses = {reference: named for reference in references if (named := as_address(reference))}
    found: dict[str, set[int]] = {reference: set() for reference in addresses}
    by_id = find_ids(connection, addresses)
    for reference in addresses:
        if (name := reference.strip()) in by_id:
            found[reference].add(by_id[name])
    identity = tables.identity.c
    for kind in _IDENTIFYING:
        values = sorted({value for of, value in addresses.values() if of == kind})
        if values:
            query = select(identity.value, identity.customer_id).where(
                identity.kind == kind, among(connection, identity.value, values)
            )
            having: dict[str, set[int]] = {}
            for value, number in connection.execute(query):
                having.setdefault(value, set()).add(number)
            for reference, (of, value) in addresses.items():
                if of == kind:
                    found[reference] |= having.get(value, set())
    return found


def as_address(reference: str) -> tuple[IdentityKind, str] | None:
    """The kind and the normal form of a reference that is an email or a phone."""
    for kind in kinds_of(reference):
        if kind != "id" and (value := normalised(kind, reference)):
            return kind, value
    return None


def add_customers(
    connection: Connection, model: Model, customers: Sequence[NewCustomer], received_at: int
) -> CustomersTaken:
    """Create those not known; what is new about the others changes at `received_at`.

    A customer given twice in one call is the first, changed by the second.
    """
    known = find_ids(connection, [customer.id for customer in customers])
    new: dict[str, NewCustomer] = {}
    later = []
    verdicts: list[str] = []
    for customer in customers:
        name = customer.id.strip()
        if name in known or name in new:
            later.append((len(verdicts), name, customer))
            verdicts.append("unchanged")
        else:
            new[name] = customer
            verdicts.append("added")
    ids = known | create(connection, model, new)
    changes: list[tuple[int, int, NewChange]] = []
    current = _Current(connection, model, [ids[name] for _, name, _ in later])
    for position, name, customer in later:
        for attribute, value in customer.attributes.items():
            if current.take(ids[name], attribute, value):
                changes.append((position, ids[name], NewChange(name, received_at, attribute, value)))
                verdicts[position] = "changed"
    _record_changes(connection, [(number, change) for _, number, change in changes])
    return CustomersTaken(tuple(verdicts))


def add_changes(connection: Connection, changes: Sequence[NewChange]) -> int:
    """Changes of customers that are known; gives how many were taken."""
    ids = find_customers(connection, [change.customer for change in changes])
    known = [(ids[change.customer], change) for change in changes if change.customer in ids]
    _record_changes(connection, known)
    return len(known)


def find_ids(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """By external id alone."""
    values = sorted({name.strip() for name in names})
    query = _by_id(connection.dialect.name)
    return dict(connection.execute(query, listing(connection, values)).all()) if values else {}


@cache  # what every live fact asks is made once
def _by_id(dialect: str) -> Select[str, int]:
    identity = tables.identity.c
    return select(identity.value, identity.customer_id).where(identity.kind == "id", listed(dialect, identity.value))


def create(connection: Connection, model: Model, customers: Mapping[str, NewCustomer]) -> dict[str, int]:
    """Customers by a trimmed id that nobody has; numbered in the order given, known from no instant passed already."""
    if not customers:
        return {}
    earliest = _earliest(connection)
    first = (connection.execute(select(func.max(tables.customer.c.id))).scalar() or 0) + 1
    ids = {name: first + position for position, name in enumerate(customers)}
    zones = ensure_zones(
        connection, {str(zone) for customer in customers.values() if (zone := customer.attributes.get("timezone"))}
    )
    attributes = _attributes(model)
    used = [attributes[name] for name in sorted({name for each in customers.values() for name in each.attributes})]
    columns = ("id", "external_id", "known_at", "zone_id", *(attribute_column(attribute) for attribute in used))
    rows = [
        (
            ids[name],
            name,
            max(customer.known_at, earliest),
            zones.get(str(customer.attributes.get("timezone"))),
            *(customer.attributes.get(attribute.name) for attribute in used),
        )
        for name, customer in customers.items()
    ]
    insert_rows(connection, tables_for(model).customer, columns, rows)
    since = {ids[name]: customer.known_at for name, customer in customers.items()}
    identities: list[tuple[str, str, int, int]] = [("id", name, ids[name], BEGINNING) for name in customers]
    identifying = Identifying.of(connection)
    for name, customer in customers.items():
        found = identifying.of_customer(customer.attributes)
        identities += [(kind, value, ids[name], BEGINNING) for kind, value in found if value]
    insert_rows(connection, tables.identity, IDENTITY, sorted(identities))
    refused_before(connection, [(number, kind, value, since[number]) for kind, value, number, _ in identities])
    return ids


def refused_before(connection: Connection, named: Sequence[tuple[int, str, str, int]]) -> None:
    """Customers, as (number, kind, value, since): what was refused under such a name is refused.

    Not again, where something newer is on record.
    """
    since = {number: at for number, _, _, at in named}
    found = refusals.again(connection, [(number, kind, value) for number, kind, value, _ in named if value])
    newer = refusals.newest(connection, sorted(found))
    told = [
        (number, channel, purpose, at)
        for number, all_ in sorted(found.items())
        for (channel, purpose), at in sorted(all_.items())
        if newer.get((number, channel, purpose), at - 1) < at
    ]
    if told:
        first, earliest = allocate(connection, len(told))
        rows = [
            (number, channel, purpose, max(since[number], earliest), seq, "refused", at, refusals.SOURCE)
            for seq, (number, channel, purpose, at) in enumerate(told, first)
        ]
        columns = ("customer_id", "channel", "purpose", "at", "seq", "state", "event_time", "source")
        insert_rows(connection, tables.consent, columns, sorted(rows))


def identified_by(
    connection: Connection, region: str | None, hashes: Collection[IdentityKind] | None, since: int
) -> None:
    """From `since` on these settings say how customers are found; see `identities`."""
    fresh = identify(connection, region, hashes, since)
    refused_before(connection, [(number, kind, value, at) for kind, value, number, at in fresh])


def allocate(connection: Connection, number: int) -> tuple[int, int]:
    """Take `number` order numbers: the first of them, and the first instant no tick has gone past."""
    next_seq: int = connection.execute(_TAKE, {"number": number}).scalar_one()
    return next_seq - number, _earliest(connection)


def _earliest(connection: Connection) -> int:
    """The first instant no tick has gone past."""
    target: int = connection.execute(_TARGET).scalar_one()
    return target + 1


def _record_changes(connection: Connection, changes: Sequence[tuple[int, NewChange]]) -> None:
    """The tick applies them in order; new identities find their customer at once, and hold from their instant on."""
    if not changes:
        return
    first, earliest = allocate(connection, len(changes))
    rows = sorted(
        (
            number,
            max(change.at, earliest),
            first + position,
            change.attribute,
            change.value if isinstance(change.value, int) else None,
            change.value if isinstance(change.value, str) else None,
        )
        for position, (number, change) in enumerate(changes)
    )
    insert_rows(connection, tables.attribute_change, ("customer_id", "at", "seq", "attribute", "number", "text"), rows)
    zones = {str(change.value) for _, change in changes if change.attribute == "timezone" and change.value}
    ensure_zones(connection, sorted(zones))
    fresh = follow(connection, [(number, change.attribute) for number, change in changes])
    refused_before(connection, [(number, kind, value, since) for kind, value, number, since in fresh])


def _attributes(model: Model) -> dict[str, Attribute]:
    return {each.name: each for each in (*BUILTIN_ATTRIBUTES, *model.attributes) if each.name != "id"}


class _Current:
    """What is known of some customers, with the changes that no tick has applied yet."""

    def __init__(self, connection: Connection, model: Model, numbers: Sequence[int]) -> None:
        self.values: dict[tuple[int, str], Stored | None] = {}
        if not numbers:
            return
        wanted = sorted(set(numbers))
        customer = tables_for(model).customer
        attributes = list(_attributes(model).values())
        query = select(
            customer.c.id, *(customer.c[attribute_column(each)].label(f"v{i}") for i, each in enumerate(attributes))
        )
        for row in connection.execute(query.where(among(connection, customer.c.id, wanted))):
            for attribute, value in zip(attributes, row[1:], strict=True):
                self.values[row[0], attribute.name] = value
        change, clock = tables.attribute_change.c, tables.clock.c
        pending = (
            select(change.customer_id, change.attribute, change.number, change.text)
            .where(among(connection, change.customer_id, wanted), change.at > select(clock.last_tick).scalar_subquery())
            .order_by(change.customer_id, change.at, change.seq)
        )
        for number, attribute_name, as_number, as_text in connection.execute(pending):
            self.values[number, attribute_name] = as_text if as_number is None else as_number

    def take(self, number: int, attribute: str, value: Stored | None) -> bool:
        """Is it news? From now on it is what is known."""
        news = self.values.get((number, attribute)) != value
        self.values[number, attribute] = value
        return news
