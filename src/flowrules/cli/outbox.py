"""`flowrules outbox`: what waits, and what a person found out about a message of unknown outcome."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from flowrules.cli import clock
from flowrules.cli.context import Context, UserError
from flowrules.cli.output import emit, emit_rows, formats
from flowrules.report.lookup import find_message
from flowrules.report.messages import COLUMNS, Choice, messages
from flowrules.report.words import told
from flowrules.runtime import operate
from flowrules.sql.codes import Status

_OPEN = (Status.INTENDED, Status.CLAIMED, Status.RETRYING, Status.HELD, Status.UNKNOWN)
_SHOWN = ("message_id", "decided_at", "channel", "status", "reason", "attempts")
_SETTLED = {"sent": "sent", "failed": "refused", "resend": "intended"}
_WORDS = {
    "sent": "counts as sent",
    "failed": "counts as not sent; its slot in the caps is free again",
    "resend": "waits to be handed over once more",
}


@click.command("outbox")
@click.argument("action", required=False, type=click.Choice(["resolve"]))
@click.argument("message_id", required=False)
@click.option("--unknown", is_flag=True, help="Only those whose outcome is unknown.")
@click.option("--as", "verdict", type=click.Choice(list(_SETTLED)), help="With `resolve`: what became of the message.")
@formats("text", "json", "jsonl", "csv")
@click.pass_obj
def command(
    context: Context,
    *,
    action: str | None,
    message_id: str | None,
    unknown: bool,
    verdict: operate.Verdict | None,
    format_: str,
) -> None:
    """List the messages that wait, or `resolve MESSAGE_ID --as ...`: say what became of one of unknown outcome.

    `sent` and `failed` settle it; `resend` hands it over once more, which may be twice for its receiver.
    """
    if (action is None) != (message_id is None) or (action is None) != (verdict is None):
        raise click.UsageError("write it like: flowrules outbox resolve MESSAGE_ID --as sent")
    workspace = context.workspace()
    database = context.database(workspace)
    if message_id is None or verdict is None:
        with database.read() as connection:
            rows: Iterable[dict[str, Any]] = messages(
                connection, Choice(statuses=(Status.UNKNOWN,) if unknown else _OPEN)
            )
            if format_ == "text":
                context.note(f"times are local: {workspace.zone}")
                rows = ({**row, "decided_at": told(row["decided_at"], workspace.zone)} for row in rows)
            nothing = "no outcome is unknown" if unknown else "nothing waits"
            emit_rows(format_, "outbox", _SHOWN if format_ == "text" else COLUMNS, rows, nothing)
        return
    with database.read() as connection:
        detail = find_message(connection, message_id)
    if not operate.settle(database, detail, verdict, clock.now(workspace, database, None)):
        raise UserError(
            f"the outcome of `{message_id}` is not unknown: it is {Status(detail.status).word}",
            "`flowrules outbox --unknown` lists those to be resolved",
        )
    emit(
        "text" if format_ == "text" else "json",
        "outbox_resolve",
        {"message_id": message_id, "status": _SETTLED[verdict]},
        f"{message_id} {_WORDS[verdict]}",
    )
