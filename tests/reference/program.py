"""A file of rules made ready to run: names looked up, steps linked to what follows them.

Valid files only. Positions are linked so that `go to` and the end of an arm lead straight on
(meaning.md, behind the table of positions).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar

from flowrules.source import Source
from flowrules.syntax import tree
from flowrules.syntax.parser import parse
from tests.reference import clock
from tests.reference.scenario import RULES, Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Declared = TypeVar("Declared")
Clause = TypeVar("Clause")


@dataclass(eq=False)
class Position:
    """Where an instance can be: at a stage, at a step, at the end of a stage.

    `then` follows, `otherwise` follows instead when a condition does not hold, when what was waited for
    did not come (wait for), when the reaction came (if ... unopened after D), when a message can not reach its customer
    (send first of; else None); `behind` is behind an `if`.
    `condition` is that of the one test of an `if` or `else if` that stands here.
    """

    kind: Literal["stage", "step", "end"]
    key: str
    rule: str
    stage: str
    step: tree.Step | None = None
    condition: tree.Condition | None = None
    then: Position | None = None
    otherwise: Position | None = None
    behind: Position | None = None
    arms: tuple[Position, ...] = ()


@dataclass(eq=False)
class Campaign:
    name: str
    rank: int
    priority: int
    message_class: tree.MessageClass
    enter: tree.Enter
    place: str
    goal: tree.Goal | None
    exits: tuple[tree.ExitWhen, ...]
    excludes: tuple[tree.Exclude, ...]
    caps: tuple[tree.Cap, ...]
    when_capped: tree.WhenCapped | None
    holds: tuple[tree.HoldWhile, ...]
    hold_out: tree.HoldOut | None
    settle: int
    decl: tree.CampaignDecl
    migrations: tuple[tree.Migration, ...]
    formerly: dict[str, str]  # by its name then, what a stage is called now
    stages: dict[str, Position] = field(default_factory=dict)
    reactions: dict[str, tuple[tree.On, ...]] = field(default_factory=dict)
    positions: list[Position] = field(default_factory=list)
    number: int = 1  # of the version
    first: Campaign | None = None  # as its version was deployed first, where it was deployed again

    @property
    def order(self) -> tuple[int, int, str]:
        """Place in the total order (meaning.md, *An instance*)."""
        return (self.rank, -self.priority, self.name)


@dataclass
class Program:
    attributes: dict[str, tree.AttributeDecl]
    events: dict[str, tree.EventDecl]
    lists: dict[str, tree.ListDecl]
    segments: dict[str, tree.SegmentDecl]
    campaigns: dict[str, Campaign]
    zone_of_customer: bool
    zone: str
    purposes: dict[str, tree.Purpose]
    caps: tuple[tree.Cap, ...]
    suppressions: tuple[tree.Suppress, ...]
    when_capped: tree.WhenCapped | None
    quiet: tuple[tree.QuietHours, ...]
    hold_outs: tuple[tree.HoldOut, ...]
    windows: frozenset[int]
    compares_dates: bool

    def is_event(self, name: str) -> bool:
        """An event, declared or built in; else a bare name is a segment's."""
        return name not in self.segments


def load(scenario: Scenario) -> Program:
    file, diagnostics = parse(Source(RULES, scenario.rules))
    assert not diagnostics, diagnostics
    policy = tuple(clause for decl in _of(tree.PolicyDecl, file.declarations) for clause in decl.clauses)
    zone = next(iter(_of(tree.Zone, policy)), None)
    classes = _of(tree.MessageClass, policy)
    return Program(
        attributes={decl.name.text: decl for decl in _of(tree.AttributeDecl, file.declarations)},
        events={decl.name.text: decl for decl in _of(tree.EventDecl, file.declarations)},
        lists={decl.name.text: decl for decl in _of(tree.ListDecl, file.declarations)},
        segments={decl.name.text: decl for decl in _of(tree.SegmentDecl, file.declarations)},
        campaigns={decl.name.text: _campaign(decl, classes) for decl in _of(tree.CampaignDecl, file.declarations)},
        zone_of_customer=zone is None or zone.of_customer,
        zone=scenario.zone if zone is None else zone.default,
        purposes={clause.name.text: clause for clause in _of(tree.Purpose, policy)},
        caps=_of(tree.Cap, policy),
        suppressions=_of(tree.Suppress, policy),
        when_capped=_one(tree.WhenCapped, policy),
        quiet=_of(tree.QuietHours, policy),
        hold_outs=_of(tree.HoldOut, policy),
        windows=frozenset(_windows(file)),
        compares_dates=any(isinstance(node, tree.DateIs) for node in _nodes(file.declarations)),
    )


def _of(kind: type[Declared], items: Sequence[object]) -> tuple[Declared, ...]:
    return tuple(item for item in items if isinstance(item, kind))


def _one(kind: type[Clause], items: Sequence[object]) -> Clause | None:
    found = _of(kind, items)
    return found[0] if found else None


def _campaign(decl: tree.CampaignDecl, classes: tuple[tree.MessageClass, ...]) -> Campaign:
    named = _one(tree.ClassOf, decl.header)
    assert named is not None
    rank = [each.name.text for each in classes].index(named.name.text)
    priority = _one(tree.Priority, decl.header)
    enter = _one(tree.Enter, decl.header)
    # Without the line only steps start it, once.
    enter = enter or tree.Enter(None, None, None, decl.span)
    settle = _one(tree.Settle, decl.header)
    campaign = Campaign(
        name=decl.name.text,
        rank=rank,
        priority=0 if priority is None else priority.number,
        message_class=classes[rank],
        enter=enter,
        place=decl.span.place,
        goal=_one(tree.Goal, decl.header),
        exits=_of(tree.ExitWhen, decl.header),
        excludes=_of(tree.Exclude, decl.header),
        caps=_of(tree.Cap, decl.header),
        when_capped=_one(tree.WhenCapped, decl.header),
        holds=_of(tree.HoldWhile, decl.header),
        hold_out=_one(tree.HoldOut, decl.header),
        settle=0 if settle is None else clock.elapsed(settle.duration),
        decl=decl,
        migrations=_of(tree.Migration, decl.header),
        formerly={stage.formerly.text: stage.name.text for stage in decl.stages if stage.formerly is not None},
    )
    _Linker(campaign).link(decl.stages)
    return campaign


