"""`flowrules resume CAMPAIGN`: a pause is over."""

from __future__ import annotations

import click

from flowrules.cli import clock
from flowrules.cli.context import Context
from flowrules.cli.output import emit, formats
from flowrules.report.lookup import find_campaign
from flowrules.report.words import counted
from flowrules.runtime import operate

_WORDS = {
    "send": "asked for again, and sent if they still may be",
    "skip": "skipped, and their journeys go on",
    "exit": "dropped, and their journeys end",
}


@click.command("resume")
@click.argument("campaign")
@click.option(
    "--overdue",
    type=click.Choice(list(_WORDS)),
    default="send",
    help="What becomes of the messages that were held: send them now (default), skip them, or end their journeys.",
)
@formats("text", "json")
@click.pass_obj
def command(context: Context, *, campaign: str, overdue: operate.Overdue, format_: str) -> None:
    """End the pause of CAMPAIGN. Who would have entered meanwhile has not, and does not now."""
    workspace = context.workspace()
    database = context.database(workspace)
    with database.read() as connection:
        campaign_id = find_campaign(connection, campaign)
    ordered = operate.resume(database, campaign_id, clock.now(workspace, database, None), overdue)
    facts = {"campaign": campaign, "state": "live", "affected": ordered.affected}
    held = "no message was held"
    if ordered.affected:
        held = f"{counted(ordered.affected, 'message')} held: {_WORDS[overdue]} with the next tick"
    text = f"{campaign} was not paused" if ordered.at is None else f"{campaign} goes on; {held}"
    emit(format_, "resume", facts, text)
