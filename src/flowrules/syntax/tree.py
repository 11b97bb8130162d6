"""What an author wrote, one frozen class per production, each with its span.

The tree says only what the text says: names are not resolved, nothing is typed.
Spans never take part in equality, so that two texts of the same meaning compare equal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Literal, cast

from flowrules.source import Source, Span


def _span() -> Span:
    return cast("Span", field(compare=False, repr=False))  # a dataclass field stands as the default


# --- words and values -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Name:
    """A name as written; `parts` has two items for `campaign.stage`, `purchase.amount`, `entry.p`."""

    parts: tuple[str, ...]
    span: Span = _span()

    @property
    def text(self) -> str:
        return ".".join(self.parts)


Unit = Literal["second", "minute", "hour", "day", "week", "month"]


@dataclass(frozen=True, slots=True)
class Duration:
    """`5 days`; unit in the singular."""

    amount: int
    unit: Unit
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Money:
    """`12.50 EUR`; the amount as written, minor units are made when it is typed."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Literal_:  # noqa: N801  # `Literal` is typing's
    """A value in the text: str, int, Decimal, bool, Money, date, datetime or time."""

    value: str | int | Decimal | bool | Money | date | datetime | time
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class DurationLiteral:
    value: Duration
    span: Span = _span()


Value = Literal_ | DurationLiteral


