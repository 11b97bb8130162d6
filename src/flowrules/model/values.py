"""Values as the database holds them (schema.Stored), made from literals of rules and from outside data.

Takes a literal of the tree or a raw value of a file, with its type; gives the stored value, or says in one
sentence why not. Money is minor units, numbers are millionths, times are UTC microseconds: no floats, ever.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flowrules.model.schema import Kind, Stored, Type
from flowrules.syntax import tree

if TYPE_CHECKING:
    from collections.abc import Callable

SEPARATOR = "\x1f"
"""Around each item of a stored list of text."""

_SECOND = 1_000_000
MICROSECONDS = {
    "second": _SECOND,
    "minute": 60 * _SECOND,
    "hour": 3_600 * _SECOND,
    "day": 86_400 * _SECOND,
    "week": 7 * 86_400 * _SECOND,
}
"""Elapsed length of each unit; a month has none."""

_EXPONENTS = (
    dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI"), 0)
    | dict.fromkeys(("VND", "VUV", "XAF", "XOF", "XPF"), 0)
    | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)
    | dict.fromkeys(("CLF", "UYW"), 4)
)
_NUMBER_PLACES = 6
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # UTC by convention; arithmetic stays naive
_EPOCH_DAY = _EPOCH.date().toordinal()
_LARGEST = 2**63 - 1
_MOST_DIGITS = 18
_SHOWN = 40

_DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_MONEY = re.compile(rf"({_DECIMAL.pattern})(?: ([A-Z]{{3}}))?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATETIME = re.compile(
    rf"{_DATE.pattern}[T ][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}(\.[0-9]{{1,6}})?)?(Z|[+-][0-9]{{2}}:?[0-9]{{2}})?"
)
_DURATION = re.compile(r"([0-9]{1,15}) (second|minute|hour|day|week)s?")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_BOOLS = {"true": 1, "1": 1, "yes": 1, "false": 0, "0": 0, "no": 0}


@dataclass(frozen=True, slots=True)
class BadValue:
    """`message` goes on where the value's own text ends: "`12` is not text"."""

    code: str
    message: str
    hint: str | None = None


class _RefusedError(ValueError):
    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.bad = BadValue(code, message, hint)


def exponent(currency: str) -> int:
    """How many decimals the currency's minor unit has."""
    return _EXPONENTS.get(currency, 2)


# --- literals of rules ------------------------------------------------------------------------


def stored(literal: tree.Value, type_: Type, currency: str, zone: str) -> Stored | BadValue:
    """A value written in a rule; a text for a list is a list of one item."""
    try:
        return _pack(_of_literal(literal.value, type_, currency), type_, currency, zone)
    except _RefusedError as refused:
        return refused.bad


def _of_literal(value: object, type_: Type, currency: str) -> object:
    kind = type_.kind
    if kind is Kind.MONEY:
        if not isinstance(value, tree.Money):
            raise _not_a(type_, f"such as `{value} {currency}`" if type(value) in (int, Decimal) else None)
        if value.currency != currency:
            raise _RefusedError(
                "FR117",
                f"is not in {currency}, the currency of this workspace",
                f"amounts are never converted; write it in {currency}",
            )
        return value.amount
    if kind is Kind.LIST and isinstance(value, str):
        return [value]
    if kind is Kind.NUMBER and type(value) is int:
        return Decimal(value)
    if type(value) is not _LITERAL_TYPES[kind]:
        raise _not_a(type_, _hint_for(value, kind))
    return value


_LITERAL_TYPES: dict[Kind, type] = {
    Kind.TEXT: str,
    Kind.INTEGER: int,
    Kind.NUMBER: Decimal,
    Kind.BOOL: bool,
    Kind.DATE: date,
    Kind.DATETIME: datetime,
    Kind.DURATION: tree.Duration,
    Kind.ONE_OF: str,
    Kind.LIST: list,
}


def _hint_for(value: object, kind: Kind) -> str | None:
    if kind is Kind.DATETIME and type(value) is date:
        return f"with its time of day: `{value} 00:00`"
    if kind in (Kind.TEXT, Kind.LIST) and type(value) in (int, Decimal):
        return f'a text stands in quotes: `"{value}"`'
    return "only texts stand in quotes; write it without quotes" if isinstance(value, str) else None


def _not_a(type_: Type, hint: str | None = None) -> _RefusedError:
    return _RefusedError("FR114", f"is not {describe(type_)}", hint)


def describe(type_: Type) -> str:
    """A type in an author's words, with its article."""
    return _DESCRIBED.get(type_.kind) or "one of " + ", ".join(f'"{option}"' for option in type_.options)


_DESCRIBED = {
    Kind.TEXT: "a text",
    Kind.INTEGER: "a whole number",
    Kind.NUMBER: "a number",
    Kind.MONEY: "an amount of money",
    Kind.BOOL: "`true` or `false`",
    Kind.DATE: "a date",
    Kind.DATETIME: "a date with a time of day",
    Kind.DURATION: "a length of time",
    Kind.LIST: "a list of texts",
}


