"""A CSV file read once before anything of it is taken in: how it writes numbers and dates.

Takes the rows and what their columns hold; gives what all of them agree on. Where they do not, or nothing tells,
nothing is guessed: an option decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from flowrules.store.imports import numbers, times
from flowrules.store.imports.failures import ImportFileError
from flowrules.store.imports.reading import Row
from flowrules.store.imports.times import Times

Watched = Literal["number", "date"]


@dataclass(frozen=True, slots=True)
class Written:
    """`decimal`: None where nobody has looked; `rows`: how many there are."""

    times: Times
    decimal: numbers.Decimal | None
    rows: int = 0
    said: tuple[str, ...] = ()


@dataclass(slots=True)
class _Evidence:
    """The first value that needs each way of reading: its line and text."""

    first: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, way: str, line: int, text: str) -> None:
        if way:
            self.first.setdefault(way, (line, text))

    def found(self, *ways: str) -> list[str]:
        return [way for way in ways if way in self.first]

    def shown(self, way: str) -> str:
        line, text = self.first[way]
        return f"line {line}: `{text}`"


def survey(
    rows: Iterable[Row], watched: Mapping[str, Watched], given: Times, decimal: numbers.Decimal | None
) -> Written:
    """ImportFileError: it can be read in two ways, and none is given."""
    of_numbers, of_dates = _Evidence(), _Evidence()
    looked = [
        (column, kind) for column, kind in watched.items() if (decimal if kind == "number" else given.format) is None
    ]
    count = 0
    for count, row in enumerate(rows, start=1):  # noqa: B007 -- the number is told
        for column, kind in looked:
            text = row.values.get(column)
            if isinstance(text, str) and text:
                if kind == "number":
                    if not text.isdigit():
                        of_numbers.add(numbers.tells(text), row.line, text)
                else:
                    of_dates.add(times.tells(text), row.line, text)
    said = []
    if decimal is None:
        decimal = _decimal(of_numbers)
        if decimal == ",":
            said.append(f"decimals behind a comma ({of_numbers.shown(',')})")
    if given.format is None and (order := _order(of_dates)) is not None:
        given = replace(given, order=order)
        said.append(f"dates as {'DD/MM/YYYY' if order == 'DMY' else 'MM/DD/YYYY'} ({of_dates.shown(order)})")
    return Written(given, decimal, count, tuple(said))


def _decimal(evidence: _Evidence) -> numbers.Decimal:
    way = "say how: --decimal comma or --decimal point"
    if len(evidence.found(".", ",")) > 1:
        raise ImportFileError(f"decimals are written in two ways: {evidence.shown('.')}, {evidence.shown(',')}", way)
    if evidence.found(","):
        return ","
    if evidence.found("both") and not evidence.found("."):
        line, text = evidence.first["both"]
        raise ImportFileError(f"line {line}: the number `{text}` can be read in more than one way", way)
    return "."


def _order(evidence: _Evidence) -> times.Order | None:
    if evidence.found("excel"):
        line, text = evidence.first["excel"]
        raise ImportFileError(
            f"line {line}: the date `{text}` looks like a day number of a spreadsheet",
            "if it is one: --date-format excel",
        )
    if len(evidence.found("DMY", "MDY")) > 1:
        raise ImportFileError(
            f"dates are written in two ways: {evidence.shown('DMY')}, {evidence.shown('MDY')}", times.ASK
        )
    if evidence.found("DMY"):
        return "DMY"
    if evidence.found("MDY"):
        return "MDY"
    if evidence.found("both"):
        line, text = evidence.first["both"]
        raise ImportFileError(f"line {line}: the date `{text}` can be read in more than one way", times.ASK)
    return None
