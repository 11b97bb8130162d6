"""`flowrules messages`: what was decided to be sent, and what became of it."""

from __future__ import annotations

import click

from flowrules.cli import clock
from flowrules.cli.context import Context
from flowrules.cli.output import emit_rows, formats
from flowrules.report.messages import COLUMNS, Choice, messages

STATUSES = (
    "intended", "held", "sent", "delivered", "bounced", "refused", "retrying", "unknown", "ghost", "skipped",
    "expired", "cancelled",
)  # fmt: skip

_SHOWN = ("decided_at", "customer", "campaign", "channel", "template", "status", "reason", "sent_at", "answer")


@click.command("messages")
@click.option("--customer", metavar="ID", help="Of one customer: id, email or phone.")
@click.option("--campaign", metavar="NAME", help="Of one campaign.")
@click.option("--status", type=click.Choice(STATUSES), help="Only these.")
@click.option("--since", metavar="TIME", help="Decided at or after.")
@formats("text", "json", "jsonl", "csv")
@click.pass_obj
def command(
    context: Context, *, customer: str | None, campaign: str | None, status: str | None, since: str | None, format_: str
) -> None:
    """List messages in the order they were decided."""
    workspace = context.workspace()
    begin = None if since is None else clock.parse_instant(since, workspace.zone, "--since")
    with context.database(workspace).read() as connection:
        rows = messages(connection, Choice(customer, campaign, status, begin))
        emit_rows(format_, "messages", _SHOWN if format_ == "text" else COLUMNS, rows)
