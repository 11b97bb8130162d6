"""CSV as FlowRules writes it: what a spreadsheet opens is data, never a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import TextIO

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(file: TextIO, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    write_rows(file, [columns])
    write_rows(file, rows)


def write_rows(file: TextIO, rows: Iterable[Sequence[object]]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows([defused(cell) for cell in row] for row in rows)


def defused(cell: object) -> object:
    """A text that a spreadsheet would compute gets an apostrophe in front; a number is a number."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
