"""`flowrules import`: customers, events and consents from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import time
from pathlib import Path
from typing import Any

import click

from flowrules.cli import clock
from flowrules.cli.context import Context
from flowrules.cli.output import emit, formats
from flowrules.cli.progress import progress
from flowrules.cli.rejects import RejectFile
from flowrules.errors import DatabaseMissingError
from flowrules.model.policy import zone_exists
from flowrules.store.database import Database
from flowrules.store.imports.encoding import known
from flowrules.store.imports.numbers import DECIMALS
from flowrules.store.imports.records import Options
from flowrules.store.imports.run import Imported, What, import_file
from flowrules.store.imports.separators import NAMES as SEPARATORS
from flowrules.store.imports.times import EXCEL, Times, date_format
from flowrules.store.zones import BEGINNING
from flowrules.workspace import Workspace

_SHOWN = 10


def _pair(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in given:
        field, found, column = text.partition("=")
        if not found or not field.strip() or not column.strip():
            raise click.BadParameter(f"{text!r} is not FIELD=COLUMN")
        pairs[field.strip()] = column.strip()
    return pairs


def _clock(_context: click.Context, _option: click.Parameter, given: str) -> time:
    try:
        return time.fromisoformat(given)
    except ValueError:
        raise click.BadParameter(f"{given!r} is not a time of day such as 12:00") from None


def _date_format(_context: click.Context, _option: click.Parameter, given: str | None) -> str | None:
    if given not in {None, EXCEL}:
        try:
            date_format(str(given))
        except ValueError as wrong:
            raise click.BadParameter(str(wrong)) from None
    return given


def _separator(_context: click.Context, _option: click.Parameter, given: str | None) -> str | None:
    if given is None or given in SEPARATORS or (len(given) == 1 and given not in '"\r\n'):
        return given
    raise click.BadParameter(f"{given!r} is not one character; write it, or {', '.join(SEPARATORS)}")


def _encoding(_context: click.Context, _option: click.Parameter, given: str | None) -> str | None:
    if given is not None and not known(given):
        raise click.BadParameter(f"{given!r} is not an encoding of text; write it like utf-8, cp1252 or utf-16")
    return given


def _zone(_context: click.Context, _option: click.Parameter, given: str | None) -> str | None:
    if given is not None and not zone_exists(given):
        raise click.BadParameter(f"there is no time zone {given!r}; write it like Europe/Madrid")
    return given


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    column = "The column of the file that holds the {}."
    options = (
        click.argument("what", type=click.Choice(("customers", "events", "consents"))),
        click.argument("file", type=click.Path(path_type=Path)),
        click.option(
            "--map", "columns", metavar="FIELD=COLUMN", multiple=True, callback=_pair, help="A field's column."
        ),
        click.option("--event", metavar="NAME", help="The event that every row is."),
        click.option("--customer", metavar="COLUMN", help=column.format("customer")),
        click.option("--time", "time_column", metavar="COLUMN", help=column.format("time")),
        click.option("--id", "id_column", metavar="COLUMN", help=column.format("id")),
        click.option("--zone", callback=_zone, help="Of times without an offset; default: the workspace's."),
        click.option("--at", default="12:00", callback=_clock, metavar="HH:MM", help="Of a date without a time."),
        click.option("--date-format", callback=_date_format, metavar="DD/MM/YYYY", help="How dates are written."),
        click.option("--decimal", type=click.Choice(tuple(DECIMALS)), help="The sign before decimals."),
        click.option("--separator", callback=_separator, metavar="NAME", help="Between cells: semicolon, tab, ..."),
        click.option("--encoding", callback=_encoding, metavar="NAME", help="Of the file, such as cp1252."),
        click.option("--known-only", is_flag=True, help="Refuse rows of customers that are not known."),
        click.option("--dry-run", is_flag=True, help="Say what would happen; store nothing."),
        click.option("--strict", is_flag=True, help="With one row refused, store nothing and fail."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command("import")
@_options
@formats("text", "json")
@click.pass_obj
def command(
    context: Context,
    what: What,
    file: Path,
    *,
    columns: dict[str, str],
    event: str | None,
    customer: str | None,
    time_column: str | None,
    id_column: str | None,
    zone: str | None,
    at: time,
    date_format: str | None,
    decimal: str | None,
    separator: str | None,
    encoding: str | None,
    known_only: bool,
    dry_run: bool,
    strict: bool,
    format_: str,
) -> int:
    """Take in a FILE of customers, events, or consents: CSV with a line of column names, or one JSON object a line.

    The same file again, or the same file grown, adds exactly what is new. Rows that make no sense are left out and
    written, with the reason, to a file beside it.
    """
    named = {"customer": customer, "time": time_column, "id": id_column}
    columns |= {field: column for field, column in named.items() if column is not None}
    workspace = context.workspace()
    _, model = context.model(workspace)
    with (
        _database(context, workspace, dry_run=dry_run) as database,
        progress(context, "reading", "{:,} rows".format) as read,
        RejectFile(file, wanted=not dry_run) as rejects,
    ):
        imported = import_file(
            database,
            model,
            what,
            file,
            Options(
                times=Times(zone or workspace.zone, at, date_format),
                decimal=None if decimal is None else DECIMALS[decimal],
                columns=columns,
                event=event,
                known_only=known_only,
            ),
            # In a virtual clock's workspace the next tick takes what names no time, whatever the year is here.
            now=BEGINNING if workspace.virtual_clock else clock.wall(),
            encoding=encoding,
            separated=separator,
            dry_run=dry_run,
            strict=strict,
            progress=read,
            sink=rejects.add,
        )
    _report(context, format_, file, imported, rejects.path, dry_run=dry_run)
    return 1 if strict and imported.rejected else 0


@contextmanager
def _database(context: Context, workspace: Workspace, *, dry_run: bool) -> Iterator[Database]:
    try:
        database = Database.open(workspace.database)
    except DatabaseMissingError:
        if dry_run:
            raise
        database = Database.create(workspace.database, zone=workspace.zone, currency=workspace.currency)
        context.note(f"made the database {database.name}")
    try:
        yield database
    finally:
        database.close()


def _report(
    context: Context, format_: str, file: Path, imported: Imported, rejects_file: Path | None, *, dry_run: bool
) -> None:
    facts = {
        "read": imported.read,
        "added": imported.added,
        "changed": imported.changed,
        "unchanged": imported.unchanged,
        "rejected": imported.rejected,
        "rejects_file": None if rejects_file is None else str(rejects_file),
        "rejects": [{"line": each.row.line, "reason": each.reason} for each in imported.rejects],
        "read_as": None if imported.read_as is None else asdict(imported.read_as),
    }
    text = ", ".join(f"{facts[key]} {key}" for key in ("read", "added", "changed", "unchanged", "rejected"))
    emit(format_, "import", facts, text)
    if imported.said:
        context.note(f"{file.name}: {'; '.join(imported.said)}")
    for note in imported.notes:
        context.warn(note)
    for reject in imported.rejects[:_SHOWN]:
        context.warn(f"line {reject.row.line}: {reject.reason}")
    if rejects_file is not None:
        refused = (
            "1 row was refused; it is" if imported.rejected == 1 else f"{imported.rejected} rows were refused; they are"
        )
        context.warn(f"{refused} in {rejects_file}")
    if dry_run:
        context.note("a dry run: nothing was stored")
    elif not imported.kept:
        context.warn("nothing was stored, because rows were refused")
