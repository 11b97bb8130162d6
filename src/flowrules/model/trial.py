"""Typed tests: every name resolved, every value as stored, every line with its instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flowrules.model.campaign import Model
from flowrules.model.schema import Attribute, Channel, CustomerList, Stored
from flowrules.source import Span

WITHHELD = (
    "capped", "no_consent", "suppressed", "unsubscribed", "held_out", "no_address", "expired", "on_hold", "quiet_until",
    "moved_on", "journey_ended",
)  # fmt: skip
"""Why a message did not leave."""
NOT_ENTERED = ("no_key", "already_inside", "entered_before", "too_soon", "loop", "excluded")
"""Why there was none: the campaign was not entered, or `excluded` ended the journey."""
LEFT = ("completed", "goal", "excluded", "exit", "exit_when", "linked", "loop")
"""How a journey ends."""


@dataclass(frozen=True, slots=True)
class Person:
    """The customers of a test; their id is their name. consents: (channel, granted) in order of text.

    held_out_of: campaigns, where it is not all that hold anybody out. arms: (name of the split as stored, arm).
    """

    name: str
    attributes: tuple[tuple[str, Stored], ...] = ()
    consents: tuple[tuple[str, bool], ...] = ()
    lists: tuple[CustomerList, ...] = ()
    tags: tuple[str, ...] = ()
    held_out: bool = False
    held_out_of: tuple[str, ...] = ()
    arms: tuple[tuple[str, str], ...] = ()


# --- what happens -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Does:
    who: str
    event: str
    properties: tuple[tuple[str, Stored], ...]


@dataclass(frozen=True, slots=True)
class Reacts:
    """To the latest such message before."""

    who: str
    reaction: Literal["opened", "clicked"]
    channel: str
    template: str


@dataclass(frozen=True, slots=True)
class Says:
    """Consent given or refused over these channels, for every purpose."""

    who: str
    channels: tuple[str, ...]
    granted: bool


@dataclass(frozen=True, slots=True)
class Changes:
    who: str
    attribute: Attribute
    value: Stored


Happening = Does | Reacts | Says | Changes


# --- what is expected ---------------------------------------------------------------------------------


Who = str | int
"""One customer, or so many of those given."""

Quantity = tuple[Literal["at least", "at most", "fewer than", "exactly"], int]


@dataclass(frozen=True, slots=True)
class Content:
    part: Literal["subject", "body"]
    kind: Literal["is", "contains", "does not contain"]
    text: str


@dataclass(frozen=True, slots=True)
class Message:
    """`channel` None: over any; `template` None: any. reason: why none left."""

    who: Who
    negated: bool
    channel: Channel | None
    template: str | None
    reason: str | None
    quantity: Quantity | None = None
    content: tuple[Content, ...] = ()


@dataclass(frozen=True, slots=True)
class InStage:
    """`stage` None: anywhere in the campaign."""

    who: Who
    negated: bool
    campaign: str
    stage: str | None


@dataclass(frozen=True, slots=True)
class Tagged:
    who: Who
    negated: bool
    tag: str


@dataclass(frozen=True, slots=True)
class Left:
    """words: of the author's `exit "words"`."""

    who: Who
    campaign: str
    reason: str | None
    words: str | None


@dataclass(frozen=True, slots=True)
class Reached:
    """The goal of the campaign, on any of the journeys."""

    who: Who
    negated: bool
    campaign: str


@dataclass(frozen=True, slots=True)
class Has:
    who: str
    attribute: Attribute
    value: Stored


Expectation = Message | InStage | Tagged | Left | Reached | Has
EXPECTATIONS = (Message, InStage, Tagged, Left, Reached, Has)


@dataclass(frozen=True, slots=True)
class Line:
    """Happens or is judged at `at`; an expectation looks at what happened in (since, at]. `what` None: time passes."""

    at: int
    since: int
    what: Happening | Expectation | None
    span: Span


@dataclass(frozen=True, slots=True)
class Trial:
    """`case`: the row of the table that it is played with. `model`: where it has a policy of its own."""

    title: str
    people: tuple[Person, ...]
    lines: tuple[Line, ...]
    span: Span
    case: Span | None = None
    model: Model | None = None


@dataclass(frozen=True, slots=True)
class Got:
    """What was so instead of a line, and whose story tells it."""

    words: str
    who: str
