"""Tests as written: who is given, what happens, what is expected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from flowrules.source import Span
from flowrules.syntax.tree.conditions import InList
from flowrules.syntax.tree.values import Duration, Name, Value, place


@dataclass(frozen=True, slots=True)
class NamedValue:
    """`plan "pro"`: an attribute that is given, a property of an event."""

    name: Name
    value: Value
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Consent:
    """`consents to email, sms`, `refuses email`: for every purpose."""

    channels: tuple[Name, ...]
    granted: bool
    span: Span = place()


@dataclass(frozen=True, slots=True)
class GivenTag:
    name: Name
    span: Span = place()


@dataclass(frozen=True, slots=True)
class GivenHeldOut:
    """`held out`: by the policy and by every campaign that holds out."""

    span: Span = place()


GivenFact = NamedValue | Consent | InList | GivenTag | GivenHeldOut


@dataclass(frozen=True, slots=True)
class Given:
    who: Name
    facts: tuple[GivenFact, ...]
    span: Span = place()


# --- what happens ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Does:
    """`ana does form_submitted (form "quote")`."""

    who: Name
    event: Name
    properties: tuple[NamedValue, ...]
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Reacts:
    """`ana opens email quote_details`."""

    who: Name
    reaction: Literal["opens", "clicks"]
    channel: Name
    message: Name
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Says:
    """`ana refuses sms`."""

    who: Name
    consent: Consent
    span: Span = place()


@dataclass(frozen=True, slots=True)
class SetOf:
    """`set plan of ana to "pro"`."""

    attribute: Name
    who: Name
    value: Value
    span: Span = place()


Happening = Does | Reacts | Says | SetOf


# --- what is expected -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Because:
    """A reason of the closed list, or (`quoted`) the author's words of an `exit`."""

    word: str
    quoted: bool
    span: Span = place()


@dataclass(frozen=True, slots=True)
class ExpectMessage:
    """`expect email hello to ana`, `expect no sms to ana because capped`. No message: any over the channel."""

    negated: bool
    channel: Name
    message: Name | None
    who: Name
    because: Because | None
    span: Span = place()


@dataclass(frozen=True, slots=True)
class ExpectStage:
    """`expect ana in stage welcome.lead`, `expect ana not in stage welcome`."""

    who: Name
    negated: bool
    name: Name
    span: Span = place()


@dataclass(frozen=True, slots=True)
class ExpectTagged:
    who: Name
    negated: bool
    tag: Name
    span: Span = place()


@dataclass(frozen=True, slots=True)
class ExpectLeft:
    """`expect ana left welcome because "not bought"`."""

    who: Name
    campaign: Name
    because: Because | None
    span: Span = place()


@dataclass(frozen=True, slots=True)
class ExpectValue:
    """`expect plan of ana is "pro"`."""

    attribute: Name
    who: Name
    value: Value
    span: Span = place()


Expectation = ExpectMessage | ExpectStage | ExpectTagged | ExpectLeft | ExpectValue


@dataclass(frozen=True, slots=True)
class TestLine:
    """`at MOMENT ...`, `after 2 days ...`, or an expectation alone; `what` None: only the clock moves."""

    at: datetime | None
    after: Duration | None
    what: Happening | Expectation | None
    span: Span = place()


@dataclass(frozen=True, slots=True)
class TestDecl:
    """`span` is the head line."""

    title: str
    given: tuple[Given, ...]
    lines: tuple[TestLine, ...]
    span: Span = place()
