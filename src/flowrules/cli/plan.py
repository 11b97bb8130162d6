"""`flowrules plan`: what `apply` would do, and to whom."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from flowrules.cli import clock
from flowrules.cli.apply import list_changes_of
from flowrules.cli.context import Context, UserError
from flowrules.cli.output import emit, formats
from flowrules.cli.share import SHARE, canary
from flowrules.errors import DatabaseMissingError
from flowrules.report.plan import facts, text
from flowrules.runtime.deploy import digest_of
from flowrules.runtime.plan import plan
from flowrules.store.database import Database
from flowrules.store.imports.lists import read_lists
from flowrules.workspace import Workspace

CHANGES = 3


@click.command("plan")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Keep the plan in a file, for `apply FILE`.")
@click.option("--verbose", is_flag=True, help="Say of each step what becomes of those who are there.")
@click.option("--only", metavar="CAMPAIGN", help="Of one campaign alone, step by step.")
@click.option("--canary", "share", type=SHARE, metavar="SHARE", help="As `apply --canary` would: for a share, 10%.")
@click.option("--exit-code", "signal", is_flag=True, help=f"Exit {CHANGES} when there are changes.")
@formats("text", "json")
@click.pass_obj
def command(
    context: Context,
    *,
    out: Path | None,
    verbose: bool,
    only: str | None,
    share: int | None,
    signal: bool,
    format_: str,
) -> int:
    """Compare the files with what is in force, by meaning, and count whom it concerns. Changes nothing."""
    workspace = context.workspace()
    snapshot, model = context.model(workspace)
    database = _database(workspace)
    since = None if workspace.virtual_clock else clock.wall()
    made = plan(database, snapshot, model, canary(share), since)
    if only is not None and only not in {each.name for each in made.campaigns}:
        raise UserError(f"there is no campaign `{only}`, neither in the files nor in force")
    lists, notes = read_lists(workspace.root, model, snapshot.lists)
    for note in notes:
        context.warn(note)
    changes = list_changes_of(database, lists)
    told = {**facts(made), "lists": [asdict(each) for each in changes], "digest": digest_of(snapshot)}
    if out is not None:
        kept = json.dumps({"schema": "flowrules.plan/1", **told}, ensure_ascii=False, indent=2)
        out.write_text(f"{kept}\n", encoding="utf-8")
        context.note(f"wrote {out}; `flowrules apply {out}` does this and nothing else")
    emit(format_, "plan", told, text(made, workspace.zone, verbose=verbose, only=only, lists=changes))
    if made.refused:
        return 1
    return CHANGES if signal and (made.changes or changes) else 0


def _database(workspace: Workspace) -> Database | None:
    try:
        return Database.open(workspace.database)
    except DatabaseMissingError:
        return None
