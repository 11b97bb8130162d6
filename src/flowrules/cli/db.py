"""`flowrules db`: the database itself, upgraded, examined, copied."""

from __future__ import annotations

from pathlib import Path

import click

from flowrules.cli.context import Context, UserError
from flowrules.cli.output import emit, formats
from flowrules.store.backup import back_up
from flowrules.store.database import Database
from flowrules.store.examine import damage, faults
from flowrules.store.revisions import head


@click.group("db")
def command() -> None:
    """Upgrade the database to this program, examine it, or copy it."""


@command.command("upgrade")
@formats("text", "json")
@click.pass_obj
def upgrade_command(context: Context, *, format_: str) -> None:
    """Bring an older database to what this program needs, all or nothing. Of a SQLite file a copy is kept."""
    from flowrules.store.upgrade import upgrade  # noqa: PLC0415 -- Alembic is slow to import

    done = upgrade(context.workspace().database)
    if done.backup is not None:
        context.note(f"the database as it was: {done.backup}")
    text = f"upgraded from revision {done.before} to {done.after}"
    facts = {
        "revision": done.after,
        "head": done.after,
        "before": done.before,
        "backup": None if done.backup is None else str(done.backup),
    }
    emit(format_, "db", facts, text if done.before != done.after else f"revision {done.after}: nothing to upgrade")


@command.command("check")
@formats("text", "json")
@click.pass_obj
def check_command(context: Context, *, format_: str) -> int:
    """Examine the database: that the file is whole, and that what is in it agrees with itself."""
    database, revision = Database.find(context.workspace().database)
    found = list(damage(database))
    if not found and revision == head():
        found = list(faults(database))
    facts = {"revision": revision, "head": head(), "faults": found}
    emit(format_, "db", facts, "\n".join([f"revision {revision}: {_outcome(revision, found)}", *found]))
    if found:
        raise UserError(f"{database.name} is damaged", "restore a backup")
    return 0


def _outcome(revision: str, found: list[str]) -> str:
    if found:
        return "1 fault" if len(found) == 1 else f"{len(found)} faults"
    if revision != head():
        return f"the file is whole; `flowrules db upgrade` brings it to {head()}"
    return "no faults found"


@command.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@formats("text", "json")
@click.pass_obj
def backup_command(context: Context, file: Path, *, format_: str) -> None:
    """Copy the SQLite database to FILE while it is in use; nobody has to stop."""
    database, revision = Database.find(context.workspace().database)
    back_up(database, file)
    emit(
        format_, "db", {"revision": revision, "head": head(), "backup": str(file)}, f"copied {database.name} to {file}"
    )
