"""A file of rows, as text gives it: CSV or one JSON object a line.

Takes a path, gives rows with their line numbers. Knows nothing of customers; never guesses an encoding.
"""

from __future__ import annotations

import csv
import json
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TextIO

from flowrules.errors import FlowRulesError

_SEPARATORS = ",;\t"
_JSON_ENDINGS = {".json", ".jsonl", ".ndjson"}
_BLOCK = 1 << 20


class ImportFileError(FlowRulesError):
    """Nothing, or nothing more, of the file can be taken in."""


@dataclass(frozen=True, slots=True)
class Row:
    """`wrong`: why it is no row at all; then `values` holds what there was."""

    line: int
    values: Mapping[str, object]
    wrong: str | None = None


@dataclass(frozen=True, slots=True)
class RowFile:
    """`columns` is None where every row names its own (JSON lines)."""

    name: str
    columns: tuple[str, ...] | None
    unnamed: int
    rows: Iterator[Row]


@contextmanager
def open_rows(path: Path) -> Iterator[RowFile]:
    try:
        _check_text(path)
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline(_BLOCK)
            file.seek(0)
            if path.suffix.lower() in _JSON_ENDINGS or first.lstrip().startswith("{"):
                yield RowFile(path.name, None, 0, _json_rows(path, file))
            else:
                yield _csv_file(path, file, first)
    except OSError as failure:
        raise ImportFileError(f"{path} can not be read: {failure.strerror}", "check the path and its rights") from None


def _check_text(path: Path) -> None:
    """All of it, before anything is taken in."""
    if path.is_dir():
        raise ImportFileError(f"{path} is a folder, not a file", "name one file of it")
    way = "save it as UTF-8 and import it again (Excel: Save As, CSV UTF-8)"
    decoder = getincrementaldecoder("utf-8")()
    line = 1
    with path.open("rb") as file:
        start = file.read(_BLOCK)
        if start.startswith(b"PK\x03\x04"):
            raise ImportFileError(f"{path} is a workbook, not text", way)
        if start.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            raise ImportFileError(f"{path} is UTF-16", way)
        block = start
        while block:
            try:
                decoder.decode(block)
            except UnicodeDecodeError as bad:
                line += bad.object[: bad.start].count(b"\n")
                raise ImportFileError(f"{path} is not UTF-8: line {line} has other bytes", way) from None
            line += block.count(b"\n")
            block = file.read(_BLOCK)
    if not start.removeprefix(BOM_UTF8).strip():
        raise ImportFileError(f"{path} is empty", "a CSV file starts with a line of column names")


# --- CSV ----------------------------------------------------------------------------------------------


def _csv_file(path: Path, file: TextIO, first: str) -> RowFile:
    reader = csv.reader(file, delimiter=_separator(first), strict=True)
    try:
        named = next((line for line in reader if any(cell.strip() for cell in line)), None)
    except csv.Error as wrong:
        raise ImportFileError(f"{path}: the line of column names can not be read ({wrong})") from None
    if named is None:
        raise ImportFileError(f"{path} has no line of column names", "a CSV file starts with one")
    header = [name.strip() for name in named]
    double = [name for name, times in Counter(filter(None, header)).items() if times > 1]
    if double:
        raise ImportFileError(f"{path} has two columns named `{double[0]}`", "rename one of them")
    return RowFile(path.name, tuple(filter(None, header)), header.count(""), _csv_rows(path, reader, header))


def _separator(line: str) -> str:
    """The most frequent of those outside quotes."""
    outside = "".join(line.split('"')[::2])
    return max(_SEPARATORS, key=outside.count)


def _csv_rows(path: Path, reader: Iterator[list[str]], header: list[str]) -> Iterator[Row]:
    lines = iter(_numbered(path, reader))
    for line, cells in lines:
        if not any(cells):
            continue
        values = {name: cell for name, cell in zip(header, cells, strict=False) if name}
        wrong = None
        if len(cells) < len(header) or any(cells[len(header) :]):
            wrong = f"has {len(cells)} cells, the line of column names has {len(header)}"
        yield Row(line, values, wrong)


def _numbered(path: Path, reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    while True:
        line = getattr(reader, "line_num", 0) + 1  # where it starts; a cell may hold line breaks
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as wrong:
            if "field limit" in str(wrong):
                raise ImportFileError(
                    f"{path}: a cell in line {line} holds more than {csv.field_size_limit():,} characters",
                    "is a quote open there? what stands before that line was taken in",
                ) from None
            raise ImportFileError(
                f"{path}: a quote that opens in line {line} is not closed as it should be",
                'a cell with quotes in it is written "like ""this"""; what stands before that line was taken in',
            ) from None
        yield line, cells


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
