"""How the engine is, in one short look: what stands in the first line of every screen.

Takes a connection; gives a Pulse of instants, which is the same as long as nothing happened.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text
from sqlalchemy import Connection, func, select

from flowrules.report.words import SECOND, length, moment
from flowrules.sql import tables

_LATE = 60
"""Seconds without a tick after which a running engine is said to be late."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """ticked: None before the first tick; ticking: a tick is under way, or was interrupted; leader, standby: processes
    that `run`, with the instant until which they are taken for alive.
    """

    deployment: int
    ticked: int | None
    ticking: bool
    running: tuple[tuple[str, bool, int], ...]

    def leader(self, wall: int) -> str | None:
        return next((name for name, leads, until in self.running if leads and until > wall), None)

    def standby(self, wall: int) -> tuple[str, ...]:
        return tuple(name for name, leads, until in self.running if not leads and until > wall)


def pulse(connection: Connection) -> Pulse:
    clock = connection.execute(select(tables.clock)).one()
    rows = connection.execute(select(tables.scheduler).order_by(tables.scheduler.c.owner))
    return Pulse(
        deployment=connection.execute(select(func.max(tables.deployment.c.id))).scalar() or 0,
        ticked=clock.last_tick if clock.last_tick > 0 else None,
        ticking=clock.target != clock.last_tick,
        running=tuple((" process ".join(row.owner.split(" ")[:2]), bool(row.leads), row.expires_at) for row in rows),
    )


def engine_words(found: Pulse | None, wall: int, zone: str, *, virtual: bool) -> Text:
    """For the end of the first line."""
    if found is None:
        return Text().append("○ no contact", "red")
    if not found.deployment:
        return Text().append("○ nothing deployed", "yellow")
    if virtual:
        at = "not yet set" if found.ticked is None else moment(found.ticked, zone)
        return (
            Text()
            .append(f"{'◐' if found.ticking else '◷'} virtual clock ", "cyan")
            .append(at, "bold")
            .append(f" {zone}", "dim")
        )
    ago = None if found.ticked is None else max(0, (wall - found.ticked) // SECOND)
    said = "no tick yet" if ago is None else f"last tick {length(ago)} ago"
    if found.leader(wall) is None:
        return Text().append(f"○ engine not running · {said}", "yellow")
    behind = f" · +{len(found.standby(wall))} standby" if found.standby(wall) else ""
    late = ago is not None and ago > _LATE
    return Text().append(f"{'◐' if found.ticking else '●'} {said}{behind}", "yellow" if late else "green")
