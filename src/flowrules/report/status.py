"""How the workspace stands: how far the planner is, what waits, who is inside.

Takes a connection and the instant now; gives a Status. Counts, and never names a customer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, Select, func, select

from flowrules.report.words import SECOND, iso
from flowrules.sql import tables
from flowrules.sql.codes import Status as MessageStatus

_DAY = 86_400 * SECOND


@dataclass(frozen=True, slots=True)
class CampaignStatus:
    name: str
    version: int
    state: Literal["live", "paused", "removed"]
    in_journey: int
    sent_24h: int
    held_by_pause: int = 0

    def facts(self) -> dict[str, object]:
        return {
            "name": self.name,
            "version": self.version,
            "state": self.state,
            "in_journey": self.in_journey,
            "sent_24h": self.sent_24h,
            "held_by_pause": self.held_by_pause,
        }


@dataclass(frozen=True, slots=True)
class Status:
    """`version`: number of the deployment in force, 0 before the first. `due`: timers at or before now.

    leader, standby: processes that `run`, as machine and process id.
    """

    version: int
    last_tick: int | None
    lag_s: int | None
    due: int
    outbox: Mapping[str, int]
    campaigns: tuple[CampaignStatus, ...]
    leader: str | None = None
    standby: tuple[str, ...] = ()

    def facts(self) -> dict[str, object]:
        return {
            "version": self.version,
            "last_tick": iso(self.last_tick),
            "lag_s": self.lag_s,
            "due": self.due,
            "outbox": dict(self.outbox),
            "campaigns": [campaign.facts() for campaign in self.campaigns],
            "leader": self.leader,
            "standby": list(self.standby),
        }


def status(connection: Connection, now: int | None) -> Status:
    """`now` None: the clock is virtual and stands where the last tick was."""
    last_tick = connection.execute(select(tables.clock.c.last_tick)).scalar_one()
    now = last_tick if now is None else now
    ticked = last_tick if last_tick > 0 else None  # before the first tick it lies before all time
    message, enrollment, version = tables.message.c, tables.enrollment.c, tables.version.c
    waiting = (
        select(message.status, func.count().label("number"))
        .where(message.status < MessageStatus.SENT)
        .group_by(message.status)
        .order_by(message.status)
    )
    sent = _by_campaign(
        connection,
        select(message.campaign_id, func.count())
        .where(message.status == MessageStatus.SENT, message.sent_at > now - _DAY, message.sent_at <= now + SECOND)
        .group_by(message.campaign_id),
    )
    inside = _by_campaign(
        connection,
        select(enrollment.campaign_id, func.count())
        .where(enrollment.ended_at.is_(None), enrollment.ghost == 0)
        .group_by(enrollment.campaign_id),
    )
    held = _by_campaign(
        connection,
        select(enrollment.campaign_id, func.count())
        .where(enrollment.due_at >= tables.UNTIL_RESUMED, enrollment.ended_at.is_(None))
        .group_by(enrollment.campaign_id),
    )
    scheduler = tables.scheduler.c
    alive = select(tables.scheduler).where(scheduler.expires_at > now).order_by(scheduler.owner)
    running = [(row.leads, " process ".join(row.owner.split(" ")[:2])) for row in connection.execute(alive)]
    pause = tables.pause.c
    paused = set(connection.execute(select(pause.campaign_id).where(pause.until.is_(None))).scalars())
    campaign = tables.campaign.c
    campaigns = (
        select(campaign.id, campaign.name, campaign.lives_from, func.max(version.number).label("number"))
        .join_from(tables.campaign, tables.version, version.campaign_id == campaign.id)
        .group_by(campaign.id, campaign.name, campaign.lives_from)
        .order_by(campaign.name)
    )
    return Status(
        version=connection.execute(select(func.max(tables.deployment.c.id))).scalar() or 0,
        last_tick=ticked,
        lag_s=None if ticked is None else max(0, (now - ticked) // SECOND),
        due=connection.execute(
            select(func.count()).select_from(tables.enrollment).where(enrollment.due_at <= now)
        ).scalar_one(),
        outbox={MessageStatus(row.status).word: row.number for row in connection.execute(waiting)},
        campaigns=tuple(
            CampaignStatus(
                name=row.name,
                version=row.number,
                state="removed" if row.lives_from is None else "paused" if row.id in paused else "live",
                in_journey=inside.get(row.id, 0),
                sent_24h=sent.get(row.id, 0),
                held_by_pause=held.get(row.id, 0),
            )
            for row in connection.execute(campaigns)
        ),
        leader=next((name for leads, name in running if leads), None),
        standby=tuple(name for leads, name in running if not leads),
    )


def _by_campaign(connection: Connection, query: Select[int, int]) -> dict[int, int]:
    return {campaign_id: number for campaign_id, number in connection.execute(query)}  # noqa: C416 -- rows are no pairs to mypy
