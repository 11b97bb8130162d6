"""`flowrules apply`: what the rule files say is in force from now on."""

from __future__ import annotations

import sys

import click

from flowrules.cli import clock
from flowrules.cli.context import Context
from flowrules.cli.output import emit, formats, table
from flowrules.errors import DatabaseMissingError
from flowrules.runtime import deploy
from flowrules.store.database import Database
from flowrules.store.imports.lists import read_lists
from flowrules.store.versions import compare
from flowrules.workspace import Workspace


@click.command("apply")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--now", "at", metavar="TIME", help="The instant, where the workspace has a virtual clock.")
@click.option("--since", metavar="TIME", help="Let new campaigns be entered also by what has happened since then.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@formats("text", "json")
@click.pass_obj
def command(context: Context, *, yes: bool, at: str | None, since: str | None, dry_run: bool, format_: str) -> int:
    """Put the rules in force. Customers on their way stay in the version they entered.

    Makes the database if there is none.
    """
    workspace = context.workspace()
    snapshot, model = context.model(workspace)
    database = _open(workspace)
    lists, unusable = read_lists(workspace.root, model, snapshot.lists)
    for note in unusable:
        context.warn(note)
    version, campaigns, in_flight = compare(database, model)
    if dry_run:
        _show(format_, version + 1, campaigns, in_flight)
        context.note("a dry run: nothing was changed")
        return 0
    if not yes and sys.stdin.isatty() and any(state in {"changed", "removed"} for _, _, state in campaigns):
        context.note(table(("campaign", "version", "state"), campaigns))
        click.confirm("Put this in force?", abort=True, err=True)
    if database is None:
        database = Database.create(workspace.database, zone=workspace.zone, currency=workspace.currency)
        context.note(f"made the database {database.name}")
    now = clock.now(workspace, database, at)
    looks_back_to = None if since is None else clock.parse_instant(since, workspace.zone, "--since")
    if looks_back_to is not None and looks_back_to > now:
        raise click.BadParameter("it lies in the future", param_hint="'--since'")
    if looks_back_to is not None and not any(state == "added" for _, _, state in campaigns):
        context.warn("--since is for campaigns that are new, and none is; nobody is let in by what has happened")
    applied = deploy.apply(database, snapshot, model, now, lists=lists, looks_back_to=looks_back_to)
    _show(format_, applied.version, applied.campaigns, applied.in_flight)
    return 0


def _open(workspace: Workspace) -> Database | None:
    try:
        return Database.open(workspace.database)
    except DatabaseMissingError:
        return None


def _show(format_: str, version: int, campaigns: tuple[tuple[str, int, str], ...], in_flight: int) -> None:
    columns = ("name", "version", "state")
    facts = {
        "version": version,
        "campaigns": [dict(zip(columns, each, strict=True)) for each in campaigns],
        "in_flight": in_flight,
    }
    lines = [table(("campaign", "version", "state"), campaigns)] if campaigns else ["there are no campaigns"]
    lines.append(f"deployment {version}; {in_flight} customers on their way")
    emit(format_, "apply", facts, "\n".join(lines))
