"""What a deployment changes: one object, which `plan` shows and `apply` carries out.

Takes machines, old and new, and how many are where; gives the fate of each position. Knows no database.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from flowrules.diagnostics.suggest import nearest
from flowrules.model import campaign as m
from flowrules.program.machine import Machine, Node, NodeKind

Change = Literal["added", "changed", "removed", "unchanged"]
Action = Literal["stay", "move", "exit", "refused"]
Timers = Literal["arrive", "keep", "recompute"]


WAITS = frozenset({NodeKind.WAIT, NodeKind.WAIT_UNTIL, NodeKind.WAIT_FOR, NodeKind.NO_REACTION})
_LENGTHS = frozenset({NodeKind.WAIT, NodeKind.WAIT_FOR})
_ENDS = frozenset({NodeKind.STAGE, NodeKind.END})
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800, "month": 2_629_800}


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of those at one position. node: where in the new machine; rule, words: of the line that says so.

    fresh: 0 where it is the step they were at, 1 another one, 2 one of a stage they had not come to. asked: whose
    message is under way stay, for only their version hears of its outcome. follow: to wherever they are. why: of a
    refusal.
    """

    action: Action
    node: int = -1
    timers: Timers = "arrive"
    rule: str | None = None
    words: str | None = None
    fresh: int = 0
    asked: bool = False
    follow: bool = False
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """Where people are: a step of a version of a campaign. number: of the version; held_out: how many of them are.

    under_way: whose message there has left the planner's hands; through: whose message is through, so that they are
    gone from here before anything else happens to them.
    """

    campaign: str
    number: int
    version_id: int
    node: int
    step: str
    customers: int
    held_out: int = 0
    under_way: int = 0
    through: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Act:
    """What a line does to people, whoever they are by then and wherever that finds them. deed: `leave`, ..."""

    campaign: str
    rule: str
    deed: str


@dataclass(frozen=True, slots=True)
class Step:
    """Those at one position, and what becomes of them. send_now: so many may be sent something at once."""

    position: Position
    fate: Fate
    to: str | None = None
    send_now: int = 0
    longer: int = 0
    shorter: int = 0

    @property
    def here(self) -> int:
        return self.position.customers - self.position.through

    @property
    def stay(self) -> int:
        if self.fate.action in ("stay", "refused"):
            return self.here
        return self.position.under_way if self.fate.asked else 0

    @property
    def move(self) -> int:
        return self.here - self.stay if self.fate.action == "move" else 0

    @property
    def exit(self) -> int:
        return self.here if self.fate.action == "exit" else 0

    @property
    def act(self) -> Act | None:
        """What a plan that was shown must still do."""
        if self.fate.action not in ("move", "exit"):
            return None
        deed = "leave" if self.fate.action == "exit" else "follow" if self.fate.follow else f"move to {self.to}"
        return Act(self.position.campaign, self.fate.rule or "", deed)


