"""Times as files write them.

Takes text, gives UTC microseconds or an ISO date. Never guesses which number is the month.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cached_property

from flowrules.model.values import instant
from flowrules.store.imports.reading import ImportFileError

_CLOCK = r"(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6})\d*)?)?)?"
_PARTS = {"YYYY": r"(?P<y>\d{4})", "YY": r"(?P<y>\d{2})", "MM": r"(?P<m>\d{1,2})", "DD": r"(?P<d>\d{1,2})"}
_TOKEN = re.compile(r"YYYY|YY|MM|DD|M|D", re.IGNORECASE)
_SPLIT = re.compile(r"\s*\d{1,4}[/.\-]\d{1,2}[/.\-]\d{1,4}")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_CENTURY = 2000


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


@dataclass(frozen=True)
class Times:
    """`at`: the time of day of a date without one. `format`: of dates that are not ISO."""

    zone: str
    at: time
    format: str | None

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        return None if self.format is None else date_format(self.format)

    def instant(self, raw: object, line: int) -> int:
        """WrongTimeError: this is no time. ImportFileError: it can be read in two ways."""
        if isinstance(raw, datetime):
            moment = raw
        elif isinstance(raw, str) and raw.strip():
            moment = self._moment(self.iso(raw, line))
        else:
            raise WrongTimeError("has no time" if raw in {None, ""} else f"`{raw}` is not a time")
        try:
            return instant(moment, self.zone)
        except (ValueError, OverflowError):
            raise WrongTimeError(f"`{raw}` is outside the calendar") from None

    def iso(self, text: str, line: int) -> str:
        """The same date (and time) in ISO form; what is not of the format stays as it is."""
        text = text.strip()
        if self._pattern is None:
            if _SPLIT.match(text) and not _ISO.match(text):
                raise ImportFileError(
                    f"line {line}: the date `{text}` can be read in more than one way",
                    "say how dates are written: --date-format DD/MM/YYYY, or MM/DD/YYYY, or as they are",
                )
            return text
        match = self._pattern.fullmatch(text)
        if match is None:
            return text
        year = int(match["y"]) + (_CENTURY if len(match["y"]) == 2 else 0)  # noqa: PLR2004
        try:
            day = date(year, int(match["m"]), int(match["d"]))
        except ValueError:
            raise WrongTimeError(f"`{text}` is not a date written {self.format}") from None
        hour, minute, second, fraction = match.groups()[-4:]
        if hour is None:
            return day.isoformat()
        return f"{day.isoformat()}T{int(hour):02}:{minute}:{second or '00'}" + (f".{fraction}" if fraction else "")

    def _moment(self, text: str) -> datetime:
        try:
            if len(text) == len("2026-03-02") and _ISO.fullmatch(text):
                return datetime.combine(date.fromisoformat(text), self.at)
            if _ISO.match(text):
                return datetime.fromisoformat(text)
        except ValueError:
            pass
        raise WrongTimeError(f"`{text}` is not a time; write it like 2026-03-02T10:30:00Z or 2026-03-02 10:30")