# --- typed to stored --------------------------------------------------------------------------


def _pack(value: object, type_: Type, currency: str, zone: str) -> Stored:
    packed: Stored
    match value:
        case int():
            packed = int(value)  # also of bool
        case Decimal():
            packed = _scaled(value, exponent(currency) if type_.kind is Kind.MONEY else _NUMBER_PLACES)
        case datetime():
            packed = instant(value, zone)
        case date():
            packed = value.toordinal() - _EPOCH_DAY
        case tree.Duration():
            packed = elapsed(value)
        case list():
            packed = SEPARATOR + "".join(_text(item) + SEPARATOR for item in dict.fromkeys(value))
        case _:
            packed = _text(str(value))
    if isinstance(packed, int) and abs(packed) > _LARGEST:
        raise _RefusedError("FR118", "is too large")
    if type_.kind is Kind.ONE_OF and packed not in type_.options:
        raise _RefusedError("FR116", f"is not {describe(type_)}")
    return packed


def _text(text: str) -> str:
    if _UNSTORABLE.search(text) or SEPARATOR in text:
        raise _RefusedError("FR118", "holds a character that can not be stored")
    return text


def _scaled(value: Decimal, places: int) -> int:
    if not value:
        return 0
    if value.adjusted() > _MOST_DIGITS:
        raise _RefusedError("FR118", "is too large")
    cut = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    if cut != value:
        raise _RefusedError(
            "FR118", f"has more than {places} decimals" if places else "has decimals; this currency has none"
        )
    return int(cut.scaleb(places))


def elapsed(duration: tree.Duration) -> int:
    """Microseconds; ValueError for months, whose length depends on the calendar."""
    if duration.unit == "month":
        raise _RefusedError("FR119", "has no fixed length", f"count in days: `{days_instead(duration)}`")
    return duration.amount * MICROSECONDS[duration.unit]


def days_instead(duration: tree.Duration) -> str:
    """What an author may write for months where an elapsed length is meant."""
    return f"{30 * duration.amount} days"


def instant(local: datetime, zone: str) -> int:
    """A local time as UTC microseconds: the first of two, and behind a gap the first valid instant."""
    if local.tzinfo is not None:
        return (local.astimezone(UTC).replace(tzinfo=None) - _EPOCH) // timedelta(microseconds=1)
    where = ZoneInfo(zone)
    before, after = (_offset(local.replace(tzinfo=where, fold=fold)) for fold in (0, 1))
    try:
        low, high = local - after, local - before
    except OverflowError:
        raise _RefusedError("FR118", "is outside the calendar") from None
    # In a gap the clocks jump between low and high; elsewhere high is the answer at once.
    while high > low:
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle <= low:
            break
        if _offset(middle.replace(tzinfo=UTC).astimezone(where)) == before:
            low = middle
        else:
            high = middle
    return (high - _EPOCH) // timedelta(microseconds=1)


def _offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta()


# --- outside data -----------------------------------------------------------------------------


def coerce(raw: object, type_: Type, currency: str, zone: str) -> Stored:
    """A raw value of a file or a message; ValueError with a sentence when it is not of the type.

    Texts of CSV and values of JSON alike. A missing value (None, an empty cell) is the caller's to skip.
    A local time counts in `zone`; one text for a list is split at `;`.
    """
    try:
        return _pack(_READERS[type_.kind](raw, type_, currency), type_, currency, zone)
    except _RefusedError as refused:
        said = str(refused)
    except OverflowError:
        said = "is outside the calendar"
    except ValueError:  # Python writes no integer of thousands of digits
        said = "is too large"
    raise ValueError(f"`{_shown(raw)}` {said}")


def _shown(raw: object) -> str:
    try:
        text = str(raw)
    except (ValueError, RecursionError):  # integers of thousands of digits, lists in lists without end
        text = "..."
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _read_text(raw: object, type_: Type, _currency: str) -> object:
    match raw:
        case str():
            return raw
        case bool():
            return "true" if raw else "false"
        case int() | float() | Decimal():
            return str(raw)
        case _:
            raise _not_a(type_)


def _read_list(raw: object, type_: Type, currency: str) -> object:
    if isinstance(raw, str):
        return [item.strip() for item in raw.split(";") if item.strip()]
    if isinstance(raw, list | tuple):
        return [_read_text(item, type_, currency) for item in raw]
    raise _not_a(type_)


def _read_decimal(raw: object, type_: Type) -> Decimal:
    match raw:
        case bool():
            raise _not_a(type_)
        case int() | Decimal():
            value = Decimal(raw)
        case float():
            value = Decimal(str(raw))
        case str() if _DECIMAL.fullmatch(raw.strip()):
            value = Decimal(raw.strip())
        case str() if _DECIMAL.fullmatch(raw.strip().replace(",", ".")):
            raise _RefusedError("FR114", f"is not {describe(type_)}; decimals stand behind a point, as in 12.50")
        case _:
            raise _not_a(type_)
    if not value.is_finite():
        raise _not_a(type_)
    return value


