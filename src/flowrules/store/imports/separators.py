"""How the cells of a CSV file are told apart.

Takes the beginning of a text; gives the separator that cuts its lines into equally many cells.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import islice

from flowrules.store.imports.failures import ImportFileError

BLANKS = " "
NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "blanks": BLANKS}
"""As an option names them; by themselves they will do as well."""

_ROWS = 200
_DECLARED = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)
_ENOUGH = 0.9
"""So many of the rows must have as many cells as there are names."""


def separator(lines: Iterable[str], given: str | None) -> tuple[str, int]:
    """The separator, and how many lines stand before the names (Excel's `sep=;`)."""
    sample = list(islice(lines, _ROWS))
    declared = _DECLARED.fullmatch(sample[0]) if sample else None
    before = 0 if declared is None else 1
    if given is not None:
        return NAMES.get(given, given), before
    if declared is not None:
        return declared[1], before
    found = {mark: measured for mark in ",;\t|" if (measured := _measured(sample, mark)) is not None}
    if not found:
        names = sample[0].split() if sample else []
        even = len(names) > 1 and all(len(line.split()) == len(names) for line in sample if line.strip())
        return (BLANKS if even and _runs(sample) else ","), before
    best = max(found.values())
    marks = [mark for mark, measured in found.items() if measured == best]
    if len(marks) > 1:
        said = " or ".join(f"`{name}`" for name, mark in NAMES.items() if mark in marks)
        raise ImportFileError(
            "the cells may be separated by more than one character", f"say which: --separator {said.strip('`')}"
        )
    return marks[0], before


def _measured(sample: list[str], mark: str) -> tuple[bool, int, float] | None:
    """Whether it serves, the number of columns, and how many rows have as many; None: it separates no names."""
    rows = _cut(sample, mark)
    names = next(rows, [])
    if len(names) < 2:  # noqa: PLR2004 -- one column is separated by nothing
        return None
    widths = [len(row) for row in rows if row]
    same = sum(width == len(names) for width in widths) / len(widths) if widths else 1.0
    return same >= _ENOUGH, len(names), same


def _cut(sample: list[str], mark: str) -> Iterator[list[str]]:
    reader = csv.reader(sample, delimiter=mark)
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield []


def _runs(sample: list[str]) -> bool:
    """A dump pads its columns; single blanks are those of words."""
    return any("  " in line.strip() for line in sample)
