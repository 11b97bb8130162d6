"""Places and values of tokens.

Takes tokens, gives spans, names, numbers, dates, durations of the tree. A value that can not be (25:00, 0 days) is a
diagnostic in `problems` and a stand-in value.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from lark.lexer import Token

from flowrules.diagnostics.model import Diagnostic, Edit, Fix
from flowrules.source import Source, Span
from flowrules.syntax import tree

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")
Child = Any
"""A token, a tree class, or the children of a production without a class of its own."""
Children = list[Child]

_UNIT_HOURS = {"second": 1 / 3600, "minute": 1 / 60, "hour": 1, "day": 24, "week": 168, "month": 730}
_CENTURY = 876_000  # hours: longer is a slip of the finger, and no calendar holds it
_MAX_DIGITS = 15
_ESCAPE = re.compile(r"\\(.)")


class Reader:
    """The part of the transformer that knows tokens but no productions."""

    source: Source
    base: int
    problems: list[Diagnostic]

    def begin(self, source: Source, base: int) -> None:
        """Everything built from now on lies in `source`, `base` characters behind its start."""
        self.source = source
        self.base = base
        self.problems = []

    # --- places -------------------------------------------------------------------------------

    def _start(self, item: Child) -> int:
        if type(item) is Token:
            return self.base + cast("int", item.start_pos)
        if type(item) is list or type(item) is tuple:
            return self._start(item[0])
        return cast("int", item.span.start)

    def _end(self, item: Child) -> int:
        if type(item) is Token:
            return self.base + cast("int", item.end_pos)
        if type(item) is list or type(item) is tuple:
            return self._end(next(child for child in reversed(item) if child is not None))
        return cast("int", item.span.end)

    def _span(self, c: Child) -> Span:
        """From the first child to the last one present."""
        return Span(self.source, self._start(c[0]), self._end(c))

    def _between(self, first: Child, last: Child) -> Span:
        return Span(self.source, self._start(first), self._end(last))

    def _problem(self, code: str, message: str, span: Span, hint: str | None = None, *fixes: Fix) -> None:
        self.problems.append(Diagnostic(code, message, span, hint, fixes=fixes))

    # --- words and values ---------------------------------------------------------------------

    def _name(self, token: Token) -> tree.Name:
        return tree.Name((str(token),), self._span([token]))

    def _text(self, token: Token) -> str:
        inner = token[1:-1]
        if "\\" not in inner:
            return str(inner)
        for match in _ESCAPE.finditer(inner):
            if match[1] not in '"\\':
                start = self._start(token) + 1 + match.start()
                self._problem(
                    "FR005",
                    f"`{match[0]}` means nothing inside a text in quotes",
                    Span(self.source, start, start + 2),
                    'only `\\"` and `\\\\` are written with a backslash',
                    Fix("write the backslash itself", False, (Edit(Span(self.source, start, start + 1), "\\\\"),)),
                )
                break
        return _ESCAPE.sub(r"\1", inner)

    def _title(self, token: Token | None) -> str | None:
        return None if token is None else self._text(token)

    def _digits(self, token: Token, digits: str) -> bool:
        """Whether a number has a size anything can mean."""
        if len(digits) <= _MAX_DIGITS:
            return True
        self._problem("FR011", f"a number of {len(digits)} digits is too large", self._span([token]))
        return False

    def _integer(self, token: Token, least: int, what: str) -> int:
        number = int(token) if self._digits(token, token) else least
        if number < least:
            self._problem("FR011", f"{what} can not be `{token}`", self._span([token]), f"the least is {least}")
        return number

    def _decimal(self, token: Token, text: str) -> Decimal:
        return Decimal(text) if self._digits(token, text) else Decimal(1)

    def _duration(self, token: Token) -> tree.Duration:
        span = self._span([token])
        digits, unit = token.split()
        unit = unit.removesuffix("s")
        amount = int(digits) if self._digits(token, digits) else 1
        if amount == 0:
            self._problem("FR011", f"`{token}` is no length of time", span, "the least is 1")
        elif amount * _UNIT_HOURS[unit] > _CENTURY:
            self._problem("FR011", f"`{token}` is longer than a hundred years", span)
            amount = 1
        return tree.Duration(amount, cast("tree.Unit", unit), span)

    def _optional_duration(self, token: Token | None) -> tree.Duration | None:
        return None if token is None else self._duration(token)

    def _days(self, token: Token) -> int:
        """A number of calendar days."""
        duration = self._duration(token)
        if duration.unit not in ("day", "week"):
            self._problem("FR011", f"days are counted here, not `{token}`", duration.span, "such as `30 days`")
        return duration.amount * (7 if duration.unit == "week" else 1)

    def _clock(self, token: Token) -> time:
        return self._possible(token, lambda: _clock(token), "no time of the day", "from `00:00` to `23:59`", time())

    def _moment(self, token: Token) -> datetime:
        day, clock = token.split()
        return self._possible(
            token,
            lambda: datetime.combine(date.fromisoformat(day), _clock(clock)),
            "no day and time of the calendar",
            "written as in `2026-03-02 10:00`: year, month, day, time",
            datetime(2000, 1, 1),  # noqa: DTZ001  # local times of the author's calendar carry no zone
        )

    def _date(self, token: Token) -> date:
        return self._possible(
            token,
            lambda: date.fromisoformat(token),
            "no day of the calendar",
            "written as in `2026-03-02`: year, month, day",
            date(2000, 1, 1),
        )

    def _possible(self, token: Token, make: Callable[[], _T], wrong: str, hint: str, instead: _T) -> _T:
        try:
            return make()
        except ValueError:
            self._problem("FR011", f"`{token}` is {wrong}", self._span([token]), hint)
            return instead

    def _value(self, token: Token) -> tree.Value:
        span = self._span([token])
        if token.type == "DURATION":
            return tree.DurationLiteral(self._duration(token), span)
        return tree.Literal_(self._READ[token.type](self, token), span)

    def _number(self, token: Token) -> int:
        return int(token) if self._digits(token, token) else 0

    def _money(self, token: Token) -> tree.Money:
        amount, currency = token.split()
        return tree.Money(self._decimal(token, amount), currency)

    def _percent(self, token: Token) -> Decimal:
        return self._decimal(token, token[:-1].rstrip())

    _READ: ClassVar[dict[str, Callable[[Any, Token], Any]]] = {
        "STRING": _text,
        "INT": _number,
        "DECIMAL": lambda self, token: self._decimal(token, token),
        "MONEY": _money,
        "DATE": _date,
        "DATETIME": _moment,
        "CLOCK": _clock,
        "TRUE": lambda _self, _token: True,
        "FALSE": lambda _self, _token: False,
    }


def _clock(text: str) -> time:
    hour, minute = text.split(":")
    return time(int(hour), int(minute))
