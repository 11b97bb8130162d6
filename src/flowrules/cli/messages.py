"""`flowrules messages`: what was decided to be sent, and what became of it."""

from __future__ import annotations

from typing import Any

import click

from flowrules.cli import clock
from flowrules.cli.context import Context
from flowrules.cli.output import emit_rows, formats
from flowrules.report.messages import COLUMNS, Choice, messages
from flowrules.report.words import told

STATUSES = (
    "intended", "held", "sent", "delivered", "bounced", "refused", "retrying", "unknown", "ghost", "skipped",
    "expired", "cancelled",
)  # fmt: skip

_SHOWN = ("decided_at", "customer", "campaign", "message", "status")


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
        if format_ == "text":
            context.note(f"times are local: {workspace.zone}")
            emit_rows(format_, "messages", _SHOWN, (_for_people(row, workspace.zone) for row in rows), "no messages")
        else:
            emit_rows(format_, "messages", COLUMNS, rows)


def _for_people(row: dict[str, Any], zone: str) -> dict[str, object]:
    because = row["answer"] or (row["reason"] if row["reason"] != row["status"] else None)
    sent = told(row["sent_at"], zone)
    return {
        **row,
        "decided_at": told(row["decided_at"], zone),
        "message": f"{row['channel']} {row['template']}",
        "status": f"{row['status']}{f' {sent}' if sent else ''}{f': {because}' if because else ''}",
    }
