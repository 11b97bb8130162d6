"""Tests as written: who is given, what happens, what is expected.

Where a table of cases may stand behind a word, `<column>` is a Name of that text until a case puts its own in place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from flowrules.source import Span
from flowrules.syntax.tree.conditions import InList, Quantity
from flowrules.syntax.tree.values import Duration, Name, Value, place

if TYPE_CHECKING:
    from flowrules.syntax.tree.declarations import PolicyClause


@dataclass(frozen=True, slots=True)
class NamedValue:
    """`plan "pro"`: an attribute that is given, a property of an event."""

    name: Name
    value: Value | Name
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
    """`held out`: by the policy and by every campaign that holds out; `held out of campaign welcome`: by that one."""

    campaign: Name | None
    span: Span = place()


@dataclass(frozen=True, slots=True)
class GivenArm:
    """`in arm short of split welcome.length`."""

    arm: Name
    split: Name
    span: Span = place()


GivenFact = NamedValue | Consent | InList | GivenTag | GivenHeldOut | GivenArm


@dataclass(frozen=True, slots=True)
class Given:
    """like: the customer of all tests whose facts these have too."""

    who: Name
    like: Name | None
    facts: tuple[GivenFact, ...]
    span: Span = place()


@dataclass(frozen=True, slots=True)
class GivenShared:
    """`given ana, ben`: customers of all tests, as they are."""

    names: tuple[Name, ...]
    span: Span = place()


@dataclass(frozen=True, slots=True)
class GivenFile:
    """`given customers from "data/people.csv"`; the facts hold for each of them."""

    path: str
    facts: tuple[GivenFact, ...]
    span: Span = place()


@dataclass(frozen=True, slots=True)
class GivenPolicy:
    """Lines that stand in this test for those of the same kind in the policy."""

    clauses: tuple[PolicyClause, ...]
    span: Span = place()


@dataclass(frozen=True, slots=True)
class CustomerDecl:
    """A customer that any test may be given."""

    name: Name
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
    value: Value | Name
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
class Many:
    """`3 customers`: so many of those given, whoever they are."""

    number: int | Name
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Content:
    """`subject is "..."`, `body contains "..."`, `body does not contain "..."`."""

    part: Literal["subject", "body"]
    kind: Literal["is", "contains", "does not contain"]
    text: Value | Name
    span: Span = place()


@dataclass(frozen=True, slots=True)
class ExpectMessage:
    """`expect email hello to ana`, `expect no sms to ana because capped`. No message: any over the channel.

    quantity: so many times; within: in so long a time before.
    """

    negated: bool
    channel: Name
    message: Name | None
    who: Name | Many
    quantity: Quantity | None
    within: Duration | None
    content: tuple[Content, ...]
    because: Because | None
    span: Span = place()


@dataclass(frozen=True, slots=True)
class ExpectStage:
    """`expect ana in stage welcome.lead`, `expect ana not in stage welcome`."""

    who: Name | Many
    negated: bool
    name: Name
    span: Span = place()


@dataclass(frozen=True, slots=True)
class ExpectTagged:
    who: Name | Many
    negated: bool
    tag: Name
    span: Span = place()


@dataclass(frozen=True, slots=True)
class ExpectLeft:
    """`expect ana left welcome because "not bought"`."""

    who: Name | Many
    campaign: Name
    because: Because | None
    span: Span = place()


@dataclass(frozen=True, slots=True)
class ExpectGoal:
    """`expect ana reached goal of welcome`."""

    who: Name | Many
    negated: bool
    campaign: Name
    span: Span = place()


@dataclass(frozen=True, slots=True)
class ExpectValue:
    """`expect plan of ana is "pro"`."""

    attribute: Name
    who: Name
    value: Value | Name
    span: Span = place()


Expectation = ExpectMessage | ExpectStage | ExpectTagged | ExpectLeft | ExpectGoal | ExpectValue


@dataclass(frozen=True, slots=True)
class TestLine:
    """`at MOMENT ...`, `after 2 days ...`, or an expectation alone; `what` None: only the clock moves."""

    at: datetime | Name | None
    after: Duration | Name | None
    what: Happening | Expectation | None
    span: Span = place()


Cell = Value | Name


@dataclass(frozen=True, slots=True)
class CaseRow:
    cells: tuple[Cell, ...]
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Cases:
    """The first row holds the names of the columns."""

    rows: tuple[CaseRow, ...]
    span: Span = place()


GivenSomething = Given | GivenShared | GivenFile | GivenPolicy


@dataclass(frozen=True, slots=True)
class TestDecl:
    """`span` is the head line."""

    title: str
    given: tuple[GivenSomething, ...]
    lines: tuple[TestLine, ...]
    cases: tuple[Cases, ...]
    span: Span = place()
