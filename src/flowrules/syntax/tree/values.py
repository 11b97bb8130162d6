"""Names, durations and values as written."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Literal, cast

from flowrules.source import Span


def place() -> Span:
    """The place of a production; it never takes part in equality."""
    return cast("Span", field(compare=False, repr=False))  # a dataclass field stands as the default


@dataclass(frozen=True, slots=True)
class Name:
    """A name as written; `parts` has two items for `campaign.stage`, `purchase.amount`, `entry.p`."""

    parts: tuple[str, ...]
    span: Span = place()

    @property
    def text(self) -> str:
        return ".".join(self.parts)


Unit = Literal["second", "minute", "hour", "day", "week", "month"]


@dataclass(frozen=True, slots=True)
class Duration:
    """`5 days`; unit in the singular."""

    amount: int
    unit: Unit
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Money:
    """`12.50 EUR`; the amount as written, minor units are made when it is typed."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Literal_:  # noqa: N801  # `Literal` is typing's
    """A value in the text: str, int, Decimal, bool, Money, date, datetime or time."""

    value: str | int | Decimal | bool | Money | date | datetime | time
    span: Span = place()


@dataclass(frozen=True, slots=True)
class DurationLiteral:
    value: Duration
    span: Span = place()


Value = Literal_ | DurationLiteral
