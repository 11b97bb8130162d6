"""`flowrules monitor`: the funnel, live, in the terminal."""

from __future__ import annotations

import click

from flowrules.cli.context import Context


@click.command("monitor")
@click.option("--once", is_flag=True, help="Print the first screen as plain text, and end.")
@click.pass_obj
def command(context: Context, *, once: bool) -> None:
    """Watch campaigns, customers and rules as they go on. Everything it changes asks first."""
    workspace = context.workspace()
    from flowrules.monitor.app import Monitor  # noqa: PLC0415 -- Textual is slow to import

    Monitor(workspace).run()
