"""Which campaigns there are, in what version, and which are paused.

Takes a connection; reads a row a campaign.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from flowrules.sql import tables


@dataclass(frozen=True, slots=True)
class Versioned:
    """A campaign and its newest version; lives_from None: it was removed."""

    id: int
    name: str
    lives_from: int | None
    version_id: int
    number: int


def campaign_versions(connection: Connection) -> list[Versioned]:
    """Every campaign that was ever deployed, by name."""
    campaign, version = tables.campaign.c, tables.version.c
    query = (
        select(campaign.id, campaign.name, campaign.lives_from, func.max(version.id), func.max(version.number))
        .join_from(tables.campaign, tables.version, version.campaign_id == campaign.id)
        .group_by(campaign.id, campaign.name, campaign.lives_from)
        .order_by(campaign.name)
    )
    return [Versioned(*row) for row in connection.execute(query)]


def open_pauses(connection: Connection) -> dict[int, int]:
    """Campaigns that are paused, and since when."""
    pause = tables.pause.c
    query = select(pause.campaign_id, pause.since).where(pause.until.is_(None))
    return {row.campaign_id: row.since for row in connection.execute(query)}
