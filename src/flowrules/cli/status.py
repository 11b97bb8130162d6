"""`flowrules status`: how the workspace stands."""

from __future__ import annotations

import click

from flowrules.cli import clock
from flowrules.cli.context import Context
from flowrules.cli.output import emit, formats, table
from flowrules.report.status import Status, status
from flowrules.report.words import SECOND, count, counted, length, moment
from flowrules.sql.canary import percent


@click.command("status")
@formats("text", "json")
@click.pass_obj
def command(context: Context, *, format_: str) -> None:
    """Say how far the planner is, what waits to be sent, and how many are in each campaign."""
    workspace = context.workspace()
    database = context.database(workspace)
    with database.read() as connection:
        now = None if workspace.virtual_clock else clock.wall()
        found = status(connection, now)
    emit(format_, "status", found.facts(), _text(found, workspace.zone, now))


def _text(found: Status, zone: str, now: int | None) -> str:
    if not found.version:
        return "nothing is deployed yet; `flowrules apply` puts the rules in force"
    ticked = "no tick yet" if found.last_tick is None else f"last tick {moment(found.last_tick, zone)}"
    lag = f", {length(found.lag_s)} ago" if found.lag_s else ""
    ahead = found.last_tick is not None and now is not None and found.last_tick - now > SECOND
    waiting = ", ".join(f"{count(number)} {word}" for word, number in found.outbox.items()) or "empty"
    rows = [
        (each.name, each.version, each.state, count(each.in_journey), count(each.sent_24h)) for each in found.campaigns
    ]
    return "\n".join(
        [
            f"deployment {found.version}; {ticked}{lag}; {counted(found.due, 'timer')} due",
            *(["this machine's clock is behind the last tick: nothing is decided until then"] if ahead else []),
            f"outbox: {waiting}",
            *([f"scheduler: {found.leader} leads"] if found.leader else []),
            *(f"scheduler: {name} stands by" for name in found.standby),
            *(
                f"{each.name}: {counted(each.held_by_pause, 'message')} held by the pause"
                for each in found.campaigns
                if each.held_by_pause
            ),
            *(
                f"{each.name}: version {each.version} is for {percent(each.canary.millionths)} of those who enter; "
                f"the others go on entering version {each.canary.base}"
                for each in found.campaigns
                if each.canary is not None
            ),
            "",
            table(("campaign", "version", "state", "in journey", "sent in 24 h"), rows),
        ]
    )
