"""The state of one customer while the reference runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowrules.syntax import tree
    from tests.reference.program import Campaign, Position
    from tests.reference.scenario import Value


@dataclass(eq=False)
class Message:
    """A message made at an instant; its contact is made with it."""

    instance: Instance
    key: str
    channel: str
    template: str
    at: int
    version: int = 1

    @property
    def counted(self) -> bool:
        return self.instance.campaign.message_class.counted

    def answered_by(self, event: str, word: str) -> bool:
        return event == f"{self.channel}_{word}"


@dataclass(eq=False)
class Fact:
    """An event, imported or a reaction to a message."""

    seq: int
    event: str
    event_time: int
    at: int
    properties: Mapping[str, Value]
    message: Message | None = None


@dataclass(eq=False)
class Instance:
    """meaning.md, *An instance*. `ghost`: the name of its holdout; `hold`: reason and rule of its held message."""

    campaign: Campaign
    number: int
    ghost: str | None
    entered_at: int
    position: Position | None
    key: str = ""
    entry: Fact | None = None
    link: SetOff | None = None
    depth: int = 0  # in the chain of what was set off within the instant
    stage: str | None = None
    reached_at: int | None = None
    due: int | None = None
    goal_at: int | None = None
    ended_at: int | None = None
    exit: str | None = None
    asks: bool = False
    held: bool = False  # by a pause
    asked_at: int | None = None
    hold: tuple[str, str] | None = None
    used: set[int] = field(default_factory=set)
    messages: list[Message] = field(default_factory=list)
    came_to: int = 0
    waited_at: int | None = None  # when it came to a wait last
    asked: set[str] = field(default_factory=set)  # steps whose message was decided in the version it is in
    elsewhere: bool = False  # a move brought it into its version, to another step than it was at

    @property
    def alive(self) -> bool:
        return self.ended_at is None

    @property
    def plain_order(self) -> tuple[str, str, int]:
        return (self.campaign.name, self.key, self.number)

    @property
    def total_order(self) -> tuple[int, int, str, str, int]:
        return (*self.campaign.order, self.key, self.number)

    def last_message(self, channel: str, template: str | None) -> Message | None:
        found = [m for m in self.messages if m.channel == channel and template in (None, m.template)]
        return found[-1] if found else None


@dataclass
class Person:
    """`facts` holds those to come too; whoever reads them looks at `at`."""

    id: str
    known_at: int
    attributes: dict[str, Value]
    facts: list[Fact]
    tags: set[str] = field(default_factory=set)
    member_of: set[str] = field(default_factory=set)
    instances: list[Instance] = field(default_factory=list)

    def reactions(self, message: Message, word: str, now: int) -> list[Fact]:
        """Reactions of people (not machines) to a message, received up to now."""
        return [
            fact
            for fact in self.facts
            if fact.message is message
            and message.answered_by(fact.event, word)
            and fact.at <= now
            and not fact.properties.get("machine")
        ]


@dataclass
class Effect:
    """What one micro step of one instance changes; applied when all running instances have read."""

    to: Position | None = None  # None: it rests here, or has ended
    stage: str | None = None
    tag: str | None = None
    untag: str | None = None
    set: tuple[str, Value] | None = None
    due: int | None = None
    used: int | None = None
    asks: bool = False
    exit: str | None = None
    start: tree.Start | None = None


@dataclass(frozen=True, eq=False)
class SetOff:
    """What may let the customer into a campaign from within. `by`: the instance whose step it was; `depth`: of whom it
    lets in; `linked`, `rule`: of a `start campaign`.
    """

    kind: str
    what: Any
    depth: int
    by: Instance | None = None
    linked: bool = False
    rule: str | None = None

    @property
    def key(self) -> str:
        return "" if self.by is None else self.by.key
