"""`flowrules history`: what was put in force, and when."""

from __future__ import annotations

import click

from flowrules.cli.context import Context
from flowrules.cli.output import emit_rows, formats
from flowrules.report.history import COLUMNS, SHOWN, history
from flowrules.report.words import told


@click.command("history")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="So many at most.")
@formats("text", "json", "jsonl", "csv")
@click.pass_obj
def command(context: Context, *, limit: int, format_: str) -> None:
    """List the deployments, the newest first, with the commit of git where the files were in a repository."""
    workspace = context.workspace()
    with context.database(workspace).read() as connection:
        rows = history(connection, limit)
        if format_ == "text":
            context.note(f"times are local: {workspace.zone}")
            rows = ({**row, "at": told(str(row["at"]), workspace.zone, exact=False)} for row in rows)
        emit_rows(format_, "history", SHOWN if format_ == "text" else COLUMNS, rows, "nothing is deployed yet")
