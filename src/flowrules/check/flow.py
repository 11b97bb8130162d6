"""Proofs about the flow of one campaign: what can never be reached, and what would never come to rest.

Takes the campaign as written, so that every finding has its exact place; gives diagnostics. Knows nothing of names
and types: a stage that does not exist has been reported by build and is passed over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowrules.diagnostics.model import Diagnostic, Label
from flowrules.model.walk import all_steps, depth_first
from flowrules.syntax import tree

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from flowrules.source import Span

_NAMED = 5
"""How many stages of a circle a message names."""


@dataclass(frozen=True, slots=True)
class _Jump:
    """at_once: some way from the start of the stage to here holds no wait of fixed length."""

    stage: str
    span: Span
    at_once: bool


Effect = tree.Tag | tree.Untag | tree.Set | tree.Start


@dataclass(slots=True)
class Walk:
    """One stage, followed step by step. effects: those that some way comes to at once."""

    found: list[Diagnostic] = field(default_factory=list)
    capped: tree.WhenCapped | None = None
    jumps: list[_Jump] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)

    def block(self, steps: Sequence[tree.Step], at_once: bool | None) -> bool | None:  # noqa: FBT001  # a state
        """How the end of a block is reached: never (None), with a fixed wait behind (False), or at once (True)."""
        state = at_once
        for before, step in zip((None, *steps), steps, strict=False):
            if state is None:
                leaving = "leaves the stage" if isinstance(before, tree.GoTo | tree.Exit) else "always leaves the stage"
                labels = () if before is None else (Label(_head(before), leaving),)
                message = "this step is never reached"
                hint = "delete it, or write it before that; what is done otherwise stands below `else:`"
                self.found.append(Diagnostic("FR202", message, _head(step), hint, labels=labels))
                return None
            state = self.step(step, state)
        return state

    def step(self, step: tree.Step, at_once: bool) -> bool | None:  # noqa: FBT001 -- two words say less
        match step:
            case tree.GoTo() | tree.Exit():
                if isinstance(step, tree.GoTo):
                    self.jumps.append(_Jump(step.stage.text, step.span, at_once))
                return None
            case tree.Wait() | tree.WaitUntil():
                # A clock time may be now; the next day never is.
                return at_once and isinstance(step, tree.WaitUntil) and not step.tomorrow
            case tree.WaitFor():
                # The event may be there at once; only who waited in vain has waited.
                return _worst((at_once, self.block(step.otherwise or (), at_once=False)))
            case tree.If():
                ends = [self.block(branch.steps, at_once) for branch in step.branches]
                ends.append(self.block(step.otherwise or (), at_once))
                # `after` has a third end: the message was never sent, the flow goes on behind the block.
                return _worst((*ends, at_once)) if step.after is not None else _worst(ends)
            case tree.Split():
                return _worst([self.block(arm.steps, at_once) for arm in step.arms])
            case tree.Send() | tree.SendFirst():
                if self.capped is not None and isinstance(self.capped.otherwise, tree.GoTo):
                    # Who has waited for room in vain has waited.
                    way = self.capped.otherwise
                    self.jumps.append(_Jump(way.stage.text, way.span, at_once and self.capped.wait is None))
            case _:
                if at_once and isinstance(step, Effect):
                    self.effects.append(step)
        return at_once


def _worst(ends: Iterable[bool | None]) -> bool | None:
    reached = [end for end in ends if end is not None]
    return any(reached) if reached else None


def check_flow(campaign: tree.CampaignDecl) -> list[Diagnostic]:
    found: list[Diagnostic] = []
    jumps: dict[str, list[_Jump]] = {}
    for stage in campaign.stages:
        walk = walked(campaign, stage)
        found += walk.found
        jumps.setdefault(stage.name.text, []).extend(walk.jumps)
        found += _shadowed(stage)
    known = all(jump.stage in jumps for there in jumps.values() for jump in there)
    if campaign.stages and known:
        found += _unreachable(campaign, jumps)
    found += _endless({name: [jump for jump in there if jump.stage in jumps] for name, there in jumps.items()})
    return found


def walked(campaign: tree.CampaignDecl, stage: tree.Stage) -> Walk:
    walk = Walk(capped=next((clause for clause in campaign.header if isinstance(clause, tree.WhenCapped)), None))
    walk.block(stage.steps, at_once=True)
    walk.jumps += _interruptions(stage)
    return walk


def _interruptions(stage: tree.Stage) -> list[_Jump]:
    """An `on` needs a new event each time, and a stage that takes time to have one in."""
    steps = all_steps(stage.steps)
    rests = any(isinstance(s, tree.Wait | tree.WaitFor) or (isinstance(s, tree.If) and s.after) for s in steps)
    return [_Jump(on.stage.text, on.span, not rests) for on in stage.reactions if on.stage is not None]


def _head(step: tree.Step) -> Span:
    return step.head if isinstance(step, tree.If | tree.Split) else step.span


# --- stages -----------------------------------------------------------------------------------


def _unreachable(campaign: tree.CampaignDecl, jumps: dict[str, list[_Jump]]) -> list[Diagnostic]:
    """Stages no way leads to; those behind such a stage are not reported again."""

    def targets(name: str) -> list[str]:
        return [jump.stage for jump in jumps[name]]

    stages = {stage.name.text: stage for stage in campaign.stages}
    order = list(stages)
    lines = (clause.target for clause in campaign.header if isinstance(clause, tree.Migration))
    moved_to = {(place.name or "").partition("/")[0] for place in lines if place is not None}
    reached = set(depth_first([*order[:1], *(name for name in order if name in moved_to)], targets)[0])
    found = []
    lost = [name for name in order if name not in reached]
    entered = {target for name in lost for target in targets(name) if target != name}
    # First those that no lost stage leads to; what is then left runs in circles among itself.
    for name in [*(name for name in lost if name not in entered), *lost]:
        if name in reached:
            continue
        reached.update(depth_first([name], lambda here: (there for there in targets(here) if there not in reached))[0])
        found.append(
            Diagnostic(
                "FR201",
                f"nobody can reach stage `{name}`",
                stages[name].name.span,
                f"a step or an `on` leads there: `go to {name}`; customers start in `{order[0]}`",
            )
        )
    return found


def _endless(jumps: dict[str, list[_Jump]]) -> list[Diagnostic]:
    at_once = {name: {jump.stage: jump for jump in there if jump.at_once} for name, there in jumps.items()}
    found = []
    for circle in depth_first(at_once, lambda name: at_once[name])[1]:
        ways = [at_once[here][there] for here, there in zip(circle, [*circle[1:], circle[0]], strict=True)]
        around = " to ".join([*(f"`{name}`" for name in circle[:_NAMED]), *(["..."] if len(circle) > _NAMED else [])])
        found.append(
            Diagnostic(
                "FR203",
                f"customers would go round {around} without end and without a wait",
                ways[-1].span,
                "put a step such as `wait 1 day` on the way; a wait for an event or a clock time may be over at once",
                labels=tuple(Label(way.span, "and on from here") for way in ways[:-1][:_NAMED]),
            )
        )
    return found


# --- alternatives -----------------------------------------------------------------------------


def _shadowed(stage: tree.Stage) -> list[Diagnostic]:
    """Branches and reactions that an earlier equal one always takes."""
    found = []
    for step in all_steps(stage.steps):
        if isinstance(step, tree.If):
            tests = [(branch.condition, branch.span) for branch in step.branches]
            found += _repeated(tests, "this branch is never taken")
    # What only refreshes the entry is beside what leads away.
    ons: list[tuple[Hashable, Span]] = [((on.event, on.filter, on.stage is None), on.span) for on in stage.reactions]
    whole = {(on.event.text, on.stage is None): on.span for on in reversed(stage.reactions) if on.filter is None}
    found += _repeated(ons, "this `on` never applies")
    for on in stage.reactions:
        first = whole.get((on.event.text, on.stage is None))
        if on.filter is not None and first is not None and first.start < on.span.start:
            found.append(_taken("this `on` never applies", on.span, first))
    return found


def _repeated(tests: Sequence[tuple[Hashable, Span]], message: str) -> list[Diagnostic]:
    firsts: dict[Hashable, Span] = {}
    found = []
    for test, span in tests:
        first = firsts.setdefault(test, span)
        if first is not span:
            found.append(_taken(message, span, first))
    return found


def _taken(message: str, span: Span, first: Span) -> Diagnostic:
    return Diagnostic("FR202", message, span, labels=(Label(first, "takes every such case already"),))
