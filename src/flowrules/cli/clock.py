"""The instant at which a command acts: the machine's clock, or the one a virtual workspace is told."""

from __future__ import annotations

import time
from datetime import time as clock_time
from typing import TYPE_CHECKING

import click
from sqlalchemy import func, select

from flowrules.cli.context import UserError
from flowrules.report.words import told
from flowrules.sql import tables
from flowrules.store.database import Database
from flowrules.store.imports.reading import ImportFileError
from flowrules.store.imports.times import Times, WrongTimeError
from flowrules.store.zones import BEGINNING

if TYPE_CHECKING:
    from flowrules.workspace import Workspace


def parse_instant(text: str, zone: str, option: str) -> int:
    """An ISO date or time; without an offset it is of the workspace's zone, a date alone is its midnight."""
    try:
        return Times(zone, clock_time(0), None).instant(text, 0)
    except WrongTimeError as wrong:
        raise click.BadParameter(str(wrong), param_hint=f"'{option}'") from None
    except ImportFileError:
        raise click.BadParameter(
            f"`{text}` is not a time; write it like 2026-03-02", param_hint=f"'{option}'"
        ) from None


def wall() -> int:
    return time.time_ns() // 1000


def now(workspace: Workspace, database: Database | None, given: str | None) -> int:
    """`--now` where the clock is virtual, and there what it stands at without it; else the machine's clock."""
    if given is not None:
        if not workspace.virtual_clock:
            raise UserError(
                "--now is for workspaces with a virtual clock",
                "`virtual_clock = true` in flowrules.toml makes this one; a real one goes by the machine's clock",
            )
        instant = parse_instant(given, workspace.zone, "--now")
        last = last_tick(database)
        if instant < last:
            raise UserError(f"--now lies before the last tick, {told(last, workspace.zone)}", "time goes forward only")
        return instant
    if not workspace.virtual_clock:
        return wall()
    stands = _stands(database)
    if stands == BEGINNING:
        raise UserError("the clock of this workspace is virtual and was never set", "say --now TIME")
    return stands


def _stands(database: Database | None) -> int:
    """Where a virtual clock is: at the last tick, or at what was put in force since."""
    if database is None:
        return BEGINNING
    with database.read() as connection:
        deployed: int | None = connection.execute(select(func.max(tables.deployment.c.at))).scalar()
    return max(last_tick(database), BEGINNING if deployed is None else deployed)


def last_tick(database: Database | None) -> int:
    if database is None:
        return BEGINNING
    with database.read() as connection:
        last: int = connection.execute(select(tables.clock.c.last_tick)).scalar_one()
    return last
