"""`flowrules explain CUSTOMER [CAMPAIGN]`: why a customer did or did not get something."""

from __future__ import annotations

import click

from flowrules.cli import clock
from flowrules.cli.context import Context
from flowrules.cli.funnel import colour, plain
from flowrules.cli.output import emit, formats
from flowrules.report.explain import explain
from flowrules.report.explain_text import explanation_lines
from flowrules.report.print import printed
from flowrules.store.zones import END


@click.command("explain")
@click.argument("customer")
@click.argument("campaign", required=False)
@click.option("--at", metavar="TIME", help="As things stood then; default: now.")
@formats("text", "json")
@click.pass_obj
def command(context: Context, *, customer: str, campaign: str | None, at: str | None, format_: str) -> None:
    """Tell why CUSTOMER (id, email or phone) did or did not get something, in CAMPAIGN or in all that are in force.

    Each decision comes with its rule; a withheld message with what was counted, and when it would next be possible.
    """
    workspace = context.workspace()
    instant = END if at is None else clock.parse_instant(at, workspace.zone, "--at")
    with context.database(workspace).read() as connection:
        found = explain(connection, customer, campaign, instant)
    emit(format_, "explain", found.facts(), printed(explanation_lines(found), colour=colour(), plain=plain()))
