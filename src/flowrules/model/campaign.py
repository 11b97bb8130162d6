"""Typed campaigns and policy. `place` is `file:line` of the words that say it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from typing import Literal

from flowrules.model.condition import Condition, Filter, Segment
from flowrules.model.schema import Attribute, Channel, CustomerList, EventType, Property, Stored

Period = Literal["day", "week", "month"]
Unit = Literal["second", "minute", "hour", "day", "week", "month"]


@dataclass(frozen=True, slots=True)
class Duration:
    """In waits days, weeks and months keep the local clock time, smaller units are elapsed."""

    amount: int
    unit: Unit


# --- steps; `key` is the step's identity within the campaign ("lead/send email quote_details") ---------


@dataclass(frozen=True, slots=True)
class Argument:
    """value: a stored value, or the name of a property of the entering event (entry.p)."""

    name: str
    value: Stored | None
    entry: str | None


@dataclass(frozen=True, slots=True)
class Send:
    """expires: microseconds from when it is asked for. instead: what is tried where this one can not reach anybody."""

    key: str
    place: str
    channel: Channel
    template: str
    arguments: tuple[Argument, ...] = ()
    expires: int | None = None
    instead: Send | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    key: str
    place: str
    duration: Duration


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """The next such local time, at once when it is now; tomorrow: on the next local day."""

    key: str
    place: str
    clock: time | None = None
    tomorrow: bool = False
    weekday: int | None = None
    moment: datetime | None = None


@dataclass(frozen=True, slots=True)
class WaitFor:
    key: str
    place: str
    event: EventType
    filter: Filter | None
    new: bool
    up_to: Duration
    otherwise: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class If:
    """One test; `else if` is an If alone in `otherwise`."""

    key: str
    place: str
    condition: Condition
    then: tuple[Step, ...]
    otherwise: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class IfNoReaction:
    """`if email [NAME] unopened after D`: absent (the branch), reacted (else), no message (go on)."""

    key: str
    place: str
    channel: str
    template: str | None
    reaction: Literal["opened", "clicked"]
    after: Duration
    absent: tuple[Step, ...]
    reacted: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Arm:
    millionths: int
    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """`name` is what the buckets are made of; the arms add up to all."""

    key: str
    place: str
    name: str
    arms: tuple[Arm, ...]


@dataclass(frozen=True, slots=True)
class Tag:
    key: str
    place: str
    tag: str


@dataclass(frozen=True, slots=True)
class Untag:
    key: str
    place: str
    tag: str


@dataclass(frozen=True, slots=True)
class Set:
    key: str
    place: str
    attribute: Attribute
    value: Stored


@dataclass(frozen=True, slots=True)
class GoTo:
    key: str
    place: str
    stage: str


@dataclass(frozen=True, slots=True)
class Exit:
    key: str
    place: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Start:
    """Let the customer into another campaign; linked: not for longer than they are in this one."""

    key: str
    place: str
    campaign: str
    linked: bool


Step = Send | Wait | WaitUntil | WaitFor | If | IfNoReaction | Split | Tag | Untag | Set | GoTo | Exit | Start


@dataclass(frozen=True, slots=True)
class On:
    """refresh: the event becomes the journey's entry; stage None: it moves nobody."""

    place: str
    event: EventType
    filter: Filter | None
    stage: str | None
    refresh: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """`reactions` in the order written: the first that matches counts."""

    name: str
    title: str | None
    steps: tuple[Step, ...]
    reactions: tuple[On, ...]
    place: str
    formerly: str | None = None


# --- migrations ---------------------------------------------------------------------------------------

Timers = Literal["keep", "recompute", "restart"]


@dataclass(frozen=True, slots=True)
class Spot:
    """A stage, or a step by its key; name None: every stage."""

    kind: Literal["stage", "step"]
    name: str | None


@dataclass(frozen=True, slots=True)
class Migration:
    """What becomes of those of other versions who are at `origin`. timers None: as the action has it."""

    origin: Spot
    action: Literal["keep", "follow", "move", "exit"]
    target: Spot | None
    timers: Timers | None
    words: str | None
    place: str


# --- header -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EventTrigger:
    event: EventType
    filter: Filter | None


@dataclass(frozen=True, slots=True)
class ScheduleTrigger:
    """Occurrences are local times of each customer's zone; with no time at all: when the campaign's life begins."""

    every: Literal["day", "week", "month"] | None
    weekday: int | None
    day: int | None
    clock: time | None
    moment: datetime | None
    segment: Segment


@dataclass(frozen=True, slots=True)
class StageTrigger:
    campaign: str
    stage: str


@dataclass(frozen=True, slots=True)
class TagTrigger:
    tag: str


@dataclass(frozen=True, slots=True)
class SegmentTrigger:
    """joins False: leaves."""

    segment: Segment
    joins: bool


@dataclass(frozen=True, slots=True)
class ChangeTrigger:
    """None: from or to any value."""

    attribute: Attribute
    before: Stored | None
    after: Stored | None


@dataclass(frozen=True, slots=True)
class DateTrigger:
    """So many days after the date (before it: less than 0), at a local time; days None: its day of every year."""

    attribute: Attribute
    days: int | None
    clock: time


InnerTrigger = StageTrigger | TagTrigger | SegmentTrigger | ChangeTrigger
"""What a step of another campaign may set off, at the same instant."""
OuterTrigger = EventTrigger | ScheduleTrigger | DateTrigger
Trigger = OuterTrigger | InnerTrigger


