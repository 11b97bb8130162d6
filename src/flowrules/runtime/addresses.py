"""What the gate asks of addresses at the real instant: whom a channel can reach, and whom nothing may be sent to.

Takes a connection, the model in force and customers; gives channel to customers. The address is the one a message goes
to now: what no tick has applied yet changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select, text

from flowrules.model.campaign import Model
from flowrules.runtime.gate import Refusal
from flowrules.sql import suppression, tables
from flowrules.sql.codes import Reason
from flowrules.store.bulk import among

_APPLIED = "(SELECT last_tick FROM clock)"


def addressed(connection: Connection, model: Model, customers: Sequence[int]) -> dict[str, set[int]]:
    """Whom each channel has a usable address of."""
    reached = {}
    for channel in model.channels:
        query = select(tables.customer.c.id).where(among(connection, tables.customer.c.id, customers))
        if channel.address is not None:
            usable = suppression.address(channel.address, "customer.id", _APPLIED)
            query = query.where(text(f"coalesce({usable}, '') <> ''"))
        reached[channel.name] = set(connection.execute(query).scalars())
    return reached


def suppressed(
    connection: Connection, model: Model, customers: Sequence[int], now: int
) -> dict[str, dict[int, Refusal]]:
    """Whom nothing may be sent to by each channel: in a list of the policy, the first that holds, or by an address that
    is closed.
    """
    found: dict[str, dict[int, Refusal]] = {channel.name: {} for channel in model.channels}
    for line in model.policy.suppressions:
        listed = dict.fromkeys(
            _members(connection, line.list.name, customers), Refusal(Reason.SUPPRESSED, line.place, line.by)
        )
        for name in line.channels or found:
            found[name] = listed | found[name]
    types = {row.name: row.id for row in connection.execute(select(tables.event_type))}
    for channel in model.channels:
        numbers = [types[name] for name in suppression.bounces(channel, model.channels) if name in types]
        if channel.address is not None and numbers:
            closed = suppression.closed(channel.address, numbers, "customer.id", _APPLIED, "b.event_time <= :now")
            query = select(tables.customer.c.id).where(among(connection, tables.customer.c.id, customers), text(closed))
            bounced = connection.execute(query, {"now": now}).scalars()
            closed_now = dict.fromkeys(bounced, Refusal(Reason.SUPPRESSED, by=suppression.HARD_BOUNCE))
            found[channel.name] = closed_now | found[channel.name]
    return found


def _members(connection: Connection, name: str, customers: Sequence[int]) -> set[int]:
    """By what they are called now, or will be once the next tick has been."""
    identity, entry = tables.identity.c, tables.list_entry.c
    newer = tables.identity.alias("newer").c
    replaced = (
        select(newer.since)
        .where(
            newer.customer_id == identity.customer_id,
            newer.kind == identity.kind,
            newer.since > identity.since,
            newer.since <= select(tables.clock.c.last_tick).scalar_subquery(),
        )
        .exists()
    )
    query = (
        select(identity.customer_id)
        .join_from(tables.identity, tables.list_entry, (entry.kind == identity.kind) & (entry.value == identity.value))
        .where(among(connection, identity.customer_id, customers), entry.list == name, ~replaced)
    )
    return set(connection.execute(query).scalars())
