"""A campaign as a state machine: numbered positions and the edges between them.

Takes a typed campaign, gives a Machine. Knows nothing of SQL, clocks or customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from flowrules.model import campaign as m
from flowrules.model.condition import Condition, Filter
from flowrules.model.schema import Attribute, EventType, Stored


class NodeKind(IntEnum):
    """Stored in the node table: numbers are never reused."""

    STAGE = 1
    SEND = 2
    WAIT = 3
    WAIT_UNTIL = 4
    WAIT_FOR = 5
    BRANCH = 6
    NO_REACTION = 7
    TAG = 8
    UNTAG = 9
    SET = 10
    EXIT = 11
    END = 12
    SPLIT = 13
    START = 14


@dataclass(frozen=True, slots=True)
class EventTest:
    """An awaited event."""

    event: EventType
    filter: Filter | None
    new: bool


@dataclass(frozen=True, slots=True)
class ReactionTest:
    """A reaction awaited to the last message of this channel (and template)."""

    channel: str
    template: str | None
    reaction: str


@dataclass(frozen=True, slots=True)
class Assignment:
    attribute: Attribute
    value: Stored


@dataclass(frozen=True, slots=True)
class Started:
    """The campaign another journey is begun in; linked: it ends with this one."""

    campaign: str
    linked: bool


@dataclass(frozen=True, slots=True)
class Node:
    """One position.

    `next`: where it goes on (a branch that holds, an awaited event that came, a reaction that was there);
    alt: the other way (else, timed out, absent, the message to send instead); third: behind the block (no message was
    sent). arms: where each arm of a split begins.
    test: what decides, by kind: Condition (BRANCH), EventTest (WAIT_FOR), ReactionTest (NO_REACTION),
    WaitUntil (WAIT_UNTIL), Assignment (SET), Split (SPLIT), Started (START).
    """

    kind: NodeKind
    key: str
    stage: int
    place: str
    next: int
    alt: int = -1
    third: int = -1
    duration: m.Duration | None = None
    arms: tuple[int, ...] = ()
    test: Condition | EventTest | ReactionTest | m.WaitUntil | Assignment | m.Split | Started | None = None
    tag: str | None = None
    send: m.Send | None = None
    words: str | None = None

    @property
    def edges(self) -> tuple[int, ...]:
        """Everywhere it may lead to."""
        return tuple(way for way in (self.next, self.alt, self.third, *self.arms) if way >= 0)


@dataclass(frozen=True, slots=True)
class Machine:
    """Nodes 0 to len(stages) - 1 are the stages, in order; an instance begins at node 0."""

    campaign: m.Campaign
    nodes: tuple[Node, ...]


def machine(campaign: m.Campaign) -> Machine:
    """Lower a campaign: every step but `go to` becomes a node, `go to` an edge to its stage."""
    lowering = _Lowering(campaign)
    return Machine(campaign, lowering.run())


class _Lowering:
    def __init__(self, campaign: m.Campaign) -> None:
        self.campaign = campaign
        self.stage_of = {stage.name: index for index, stage in enumerate(campaign.stages)}
        self.nodes: list[Node] = []

    def run(self) -> tuple[Node, ...]:
        stages = self.campaign.stages
        self.nodes = [Node(NodeKind.STAGE, stage.name, index, stage.place, -1) for index, stage in enumerate(stages)]
        for index, stage in enumerate(stages):
            end = self._add(Node(NodeKind.END, stage.name, index, stage.place, -1))
            first = self._chain(stage.steps, end, index)
            self.nodes[index] = Node(NodeKind.STAGE, stage.name, index, stage.place, first)
        return tuple(self.nodes)

    def _add(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def _chain(self, steps: tuple[m.Step, ...], after: int, stage: int) -> int:
        """The position to go to for these steps, which lead on to `after`."""
        for step in reversed(steps):
            after = self._step(step, after, stage)
        return after

    def _step(self, step: m.Step, after: int, stage: int) -> int:
        if isinstance(step, m.GoTo):
            return self.stage_of[step.stage]
        return self._add(self._node(step, after, stage))

    def _node(self, step: m.Step, after: int, stage: int) -> Node:  # noqa: C901, PLR0911, PLR0912  # one case a kind
        def node(kind: NodeKind, **more: Any) -> Node:  # noqa: ANN401  # fields of Node
            return Node(kind, step.key, stage, step.place, **({"next": after} | more))

        match step:
            case m.Send():
                instead = -1 if step.instead is None else self._step(step.instead, after, stage)
                return node(NodeKind.SEND, alt=instead, send=step)
            case m.Wait():
                return node(NodeKind.WAIT, duration=step.duration)
            case m.WaitUntil():
                return node(NodeKind.WAIT_UNTIL, test=step)
            case m.WaitFor():
                return node(
                    NodeKind.WAIT_FOR,
                    alt=self._chain(step.otherwise, after, stage),
                    duration=step.up_to,
                    test=EventTest(step.event, step.filter, step.new),
                )
            case m.If():
                return node(
                    NodeKind.BRANCH,
                    next=self._chain(step.then, after, stage),
                    alt=self._chain(step.otherwise, after, stage),
                    test=step.condition,
                )
            case m.IfNoReaction():
                return node(
                    NodeKind.NO_REACTION,
                    next=self._chain(step.reacted, after, stage),
                    alt=self._chain(step.absent, after, stage),
                    third=after,
                    duration=step.after,
                    test=ReactionTest(step.channel, step.template, step.reaction),
                )
            case m.Split():
                arms = tuple(self._chain(arm.steps, after, stage) for arm in step.arms)
                return node(NodeKind.SPLIT, next=-1, arms=arms, test=step)
            case m.Tag():
                return node(NodeKind.TAG, tag=step.tag)
            case m.Untag():
                return node(NodeKind.UNTAG, tag=step.tag)
            case m.Set():
                return node(NodeKind.SET, test=Assignment(step.attribute, step.value))
            case m.Start():
                return node(NodeKind.START, test=Started(step.campaign, step.linked))
            case m.Exit():
                return node(NodeKind.EXIT, next=-1, words=step.reason)
            case m.GoTo():
                raise TypeError("`go to` is an edge, not a position")
