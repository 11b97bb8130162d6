"""`flowrules exit CUSTOMER CAMPAIGN`: an operator takes a customer out."""

from __future__ import annotations

import click

from flowrules.cli import clock
from flowrules.cli.context import Context
from flowrules.cli.output import emit, formats
from flowrules.report.lookup import find_campaign, find_customer
from flowrules.report.words import counted
from flowrules.runtime import operate


@click.command("exit")
@click.argument("customer")
@click.argument("campaign")
@formats("text", "json")
@click.pass_obj
def command(context: Context, *, customer: str, campaign: str, format_: str) -> None:
    """Take CUSTOMER (id, email or phone) out of CAMPAIGN. What waits to be sent is not sent any more.

    The customer may enter again as the campaign's entry mode says.
    """
    workspace = context.workspace()
    database = context.database(workspace)
    with database.read() as connection:
        customer_id, campaign_id = find_customer(connection, customer), find_campaign(connection, campaign)
    ordered = operate.leave(database, customer_id, campaign_id, clock.now(workspace, database, None))
    state = "outside" if ordered.at is None else "leaving"
    text = f"{customer} is not in {campaign}"
    if ordered.at is not None:
        text = f"{customer} leaves {campaign} ({counted(ordered.affected, 'journey')}) with the next tick"
    emit(format_, "exit", {"campaign": campaign, "state": state, "affected": ordered.affected}, text)
