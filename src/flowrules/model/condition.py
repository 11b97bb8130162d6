"""Typed conditions: what a guard decides, with every name resolved.

Two-valued: a comparison with a missing value is false, each negated form is its exact opposite.
Windows are half open: `in last D` at instant t holds events with event time in (t - D, t] that were
received up to t. Durations inside conditions are elapsed microseconds (language.md rule 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flowrules.model.schema import Attribute, CustomerList, EventType, Property, Stored

Op = Literal["=", "!=", "<", "<=", ">", ">=", "between", "in", "not in", "known", "unknown",
             "any of", "all of", "none of"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class And:
    items: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    items: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    item: Condition


@dataclass(frozen=True, slots=True)
class AttributeIs:
    """`!=`, `not in`, `unknown` and `none of` are true when the value is missing."""

    attribute: Attribute
    op: Op
    values: tuple[Stored, ...] = ()


@dataclass(frozen=True, slots=True)
class PropertyIs:
    """A property of the event at hand; only inside the filter of an event."""

    property: Property
    op: Op
    values: tuple[Stored, ...] = ()


Filter = And | Or | Not | PropertyIs


@dataclass(frozen=True, slots=True)
class Happenings:
    """The events of a customer a history condition looks at. within: microseconds or None for all."""

    event: EventType
    filter: Filter | None = None
    within: int | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """`has E at least 2 times in last D`, `no E in last D` (= 0), `count of E > 3`."""

    of: Happenings
    op: Op
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Total of nothing is 0; average of nothing is missing. Average is compared exactly:
    sum op value * count. Events without the property do not take part.
    """

    kind: Literal["total", "average", "distinct"]
    of: Happenings
    property: Property
    op: Op
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HistoryProperty:
    """`last purchase (filter).amount > 10`; first and last by event time, then order of receipt."""

    which: Literal["first", "last"]
    of: Happenings
    property: Property
    op: Op
    values: tuple[Stored, ...] = ()


@dataclass(frozen=True, slots=True)
class Ago:
    """`last E more than D ago`: the first or last event time is at or before t - D (more), or after (less).
    False for both without such an event.
    """

    which: Literal["first", "last"]
    of: Happenings
    more: bool
    microseconds: int


@dataclass(frozen=True, slots=True)
class DateIs:
    """In the customer's zone, today being the local date of the instant.

    today: day and month equal (29 February falls on the 28th in other years);
    away: date = today + days; next: today <= date <= today + days.
    """

    attribute: Attribute
    kind: Literal["today", "away", "next"]
    days: int


@dataclass(frozen=True, slots=True)
class InSegment:
    segment: Segment


@dataclass(frozen=True, slots=True)
class InList:
    list: CustomerList


@dataclass(frozen=True, slots=True)
class Tagged:
    tag: str


@dataclass(frozen=True, slots=True)
class InStage:
    """Any live, not held-out instance of the campaign stands in the stage. stage None: in any stage."""

    campaign: str
    stage: str | None


@dataclass(frozen=True, slots=True)
class Consents:
    """Consent as a send would test it, for each of the purposes: (name, asks_first)."""

    channel: str
    purposes: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Reaction:
    """About the last message of this channel (and template) in this instance, of status sent or ghost.

    opened, clicked, delivered, bounced: a human reaction to it has been received;
    unopened, unclicked: it was sent and there is none; not sent: there is no such message.
    """

    channel: str
    template: str | None
    word: Literal["opened", "unopened", "clicked", "unclicked", "delivered", "bounced", "not sent"]


Condition = (
    And | Or | Not | AttributeIs | PropertyIs | Count | Aggregate | HistoryProperty | Ago | DateIs
    | InSegment | InList | Tagged | InStage | Consents | Reaction
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Segment:
    name: str
    title: str | None
    condition: Condition
    place: str