@dataclass(frozen=True, slots=True)
class CampaignChange:
    """version: the number it has when this is in force, 0 of one that is removed; before: the one it has now.

    share: the millionths of customers who enter it from then on, None: everybody; others: the version that the others
    enter. until_now: the same share of the version it has now.
    """

    name: str
    change: Change
    version: int
    before: int
    share: int | None = None
    others: int = 0
    until_now: int | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A line that is no longer there, or is new. where: `policy`, or the name of a campaign. campaigns: those that a
    line of the policy is asked for.
    """

    change: Literal["added", "removed", "renamed"]
    where: str
    text: str
    campaigns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """kind: attribute, event, property, list, segment; before, after: types, where it has one, or definitions."""

    change: Literal["added", "removed", "retyped"]
    kind: str
    name: str
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Nobody:
    """A line of `migrate` for a place that no version ever had. near: the one most likely meant."""

    campaign: str
    place: str
    kind: str
    name: str
    near: str | None


@dataclass(frozen=True, slots=True)
class Past:
    """A campaign entered once, at a moment that will have gone by when it is put in force: nobody will enter."""

    campaign: str
    place: str
    moment: int


@dataclass(frozen=True, slots=True)
class Promise:
    """What was shown of a plan: it is carried out on the same deployment with the same acts, or not at all."""

    deployment: int
    acts: frozenset[Act]

    def broken_by(self, made: Plan) -> str | None:
        """What is otherwise now: what nobody was told of, or what is done to nobody any more.

        That people moved on within what a line speaks of is no difference.
        """
        if self.deployment != made.deployment:
            return f"deployment {made.deployment} came in between"
        for act in sorted(made.acts - self.acts):
            return f"somebody of `{act.campaign}` would {act.deed} now, by {act.rule}, and nobody in the plan"
        for act in sorted(self.acts - made.acts):
            return f"nobody of `{act.campaign}` would {act.deed} any more, by {act.rule}"
        return None


@dataclass(frozen=True)
class Plan:
    """deployment: the number of the one it goes out from, 0 without any; at: the instant the counts are of.

    canary: of so many millionths of customers; None: of all. flow: lines of campaigns that differ, for who enters from
    then on; written: campaign, step and path of messages that another text reaches.
    """

    deployment: int
    at: int | None
    campaigns: tuple[CampaignChange, ...]
    steps: tuple[Step, ...]
    policy: tuple[Difference, ...]
    schema: tuple[SchemaChange, ...]
    templates: tuple[str, ...]
    canary: int | None = None
    nobody: tuple[Nobody, ...] = ()
    flow: tuple[Difference, ...] = ()
    written: tuple[tuple[str, str, str], ...] = ()
    past: tuple[Past, ...] = ()

    @cached_property
    def refused(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.fate.action == "refused")

    @cached_property
    def acts(self) -> frozenset[Act]:
        """What happens to people: with one more, or one less, it is another plan."""
        return frozenset(act for step in self.steps if (act := step.act) is not None)

    @property
    def promise(self) -> Promise:
        return Promise(self.deployment, self.acts)

    @property
    def changes(self) -> bool:
        anything = self.policy or self.schema or self.templates or self.acts or self.refused
        news = any(each.change != "unchanged" or each.share != each.until_now for each in self.campaigns)
        return bool(anything) or news

    @property
    def moving(self) -> int:
        return sum(step.move + step.exit for step in self.steps)

    @property
    def in_flight(self) -> int:
        return sum(step.position.customers for step in self.steps)


def renamed(key: str, later: Machine) -> str:
    """A step's key in the words of a later version, where its stage was renamed."""
    stage, slash, rest = key.partition("/")
    new = next((each.name for each in later.campaign.stages if each.formerly == stage), stage)
    return f"{new}{slash}{rest}"


def fate(old: Machine, number: int, new: Machine, deployed: Iterable[Machine]) -> Fate:
    """What becomes of those at a position of another version; deployed: those entered until now."""
    node = old.nodes[number]
    line = _line(old, node, new)
    if line is None:
        there = renamed(node.key, new)
        gone = any(each.key == node.key for made in deployed for each in made.nodes)
        if gone and not any(each.key == there for each in new.nodes):
            return Fate("refused", why="a step that the files no longer have")
        return Fate("stay")
    if line.action == "keep":
        return Fate("stay", rule=line.place)
    if line.action == "exit":
        return Fate("exit", rule=line.place, words=line.words)
    if _entry(old.campaign) != _entry(new.campaign):
        return Fate("refused", rule=line.place, why="another event, or another key, lets people in now")
    return _moved(old, node, new, line)


def _line(old: Machine, node: Node, new: Machine) -> m.Migration | None:
    """The most exact one: of the step, of the stage, of every stage. Places go by their name of then or of now."""
    stage = old.campaign.stages[node.stage].name
    names: list[tuple[str, set[str | None]]] = [
        ("step", {node.key, renamed(node.key, new)}),
        ("stage", {stage, renamed(stage, new)}),
        ("stage", {None}),
    ]
    for kind, known in names:
        for line in new.campaign.migrations:
            if line.origin.kind == kind and line.origin.name in known:
                return line
    return None


