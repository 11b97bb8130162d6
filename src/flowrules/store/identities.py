"""The rows of `identity`: what each customer is found by, in normal form, from which instant on.

Takes attributes as they were given, and which of them changed. What is compared depends on two settings of the
database, kept in `workspace`: the region of phone numbers that name none, and the hashes that some list asks for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection, bindparam, delete, insert, select

from flowrules.model.schema import Stored
from flowrules.sql import tables
from flowrules.store.bulk import among, insert_rows
from flowrules.store.identity import HASHES, IdentityKind, normalised, region_of, sha256_of

IDENTITY = ("kind", "value", "customer_id", "since")
Found = tuple[IdentityKind, str, int, int]
"""A row: in these columns."""

_REGION, _HASHES = "region", "hashes"
_FOLLOWED = ("email", "phone", "country")
_CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class Identifying:
    """`hashes`: kept beside the addresses they are made of, so that a list of hashes is matched as any other."""

    region: str | None
    hashes: frozenset[IdentityKind]

    @classmethod
    def of(cls, connection: Connection) -> Identifying:
        setting = tables.workspace.c
        found: dict[str, str] = {
            row.key: row.value
            for row in connection.execute(select(setting.key, setting.value).where(setting.key.in_([_REGION, _HASHES])))
        }
        kept = found.get(_HASHES, "").split()
        return cls(found.get(_REGION) or None, frozenset(kind for kind in HASHES if kind in kept))

    def of_customer(self, attributes: Mapping[str, Stored | None]) -> Iterator[tuple[IdentityKind, str]]:
        """By kind; empty: none."""
        region = region_of(attributes.get("country"), self.region)
        for kind in ("email", "phone"):
            given = attributes.get(kind)
            yield from self._rows(kind, normalised(kind, given, region) if isinstance(given, str) else None)

    def _rows(self, kind: IdentityKind, value: str | None) -> Iterator[tuple[IdentityKind, str]]:
        yield kind, value or ""
        for of_hash, of in HASHES.items():
            if of == kind and of_hash in self.hashes:
                yield of_hash, sha256_of(value) if value else ""


def follow(connection: Connection, changed: Iterable[tuple[int, str]]) -> list[Found]:
    """Customers whose attributes changed, (number, attribute): each is found by the new value from its instant on."""
    numbers = sorted({number for number, attribute in changed if attribute in _FOLLOWED})
    if not numbers:
        return []
    identifying = Identifying.of(connection)
    rows: dict[tuple[IdentityKind, int, int], str] = {}
    for number, states in _states(connection, numbers):
        for at, attributes, what in states[1:]:
            about = "phone" if what == "country" else what
            for kind, value in identifying.of_customer(attributes):
                if HASHES.get(kind, kind) == about:
                    rows[kind, number, at] = value
    return _replace(connection, rows)


def identify(
    connection: Connection, region: str | None, hashes: Collection[IdentityKind] | None, since: int
) -> list[Found]:
    """These settings are in force; customers who are there already are found by them from `since` on.

    `hashes` None: as before. Gives what was written of numbers.
    """
    before = Identifying.of(connection)
    after = Identifying(region, before.hashes if hashes is None else frozenset(hashes))
    if after == before:
        return []
    setting = tables.workspace
    connection.execute(delete(setting).where(setting.c.key.in_([_REGION, _HASHES])))
    facts = {_REGION: region or "", _HASHES: " ".join(sorted(after.hashes))}
    connection.execute(insert(setting), [{"key": key, "value": value} for key, value in facts.items()])
    written = [] if after.region == before.region else _number_again(connection, after, since)
    identity = tables.identity
    for kind in before.hashes - after.hashes:
        connection.execute(delete(identity).where(identity.c.kind == kind))
    for kind in after.hashes - before.hashes:
        connection.execute(delete(identity).where(identity.c.kind == kind))
        # Read to the end before it is written: both go by the same connection.
        plain = connection.execute(select(identity).where(identity.c.kind == HASHES[kind])).all()
        insert_rows(
            connection,
            identity,
            IDENTITY,
            sorted((kind, row.value and sha256_of(row.value), row.customer_id, row.since) for row in plain),
        )
    return written


def _number_again(connection: Connection, identifying: Identifying, since: int) -> list[Found]:
    """Numbers that named no country have another meaning, or have one now."""
    customer, identity = tables.customer.c, tables.identity.c
    last, written = 0, []
    query = select(customer.id).where(customer.phone.is_not(None)).order_by(customer.id).limit(_CHUNK)
    while numbers := list(connection.execute(query.where(customer.id > last)).scalars()):
        last = numbers[-1]
        newest = {
            row.customer_id: (row.value, row.since)
            for row in connection.execute(
                select(identity.customer_id, identity.value, identity.since)
                .where(among(connection, identity.customer_id, numbers), identity.kind == "phone")
                .order_by(identity.customer_id, identity.since)
            )
        }
        rows: dict[tuple[IdentityKind, int, int], str] = {}
        for number, states in _states(connection, numbers):
            before, of_instant = newest.get(number, ("", since))
            found = dict(identifying.of_customer(states[-1][1]))
            if found["phone"] != before:
                at = max(since, of_instant)
                rows |= {(kind, number, at): value for kind, value in found.items() if "phone" in kind}
        written += _replace(connection, rows)
    return written


State = tuple[int, dict[str, Stored | None], str]
"""From which instant on, the attributes, and what changed."""


def _states(connection: Connection, numbers: Sequence[int]) -> Iterator[tuple[int, list[State]]]:
    """What is known of each, and how it changes by what no tick has applied yet."""
    customer, change, clock = tables.customer.c, tables.attribute_change.c, tables.clock.c
    known = {
        row.id: {"email": row.email, "phone": row.phone, "country": row.country}
        for row in connection.execute(
            select(customer.id, customer.email, customer.phone, customer.country).where(
                among(connection, customer.id, numbers)
            )
        )
    }
    pending = (
        select(change.customer_id, change.at, change.attribute, change.text)
        .where(
            among(connection, change.customer_id, numbers),
            change.attribute.in_(_FOLLOWED),
            change.at > select(clock.last_tick).scalar_subquery(),
        )
        .order_by(change.customer_id, change.at, change.seq)
    )
    changes = {
        number: list(rows) for number, rows in groupby(connection.execute(pending), key=lambda row: row.customer_id)
    }
    for number in numbers:
        attributes: dict[str, Stored | None] = dict(known[number])
        states: list[State] = [(0, attributes, "")]
        for row in changes.get(number, ()):
            attributes = {**attributes, row.attribute: row.text}
            states.append((row.at, attributes, row.attribute))
        yield number, states


def _replace(connection: Connection, rows: Mapping[tuple[IdentityKind, int, int], str]) -> list[Found]:
    """One that was to hold from the same instant on gives way: of two, neither would be the newest."""
    if not rows:
        return []
    identity = tables.identity
    connection.execute(
        delete(identity).where(
            identity.c.customer_id == bindparam("of"),
            identity.c.kind == bindparam("as"),
            identity.c.since == bindparam("from"),
        ),
        [{"of": number, "as": kind, "from": since} for kind, number, since in rows],
    )
    fresh = sorted((kind, value, number, since) for (kind, number, since), value in rows.items())
    insert_rows(connection, identity, IDENTITY, fresh)
    return fresh