def _read_integer(raw: object, type_: Type, _currency: str) -> object:
    value = _read_decimal(raw, type_)
    if value.adjusted() > _MOST_DIGITS:
        raise _RefusedError("FR118", "is too large")
    if value != value.to_integral_value():
        raise _not_a(type_)
    return int(value)


def _read_number(raw: object, type_: Type, _currency: str) -> object:
    value = _read_decimal(raw, type_)
    # A score computed elsewhere may carry any number of digits; millionths are what guards compare.
    return round(value, _NUMBER_PLACES) if value and value.adjusted() <= _MOST_DIGITS else value


def _read_money(raw: object, type_: Type, currency: str) -> object:
    amount, given = raw, None
    if isinstance(raw, dict):
        amount, given = raw.get("amount"), raw.get("currency")
    if isinstance(amount, str) and (match := _MONEY.fullmatch(amount.strip())) and match[3]:
        amount, given = match[1], match[3]
    if given not in (None, currency):
        raise _RefusedError("FR117", f"is not in {currency}, the currency of this workspace")
    return _read_decimal(amount, type_)


def _read_bool(raw: object, type_: Type, _currency: str) -> object:
    word = str(raw).strip().lower() if isinstance(raw, str | int) else ""
    if word not in _BOOLS:
        raise _not_a(type_)
    return _BOOLS[word]


def _read_date(raw: object, type_: Type, _currency: str) -> object:
    if type(raw) is date:
        return raw
    if isinstance(raw, str) and _DATE.fullmatch(raw.strip()):
        return _calendar(date.fromisoformat, raw, type_)
    raise _not_a(type_)


def _read_datetime(raw: object, type_: Type, _currency: str) -> object:
    if isinstance(raw, datetime):
        return raw
    if isinstance(raw, str) and _DATETIME.fullmatch(raw.strip()):
        return _calendar(datetime.fromisoformat, raw, type_)
    raise _not_a(type_)


def _calendar(read: Callable[[str], object], raw: str, type_: Type) -> object:
    try:
        return read(raw.strip())
    except ValueError:
        raise _not_a(type_) from None


def _read_duration(raw: object, type_: Type, _currency: str) -> object:
    match = _DURATION.fullmatch(raw.strip()) if isinstance(raw, str) else None
    if match is None:
        raise _not_a(type_)
    return int(match[1]) * MICROSECONDS[match[2]]


_READERS: dict[Kind, Callable[[object, Type, str], object]] = {
    Kind.TEXT: _read_text,
    Kind.INTEGER: _read_integer,
    Kind.NUMBER: _read_number,
    Kind.MONEY: _read_money,
    Kind.BOOL: _read_bool,
    Kind.DATE: _read_date,
    Kind.DATETIME: _read_datetime,
    Kind.DURATION: _read_duration,
    Kind.ONE_OF: _read_text,
    Kind.LIST: _read_list,
}


# --- for people -------------------------------------------------------------------------------


def display(value: Stored, type_: Type, currency: str) -> str:
    """As people and files read it; `coerce` reads every form back."""
    if isinstance(value, str):
        return "; ".join(value.split(SEPARATOR)[1:-1]) if type_.kind is Kind.LIST else value
    show = _SHOWN_AS.get(type_.kind)
    return str(value) if show is None else show(value, currency)


_SHOWN_AS: dict[Kind, Callable[[int, str], str]] = {
    Kind.MONEY: lambda value, currency: f"{_decimal(value, exponent(currency))} {currency}",
    Kind.NUMBER: lambda value, _: _decimal(value, _NUMBER_PLACES).rstrip("0").rstrip("."),
    Kind.BOOL: lambda value, _: "true" if value else "false",
    Kind.DATE: lambda value, _: date.fromordinal(value + _EPOCH_DAY).isoformat(),
    Kind.DATETIME: lambda value, _: (_EPOCH + timedelta(microseconds=value)).isoformat() + "Z",
    Kind.DURATION: lambda value, _: duration_text(value),
}


def _decimal(value: int, places: int) -> str:
    digits = str(abs(value)).rjust(places + 1, "0")
    whole, part = (digits[:-places], digits[-places:]) if places else (digits, "")
    return ("-" if value < 0 else "") + whole + (f".{part}" if part else "")


def duration_text(microseconds: int) -> str:
    """In the largest unit up to days that says it exactly."""
    for unit in ("day", "hour", "minute", "second"):
        number, rest = divmod(microseconds, MICROSECONDS[unit])
        if number and not rest:
            return f"{number} {unit}" + ("" if number == 1 else "s")
    return f"{_decimal(microseconds, _NUMBER_PLACES).rstrip('0').rstrip('.')} seconds"
