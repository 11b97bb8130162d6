"""`flowrules run`: tick and deliver by the machine's clock, until told to stop."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import click

from flowrules.cli import clock, interruption
from flowrules.cli.context import Context, UserError
from flowrules.cli.deliver import address, channels_of, daily_limits, delivered, out_of_order, words_of
from flowrules.cli.output import emit, formats
from flowrules.cli.tick import facts_of, text_of, ticked
from flowrules.runtime import schedule


@click.command("run")
@click.option("--once", is_flag=True, help="Tick and deliver once, as for a scheduler of another kind.")
@click.option(
    "--redirect-to", callback=address, metavar="ADDRESS", help="Every message to this address, not to its customer."
)
@formats("text", "json")
@click.pass_obj
def command(context: Context, *, once: bool, redirect_to: str | None, format_: str) -> None:
    """Tick and deliver, again and again; Ctrl-C or SIGTERM ends it when the transaction under way is done.

    Several may run on one database: one leads, the others stand by.
    """
    workspace = context.workspace()
    if workspace.virtual_clock:
        raise UserError(
            "`run` goes by the machine's clock, and the clock of this workspace is virtual",
            "take `virtual_clock` out of flowrules.toml, or use `flowrules tick --now TIME` and `flowrules deliver`",
        )
    database = context.database(workspace)
    channels, daily = channels_of(workspace, redirect_to), daily_limits(workspace)
    if once:
        interruption.is_raised()
        now = clock.wall()
        planned = ticked(context, database, now)
        done = delivered(context, database, channels, daily, clock.wall)
        facts = {"tick": facts_of(now, planned), "deliver": done.facts()}
        emit(format_, "run", facts, f"{text_of(now, planned, workspace.zone)}\n{words_of(done)}")
        if done.out:
            raise out_of_order(done)
        return
    every = schedule.Intervals(workspace.run.tick, workspace.run.deliver, workspace.run.lease)
    with _told_to_stop() as stop:
        schedule.run(database, channels, daily, every, context, stop)


@contextmanager
def _told_to_stop() -> Iterator[schedule.Stop]:
    stop = schedule.Stop()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
