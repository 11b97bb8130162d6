"""`flowrules apply`: what the rule files say is in force from now on."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import click
from pydantic import BaseModel, Field, ValidationError

from flowrules.cli import clock
from flowrules.cli.context import Context, UserError
from flowrules.cli.output import emit, formats, table
from flowrules.cli.repository import commit
from flowrules.cli.share import SHARE, canary
from flowrules.errors import DatabaseMissingError
from flowrules.model.campaign import Model
from flowrules.program.plan import Act, Plan, Promise, refusal
from flowrules.report.plan import list_line, nobody_lines, past_lines, shares, text
from flowrules.report.words import count
from flowrules.runtime import deploy
from flowrules.runtime.plan import plan
from flowrules.sql.canary import percent
from flowrules.store.database import Database
from flowrules.store.identity import IdentityKind
from flowrules.store.imports.lists import read_lists
from flowrules.store.journal import ListChange, list_changes
from flowrules.workspace import Workspace


class _Act(BaseModel):
    campaign: str
    rule: str
    deed: str


class _File(BaseModel):
    """What `plan -o` has kept, as far as it must be as it was."""

    name: Literal["flowrules.plan/1"] = Field(alias="schema")
    deployment: int
    digest: str
    acts: list[_Act]
    canary: int | None = Field(alias="canary_millionths")

    def promise(self) -> Promise:
        return Promise(self.deployment, frozenset(Act(each.campaign, each.rule, each.deed) for each in self.acts))


@click.command("apply")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--now", "at", metavar="TIME", help="The instant, where the workspace has a virtual clock.")
@click.option("--since", metavar="TIME", help="Let new campaigns be entered also by what has happened since then.")
@click.option("--canary", "share", type=SHARE, metavar="SHARE", help="For a share of those who enter: 10%.")
@click.option(
    "--shrink", "shrinking", metavar="LIST", multiple=True, help="This list may lose most of who stands in it."
)
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@formats("text", "json")
@click.pass_obj
def command(
    context: Context,
    *,
    file: Path | None,
    yes: bool,
    at: str | None,
    since: str | None,
    share: int | None,
    shrinking: Sequence[str],
    dry_run: bool,
    format_: str,
) -> int:
    """Put the rules in force. Customers on their way stay in the version they entered, unless `migrate` says otherwise.

    FILE: a plan that `plan -o` has kept; it is carried out exactly, or refused. Makes the database if there is none.
    """
    workspace = context.workspace()
    snapshot, model = context.model(workspace)
    kept = None if file is None else _read(file)
    if kept is not None and kept.digest != deploy.digest_of(snapshot):
        raise UserError(f"the files are not those of {file}: they were changed since", "make the plan again")
    database = _open(workspace)
    lists, notes = read_lists(workspace.root, model, snapshot.lists)
    _warn(context, notes)
    changes = list_changes_of(database, lists)
    tried = _tried(kept, share)
    made = plan(database, snapshot, model, tried)
    _warn(context, nobody_lines(made.nobody))
    if dry_run:
        _show(format_, made, made.deployment + 1, _states(made), made.in_flight, made.moving, changes)
        context.note("a dry run: nothing was changed")
        return 0
    promise = None if kept is None else kept.promise()
    if made.refused:
        raise UserError(*refusal(made))
    _no_list_cut_off(model, changes, shrinking)
    if kept is None and not yes and sys.stdin.isatty() and any(state != "added" for state in _news(made)):
        context.note(text(made, workspace.zone, lists=changes))
        click.confirm("Put this in force?", abort=True, err=True)
        promise = made.promise
    if database is None:
        database = Database.create(workspace.database, zone=workspace.zone, currency=workspace.currency)
        context.note(f"made the database {database.name}")
    now = clock.now(workspace, database, at)
    looks_back_to = None if since is None else clock.parse_instant(since, workspace.zone, "--since")
    if looks_back_to is not None and looks_back_to > now:
        raise click.BadParameter("it lies in the future", param_hint="'--since'")
    if looks_back_to is not None and not any(each.change == "added" for each in made.campaigns):
        context.warn("--since is for campaigns that are new, and none is; nobody is let in by what has happened")
    applied = deploy.apply(
        database,
        snapshot,
        model,
        now,
        lists=lists,
        looks_back_to=looks_back_to,
        promise=promise,
        commit=commit(workspace.root),
        canary=tried,
    )
    _warn(context, past_lines(applied.plan.past, workspace.zone))
    _show(format_, applied.plan, applied.version, applied.campaigns, applied.in_flight, applied.moved, changes)
    return 0


def list_changes_of(
    database: Database | None, lists: Mapping[str, Iterable[tuple[IdentityKind, str]]]
) -> Sequence[ListChange]:
    if database is None:
        return ()
    with database.read() as connection:
        return list_changes(connection, lists)


def _no_list_cut_off(model: Model, changes: Iterable[ListChange], shrinking: Sequence[str]) -> None:
    """A file that broke off on its way would let everybody through who stood in the rest of it."""
    kept_away = {each.list.name for each in model.policy.suppressions}
    for each in changes:
        if each.name in kept_away and each.name not in shrinking and each.lost * 2 > each.before:
            raise UserError(
                f"the list `{each.name}`, whose customers are sent nothing, would lose {count(each.lost)} of its "
                f"{count(each.before)} entries",
                f"is its file whole? If this is meant: `flowrules apply --shrink {each.name}`",
            )


def _warn(context: Context, lines: Iterable[str]) -> None:
    for line in lines:
        context.warn(line)


def _read(file: Path) -> _File:
    try:
        return _File.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        raise UserError(f"there is no file {file}", "`flowrules plan -o FILE` makes one") from None
    except ValidationError:
        raise UserError(f"{file} is no plan of this program", "`flowrules plan -o FILE` makes one") from None


def _tried(kept: _File | None, share: int | None) -> int | None:
    if kept is not None and share is not None:
        raise click.UsageError("the plan says itself for whom it is; leave --canary out.")
    return canary(share) if kept is None else kept.canary


def _open(workspace: Workspace) -> Database | None:
    try:
        return Database.open(workspace.database)
    except DatabaseMissingError:
        return None


def _states(made: Plan) -> tuple[tuple[str, int, str], ...]:
    return tuple((each.name, each.version or each.before, each.change) for each in made.campaigns)


def _news(made: Plan) -> list[str]:
    news = [each.change for each in made.campaigns if each.change != "unchanged"]
    return news + ["moved" for _ in made.acts] + ["share" for each in made.campaigns if each.share != each.until_now]


def _show(
    format_: str,
    made: Plan,
    version: int,
    campaigns: tuple[tuple[str, int, str], ...],
    in_flight: int,
    moved: int,
    lists: Iterable[ListChange],
) -> None:
    columns = ("name", "version", "state")
    facts = {
        "version": version,
        "campaigns": [dict(zip(columns, each, strict=True)) for each in campaigns],
        "in_flight": in_flight,
        "moved": moved,
        "canary": None if made.canary is None else percent(made.canary),
        "lists": [asdict(each) for each in lists],
    }
    lines = [table(("campaign", "version", "state"), campaigns)] if campaigns else ["there are no campaigns"]
    those = f", {moved} of them moved or taken out by `migrate`" if moved else ""
    lines += [f"{each.name}: {shares(each)}" for each in made.campaigns if each.share or each.until_now]
    lines += map(list_line, lists)
    lines.append(f"deployment {version}; {in_flight} customers on their way{those}")
    emit(format_, "apply", facts, "\n".join(lines))
