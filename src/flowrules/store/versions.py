"""What deploying a model would change, without changing it."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from flowrules.model.campaign import Model
from flowrules.sql import tables
from flowrules.store.database import Database

State = tuple[str, int, str]


def compare(database: Database | None, model: Model) -> tuple[int, tuple[State, ...], int]:
    """The number of the last deployment; (campaign, version, state) as it would be; live enrollments."""
    if database is None:
        return 0, tuple((campaign.name, 1, "added") for campaign in model.campaigns), 0
    with database.read() as connection:
        number = connection.execute(select(func.max(tables.deployment.c.id))).scalar() or 0
        in_flight = connection.execute(
            select(func.count()).select_from(tables.enrollment).where(tables.enrollment.c.ended_at.is_(None))
        ).scalar_one()
        return number, states(connection, model), in_flight


def states(connection: Connection, model: Model) -> tuple[State, ...]:
    """(campaign, version, state) as it would be."""
    campaign, version = tables.campaign.c, tables.version.c
    query = (
        select(campaign.name, campaign.lives_from, version.number, version.digest)
        .where(version.campaign_id == campaign.id)
        .order_by(version.number)
    )
    known = {row.name: row for row in connection.execute(query)}
    found: list[State] = []
    for each in model.campaigns:
        row = known.pop(each.name, None)
        lives = row is not None and row.lives_from is not None
        same = row is not None and row.digest == each.digest
        after = 1 if row is None else row.number if same else row.number + 1
        found.append((each.name, after, "added" if not lives else "unchanged" if same else "changed"))
    found += [(name, 0, "removed") for name, row in known.items() if row.lives_from is not None]
    return tuple(sorted(found))
