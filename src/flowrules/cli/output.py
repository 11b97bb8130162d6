"""How facts are printed: one JSON object, rows, or text.

Takes plain data with the keys of the command line's contract. Never prints log or progress: those go to stderr.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from textwrap import wrap
from typing import Any

import click

from flowrules.cli.context import Context

WIDTH = 80
_INDENT = "  "

Facts = Mapping[str, Any]


def formats(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option `--format` of a command, as argument `format_`; the first name is the default."""

    def resolved(context: click.Context, _option: click.Parameter, value: str | None) -> str:
        state = context.ensure_object(Context)
        if value is None and state.format_ is not None and state.format_ not in names:
            raise click.BadParameter(f"{state.format_!r} is not one of {', '.join(names)}.", param_hint="'--format'")
        state.format_ = value or state.format_ or names[0]
        return state.format_

    return click.option(
        "--format", "format_", type=click.Choice(names), callback=resolved, help=f"Default: {names[0]}."
    )


def emit(format_: str, name: str, facts: Facts, text: str) -> None:
    """Facts as `{"schema": "flowrules.NAME/1", ...}`, or the text that says the same."""
    if format_ == "json":
        click.echo(json.dumps({"schema": f"flowrules.{name}/1", **facts}, ensure_ascii=False, indent=2))
    elif text:
        click.echo(text)


def emit_rows(format_: str, name: str, columns: Sequence[str], rows: Iterable[Facts], nothing: str = "") -> None:
    """Rows in the order given. json: one object with the rows under `name`; jsonl, csv; text: a table, or that there is
    nothing.
    """
    if format_ == "jsonl":
        for row in rows:
            click.echo(json.dumps({column: row[column] for column in columns}, ensure_ascii=False))
    elif format_ == "csv":
        from flowrules.store.spreadsheet import write_csv  # noqa: PLC0415 -- `check` prints no csv

        write_csv(sys.stdout, columns, ([row[column] for column in columns] for row in rows))
    elif format_ == "json":
        emit(format_, name, {name: [{column: row[column] for column in columns} for row in rows]}, "")
    else:
        cells = [[row[column] for column in columns] for row in rows]
        click.echo(table(columns, cells) if cells else nothing)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns side by side, numbers to the right; no control characters, whoever wrote the data.

    Columns that do not fit on a line follow on the next, indented: of the head, and of each row.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(name), *(len(row[i]) for row in cells)) if cells else len(name) for i, name in enumerate(columns)]
    numeric = [bool(cells) and all(_is_number(row[i]) for row in cells) for i in range(len(columns))]
    groups = _groups(widths)
    lines = []
    for row in [list(columns), *cells]:
        for number, group in enumerate(groups):
            side = (row[i].rjust(widths[i]) if numeric[i] else row[i].ljust(widths[i]) for i in group)
            text = (_INDENT if number else "") + "  ".join(side).rstrip()
            if number == 0 or text.strip():
                lines += wrap(text, WIDTH, subsequent_indent=_INDENT * 2) if len(text) > WIDTH else [text]
    return "\n".join(lines)


def _groups(widths: Sequence[int]) -> list[list[int]]:
    groups: list[list[int]] = [[]]
    left = WIDTH
    for number, width in enumerate(widths):
        if groups[-1] and width > left:
            groups.append([])
            left = WIDTH - len(_INDENT)
        groups[-1].append(number)
        left -= width + 2
    return groups


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return "".join(character if character.isprintable() else " " for character in text)


def _is_number(cell: str) -> bool:
    return not cell or cell.lstrip("-").replace(".", "", 1).isdigit()
