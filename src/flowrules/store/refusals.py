"""Refusals that do not hang on a customer: those of somebody erased, and those that name an address.

Takes identifiers in their compared form, and keeps a keyed hash of each, no address. Who comes with one of them later
has refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, delete, func, insert, literal, or_, select

from flowrules.sql import tables
from flowrules.store.bulk import among, insert_rows
from flowrules.store.keyed import keyed
from flowrules.store.keyed import secret as secret_of

SOURCE = "refused before, under the same id, email or phone"
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
    named = [(row.kind, row.value) for row in connection.execute(names)]
    remember(connection, {(*name, *about): at for name in named for about in refused})
    return sum(tables.EVERY not in about for about in refused)


def remember(connection: Connection, refused: Mapping[tuple[str, str, str, str], int]) -> None:
    """From when on (kind, value, channel, purpose) is refused; of several times the last counts."""
    if not refused:
        return
    kept, secret = tables.kept_refusal, secret_of(connection)
    since = {
        (_hash(secret, kind, value), channel, purpose): at for (kind, value, channel, purpose), at in refused.items()
    }
    of_these = among(connection, kept.c.hash, sorted({key[0] for key in since}))
    for row in connection.execute(select(kept).where(of_these)):
        key = row.hash, row.channel, row.purpose
        since[key] = max(row.since, since.get(key, row.since))
    connection.execute(delete(kept).where(of_these))
    insert_rows(
        connection, kept, ("hash", "channel", "purpose", "since"), sorted((*key, at) for key, at in since.items())
    )


def again(connection: Connection, named: Iterable[tuple[int, str, str]]) -> Mapping[int, Mapping[tuple[str, str], int]]:
    """Of customers, as (number, kind, value): channels and purposes that were refused under this name, and when."""
    kept = tables.kept_refusal
    if connection.execute(select(kept.c.hash).limit(1)).first() is None:
        return {}
    secret = secret_of(connection)
    whose: dict[str, set[int]] = {}
    for number, kind, value in named:
        whose.setdefault(_hash(secret, kind, value), set()).add(number)
    found: dict[int, dict[tuple[str, str], int]] = {}
    of_these = select(kept).where(among(connection, kept.c.hash, sorted(whose)))
    for row in connection.execute(of_these.order_by(kept.c.since)):
        for number in whose.get(row.hash, ()):
            found.setdefault(number, {})[row.channel, row.purpose] = row.since
    return found


def extend(connection: Connection, new: Iterable[tuple[str, str]]) -> None:
    """To channels and purposes that there were not before: who refused all has refused them too, as of then."""
    for channel, purpose in new:
        for table in (tables.consent, tables.kept_refusal):
            now = {"channel": literal(channel), "purpose": literal(purpose)}
            said, there = table.c, table.alias().c
            names = [each.name for each in table.primary_key]
            key = [said[name] for name in names if name not in now]
            # What one record has refused it has refused under each name of all.
            row = [now.get(each.name, each if each.name in names else func.max(each)) for each in said]
            of_all = or_(said.channel == tables.EVERY, said.purpose == tables.EVERY)
            of_these = [said[name].in_((value, tables.EVERY)) for name, value in now.items()]
            known = select(there.channel).where(*(there[name] == now.get(name, said[name]) for name in names))
            rows = select(*row).where(of_all, *of_these, ~known.exists()).group_by(*key)
            connection.execute(insert(table).from_select(list(said.keys()), rows))


def newest(connection: Connection, numbers: Sequence[int]) -> dict[tuple[int, str, str], int]:
    """Of (number, channel, purpose) when the last was said that is on record."""
    if not numbers:
        return {}
    consent = tables.consent.c
    query = select(consent.customer_id, consent.channel, consent.purpose, func.max(consent.event_time)).where(
        among(connection, consent.customer_id, numbers), consent.state != tables.OUTDATED
    )
    rows = connection.execute(query.group_by(consent.customer_id, consent.channel, consent.purpose))
    return {(number, channel, purpose): at for number, channel, purpose, at in rows}


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
