"""Times as files write them.

Takes text, gives UTC microseconds or an ISO date. Never guesses which number is the month.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Literal

from flowrules.model.values import instant
from flowrules.store.imports.failures import ImportFileError

Order = Literal["DMY", "MDY"]
EXCEL = "excel"
"""The format of a spreadsheet's day numbers."""

_CLOCK = r"(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6})\d*)?)?(?: ?([AaPp])\.?[Mm]\.?)?)?"
_PARTS = {"YYYY": r"(?P<y>\d{4})", "YY": r"(?P<y>\d{2})", "MM": r"(?P<m>\d{1,2})", "DD": r"(?P<d>\d{1,2})"}
_TOKEN = re.compile(r"YYYY|YY|MM|DD|M|D", re.IGNORECASE)
_SPLIT = re.compile(rf"(\d{{1,2}})([/.-])(\d{{1,2}})\2(\d{{4}}|\d{{2}}){_CLOCK}")
_YEAR_FIRST = re.compile(rf"(?P<y>\d{{4}})([/.-]?)(?P<m>\d{{2}}|(?<=\D)\d)\2(?P<d>\d{{2}}|(?<=\D)\d){_CLOCK}")
_YEAR = r"(?P<y>\d{4}|\d{2})"
_ORDERS: dict[Order | None, re.Pattern[str]] = {
    "DMY": re.compile(rf"(?P<d>\d{{1,2}})([/.-])(?P<m>\d{{1,2}})\2{_YEAR}{_CLOCK}"),
    "MDY": re.compile(rf"(?P<m>\d{{1,2}})([/.-])(?P<d>\d{{1,2}})\2{_YEAR}{_CLOCK}"),
    None: re.compile(rf"(?P<d>\d{{1,2}})([/.-])(?P<m>(?P=d))\2{_YEAR}{_CLOCK}"),  # day and month the same
}
_SERIAL = re.compile(r"\d{4,5}(?:[.,]\d+)?")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
ASK = "say how dates are written: --date-format DD/MM/YYYY, or MM/DD/YYYY, or as they are"
_EXCEL_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 -- local, as all that is read here
_EXCEL_FIRST, _EXCEL_LAST = 61, 2_958_465  # before lies a 29 February 1900, which never was
_FIRST_YEAR, _LAST_YEAR = 1900, 2099
_NEWEST_OF_LAST_CENTURY = 69  # as everywhere in computing: 69 is 1969, 68 is 2068
_MONTHS = 12


class WrongTimeError(ValueError):
    """The sentence says why."""


def date_format(given: str) -> re.Pattern[str]:
    """`DD/MM/YYYY` as a pattern; ValueError when it does not name day, month and year once each."""
    tokens = [token.upper() for token in _TOKEN.findall(given)]
    if sorted(token[0] for token in tokens) != ["D", "M", "Y"]:
        raise ValueError(f"{given!r} does not say where day, month and year stand, as DD/MM/YYYY does")
    pattern = ""
    rest = given
    for token, name in zip(_TOKEN.findall(given), tokens, strict=True):
        before, _, rest = rest.partition(token)
        part = _PARTS[name if name in _PARTS else name * 2]
        # Without separators the numbers have their full length.
        pattern += re.escape(before) + (part if re.search(r"\W", given) else part.replace("{1,2}", "{2}"))
    return re.compile(pattern + re.escape(rest) + _CLOCK)


def tells(text: str) -> Order | Literal["both", "excel", ""]:
    """Which order of day and month a date needs; both: it means one thing or the other; empty: nothing."""
    text = text.strip()
    if _SERIAL.fullmatch(text):
        return "excel"
    split = _SPLIT.fullmatch(text)
    if split is None:
        return ""
    first, second = int(split[1]), int(split[3])
    if first > _MONTHS or second > _MONTHS:
        return "" if min(first, second) > _MONTHS else "DMY" if first > _MONTHS else "MDY"
    return "" if first == second else "both"


