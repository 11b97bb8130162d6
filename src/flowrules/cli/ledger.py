"""`flowrules ledger`: every decision and its reason."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import click

from flowrules.cli import clock
from flowrules.cli.context import Context
from flowrules.cli.output import emit_rows, formats
from flowrules.report.ledger import COLUMNS, Choice, ledger
from flowrules.report.words import told

_SHOWN = ("at", "customer", "campaign", "step", "decision", "reason", "rule", "detail")


@click.command("ledger")
@click.option("--customer", metavar="ID", help="Of one customer: id, email or phone.")
@click.option("--campaign", metavar="NAME", help="Of one campaign.")
@click.option("--from", "since", metavar="TIME", help="Decided at or after.")
@click.option("--until", metavar="TIME", help="Decided before.")
@formats("text", "json", "jsonl", "csv")
@click.pass_obj
def command(
    context: Context, *, customer: str | None, campaign: str | None, since: str | None, until: str | None, format_: str
) -> None:
    """List decisions, also the negative ones, with the rule that made each: file and line."""
    workspace = context.workspace()
    begin = None if since is None else clock.parse_instant(since, workspace.zone, "--from")
    end = None if until is None else clock.parse_instant(until, workspace.zone, "--until")
    with context.database(workspace).read() as connection:
        rows: Iterable[dict[str, Any]] = ledger(connection, Choice(customer, campaign, begin, end))
        if format_ == "text":
            context.note(f"times are local: {workspace.zone}")
            emit_rows(format_, "ledger", _SHOWN, _for_people(rows, workspace.zone), "no decisions")
        elif format_ == "csv":
            emit_rows(format_, "ledger", COLUMNS, ({**row, "detail": json.dumps(row["detail"])} for row in rows))
        else:
            emit_rows(format_, "ledger", COLUMNS, rows)


def _for_people(rows: Iterable[dict[str, Any]], zone: str) -> Iterator[dict[str, Any]]:
    for row in rows:
        details = {"key": row["key"], **row["detail"], "until": told(row["detail"]["until"], zone)}
        detail = ", ".join(f"{name} {value}" for name, value in details.items() if value is not None)
        yield {**row, "at": told(row["at"], zone), "detail": detail}
