"""Whether the engine is at work: how far it is, and who drives it.

Takes a connection and the instant now; reads a handful of rows, however many customers there are. Gives instants and
never how long ago they were: as long as nothing happens, two heartbeats are equal.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from flowrules.report.words import SECOND
from flowrules.sql import tables

_QUIET = 120 * SECOND
"""An engine that has not ticked for so long does not run: it beats every ten seconds."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """last_tick: every customer has been decided on up to there; None before the first tick. target: how far the tick
    under way goes, None when none is. deployment: its number, 0 before the first. zone: of the workspace.

    leader, standby: processes that `run`, as machine and process id. next_due: when the next timer runs out.
    """

    last_tick: int | None
    target: int | None
    deployment: int
    deployed_at: int | None
    zone: str
    currency: str
    leader: str | None
    standby: tuple[str, ...]
    next_due: int | None

    def lag(self, now: int) -> int | None:
        """Microseconds since the last tick."""
        return None if self.last_tick is None else max(0, now - self.last_tick)

    def stands(self, now: int) -> bool:
        """Nobody decides, although rules are in force."""
        lag = self.lag(now)
        return self.deployment > 0 and (lag is None or lag > _QUIET)


def heartbeat(connection: Connection, now: int | None) -> Heartbeat:
    """`now` None: the clock is virtual and stands where the last tick was."""
    clock, deployment, workspace = tables.clock.c, tables.deployment.c, tables.workspace.c
    last_tick, target = connection.execute(select(clock.last_tick, clock.target)).one()
    newest = connection.execute(select(deployment.id, deployment.at).order_by(deployment.id.desc()).limit(1)).first()
    setting = {row.key: row.value for row in connection.execute(select(workspace.key, workspace.value))}
    alive = running(connection, last_tick if now is None else now)
    due = tables.enrollment.c.due_at
    next_due = connection.execute(
        select(func.min(due)).where(due.is_not(None), due < tables.UNTIL_RESUMED)
    ).scalar_one()
    return Heartbeat(
        last_tick=last_tick if last_tick > 0 else None,  # before the first tick it lies before all time
        target=target if target > last_tick else None,
        deployment=0 if newest is None else newest.id,
        deployed_at=None if newest is None else newest.at,
        zone=setting["zone"],
        currency=setting["currency"],
        leader=next((name for leads, name in alive if leads), None),
        standby=tuple(name for leads, name in alive if not leads),
        next_due=next_due,
    )


def running(connection: Connection, now: int) -> list[tuple[bool, str]]:
    """Processes that `run`, and whether each leads."""
    scheduler = tables.scheduler.c
    alive = select(tables.scheduler).where(scheduler.expires_at > now).order_by(scheduler.owner)
    return [(bool(row.leads), " process ".join(row.owner.split(" ")[:2])) for row in connection.execute(alive)]
