"""A file of rows, as text gives it: CSV or one JSON object a line.

Takes a path, gives rows with their line numbers, as often as they are asked for. Knows nothing of customers.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TextIO

from flowrules.store.imports.encoding import Encoding, encoding_of
from flowrules.store.imports.failures import ImportFileError
from flowrules.store.imports.separators import BLANKS, NAMES, separator

__all__ = ["ImportFileError", "Row", "RowFile", "open_rows"]

_JSON_ENDINGS = {".json", ".jsonl", ".ndjson"}
_BLOCK = 1 << 20
_DEFUSED = ("'=", "'+", "'-", "'@", "'\t", "'\r")
"""As FlowRules writes what a spreadsheet would compute (store/spreadsheet.py)."""


@dataclass(frozen=True, slots=True)
class Row:
    """`wrong`: why it is no row at all; then `values` holds what there was."""

    line: int
    values: Mapping[str, object]
    wrong: str | None = None


@dataclass(frozen=True, slots=True)
class RowFile:
    """`columns` is None where every row names its own (JSON lines). `said`: what was decided on the way."""

    path: Path
    encoding: Encoding
    separator: str
    before: int
    columns: tuple[str, ...] | None
    unnamed: int
    said: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def rows(self) -> Iterator[Row]:
        with _open(self.path, self.encoding) as file:
            if self.columns is None:
                yield from _json_rows(self.path, file)
            else:
                for _ in range(self.before):
                    file.readline()
                lines = _cut(self.path, file, self.separator, self.before)
                _, header, _ = next(lines)
                yield from _csv_rows(lines, [name.strip() for name in header])


def open_rows(path: Path, *, encoding: str | None = None, separated: str | None = None) -> RowFile:
    try:
        found = encoding_of(path, encoding)
    except OSError as failure:
        raise _unreadable(path, failure) from None
    said = [found.said] if found.said else []
    with _open(path, found) as file:
        first = file.readline(_BLOCK)
        file.seek(0)
        if path.suffix.lower() in _JSON_ENDINGS or first.lstrip("\ufeff \t\r\n").startswith("{"):
            return RowFile(path, found, "", 0, None, 0, tuple(said))
        mark, before = separator(iter(lambda: file.readline(_BLOCK), ""), separated)
        file.seek(0)
        for _ in range(before):
            file.readline()
        _, header, wrong = next(_cut(path, file, mark, before), (0, None, None))
    if wrong is not None:
        raise ImportFileError(f"{path}: the line of column names can not be read ({wrong})")
    if header is None:
        raise ImportFileError(f"{path} has no line of column names", "a CSV file starts with one")
    if mark != ",":
        named = next((name for name, each in NAMES.items() if each == mark), mark)
        said.append(f"cells separated by {named if named in {'blanks', mark} else named + 's'}")
    header = [name.strip() for name in header]
    double = [name for name, times in Counter(filter(None, header)).items() if times > 1]
    if double:
        raise ImportFileError(f"{path} has two columns named `{double[0]}`", "rename one of them")
    return RowFile(path, found, mark, before, tuple(filter(None, header)), header.count(""), tuple(said))


@contextmanager
def _open(path: Path, encoding: Encoding) -> Iterator[TextIO]:
    try:
        with path.open(encoding=encoding.codec, newline="") as file:
            yield file
    except OSError as failure:
        raise _unreadable(path, failure) from None
    except UnicodeError:
        raise ImportFileError(f"{path} has changed while it was read", "import it again when it is complete") from None


def _unreadable(path: Path, failure: OSError) -> ImportFileError:
    return ImportFileError(f"{path} can not be read: {failure.strerror}", "check the path and its rights")


# --- CSV ----------------------------------------------------------------------------------------------


def _csv_rows(lines: Iterator[tuple[int, list[str], str | None]], header: list[str]) -> Iterator[Row]:
    for line, cells, wrong in lines:
        if any(cell.startswith(_DEFUSED) for cell in cells):
            cells = [cell[1:] if cell.startswith(_DEFUSED) else cell for cell in cells]  # noqa: PLW2901 -- the same row, as it was meant
        values = {name: cell for name, cell in zip(header, cells, strict=False) if name}
        if wrong is None and (len(cells) < len(header) or any(cells[len(header) :])):
            wrong = f"has {len(cells)} cells, the line of column names has {len(header)}"  # noqa: PLW2901 -- the same row, as it was meant
        yield Row(line, values, wrong)


def _cut(path: Path, file: TextIO, mark: str, before: int) -> Iterator[tuple[int, list[str], str | None]]:
    """Lines that hold anything: their number, their cells, and why they can not be cut."""
    if mark == BLANKS:
        for number, text in enumerate(file, start=before + 1):
            if text.strip():
                yield number, text.split(), None
        return
    reader = csv.reader(file, delimiter=mark, strict=True)
    while True:
        line = before + reader.line_num + 1  # where it starts; a cell may hold line breaks
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as wrong:
            said = str(wrong)
            if "field limit" in said:
                raise ImportFileError(
                    f"{path}: a cell in line {line} holds more than {csv.field_size_limit():,} characters",
                    "is a quote open there?",
                ) from None
            if "unexpected end" in said:
                raise ImportFileError(
                    f"{path}: a quote that opens in line {line} is not closed",
                    'a cell with quotes in it is written "like ""this"""',
                ) from None
            yield line, [], 'a quote in it is not closed as it should be: write "like ""this"""'
            continue
        if any(cell.strip() for cell in cells):
            yield line, cells, None


# --- JSON lines ---------------------------------------------------------------------------------------


def _json_rows(path: Path, file: TextIO) -> Iterator[Row]:
    for number, text in enumerate(file, start=1):
        if not text.strip():
            continue
        if number == 1 and text.lstrip().startswith("["):
            raise ImportFileError(f"{path} is one JSON list", "write one object a line (`jq -c '.[]'` does that)")
        try:
            value = json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
        except (ValueError, RecursionError) as wrong:
            said = wrong.msg if isinstance(wrong, json.JSONDecodeError) else "not a value that can be stored"
            yield Row(number, {"row": text.strip()}, f"is not JSON: {said}")
            continue
        if isinstance(value, dict):
            yield Row(number, value)
        else:
            yield Row(number, {"row": text.strip()}, "is not a JSON object")


def _no_constant(name: str) -> object:
    raise ValueError(name)