def _iso(parts: dict[str, str], clock: tuple[str | None, ...]) -> str:
    year = int(parts["y"])
    if len(parts["y"]) == 2:  # noqa: PLR2004 -- digits
        year += 1900 if year >= _NEWEST_OF_LAST_CENTURY else 2000
    day = date(year, int(parts["m"]), int(parts["d"]))
    hour, minute, second, fraction, half = clock
    if hour is None:
        return day.isoformat()
    hours = int(hour)
    if half is not None:
        if not 1 <= hours <= _MONTHS:
            raise ValueError(hour)
        hours = hours % _MONTHS + (_MONTHS if half in "Pp" else 0)
    return f"{day.isoformat()}T{hours:02}:{minute}:{second or '00'}" + (f".{fraction}" if fraction else "")


def _of_serial(text: str) -> str | None:
    """A day number, with the time of day behind the point, to the second."""
    if not re.fullmatch(r"\d{1,7}(?:[.,]\d+)?", text):
        return None
    whole, _, part = text.replace(",", ".").partition(".")
    if not _EXCEL_FIRST <= int(whole) <= _EXCEL_LAST:
        raise WrongTimeError(f"`{text}` is not a day number of a spreadsheet")
    seconds = round(Decimal(f"0.{part or 0}") * 86_400)
    moment = _EXCEL_ZERO + timedelta(days=int(whole), seconds=seconds)
    return moment.isoformat() if part else moment.date().isoformat()


@dataclass(frozen=True)
class Times:
    """`at`: the time of day of a date without one. `format`: of dates that are not ISO. `order`: found in the file."""

    zone: str
    at: time
    format: str | None
    order: Order | None = None

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        return None if self.format in {None, EXCEL} else date_format(str(self.format))

    @cached_property
    def _order(self) -> re.Pattern[str]:
        return _ORDERS[self.order]

    def instant(self, raw: object, line: int) -> int:
        """WrongTimeError: this is no time. ImportFileError: it can be read in two ways."""
        if isinstance(raw, datetime):
            moment = raw
        elif isinstance(raw, str) and raw.strip():
            moment = self._moment(self.iso(raw, line))
        else:
            raise WrongTimeError("has no time" if raw in {None, ""} else f"`{raw}` is not a time")
        try:
            if _FIRST_YEAR <= moment.year <= _LAST_YEAR:
                return instant(moment, self.zone)
        except (ValueError, OverflowError):
            pass
        raise WrongTimeError(f"`{raw}` is outside the calendar, {_FIRST_YEAR} to {_LAST_YEAR}")

    def iso(self, text: str, line: int) -> str:
        """The same date (and time) in ISO form; what is not of the format stays as it is."""
        text = text.strip()
        if _ISO.match(text):
            return text
        if self.format == EXCEL:
            return _of_serial(text) or text
        match = self._order.fullmatch(text) if self._pattern is None else self._pattern.fullmatch(text)
        if match is None and self._pattern is None:
            match = _YEAR_FIRST.fullmatch(text)
            split = _SPLIT.fullmatch(text)
            if split is not None:
                raise ImportFileError(f"line {line}: the date `{text}` can be read in more than one way", ASK)
        if match is None:
            return text
        try:
            return _iso(match.groupdict(), match.groups()[-5:])
        except ValueError:
            written = f" written {self.format}" if self.format else ""
            raise WrongTimeError(f"`{text}` is not a date{written}") from None

    def _moment(self, text: str) -> datetime:
        try:
            if len(text) == len("2026-03-02") and _ISO.fullmatch(text):
                return datetime.combine(date.fromisoformat(text), self.at)
            if _ISO.match(text):
                return datetime.fromisoformat(text)
        except ValueError:
            pass
        raise WrongTimeError(f"`{text}` is not a time; write it like 2026-03-02T10:30:00Z or 2026-03-02 10:30")
