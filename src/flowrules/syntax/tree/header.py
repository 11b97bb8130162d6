"""The lines of a campaign's header as written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from typing import Literal

from flowrules.source import Span
from flowrules.syntax.tree.conditions import Condition, Filter
from flowrules.syntax.tree.steps import Exit, GoTo
from flowrules.syntax.tree.values import Duration, Name, Value, place


@dataclass(frozen=True, slots=True)
class EventTrigger:
    event: Name
    filter: Filter | None
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Schedule:
    """`every day at 09:00`, `every monday at 09:00`, `every month on day 1 at 09:00`, `once at MOMENT`.

    every None: `once at`, with `moment`, or `once now` without. weekday 0 is Monday.
    """

    every: Literal["day", "week", "month"] | None
    weekday: int | None
    day: int | None
    clock: time | None
    moment: datetime | None
    segment: Name
    span: Span = place()


@dataclass(frozen=True, slots=True)
class StageTrigger:
    """`reaches stage c.s`."""

    stage: Name
    span: Span = place()


@dataclass(frozen=True, slots=True)
class TagTrigger:
    tag: Name
    span: Span = place()


@dataclass(frozen=True, slots=True)
class SegmentTrigger:
    """`joins segment x`, or `leaves`."""

    joins: bool
    segment: Name
    span: Span = place()


@dataclass(frozen=True, slots=True)
class ChangeTrigger:
    """`plan changes from "free" to "pro"`; None: from or to any value."""

    attribute: Name
    before: Value | None
    after: Value | None
    span: Span = place()


@dataclass(frozen=True, slots=True)
class DateTrigger:
    """`30 days before contract_end at 09:00`: days -30. days None: `on birthday at 09:00`, every year."""

    attribute: Name
    days: int | None
    clock: time
    span: Span = place()


Trigger = EventTrigger | Schedule | StageTrigger | TagTrigger | SegmentTrigger | ChangeTrigger | DateTrigger


@dataclass(frozen=True, slots=True)
class Again:
    """Entry mode. Neither after_exit, nor a gap, nor every_time: once (the default)."""

    after_exit: bool
    gap: Duration | None
    every_time: bool
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Enter:
    """trigger None: `enter again after exit`, of a campaign that only steps of others start."""

    trigger: Trigger | None
    keyed: Name | None
    again: Again | None
    span: Span = place()


@dataclass(frozen=True, slots=True)
class OfMessage:
    """`of a message`, `of email`, `of email welcome`: channel None, any."""

    channel: Name | None
    message: Name | None
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Goal:
    """within None: no limit in time; of: where the time counts from a message, not from the entry."""

    event: Name
    filter: Filter | None
    within: Duration | None
    of: OfMessage | None
    stay: bool
    span: Span = place()


@dataclass(frozen=True, slots=True)
class ExitWhen:
    """A bare name (event or segment: told apart after parsing), an event with a filter, or a condition."""

    name: Name | None
    filter: Filter | None
    condition: Condition | None
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Exclude:
    kind: Literal["list", "segment", "campaign"]
    name: Name
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Cap:
    """`cap 4 contacts per 7 days across email, sms`, `cap 1 contact per calendar month`; no channel: all."""

    number: int
    per: Duration | Literal["day", "week", "month"]
    channels: tuple[Name, ...]
    span: Span = place()


@dataclass(frozen=True, slots=True)
class WhenCapped:
    """`when capped wait up to 3 days, else skip`. wait None: not at all; otherwise None: skip."""

    wait: Duration | None
    otherwise: Exit | GoTo | None
    span: Span = place()


@dataclass(frozen=True, slots=True)
class HoldWhile:
    condition: Condition
    span: Span = place()


@dataclass(frozen=True, slots=True)
class HoldOut:
    """`hold out 10%`; in a policy also `hold out 5% of customers from class marketing`."""

    percent: Decimal
    message_class: Name | None
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Owner:
    address: str
    span: Span = place()


@dataclass(frozen=True, slots=True)
class ClassOf:
    name: Name
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Priority:
    number: int
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Settle:
    duration: Duration
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Place:
    """`stage lead`, or a step's key in quotes; name None: every stage."""

    kind: Literal["stage", "step"]
    name: str | None
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Migration:
    """`from "lead/wait" move to stage offer, restart waits`: of those who are there when the campaign changes."""

    origin: Place
    action: Literal["keep", "follow", "move", "exit"]
    target: Place | None
    timers: Literal["keep", "recompute", "restart"] | None
    reason: str | None
    span: Span = place()


HeaderClause = (
    Owner
    | ClassOf
    | Priority
    | Enter
    | Goal
    | ExitWhen
    | Exclude
    | Cap
    | WhenCapped
    | HoldOut
    | HoldWhile
    | Settle
    | Migration
)
