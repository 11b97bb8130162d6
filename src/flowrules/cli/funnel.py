"""`flowrules funnel CAMPAIGN`: who entered, moved on and left."""

from __future__ import annotations

import os
import sys

import click

from flowrules.cli import clock
from flowrules.cli.context import Context
from flowrules.cli.output import emit, formats
from flowrules.report.funnel import funnel
from flowrules.report.funnel_text import funnel_lines
from flowrules.report.print import printed


@click.command("funnel")
@click.argument("campaign")
@click.option("--from", "since", metavar="TIME", help="Only those who entered from then on.")
@click.option("--until", metavar="TIME", help="Only those who entered before.")
@formats("text", "json")
@click.pass_obj
def command(context: Context, *, campaign: str, since: str | None, until: str | None, format_: str) -> None:
    """Count who entered each stage of CAMPAIGN, is there, moved on or left, beside those held out.

    A customer's journey counts once in a stage, by its last stay there. conv.: the part that moved on or reached the
    goal, none where nothing more can be reached; median: how long those stayed who are no longer there.
    """
    workspace = context.workspace()
    begin = None if since is None else clock.parse_instant(since, workspace.zone, "--from")
    end = None if until is None else clock.parse_instant(until, workspace.zone, "--until")
    with context.database(workspace).read() as connection:
        found = funnel(connection, campaign, begin, end)
    emit(format_, "funnel", found.facts(), printed(funnel_lines(found), colour=colour(), plain=plain()))


def colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def plain() -> bool:
    """The terminal or file takes no characters beyond ASCII."""
    try:
        "█…".encode(sys.stdout.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return True
    return False
