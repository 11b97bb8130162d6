"""Conditions as written: what can be asked of a customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flowrules.source import Span
from flowrules.syntax.tree.values import Duration, Name, Value, place


@dataclass(frozen=True, slots=True)
class And:
    items: tuple[Condition, ...]
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Or:
    items: tuple[Condition, ...]
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Not:
    item: Condition
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Filter:
    """The bracketed filter behind an event name: its conditions are joined by `and` (the comma)."""

    items: tuple[Condition, ...]
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`total of purchase.amount (category is "x") in last 365 days`; `count of purchase`.

    `property` is None only for `count`.
    """

    kind: Literal["total", "average", "count", "distinct"]
    event: Name
    property: str | None
    filter: Filter | None
    within: Duration | None
    span: Span = place()


@dataclass(frozen=True, slots=True)
class EventProperty:
    """`last purchase (filter).amount`, `first purchase.amount`."""

    which: Literal["first", "last"]
    event: Name
    filter: Filter | None
    property: str
    span: Span = place()


Operand = Name | Aggregate | EventProperty

Comparison = Literal[
    "is", "is not", "<", "<=", ">", ">=", "between", "one of", "not one of",
    "known", "unknown", "has any of", "has all of", "has none of",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Compare:
    """`values` has none for known/unknown, two for between, one or more for the list forms, else one."""

    left: Operand
    op: Comparison
    values: tuple[Value, ...]
    span: Span = place()


@dataclass(frozen=True, slots=True)
class InSegment:
    name: Name
    span: Span = place()


@dataclass(frozen=True, slots=True)
class InList:
    name: Name
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tag, or a role tag `campaign.stage` (two parts)."""

    name: Name
    span: Span = place()


@dataclass(frozen=True, slots=True)
class InStage:
    """`in stage campaign.stage`."""

    name: Name
    span: Span = place()


@dataclass(frozen=True, slots=True)
class ConsentsTo:
    """`consents to email`, `consents to email for marketing`."""

    channel: Name
    purpose: Name | None
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Quantity:
    """`at least 2 times`; `exactly 1 time`."""

    kind: Literal["at least", "at most", "fewer than", "exactly"]
    number: int
    span: Span = place()


@dataclass(frozen=True, slots=True)
class HasEvent:
    """`has E (filter) at least 2 times in last 30 days`; `no E (filter) in last 30 days` (negated)."""

    event: Name
    filter: Filter | None
    quantity: Quantity | None
    within: Duration | None
    negated: bool
    span: Span = place()


@dataclass(frozen=True, slots=True)
class EventAgo:
    """`last E (filter) more than 30 days ago`, `... less than 30 days ago`."""

    which: Literal["first", "last"]
    event: Name
    filter: Filter | None
    more: bool
    duration: Duration
    span: Span = place()


@dataclass(frozen=True, slots=True)
class DateIs:
    """`x is today` (today, 0), `x is 30 days away` (away, 30), `x within the next 30 days` (next, 30)."""

    attribute: Name
    kind: Literal["today", "away", "next"]
    days: int
    span: Span = place()


ReactionWord = Literal["opened", "unopened", "clicked", "unclicked", "delivered", "bounced", "not sent"]


@dataclass(frozen=True, slots=True)
class Reaction:
    """`email opened`, `email quote_details unopened`, `email not sent`.

    `message` None: the last message of this channel in this journey.
    """

    channel: Name
    message: Name | None
    word: ReactionWord
    span: Span = place()


Condition = (
    And | Or | Not | Compare | InSegment | InList | Tagged | InStage | ConsentsTo
    | HasEvent | EventAgo | DateIs | Reaction
)  # fmt: skip
