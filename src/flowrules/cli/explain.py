"""`flowrules explain CUSTOMER [CAMPAIGN]`: why a customer did or did not get something."""

from __future__ import annotations

import click

from flowrules.cli import clock
from flowrules.cli.context import Context
from flowrules.cli.funnel import colour, plain
from flowrules.cli.output import emit, formats
from flowrules.content.deployed import Deployed
from flowrules.report.explain import explain
from flowrules.report.explain_text import explanation_lines
from flowrules.report.print import printed
from flowrules.store.zones import END
from flowrules.whatif.answer import suppose
from flowrules.whatif.then import as_of


@click.command("explain")
@click.argument("customer")
@click.argument("campaign", required=False)
@click.option("--at", metavar="TIME", help="As things stood then; default: now.")
@click.option(
    "--no-what-if",
    "short",
    is_flag=True,
    help="Without what would have let messages out, and what conditions found: faster.",
)
@formats("text", "json")
@click.pass_obj
def command(
    context: Context, *, customer: str, campaign: str | None, at: str | None, short: bool, format_: str
) -> None:
    """Tell why CUSTOMER (id, email or phone) did or did not get something, in CAMPAIGN or in all that are in force.

    Each decision comes with its rule; a withheld message with what was counted, and when it would next be possible.
    """
    workspace = context.workspace()
    instant = END if at is None else clock.parse_instant(at, workspace.zone, "--at")
    with context.database(workspace).read() as connection:
        known: dict[int, Deployed] = {}
        with as_of(connection, customer, instant, known) as then:
            found = explain(connection, customer, campaign, instant, known, lambda _: then)
        if not short:
            found = found.supposing(suppose(connection, customer, campaign, found.zone, instant, known))
    emit(format_, "explain", found.facts(), printed(explanation_lines(found), colour=colour(), plain=plain()))
