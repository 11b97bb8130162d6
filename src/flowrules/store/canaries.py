"""Which campaigns have a version that only a share of customers enters.

Takes a connection; reads deployments and versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from flowrules.sql import tables as t


@dataclass(frozen=True, slots=True)
class Canary:
    """version_id, number: of what `millionths` of all customers enter; base_id, base: of what the others enter."""

    version_id: int
    number: int
    since: int
    base_id: int
    base: int
    millionths: int


def canaries(connection: Connection) -> Mapping[str, Canary]:
    """By campaign. The version before is that of the last deployment that was for everybody."""
    d, v, c = t.deployment.c, t.version.c, t.campaign.c
    newest = connection.execute(select(d.id, d.canary).order_by(d.id.desc()).limit(1)).first()
    if newest is None or newest.canary is None:
        return {}
    whole = select(func.max(d.id)).where(d.canary.is_(None)).scalar_subquery()
    older = select(v.campaign_id, func.max(v.id).label("id")).where(v.deployment_id <= whole).group_by(v.campaign_id)
    newer = select(v.campaign_id, func.max(v.id).label("id")).group_by(v.campaign_id)
    before, now = older.subquery().c, newer.subquery().c
    base, made = t.version.alias(), t.version.alias()
    query = (
        select(c.name, made.c.id, made.c.number, made.c.at, base.c.id.label("base_id"), base.c.number.label("base"))
        .join_from(t.campaign, now.campaign_id.table, now.campaign_id == c.id)
        .join(before.campaign_id.table, before.campaign_id == c.id)
        .join(made, made.c.id == now.id)
        .join(base, base.c.id == before.id)
        .where(c.lives_from.is_not(None), made.c.id != base.c.id)
    )
    return {
        row.name: Canary(row.id, row.number, row.at, row.base_id, row.base, newest.canary)
        for row in connection.execute(query)
    }