def _moved(old: Machine, node: Node, new: Machine, line: m.Migration) -> Fate:
    same = renamed(node.key, new)
    target = line.target or m.Spot("step", same)
    found = (
        number
        for number, each in enumerate(new.nodes)
        if each.key == target.name
        and each.kind is not NodeKind.END
        and (each.kind is NodeKind.STAGE) == (target.kind == "stage")
    )
    number = next(found, -1)
    if number < 0:
        return Fate("refused", rule=line.place, why="no such step to follow to")
    if line.target is None and _siblings(old, node.key) != _siblings(new, same):
        why = "there are more or fewer such steps in the stage now, so their numbers may name others"
        return Fate("refused", rule=line.place, why=why)
    there = new.nodes[number]
    follows = there.key == same and there.kind is node.kind
    timers: Timers = "arrive"
    if node.kind in WAITS and there.kind is node.kind and line.timers != "restart":
        timers = "recompute" if line.timers == "recompute" else "keep" if line.timers or follows else "arrive"
    if timers == "recompute" and there.kind not in _LENGTHS:
        timers = "arrive"  # a clock time, and the time since a message, are computed anew by coming there
    asked = follows and node.kind is NodeKind.SEND
    fresh = 0 if follows else 1
    if there.kind is not NodeKind.STAGE and same.partition("/")[0] != there.key.partition("/")[0]:
        fresh = 2
    return Fate("move", number, timers, line.place, fresh=fresh, asked=asked, follow=line.target is None)


def nobody_there(new: Machine, ever: Collection[str]) -> Iterator[Nobody]:
    """Lines for places that no version had, nor the files have. ever: keys of all versions; none: it is new here."""
    if not ever:
        return
    known = {*ever, *(node.key for node in new.nodes)}
    for line in new.campaign.migrations:
        name, kind = line.origin.name, line.origin.kind
        if name is not None and name not in known:
            alike = (key for key in known if ("/" in key) == (kind == "step"))
            yield Nobody(new.campaign.name, line.place, kind, name, nearest(name, alike))


def _siblings(made: Machine, key: str) -> int:
    """How many steps only their number tells apart from this one, itself among them."""
    words = key.partition(" #")[0]
    return sum(node.key.partition(" #")[0] == words for node in made.nodes if node.kind not in _ENDS)


def _entry(campaign: m.Campaign) -> object:
    """What the event that a journey remembers is read by."""
    trigger = campaign.entry.trigger
    return trigger.event.name if isinstance(trigger, m.EventTrigger) else None, campaign.entry.key


def asks_at_once(made: Machine, number: int, *, new_stage: bool) -> bool:
    """Whoever comes here may come to a message without a wait. new_stage: nothing awaited can be there already."""
    seen: set[int] = set()
    ahead = [number]
    while ahead:
        here = ahead.pop()
        if here in seen:
            continue
        seen.add(here)
        node = made.nodes[here]
        if node.kind is NodeKind.SEND:
            return True
        passes = node.kind not in WAITS or node.kind is NodeKind.NO_REACTION
        if passes or (node.kind is NodeKind.WAIT_FOR and not new_stage):
            ahead += node.edges
        new_stage = new_stage or node.kind is NodeKind.STAGE
    return False


def length(node: Node) -> int | None:
    """Microseconds of a wait; of days and longer what they mostly are."""
    return None if node.duration is None else node.duration.amount * _SECONDS[node.duration.unit] * 1_000_000


def refusal(made: Plan) -> tuple[str, str]:
    """Why it can not be put in force, and the way out with the lines to write."""
    first = made.refused[0]
    who = "1 customer" if (many := sum(step.position.customers for step in made.refused)) == 1 else f"{many} customers"
    others = len({(step.position.campaign, step.position.step) for step in made.refused}) - 1
    more = f"; {others} more of these" if others else ""
    where = f"`{first.position.step}` of `{first.position.campaign}`"
    return (
        f"{who} on their way would be lost: {where}, {first.fate.why}{more}",
        "say what becomes of them: with `keep` they finish what they are in; or write `move to stage NAME`, or `exit`\n"
        + "\n".join(f"\ncampaign {name}:\n{lines}" for name, lines in to_paste(made.refused).items()),
    )


def to_paste(refused: Iterable[Step]) -> Mapping[str, str]:
    """By campaign, the lines that would let its people be."""
    blocks: dict[str, list[str]] = {}
    for step in refused:
        line = f'        from "{step.position.step}" keep'
        lines = blocks.setdefault(step.position.campaign, ["    migrate:"])
        if line not in lines:
            lines.append(line)
    return {name: "\n".join(lines) for name, lines in blocks.items()}


def counted(step: Step, *, send_now: int = 0, longer: int = 0, shorter: int = 0) -> Step:
    return replace(step, send_now=send_now, longer=longer, shorter=shorter)
