"""Stored values as templates see them.

Takes stored values with their types; gives values that print as people read them and still compare.
Never prints a value that is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from jinja2 import StrictUndefined

from flowrules.model.schema import Kind, Stored, Type
from flowrules.model.values import SEPARATOR, display, exponent

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLION = 1_000_000


class Missing(StrictUndefined):
    """A declared value that this customer or event does not have: may be asked for, never printed."""

    __slots__ = ()

    def __bool__(self) -> bool:  # type: ignore[override]  # StrictUndefined's never returns
        return False


class Money(Decimal):
    """Prints with its currency."""

    text: str

    def __str__(self) -> str:
        return self.text


class Day(date):
    """Prints as 2026-03-02; `strftime` gives other forms."""


class Moment(datetime):
    """Local time of the customer, printed without seconds and offset."""

    def __str__(self) -> str:
        return f"{self:%Y-%m-%d %H:%M}"


class Texts(tuple[str, ...]):
    """Prints as `a, b`."""

    __slots__ = ()

    def __str__(self) -> str:
        return ", ".join(self)


class Truth(int):
    """Prints as true or false."""

    __slots__ = ()

    def __str__(self) -> str:
        return "true" if self else "false"


@dataclass(frozen=True, slots=True)
class Record:
    """`customer`, `entry` or `message` in a template: a closed set of names, some without a value.

    No Mapping: an attribute may be called `items`, and what is not named by the template is never read.
    """

    name: str
    values: Mapping[str, object]

    def look_up(self, key: str) -> object:
        if key not in self.values:
            return StrictUndefined(f"{self.name} has no `{key}`")
        value = self.values[key]
        return Missing(f"{self.name}.{key} has no value") if value is None else value


@dataclass(frozen=True, slots=True)
class Reading:
    """How stored values are read: the currency of the workspace and the customer's zone."""

    currency: str
    zone: str

    def value(self, stored: Stored | None, type_: Type) -> object:
        """What a template gets; None stays None."""
        if stored is None:
            return None
        read = _READERS.get(type_.kind)
        return stored if read is None else read(self, stored, type_)


def _money(reading: Reading, stored: Stored, type_: Type) -> Money:
    money = Money(Decimal(stored).scaleb(-exponent(reading.currency)))
    money.text = display(stored, type_, reading.currency)
    return money


_READERS: dict[Kind, Callable[[Reading, Stored, Type], object]] = {
    Kind.MONEY: _money,
    Kind.NUMBER: lambda _reading, stored, _type: Decimal(stored) / _MILLION,
    Kind.BOOL: lambda _reading, stored, _type: Truth(stored),
    Kind.DATE: lambda _reading, stored, _type: Day.fromordinal(_EPOCH.toordinal() + int(stored)),
    Kind.DATETIME: lambda reading, stored, _type: local(int(stored), reading.zone),
    Kind.LIST: lambda _reading, stored, _type: Texts(str(stored).split(SEPARATOR)[1:-1]),
    Kind.DURATION: lambda reading, stored, type_: display(stored, type_, reading.currency),
}
"""The others are themselves."""


def local(at: int, zone: str) -> Moment:
    moment = (_EPOCH + timedelta(microseconds=at)).astimezone(ZoneInfo(zone))
    return Moment.fromtimestamp(moment.timestamp(), moment.tzinfo)
