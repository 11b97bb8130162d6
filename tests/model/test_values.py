"""Values are exact, whatever form they come in, and what people read can be read back."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrules.model.schema import Kind, Stored, Type
from flowrules.model.values import BadValue, coerce, display, duration_text, instant, stored
from flowrules.source import Source, Span
from flowrules.syntax import tree

MADRID = "Europe/Madrid"
DAY = 86_400_000_000
NOWHERE = Span(Source("", ""), 0, 0)
PLAN = Type(Kind.ONE_OF, ("free", "pro"))


def of(kind: Kind) -> Type:
    return PLAN if kind is Kind.ONE_OF else Type(kind)


def literal(value: object) -> tree.Value:
    if isinstance(value, tree.Duration):
        return tree.DurationLiteral(value, NOWHERE)
    assert isinstance(value, str | int | Decimal | tree.Money | date)
    return tree.Literal_(value, NOWHERE)


@pytest.mark.parametrize(
    ("value", "kind", "packed"),
    [
        ("x", Kind.TEXT, "x"),
        (3, Kind.INTEGER, 3),
        (3, Kind.NUMBER, 3_000_000),
        (Decimal("2.5"), Kind.NUMBER, 2_500_000),
        (tree.Money(Decimal("12.50"), "EUR"), Kind.MONEY, 1250),
        (tree.Money(Decimal(12), "EUR"), Kind.MONEY, 1200),
        (True, Kind.BOOL, 1),
        (date(2026, 3, 2), Kind.DATE, 20_514),
        (datetime(2026, 3, 2, 10), Kind.DATETIME, 1_772_442_000_000_000),  # noqa: DTZ001 -- local, as written
        (tree.Duration(2, "day", NOWHERE), Kind.DURATION, 2 * DAY),
        ("pro", Kind.ONE_OF, "pro"),
        ("a", Kind.LIST, "\x1fa\x1f"),
    ],
)
def test_literals(value: object, kind: Kind, packed: Stored) -> None:
    assert stored(literal(value), of(kind), "EUR", MADRID) == packed


@pytest.mark.parametrize(
    ("value", "kind", "code"),
    [
        (3, Kind.TEXT, "FR114"),
        (True, Kind.INTEGER, "FR114"),
        (Decimal("2.5"), Kind.INTEGER, "FR114"),
        (True, Kind.NUMBER, "FR114"),
        (500, Kind.MONEY, "FR114"),
        (tree.Money(Decimal(5), "USD"), Kind.MONEY, "FR117"),
        (tree.Money(Decimal("5.001"), "EUR"), Kind.MONEY, "FR118"),
        (Decimal("0.1234567"), Kind.NUMBER, "FR118"),
        (10**18, Kind.NUMBER, "FR118"),
        (1, Kind.BOOL, "FR114"),
        (datetime(2026, 3, 2, 10), Kind.DATE, "FR114"),  # noqa: DTZ001 -- local, as written
        (date(2026, 3, 2), Kind.DATETIME, "FR114"),
        ("por", Kind.ONE_OF, "FR116"),
        (tree.Duration(2, "month", NOWHERE), Kind.DURATION, "FR119"),
        ("a\x1fb", Kind.LIST, "FR118"),
    ],
)
def test_literals_of_another_kind(value: object, kind: Kind, code: str) -> None:
    found = stored(literal(value), of(kind), "EUR", MADRID)
    assert isinstance(found, BadValue)
    assert found.code == code


@pytest.mark.parametrize(("currency", "minor"), [("EUR", 1200), ("JPY", 12), ("BHD", 12_000), ("KWD", 12_000)])
def test_minor_units(currency: str, minor: int) -> None:
    money = literal(tree.Money(Decimal(12), currency))
    assert stored(money, Type(Kind.MONEY), currency, MADRID) == minor
    assert coerce(display(minor, Type(Kind.MONEY), currency), Type(Kind.MONEY), currency, MADRID) == minor


@pytest.mark.parametrize(
    ("raw", "kind", "packed"),
    [
        (12, Kind.TEXT, "12"),
        ("12", Kind.INTEGER, 12),
        (" -12 ", Kind.INTEGER, -12),
        (12.0, Kind.INTEGER, 12),
        ("12.5", Kind.NUMBER, 12_500_000),
        (0.1, Kind.NUMBER, 100_000),
        (0.30000000000000004, Kind.NUMBER, 300_000),
        ("12.50", Kind.MONEY, 1250),
        (12.5, Kind.MONEY, 1250),
        ("12.50 EUR", Kind.MONEY, 1250),
        ({"amount": "12.50", "currency": "EUR"}, Kind.MONEY, 1250),
        ({"amount": 12.5, "currency": "EUR"}, Kind.MONEY, 1250),
        ("Yes", Kind.BOOL, 1),
        (False, Kind.BOOL, 0),
        ("0", Kind.BOOL, 0),
        ("2026-03-02", Kind.DATE, 20_514),
        ("2026-03-02T09:00:00Z", Kind.DATETIME, 1_772_442_000_000_000),
        ("2026-03-02T10:00+01:00", Kind.DATETIME, 1_772_442_000_000_000),
        ("2026-03-02 10:00", Kind.DATETIME, 1_772_442_000_000_000),
        (datetime(2026, 3, 2, 9, tzinfo=UTC), Kind.DATETIME, 1_772_442_000_000_000),
        ("90 minutes", Kind.DURATION, 5_400_000_000),
        ("pro", Kind.ONE_OF, "pro"),
        (["b", "a", "b"], Kind.LIST, "\x1fb\x1fa\x1f"),
        ("b; a", Kind.LIST, "\x1fb\x1fa\x1f"),
        ([], Kind.LIST, "\x1f"),
    ],
)
def test_outside_data(raw: object, kind: Kind, packed: Stored) -> None:
    assert coerce(raw, of(kind), "EUR", MADRID) == packed


@pytest.mark.parametrize(
    ("raw", "kind", "sentence"),
    [
        ("12,50", Kind.MONEY, "`12,50` is not an amount of money; decimals stand behind a point, as in 12.50"),
        ("1,000.00", Kind.MONEY, "`1,000.00` is not an amount of money"),
        ("12.50 USD", Kind.MONEY, "`12.50 USD` is not in EUR, the currency of this workspace"),
        ({"amount": "1", "currency": "USD"}, Kind.MONEY, "is not in EUR"),
        ({}, Kind.MONEY, "is not an amount of money"),
        ("12.505", Kind.MONEY, "has more than 2 decimals"),
        ("twelve", Kind.INTEGER, "`twelve` is not a whole number"),
        ("1e3", Kind.INTEGER, "is not a whole number"),
        (float("nan"), Kind.NUMBER, "is not a number"),
        (float("inf"), Kind.MONEY, "is not an amount of money"),
        (Decimal("1e400"), Kind.NUMBER, "is too large"),
        (1e300, Kind.INTEGER, "is too large"),
        ("9" * 30, Kind.INTEGER, "is too large"),
        ("9" * 5000, Kind.INTEGER, "...` is too large"),
        ("1." + "9" * 5000, Kind.MONEY, "has more than 2 decimals"),
        (2**63, Kind.INTEGER, "is too large"),
        (True, Kind.INTEGER, "is not a whole number"),
        (2, Kind.BOOL, "is not `true` or `false`"),
        ("02/03/2026", Kind.DATE, "is not a date"),
        ("20260302", Kind.DATE, "is not a date"),
        ("2026-02-30", Kind.DATE, "is not a date"),
        ("2026-03-02", Kind.DATETIME, "is not a date with a time of day"),
        ("0001-01-01T00:00+14:00", Kind.DATETIME, "is outside the calendar"),
        ("9999-12-31T23:59-14:00", Kind.DATETIME, "is outside the calendar"),
        (1772442000, Kind.DATETIME, "is not a date with a time of day"),
        ("2 months", Kind.DURATION, "is not a length of time"),
        ("por", Kind.ONE_OF, '`por` is not one of "free", "pro"'),
        ({"a": 1}, Kind.TEXT, "is not a text"),
        ("a\0b", Kind.TEXT, "holds a character that can not be stored"),
        ("\ud800", Kind.TEXT, "holds a character that can not be stored"),
        (["a\x1fb"], Kind.LIST, "holds a character that can not be stored"),
        ([["a"]], Kind.LIST, "is not a list of texts"),
        (None, Kind.TEXT, "is not a text"),
    ],
)
def test_outside_data_that_is_refused(raw: object, kind: Kind, sentence: str) -> None:
    with pytest.raises(ValueError, match=r"^`") as refused:
        coerce(raw, of(kind), "EUR", MADRID)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("kind", [Kind.INTEGER, Kind.TEXT, Kind.MONEY, Kind.LIST])
def test_numbers_python_does_not_print(kind: Kind) -> None:
    endless: list[object] = []
    endless.append(endless)
    for raw in (10**5000, {"amount": 10**5000}, endless):
        with pytest.raises(ValueError, match=r"^`"):
            coerce(raw, of(kind), "EUR", MADRID)


INTEGERS = st.integers(-(2**63) + 1, 2**63 - 1)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0\x1f"))
ITEMS = st.lists(WORDS.map(str.strip).filter(lambda word: word and ";" not in word), unique=True)
DATETIMES = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1))  # noqa: DTZ001 -- local, as written
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- local, as written


def microseconds(moment: datetime) -> int:
    whole = (moment - EPOCH).days * DAY
    rest = moment - EPOCH
    return whole + rest.seconds * 1_000_000 + rest.microseconds


STORED: dict[Kind, st.SearchStrategy[Stored]] = {
    Kind.TEXT: WORDS,
    Kind.INTEGER: INTEGERS,
    Kind.NUMBER: INTEGERS,
    Kind.MONEY: INTEGERS,
    Kind.BOOL: st.integers(0, 1),
    Kind.DATE: st.dates().map(lambda day: day.toordinal() - date(1970, 1, 1).toordinal()),
    Kind.DATETIME: DATETIMES.map(microseconds),
    Kind.DURATION: st.integers(1, 10**9).map(lambda seconds: seconds * 1_000_000),
    Kind.ONE_OF: st.sampled_from(PLAN.options),
    Kind.LIST: ITEMS.map(lambda items: "\x1f" + "".join(f"{item}\x1f" for item in items)),
}


@given(st.sampled_from(list(Kind)).flatmap(lambda kind: st.tuples(st.just(kind), STORED[kind])))
def test_what_is_shown_can_be_read_back(example: tuple[Kind, Stored]) -> None:
    kind, value = example
    assert coerce(display(value, of(kind), "EUR"), of(kind), "EUR", MADRID) == value


@given(
    st.sampled_from(list(Kind)),
    st.one_of(st.none(), st.text(), st.floats(), st.integers(), st.decimals(), st.dictionaries(st.text(), st.text()),
              st.lists(st.text()), st.from_regex(r"[0-9]{1,4}-[0-9]{2}-[0-9]{2}T[0-9:.+Z-]*")),
)  # fmt: skip
def test_whatever_comes_is_a_value_or_a_sentence(kind: Kind, raw: object) -> None:
    try:
        packed = coerce(raw, of(kind), "EUR", MADRID)
    except ValueError as refused:
        assert str(refused).startswith("`")  # noqa: PT017
    else:
        assert isinstance(packed, str if of(kind).textual else int)


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2026-03-29 01:59", "2026-03-29 00:59"),
        ("2026-03-29 02:30", "2026-03-29 01:00"),  # the gap: the first instant that is there, 03:00
        ("2026-03-29 03:00", "2026-03-29 01:00"),
        ("2026-10-25 02:30", "2026-10-25 00:30"),  # twice: the first
        ("2026-10-25 03:00", "2026-10-25 02:00"),
    ],
)
def test_daylight_saving(local: str, utc: str) -> None:
    assert instant(datetime.fromisoformat(local), MADRID) == microseconds(datetime.fromisoformat(utc))


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 -- local, as written
    st.sampled_from([MADRID, "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu", "UTC"]),
)
def test_an_instant_is_the_local_time_or_the_first_behind_a_gap(local: datetime, zone: str) -> None:
    at = instant(local, zone)
    back = shown(at, zone)
    assert back >= local
    if back != local:
        assert shown(at - 1, zone) < local


def shown(at: int, zone: str) -> datetime:
    whole = datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(ZoneInfo(zone))
    return whole.replace(tzinfo=None, microsecond=at % 1_000_000)


def test_lengths_of_time() -> None:
    assert [duration_text(n) for n in (DAY, 14 * DAY, 5_400_000_000, 1_500_000)] == [
        "1 day",
        "14 days",
        "90 minutes",
        "1.5 seconds",
    ]
