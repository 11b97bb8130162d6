"""Steps and stages as written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal

from flowrules.source import Span
from flowrules.syntax.tree.conditions import Condition, Filter
from flowrules.syntax.tree.values import Duration, Name, Value, place


@dataclass(frozen=True, slots=True)
class Argument:
    """`script "quote_call"` or `brief entry.quote_id` behind a message."""

    name: str
    value: Value | Name
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Send:
    channel: Name
    template: Name
    arguments: tuple[Argument, ...]
    expires: Duration | None
    span: Span = place()


@dataclass(frozen=True, slots=True)
class SendFirst:
    """`send first of: email x, sms y`; what is said behind the last of them holds for all."""

    messages: tuple[Send, ...]
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Wait:
    duration: Duration
    span: Span = place()


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """`wait until 09:00`, `... 09:00 tomorrow`, `... 09:00 on monday`, `... 2026-12-01 09:00`.

    weekday: 0 is Monday. With `moment` set the others are None/False.
    """

    clock: time | None
    tomorrow: bool
    weekday: int | None
    moment: datetime | None
    span: Span = place()


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
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Branch:
    condition: Condition
    steps: tuple[Step, ...]
    span: Span = place()


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
    span: Span = place()
    head: Span = place()


@dataclass(frozen=True, slots=True)
class Arm:
    percent: Decimal
    name: Name
    steps: tuple[Step, ...]
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Split:
    """`span` is the whole block, `head` its first line."""

    name: Name
    arms: tuple[Arm, ...]
    span: Span = place()
    head: Span = place()


@dataclass(frozen=True, slots=True)
class Tag:
    name: Name
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Untag:
    name: Name
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Set:
    attribute: Name
    value: Value
    span: Span = place()


@dataclass(frozen=True, slots=True)
class GoTo:
    stage: Name
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Exit:
    reason: str | None
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Start:
    """`start campaign x`; linked: what it starts ends with the journey that starts it."""

    campaign: Name
    linked: bool
    span: Span = place()


Step = Send | SendFirst | Wait | WaitUntil | WaitFor | If | Split | Tag | Untag | Set | GoTo | Exit | Start


@dataclass(frozen=True, slots=True)
class On:
    """`on E (filter) go to STAGE`, valid in the whole stage whatever its position in it.

    refresh: `on E refresh entry`, or with `and go to STAGE`; stage None: it moves nobody.
    """

    event: Name
    filter: Filter | None
    refresh: bool
    stage: Name | None
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Stage:
    """`span` is the stage's head line; formerly: the name it had."""

    name: Name
    title: str | None
    steps: tuple[Step, ...]
    reactions: tuple[On, ...]
    formerly: Name | None
    span: Span = place()