@dataclass(frozen=True, slots=True)
class Entry:
    """mode `again after`: at least `gap` microseconds since the last entry and not inside; `every time`: side by side.

    key: the property of the entering event that tells journeys apart; the mode then goes by its value.
    trigger None: only steps of campaigns start it.
    """

    trigger: Trigger | None
    mode: Literal["once", "after exit", "again after", "every time"]
    gap: int
    place: str
    key: Property | None = None

    @property
    def several(self) -> bool:
        """A customer may be on several journeys at once."""
        return self.key is not None or self.mode == "every time"


@dataclass(frozen=True, slots=True)
class OfMessage:
    """Any message of the journey that was sent: over the channel, of the template, where they are named."""

    channel: str | None
    template: str | None


@dataclass(frozen=True, slots=True)
class Goal:
    """within: microseconds from the entry, or from a message; None for ever."""

    event: EventType
    filter: Filter | None
    within: int | None
    stay: bool
    place: str
    of: OfMessage | None = None


@dataclass(frozen=True, slots=True)
class ExitOnEvent:
    event: EventType
    filter: Filter | None
    place: str


@dataclass(frozen=True, slots=True)
class ExitOnCondition:
    condition: Condition
    place: str


@dataclass(frozen=True, slots=True)
class ExcludeWhere:
    """A list or a segment; `by` is how messages name it ("list robinson", "segment sleeping")."""

    by: str
    condition: Condition
    place: str


@dataclass(frozen=True, slots=True)
class ExcludeCampaign:
    campaign: str
    place: str


@dataclass(frozen=True, slots=True)
class Cap:
    """Rolling: every window (t - per, t] holds at most `number`; per calendar period: every such one of the customer.

    channels empty: all. per: microseconds, 0 with a calendar period.
    """

    number: int
    per: int
    channels: tuple[str, ...]
    place: str
    calendar: Period | None = None


@dataclass(frozen=True, slots=True)
class WhenCapped:
    """What becomes of a capped message: it waits (microseconds, 0 not at all), then this happens.

    end: skip; exit, with `words`; go to, a `stage`.
    """

    wait: int
    end: Literal["skip", "exit", "go to"]
    words: str | None
    stage: str | None
    place: str


@dataclass(frozen=True, slots=True)
class HoldWhile:
    condition: Condition
    place: str


@dataclass(frozen=True, slots=True)
class HoldOut:
    """Share in ten-thousandths of a percent: 10 % is 100_000 of 1_000_000."""

    millionths: int
    place: str


@dataclass(frozen=True, slots=True)
class Campaign:
    name: str
    title: str | None
    owner: str | None
    message_class: MessageClass
    priority: int
    entry: Entry
    goal: Goal | None
    exits: tuple[ExitOnEvent | ExitOnCondition, ...]
    exclusions: tuple[ExcludeWhere | ExcludeCampaign, ...]
    caps: tuple[Cap, ...]
    hold_out: HoldOut | None
    stages: tuple[Stage, ...]
    place: str
    digest: str
    """Hash of the meaning: this campaign and all that it names except policy; a new digest is a new version.
    Exclusions, caps, holds, priority and holdout share are policy and do not take part."""
    settle: int = 0
    """Microseconds that whatever acts on an absence waits longer for late facts."""
    when_capped: WhenCapped | None = None
    holds: tuple[HoldWhile, ...] = ()
    migrations: tuple[Migration, ...] = ()
    """For those in other versions, at every deployment; no meaning of the version."""

    @property
    def refreshes(self) -> bool:
        """Some event replaces a journey's entry."""
        return any(on.refresh for stage in self.stages for on in stage.reactions)


# --- policy -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Purpose:
    name: str
    asks_first: bool
    place: str


@dataclass(frozen=True, slots=True)
class MessageClass:
    """`rank`: order of declaration, from 0, the strongest first."""

    name: str
    purpose: Purpose
    limited: bool
    counted: bool
    rank: int
    place: str

    @property
    def marketing(self) -> bool:
        """Its mail must offer a way out. The others, of a purpose `service: unless refused`, are service messages."""
        return self.purpose.asks_first or self.purpose.name != "service"


@dataclass(frozen=True, slots=True)
class Suppression:
    """Nothing goes to who is in the list, by these channels; empty: by any."""

    list: CustomerList
    channels: tuple[str, ...]
    place: str

    @property
    def by(self) -> str:
        """How messages name it."""
        return f"list {self.list.name}"


@dataclass(frozen=True, slots=True)
class UniversalHoldOut:
    """classes: names of the message classes it withholds; empty: all."""

    millionths: int
    classes: tuple[str, ...]
    place: str


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` to before `end`, the next day's where that is not later."""

    start: time
    end: time
    channels: tuple[str, ...]
    place: str


@dataclass(frozen=True, slots=True)
class Policy:
    zone_of_customer: bool
    zone: str
    purposes: tuple[Purpose, ...]
    classes: tuple[MessageClass, ...]
    caps: tuple[Cap, ...]
    hold_out: UniversalHoldOut | None
    suppressions: tuple[Suppression, ...] = ()
    quiet: tuple[QuietHours, ...] = ()
    when_capped: WhenCapped | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """All that the files of a workspace say. Tuples are in order of name, policy in order of text."""

    attributes: tuple[Attribute, ...]
    events: tuple[EventType, ...]
    lists: tuple[CustomerList, ...]
    segments: tuple[Segment, ...]
    campaigns: tuple[Campaign, ...]
    policy: Policy
    channels: tuple[Channel, ...]
    currency: str
    region: str | None = None
