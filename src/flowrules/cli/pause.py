"""`flowrules pause CAMPAIGN`: nobody enters, and no message leaves."""

from __future__ import annotations

import click

from flowrules.cli import clock
from flowrules.cli.context import Context
from flowrules.cli.output import emit, formats
from flowrules.report.lookup import find_campaign
from flowrules.report.words import counted
from flowrules.runtime import operate


@click.command("pause")
@click.argument("campaign")
@formats("text", "json")
@click.pass_obj
def command(context: Context, *, campaign: str, format_: str) -> None:
    """Pause CAMPAIGN: from now on nobody enters and no message leaves, until `flowrules resume`.

    Journeys go on to their next message and wait there; goals, exits and deadlines count as ever.
    """
    workspace = context.workspace()
    database = context.database(workspace)
    with database.read() as connection:
        campaign_id = find_campaign(connection, campaign)
    ordered = operate.pause(database, campaign_id, clock.now(workspace, database, None))
    facts = {"campaign": campaign, "state": "paused", "affected": ordered.affected}
    was = " already" if ordered.at is None else ""
    emit(format_, "pause", facts, f"{campaign} is paused{was}; {counted(ordered.affected, 'journey')} under way")
