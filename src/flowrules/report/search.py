"""Customers by id, email or phone, also by a part of it.

Takes a connection and what was typed. Looks by index for who is called so, or begins so; then at no more than 100,000
addresses and names for the part, and says where that was not all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Select, func, select

from flowrules.sql import tables
from flowrules.store.customers import find_customers

LOOKED_AT = 100_000
_KINDS = ("id", "email", "phone")
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Hit:
    """kind and value: what it was found by."""

    customer: str
    customer_id: int
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Found:
    """hits: exact first, then those that begin so, then those that have it somewhere. more: there may be others, for
    enough were found or because not everybody was looked at.
    """

    hits: tuple[Hit, ...]
    more: bool


def search(connection: Connection, given: str, limit: int = 50) -> Found:
    wanted = given.strip()
    if not wanted:
        return Found((), more=False)
    hits: dict[int, Hit] = {}
    exact = find_customers(connection, [wanted])
    for hit in (*_named(connection, list(exact.values()), wanted), *_beginning(connection, wanted, limit + 1)):
        hits.setdefault(hit.customer_id, hit)
    complete = True
    if len(hits) <= limit:
        complete = connection.execute(_count()).scalar_one() <= LOOKED_AT
        for hit in _containing(connection, wanted, limit + 1):
            hits.setdefault(hit.customer_id, hit)
    return Found(tuple(hits.values())[:limit], more=len(hits) > limit or not complete)


def _named(connection: Connection, ids: list[int], wanted: str) -> Iterator[Hit]:
    customer = tables.customer.c
    for row in connection.execute(select(customer.id, customer.external_id).where(customer.id.in_(ids))):
        kind = (
            "id" if row.external_id == wanted else "email" if "@" in wanted else "phone" if wanted[0] == "+" else "id"
        )
        yield Hit(row.external_id, row.id, kind, wanted)


def _beginning(connection: Connection, wanted: str, limit: int) -> Iterator[Hit]:
    identity = tables.identity.c
    for kind in _KINDS:
        start = wanted.lower() if kind == "email" else _number(wanted) or wanted if kind == "phone" else wanted
        query = (
            select(identity.kind, identity.value, identity.customer_id)
            .where(identity.kind == kind, identity.value >= start, identity.value < start + _LAST)
            .order_by(identity.kind, identity.value)
            .limit(limit)
        )
        yield from _hits(connection, query)


def _containing(connection: Connection, wanted: str, limit: int) -> Iterator[Hit]:
    identity = tables.identity.c
    some = select(identity.kind, identity.value, identity.customer_id).limit(LOOKED_AT).subquery("some")
    part = func.lower(some.c.value)
    query = select(some).where(part.contains(wanted.lower(), autoescape=True), some.c.kind.in_(_KINDS))
    yield from _hits(connection, query.limit(limit))


def _number(wanted: str) -> str | None:
    """A phone number, or its beginning, as it is stored."""
    digits = "".join(each for each in wanted if each.isdecimal())
    return f"+{digits}" if digits and not set(wanted) - set("+0123456789 -/()") else None


def _hits(connection: Connection, query: Select[str, str, int]) -> Iterator[Hit]:
    found, customer = query.subquery("found"), tables.customer.c
    named = select(customer.external_id, found.c.customer_id, found.c.kind, found.c.value).join_from(
        found, tables.customer, customer.id == found.c.customer_id
    )
    order = (found.c.kind, found.c.value, found.c.customer_id)
    for row in connection.execute(named.order_by(*order)):
        yield Hit(row.external_id, row.customer_id, row.kind, row.value)


def _count() -> Select[int]:
    some = select(tables.identity.c.kind).limit(LOOKED_AT + 1).subquery()
    return select(func.count()).select_from(some)
