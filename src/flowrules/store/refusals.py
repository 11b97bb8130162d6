"""Refusals that outlive the erasure of who refused: no address, only a keyed hash of it.

Takes identifiers in their compared form. When one of an erased customer comes again, what it refused is refused again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, select

from flowrules.sql import tables
from flowrules.store.bulk import among, insert_rows
from flowrules.store.keyed import keyed
from flowrules.store.keyed import secret as secret_of

SOURCE = "kept from an erased customer"
REFUSING = ("refused", "withdrawn")


def keep(connection: Connection, customer_id: int, at: int) -> int:
    """Of what the customer is or was called, and refuses now; gives how many channels and purposes that are."""
    consent, identity = tables.consent.c, tables.identity.c
    states = (
        select(consent.channel, consent.purpose, consent.state)
        .where(consent.customer_id == customer_id, consent.state != tables.OUTDATED)
        .order_by(consent.at, consent.seq)
    )
    latest = {(row.channel, row.purpose): row.state for row in connection.execute(states)}
    refused = sorted(about for about, state in latest.items() if state in REFUSING)
    names = select(identity.kind, identity.value).where(identity.customer_id == customer_id, identity.value != "")
    secret = secret_of(connection)
    hashes = {_hash(secret, row.kind, row.value) for row in connection.execute(names)}
    there = {
        (row.hash, row.channel, row.purpose)
        for row in connection.execute(select(tables.kept_refusal).where(tables.kept_refusal.c.hash.in_(sorted(hashes))))
    }
    fresh = sorted({(each, *about) for each in hashes for about in refused} - there)
    insert_rows(
        connection, tables.kept_refusal, ("hash", "channel", "purpose", "since"), [(*each, at) for each in fresh]
    )
    return len(refused)


def again(connection: Connection, named: Iterable[tuple[int, str, str]]) -> Mapping[int, Mapping[tuple[str, str], int]]:
    """Of customers, as (number, kind, value): channels and purposes that somebody erased had refused, and when that
    was erased.
    """
    if connection.execute(select(tables.kept_refusal.c.hash).limit(1)).first() is None:
        return {}
    secret = secret_of(connection)
    whose: dict[str, set[int]] = {}
    for number, kind, value in named:
        whose.setdefault(_hash(secret, kind, value), set()).add(number)
    found: dict[int, dict[tuple[str, str], int]] = {}
    for row in connection.execute(select(tables.kept_refusal).order_by(tables.kept_refusal.c.since)):
        for number in whose.get(row.hash, ()):
            found.setdefault(number, {})[row.channel, row.purpose] = row.since
    return found


def on_record(connection: Connection, numbers: Sequence[int]) -> dict[tuple[int, str, str], list[tuple[int, int]]]:
    """All refusals of these customers by (number, channel, purpose), as (received, refused at)."""
    consent = tables.consent.c
    query = select(consent.customer_id, consent.channel, consent.purpose, consent.at, consent.event_time).where(
        among(connection, consent.customer_id, numbers), consent.state.in_(REFUSING)
    )
    found: dict[tuple[int, str, str], list[tuple[int, int]]] = {}
    for row in connection.execute(query):
        found.setdefault((row.customer_id, row.channel, row.purpose), []).append((row.at, row.event_time))
    return found


def _hash(secret: bytes, kind: str, value: str) -> str:
    return keyed(secret, f"refusal/{kind}:{value}")