# --- conditions -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class And:
    items: tuple[Condition, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Or:
    items: tuple[Condition, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Not:
    item: Condition
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Filter:
    """The bracketed filter behind an event name: its conditions are joined by `and` (the comma)."""

    items: tuple[Condition, ...]
    span: Span = _span()


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
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class EventProperty:
    """`last purchase (filter).amount`, `first purchase.amount`."""

    which: Literal["first", "last"]
    event: Name
    filter: Filter | None
    property: str
    span: Span = _span()


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
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class InSegment:
    name: Name
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class InList:
    name: Name
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tag, or a role tag `campaign.stage` (two parts)."""

    name: Name
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class InStage:
    """`in stage campaign.stage`."""

    name: Name
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ConsentsTo:
    """`consents to email`, `consents to email for marketing`."""

    channel: Name
    purpose: Name | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Quantity:
    """`at least 2 times`; `exactly 1 time`."""

    kind: Literal["at least", "at most", "fewer than", "exactly"]
    number: int
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class HasEvent:
    """`has E (filter) at least 2 times in last 30 days`; `no E (filter) in last 30 days` (negated)."""

    event: Name
    filter: Filter | None
    quantity: Quantity | None
    within: Duration | None
    negated: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class EventAgo:
    """`last E (filter) more than 30 days ago`, `... less than 30 days ago`."""

    which: Literal["first", "last"]
    event: Name
    filter: Filter | None
    more: bool
    duration: Duration
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class DateIs:
    """`x is today` (today, 0), `x is 30 days away` (away, 30), `x within the next 30 days` (next, 30)."""

    attribute: Name
    kind: Literal["today", "away", "next"]
    days: int
    span: Span = _span()


ReactionWord = Literal["opened", "unopened", "clicked", "unclicked", "delivered", "bounced", "not sent"]


@dataclass(frozen=True, slots=True)
class Reaction:
    """`email opened`, `email quote_details unopened`, `email not sent`.

    `message` None: the last message of this channel in this journey.
    """

    channel: Name
    message: Name | None
    word: ReactionWord
    span: Span = _span()


Condition = (
    And | Or | Not | Compare | InSegment | InList | Tagged | InStage | ConsentsTo
    | HasEvent | EventAgo | DateIs | Reaction
)  # fmt: skip


# --- steps ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Argument:
    """`script "quote_call"` or `brief entry.quote_id` behind a message."""

    name: str
    value: Value | Name
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Send:
    channel: Name
    template: Name
    arguments: tuple[Argument, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Wait:
    duration: Duration
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """`wait until 09:00`, `... 09:00 tomorrow`, `... 09:00 on monday`, `... 2026-12-01 09:00`.

    weekday: 0 is Monday. With `moment` set the others are None/False.
    """

    clock: time | None
    tomorrow: bool
    weekday: int | None
    moment: datetime | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class WaitFor:
    """`wait for E (filter) up to D, else ...`; `new`: `wait for a new E`.

    otherwise None: nothing written (go on).
    """

    event: Name
    filter: Filter | None
    new: bool
    up_to: Duration
    otherwise: tuple[Step, ...] | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Branch:
    condition: Condition
    steps: tuple[Step, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class If:
    """`if C: ... else if C: ... else: ...`.

    `after` stands on exactly one branch whose condition is exactly one Reaction
    (a longer condition is parsed and refused by check).
    `span` is the whole block, `head` the `if` line up to the condition's end.
    """

    branches: tuple[Branch, ...]
    otherwise: tuple[Step, ...] | None
    after: Duration | None
    span: Span = _span()
    head: Span = _span()


@dataclass(frozen=True, slots=True)
class Tag:
    name: Name
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Untag:
    name: Name
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Set:
    attribute: Name
    value: Value
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class GoTo:
    stage: Name
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Exit:
    reason: str | None
    span: Span = _span()


Step = Send | Wait | WaitUntil | WaitFor | If | Tag | Untag | Set | GoTo | Exit


@dataclass(frozen=True, slots=True)
class On:
    """`on E (filter) go to STAGE`, valid in the whole stage whatever its position in it."""

    event: Name
    filter: Filter | None
    stage: Name
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Stage:
    """`span` is the stage's head line."""

    name: Name
    title: str | None
    steps: tuple[Step, ...]
    reactions: tuple[On, ...]
    span: Span = _span()


# --- campaign header --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EventTrigger:
    event: Name
    filter: Filter | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Schedule:
    """`every day at 09:00`, `every monday at 09:00`, `every month on day 1 at 09:00`, `once at MOMENT`.

    every None: `once at`, with `moment`. weekday 0 is Monday.
    """

    every: Literal["day", "week", "month"] | None
    weekday: int | None
    day: int | None
    clock: time | None
    moment: datetime | None
    segment: Name
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Again:
    """Entry mode. gap None and after_exit False: once (the default)."""

    after_exit: bool
    gap: Duration | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Enter:
    trigger: EventTrigger | Schedule
    again: Again | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Goal:
    """within None: no limit in time."""

    event: Name
    filter: Filter | None
    within: Duration | None
    stay: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ExitWhen:
    """A bare name (event or segment: told apart after parsing), an event with a filter, or a condition."""

    name: Name | None
    filter: Filter | None
    condition: Condition | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Exclude:
    kind: Literal["list", "segment", "campaign"]
    name: Name
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Cap:
    """`cap 4 contacts per 7 days across email, sms`; no channel: all."""

    number: int
    per: Duration
    channels: tuple[Name, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class HoldOut:
    """`hold out 10%`; in a policy also `hold out 5% of customers from class marketing`."""

    percent: Decimal
    message_class: Name | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Owner:
    address: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ClassOf:
    name: Name
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Priority:
    number: int
    span: Span = _span()


HeaderClause = Owner | ClassOf | Priority | Enter | Goal | ExitWhen | Exclude | Cap | HoldOut


# --- declarations -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TypeName:
    """`text`, `integer`, `number`, `money`, `bool`, `date`, `datetime`, `duration`,
    `one of "a", "b"` (kind "one of"), `list of text`.
    """

    kind: str
    options: tuple[str, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class AttributeDecl:
    name: Name
    type: TypeName
    default: Value | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class PropertyDecl:
    name: Name
    type: TypeName
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class EventDecl:
    name: Name
    properties: tuple[PropertyDecl, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ListDecl:
    """`list robinson from "data/robinson.csv" by phone, email`."""

    name: Name
    path: str
    by: tuple[Name, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class SegmentDecl:
    name: Name
    title: str | None
    condition: Condition
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class CampaignDecl:
    """Header clauses in the order written (doubled ones are found by check); `span` is the head line."""

    name: Name
    title: str | None
    header: tuple[HeaderClause, ...]
    stages: tuple[Stage, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Zone:
    """`time zone of customer, else "Europe/Madrid"`; `time zone "Europe/Madrid"` (of_customer False)."""

    of_customer: bool
    default: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Purpose:
    name: Name
    consent: Literal["ask first", "unless refused"]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class MessageClass:
    """This slice accepts `limited, counted` only; both flags are kept for the rest."""

    name: Name
    purpose: Name
    limited: bool
    counted: bool
    span: Span = _span()


PolicyClause = Zone | Purpose | MessageClass | Cap | HoldOut


@dataclass(frozen=True, slots=True)
class PolicyDecl:
    clauses: tuple[PolicyClause, ...]
    span: Span = _span()


Declaration = AttributeDecl | EventDecl | ListDecl | SegmentDecl | CampaignDecl | PolicyDecl


@dataclass(frozen=True, slots=True)
class File:
    source: Source
    declarations: tuple[Declaration, ...]
