"""`flowrules tick`: everything that is due is decided; nothing is sent."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from textwrap import wrap

import click

from flowrules.cli import clock
from flowrules.cli.context import Context
from flowrules.cli.output import WIDTH, emit, formats
from flowrules.cli.progress import instants
from flowrules.errors import InstantPassedError, StoreError
from flowrules.report.words import SECOND, iso, told
from flowrules.runtime.sum_up import sum_up
from flowrules.runtime.tick import TickResult, tick
from flowrules.store.database import Database


@click.command("tick")
@click.option("--now", "at", metavar="TIME", help="The instant, where the workspace has a virtual clock.")
@formats("text", "json")
@click.pass_obj
def command(context: Context, *, at: str | None, format_: str) -> None:
    """Decide everything that is due: who enters, moves, leaves, and which messages go to the outbox.

    Sends nothing; `flowrules deliver` does.
    """
    workspace = context.workspace()
    database = context.database(workspace)
    now = clock.now(workspace, database, at)
    with instants(context, "deciding", workspace.zone) as progress:
        done = ticked(context, database, now, progress)
    emit(format_, "tick", facts_of(now, done), text_of(now, done, workspace.zone))


def ticked(context: Context, database: Database, now: int, progress: Callable[[int], None] | None = None) -> TickResult:
    try:
        done = tick(database, now, progress=progress)
    except InstantPassedError:
        # Another one has ticked since we looked at the clock: then all is done. Or a clock goes wrong.
        behind = (clock.last_tick(database) - now) // SECOND
        if behind > 0:
            context.warn(
                f"this machine's clock is {behind} seconds behind the last tick: nothing is decided until then"
            )
        return TickResult(0, 0, 0, 0, 0, {})
    with suppress(StoreError):  # then the next one does it
        sum_up(database)
    return done


def facts_of(now: int, done: TickResult) -> dict[str, object]:
    return {
        "now": iso(now),
        "rounds": done.rounds,
        "entered": done.entered,
        "moved": done.moved,
        "exited": done.exited,
        "intents": done.intents,
        "withheld": done.withheld,
    }


def text_of(now: int, done: TickResult, zone: str) -> str:
    parts = [f"{done.entered} entered", f"{done.moved} moved", f"{done.exited} ended", f"{done.intents} to send"]
    lines = [f"{told(now, zone, exact=False)}: {', '.join(parts)}"]
    if done.withheld:
        reasons = ", ".join(f"{number} {reason}" for reason, number in done.withheld.items())
        lines += wrap(f"  withheld: {reasons}", WIDTH, subsequent_indent="    ")
    return "\n".join(lines)
