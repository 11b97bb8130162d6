"""`flowrules monitor`: the funnel, live, in the terminal."""

from __future__ import annotations

import os
import sys

import click

from flowrules.cli.context import Context, UserError
from flowrules.cli.funnel import colour, plain


@click.command("monitor")
@click.option("--once", is_flag=True, help="Print the first screen as plain text, and end: for scripts and cron.")
@click.pass_obj
def command(context: Context, *, once: bool) -> None:
    """Watch campaigns, customers and rules as they go on. What can be changed from there asks first.

    Reads the database only, and recovers by itself when that is gone for a while.
    """
    workspace = context.workspace()
    if once:
        from flowrules.monitor.once import once_lines  # noqa: PLC0415 -- Textual takes long to import
        from flowrules.report.print import printed  # noqa: PLC0415

        click.echo(printed(once_lines(workspace), colour=colour(), plain=plain()))
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM") == "dumb":
        raise UserError("the monitor needs a terminal", "`flowrules monitor --once` prints its first screen as text")
    from flowrules.monitor.app import Monitor  # noqa: PLC0415 -- as above

    monitor = Monitor(workspace, debug=context.debug)
    monitor.run()
    if monitor.failure is not None:
        raise monitor.failure