class _Linker:
    """Makes the positions of a campaign and links each to what follows it."""

    def __init__(self, campaign: Campaign) -> None:
        self.campaign = campaign
        self.keys: dict[int, str] = {}

    def link(self, stages: tuple[tree.Stage, ...]) -> None:
        for stage in stages:
            name = stage.name.text
            self.campaign.stages[name] = self.position(Position("stage", name, stage.span.place, name))
            self.campaign.reactions[name] = stage.reactions
            self.name_steps(name, stage.steps)
        for stage in stages:
            name = stage.name.text
            end = self.position(Position("end", name, stage.span.place, name))
            self.campaign.stages[name].then = self.chain(name, stage.steps, end)

    def position(self, position: Position) -> Position:
        self.campaign.positions.append(position)
        return position

    def name_steps(self, stage: str, steps: tuple[tree.Step, ...]) -> None:
        """Keys: stage, kind, names, and the ordinal among equals in order of text (language.md rule 18)."""
        count: dict[str, int] = {}
        for words, node in _words(steps):
            count[words] = count.get(words, 0) + 1
            ordinal = f" #{count[words]}" if count[words] > 1 else ""
            self.keys[id(node)] = f"{stage}/{words}{ordinal}"

    def chain(self, stage: str, steps: tuple[tree.Step, ...], behind: Position) -> Position:
        """The first position of a sequence of steps that leads to `behind`."""
        follows = behind
        for step in reversed(steps):
            follows = self.at_step(stage, step, follows)
        return follows

    def at_step(self, stage: str, step: tree.Step, behind: Position) -> Position:
        match step:
            case tree.GoTo():
                return self.campaign.stages[step.stage.text]
            case tree.If():
                return self.at_branch(stage, step, 0, behind)
            case tree.SendFirst():
                instead = None
                for send in reversed(step.messages):
                    here = self.at_step(stage, send, behind)
                    here.otherwise, instead = instead, here
                assert instead is not None
                return instead
            case tree.Send():
                return self.position(Position("step", self.keys[id(step)], step.span.place, stage, step, then=behind))
            case _:
                here = self.position(Position("step", self.keys[id(step)], step.span.place, stage, step))
                here.then = here.otherwise = behind
                if isinstance(step, tree.WaitFor) and step.otherwise is not None:
                    here.otherwise = self.chain(stage, step.otherwise, behind)
                if isinstance(step, tree.Split):
                    here.arms = tuple(self.chain(stage, arm.steps, behind) for arm in step.arms)
                return here

    def at_branch(self, stage: str, step: tree.If, number: int, behind: Position) -> Position:
        """`else if` is an `if` of its own in the `else` of the one before."""
        if number == len(step.branches):
            return self.chain(stage, step.otherwise or (), behind)
        branch = step.branches[number]
        rule = step.span.place if number == 0 else branch.span.place
        here = self.position(Position("step", self.keys[id(branch)], rule, stage, step, branch.condition))
        here.then = self.chain(stage, branch.steps, behind)
        here.otherwise = self.at_branch(stage, step, number + 1, behind)
        here.behind = behind
        return here


def _words(steps: tuple[tree.Step, ...]) -> Iterator[tuple[str, object]]:  # noqa: C901, PLR0912  # flat
    """The words of each step's key, with the step (an `if`: each of its tests), in order of text."""
    for step in steps:
        match step:
            case tree.Send():
                yield f"send {step.channel.text} {step.template.text}", step
            case tree.SendFirst():
                yield from _words(step.messages)
            case tree.Wait():
                yield "wait", step
            case tree.WaitUntil():
                yield "wait until", step
            case tree.WaitFor():
                yield f"wait for {step.event.text}", step
                yield from _words(step.otherwise or ())
            case tree.If():
                for branch in step.branches:
                    yield "if", branch
                    yield from _words(branch.steps)
                yield from _words(step.otherwise or ())
            case tree.Split():
                yield f"split {step.name.text}", step
                for arm in step.arms:
                    yield from _words(arm.steps)
            case tree.Tag():
                yield f"tag {step.name.text}", step
            case tree.Untag():
                yield f"untag {step.name.text}", step
            case tree.Set():
                yield f"set {step.attribute.text}", step
            case tree.Exit():
                yield "exit", step
            case tree.Start():
                yield f"start campaign {step.campaign.text}", step
            case tree.GoTo():
                pass  # decides nothing, so no row names it


def _windows(file: tree.File) -> Iterator[int]:
    """Every length of time after which an event may leave a window of some condition."""
    for node in _nodes(file.declarations):
        match node:
            case tree.HasEvent() | tree.Aggregate() if node.within is not None:
                yield clock.elapsed(node.within)
            case tree.EventAgo():
                yield clock.elapsed(node.duration)
            case _:
                pass


def _nodes(value: object) -> Iterator[object]:
    """Everything in a tree, whatever it is."""
    if isinstance(value, tuple):
        for item in value:
            yield from _nodes(item)
    elif type(value).__module__.startswith(tree.__name__):
        yield value
        for name in getattr(value, "__dataclass_fields__", ()):
            yield from _nodes(getattr(value, name))
