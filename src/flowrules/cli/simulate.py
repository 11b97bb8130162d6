"""`flowrules simulate`: the rules of the workspace on a copy of its data, in virtual time."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from datetime import time
from pathlib import Path

import click

from flowrules.cli import clock
from flowrules.cli.context import Context, UserError
from flowrules.cli.output import emit, formats
from flowrules.cli.progress import instants
from flowrules.errors import DatabaseMissingError
from flowrules.model.values import MICROSECONDS
from flowrules.report.simulation_text import simulation_text
from flowrules.report.words import counted, iso, told
from flowrules.runtime.assume import Assumptions, parse_rates
from flowrules.runtime.copy import copy_to
from flowrules.runtime.simulate import DAY, Simulated, simulate
from flowrules.runtime.sum_up import sum_up
from flowrules.store.database import Database
from flowrules.store.imports.lists import read_lists
from flowrules.store.imports.records import Options
from flowrules.store.imports.run import import_file
from flowrules.store.imports.times import Times
from flowrules.store.zones import BEGINNING
from flowrules.workspace import Workspace

_STEP = re.compile(r"(\d{1,6})\s*(second|minute|hour|day|week|s|min|h|d|w)s?")
_SHORT = {"s": "second", "min": "minute", "h": "hour", "d": "day", "w": "week"}


def _step(_context: click.Context, _option: click.Parameter, given: str | None) -> int:
    if given is None:
        return DAY
    found = _STEP.fullmatch(given.strip())
    if found is None or not int(found[1]):
        raise click.BadParameter(f"{given!r} is no length of time such as `6 hours`")
    return int(found[1]) * MICROSECONDS[_SHORT.get(found[2], found[2])]


@click.command("simulate")
@click.option("--from", "since", required=True, metavar="TIME", help="The rules are in force from then on.")
@click.option("--until", required=True, metavar="TIME", help="How far to go.")
@click.option("--seed", type=int, help="For assumed reactions; default: the workspace's, else 0.")
@click.option(
    "--assume", "assumed", multiple=True, metavar="WHAT=SHARE", help="Such as email.opened=0.35; may be repeated."
)
@click.option(
    "--events", type=click.Path(path_type=Path), metavar="FILE", help="Events to replay, as `import events` reads them."
)
@click.option("--step", callback=_step, metavar="LENGTH", help="How often to tick; default: 1 day. Changes no result.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="For the messages; default: simulation/.")
@click.option("--keep", type=click.Path(path_type=Path), metavar="FILE", help="Keep the copy of the database there.")
@formats("text", "json")
@click.pass_obj
def command(
    context: Context,
    *,
    since: str,
    until: str,
    seed: int | None,
    assumed: Sequence[str],
    events: Path | None,
    step: int,
    out: Path | None,
    keep: Path | None,
    format_: str,
) -> None:
    """Run the rules on a copy of the data. Nothing is sent: messages become lines in files.

    Assumed opens come with a delay: half of them within 6 hours, none after 14 days; the same seed gives the same
    opens. Customers of the replayed events that are not known are made.
    """
    workspace = context.workspace()
    snapshot, model = context.model(workspace)
    begin = clock.parse_instant(since, workspace.zone, "--from")
    end = clock.parse_instant(until, workspace.zone, "--until")
    if end <= begin:
        raise UserError("--until must be later than --from")
    seed = (workspace.seed or 0) if seed is None else seed
    rates = parse_rates(assumed, model.channels)
    folder = workspace.root / "simulation" if out is None else out
    context.note(f"on a copy of the data; nothing is sent, messages go to files in\n  {folder}")
    lists, unusable = read_lists(workspace.root, model, snapshot.lists)
    for note in unusable:
        context.warn(note)
    with tempfile.TemporaryDirectory(prefix="flowrules-") as temporary:
        copy = _copy(context, workspace, Path(temporary) / "simulation.db" if keep is None else keep)
        if begin < (last := clock.last_tick(copy)):
            copy.close()
            raise UserError(
                f"--from lies before the last tick, {told(last, workspace.zone)}",
                "what has been decided can not be decided again: give a later day",
            )
        if events is not None:
            taken = import_file(
                copy,
                model,
                "events",
                events,
                Options(times=Times(workspace.zone, time(12), None)),
                now=BEGINNING,  # what is replayed may lie in any year
            )
            for note in taken.notes:
                context.warn(note)
            if taken.rejected:
                first = taken.rejects[0]
                context.warn(f"{taken.rejected} rows of {events} were left out; line {first.row.line}: {first.reason}")
        with instants(context, "simulating", workspace.zone) as progress:
            done = simulate(
                copy,
                snapshot,
                model,
                begin,
                end,
                answer=Assumptions(seed, rates).answer,
                out=folder,
                step=step,
                lists=lists,
                progress=progress,
            )
        if keep is not None:
            sum_up(copy)
        copy.close()
    for what, number in sorted(done.failures.items()):
        context.warn(f"{number} messages could not be written: {what}")
    if format_ != "text":  # there the last line of the text says so
        sent = sum(campaign.sent for campaign in done.campaigns)
        context.note(f"done: {counted(done.ticks, 'tick')}, {counted(sent, 'message')}")
    facts = {"seed": seed, "from": iso(begin), "until": iso(end), **_facts(done)}
    emit(format_, "simulate", facts, simulation_text(facts, workspace.zone))


def _facts(done: Simulated) -> dict[str, object]:
    return {
        "customers": done.customers,
        "ticks": done.ticks,
        "campaigns": [campaign.facts() for campaign in done.campaigns],
        "cpu_s": done.cpu_s,
    }


def _copy(context: Context, workspace: Workspace, path: Path) -> Database:
    try:
        database = context.database(workspace)
    except DatabaseMissingError:
        context.note("there is no database yet: nobody is known but by the events")
        return Database.create(f"sqlite:///{path}", zone=workspace.zone, currency=workspace.currency, salt="simulation")
    try:
        return copy_to(database, path)
    finally:
        database.close()
