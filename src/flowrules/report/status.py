"""How the workspace stands: how far the planner is, what waits, who is inside.

Takes a connection and the instant now; gives a Status. Counts, and never names a customer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, func, literal_column, select, text

from flowrules.report.catalogue import campaign_versions, open_pauses
from flowrules.report.heartbeat import heartbeat
from flowrules.report.words import SECOND, iso
from flowrules.sql import tables
from flowrules.sql.canary import percent
from flowrules.sql.codes import Status as MessageStatus
from flowrules.sql.counting import QUARTER
from flowrules.store.canaries import Canary, canaries
from flowrules.store.tallies import Tallies, What, counts
from flowrules.store.zones import BEGINNING

_DAY = 86_400 * SECOND


@dataclass(frozen=True, slots=True)
class CampaignStatus:
    name: str
    version: int
    state: Literal["live", "paused", "removed"]
    in_journey: int
    sent_24h: int
    held_by_pause: int = 0
    canary: Canary | None = None

    def facts(self) -> dict[str, object]:
        return {
            "name": self.name,
            "version": self.version,
            "state": self.state,
            "in_journey": self.in_journey,
            "sent_24h": self.sent_24h,
            "held_by_pause": self.held_by_pause,
            "canary": None if self.canary is None else percent(self.canary.millionths),
            "others": None if self.canary is None else self.canary.base,
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
    beat = heartbeat(connection, now)
    now = (BEGINNING if beat.last_tick is None else beat.last_tick) if now is None else now
    message, due = tables.message.c, tables.enrollment.c.due_at
    waiting = (
        select(message.status, func.count().label("number"))
        # Written out, not bound: only so do both databases see that the partial index serves.
        .where(literal_column("message.status") < text("10"), message.status > 0)
        .group_by(message.status)
        .order_by(message.status)
    )
    tallies = Tallies(connection)
    sent = _sent(connection, tallies, now)
    entered = tallies.sums(("campaign_id", "what"), What.ENTERED, What.EXIT, held_out=0)
    paused = open_pauses(connection)
    by_campaign = select(tables.enrollment.c.campaign_id, func.count()).group_by(tables.enrollment.c.campaign_id)
    tried = canaries(connection)
    held: dict[int, int] = dict(connection.execute(by_campaign.where(due >= tables.UNTIL_RESUMED)).all())
    return Status(
        version=beat.deployment,
        last_tick=beat.last_tick,
        lag_s=None if beat.last_tick is None else max(0, (now - beat.last_tick) // SECOND),
        due=connection.execute(select(func.count()).select_from(tables.enrollment).where(due <= now)).scalar_one(),
        outbox={MessageStatus(row.status).word: row.number for row in connection.execute(waiting)},
        campaigns=tuple(
            CampaignStatus(
                name=row.name,
                version=row.number,
                state="removed" if row.lives_from is None else "paused" if row.id in paused else "live",
                in_journey=entered[row.id, What.ENTERED] - entered[row.id, What.EXIT],
                sent_24h=sent[row.id],
                held_by_pause=held.get(row.id, 0),
                canary=tried.get(row.name),
            )
            for row in campaign_versions(connection)
        ),
        leader=beat.leader,
        standby=beat.standby,
    )


def _sent(connection: Connection, tallies: Tallies, now: int) -> Counter[int]:
    """In the last 24 hours, to the instant: by quarter hours, and of the first, cut in two, anew."""
    first = (now - _DAY) // QUARTER * QUARTER + QUARTER
    sent: Counter[int] = Counter()
    for (campaign_id, code), number in tallies.sums(
        ("campaign_id", "code"), What.MESSAGE, since=first, until=now + SECOND
    ).items():
        sent[campaign_id] += number if code == MessageStatus.SENT else 0
    for of, number in counts(connection, now - _DAY, first - 1).items():
        sent[of.campaign_id] += number if (of.what, of.code) == (What.MESSAGE, MessageStatus.SENT) else 0
    return sent
