"""`flowrules outbox`: what waits, and what a person found out about a message of unknown outcome."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import click

from flowrules.cli import clock
from flowrules.cli.context import Context, UserError
from flowrules.cli.output import emit, emit_rows, formats
from flowrules.content.outgoing import id_of
from flowrules.report.lookup import find_message
from flowrules.report.messages import COLUMNS, Choice, messages
from flowrules.report.unknown import those
from flowrules.report.words import counted, told
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
@click.option(
    "--unknown", is_flag=True, help="Only those whose outcome is unknown; with `resolve`, all of them at once."
)
@click.option("--campaign", metavar="NAME", help="Only those of this campaign.")
@click.option("--channel", metavar="NAME", help="Only those by this channel.")
@click.option("--as", "verdict", type=click.Choice(list(_SETTLED)), help="With `resolve`: what became of the message.")
@click.option("--yes", is_flag=True, help="With `resolve --unknown`: do not ask.")
@formats("text", "json", "jsonl", "csv")
@click.pass_obj
def command(
    context: Context,
    *,
    action: str | None,
    message_id: str | None,
    unknown: bool,
    campaign: str | None,
    channel: str | None,
    verdict: operate.Verdict | None,
    yes: bool,
    format_: str,
) -> None:
    """List the messages that wait, or `resolve MESSAGE_ID --as ...`: say what became of one of unknown outcome.

    `sent` and `failed` settle it; `resend` hands it over once more, which may be twice for its receiver. `resolve
    --unknown --as ...` says the same of all whose outcome is unknown, or of those of a campaign or a channel.
    """
    one, all_ = message_id is not None, unknown and message_id is None
    narrowed = campaign is not None or channel is not None
    wrong = (one and (unknown or narrowed)) or (yes and not all_)
    if wrong or (action is None) != (verdict is None) or (action is not None and not one and not all_):
        raise click.UsageError(
            "write it like: flowrules outbox resolve MESSAGE_ID --as sent; of all at once: --unknown for MESSAGE_ID"
        )
    workspace = context.workspace()
    if channel is not None and channel not in workspace.channels:
        raise UserError(f"there is no channel `{channel}`", f"flowrules.toml has {', '.join(workspace.channels)}")
    database = context.database(workspace)
    if verdict is None:
        with database.read() as connection:
            choice = Choice(campaign=campaign, statuses=(Status.UNKNOWN,) if unknown else _OPEN)
            rows: Iterable[dict[str, Any]] = (
                row for row in messages(connection, choice) if channel in {None, row["channel"]}
            )
            if format_ == "text":
                context.note(f"times are local: {workspace.zone}")
                rows = ({**row, "decided_at": told(row["decided_at"], workspace.zone)} for row in rows)
            nothing = "no outcome is unknown" if unknown else "nothing waits"
            emit_rows(format_, "outbox", _SHOWN if format_ == "text" else COLUMNS, rows, nothing)
        return
    with database.read() as connection:
        details = [find_message(connection, message_id)] if message_id else those(connection, campaign, channel)
    if not one:
        _asked(len(details), verdict, yes=yes)
    now = clock.now(workspace, database, None)
    settled = [id_of(detail) for detail in details if operate.settle(database, detail, verdict, now)]
    if one and not settled:
        raise UserError(
            f"the outcome of `{message_id}` is not unknown: it is {Status(details[0].status).word}",
            "`flowrules outbox --unknown` lists those to be resolved",
        )
    facts = {"message_id": message_id} if one else {"message_ids": settled}
    said = [f"{each} {_WORDS[verdict]}" for each in settled] or ["no outcome is unknown"]
    emit(
        "text" if format_ == "text" else "json",
        "outbox_resolve",
        {**facts, "status": _SETTLED[verdict]},
        "\n".join(said),
    )


def _asked(number: int, verdict: operate.Verdict, *, yes: bool) -> None:
    """What is said of many at once is meant."""
    if yes or not number:
        return
    twice = "; whoever has it already gets it twice" if verdict == "resend" else ""
    words = f"of {counted(number, 'message')} the outcome is unknown; `--as {verdict}`: each {_WORDS[verdict]}{twice}"
    if not sys.stdin.isatty():
        raise UserError(words, "`flowrules outbox --unknown` lists them; --yes goes on")
    click.confirm(f"{words}. Go on?", abort=True, err=True)
