"""What a campaign says of those who are in it when it changes: the `migrate` block, stages that were called otherwise.

Takes the declaration with its typed stages; gives typed migrations. Where they lead must exist in the campaign; where
they come from is what was deployed, which only a plan knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from flowrules.model import campaign as typed
from flowrules.syntax import tree

if TYPE_CHECKING:
    from flowrules.model.names import Names
    from flowrules.source import Span

WAITS = (typed.Wait, typed.WaitUntil, typed.WaitFor, typed.IfNoReaction)


def build_migrations(
    node: tree.CampaignDecl, stages: Sequence[typed.Stage], names: Names
) -> tuple[typed.Migration, ...]:
    known = {step.key: step for stage in stages for step in steps_of(stage.steps)}
    stage_names = [stage.name for stage in stages]
    _renames(node, names)
    firsts: dict[tuple[str, str | None], Span] = {}
    built = []
    for line in node.header:
        if not isinstance(line, tree.Migration):
            continue
        origin = (line.origin.kind, line.origin.name)
        first = firsts.setdefault(origin, line.origin.span)
        if first is not line.origin.span:
            names.twice("FR110", "what becomes of those who are there is said twice", line.origin.span, first)
        if line.origin.kind == "step" and "/" not in (line.origin.name or ""):
            hint = f"write `from stage {line.origin.name}`; a step is named with its stage: `lead/send email welcome`"
            names.note("FR230", f"`{line.origin.name}` is no step", line.origin.span, hint)
        target = None if line.target is None else _target(line.target, known, stage_names, node, names)
        _timers(line, known, names)
        if line.target is None or target is not None:
            built.append(
                typed.Migration(typed.Spot(*origin), line.action, target, line.timers, line.reason, line.span.place)
            )
    return tuple(built)


def steps_of(steps: Sequence[typed.Step]) -> Iterator[typed.Step]:
    """Every step that is a position, with those inside it."""
    for step in steps:
        match step:
            case typed.GoTo():
                continue
            case typed.Send(instead=typed.Send() as instead):
                yield from steps_of((instead,))
            case typed.If():
                yield from steps_of((*step.then, *step.otherwise))
            case typed.IfNoReaction():
                yield from steps_of((*step.absent, *step.reacted))
            case typed.WaitFor():
                yield from steps_of(step.otherwise)
            case typed.Split():
                for arm in step.arms:
                    yield from steps_of(arm.steps)
            case _:
                pass
        yield step


def _target(
    target: tree.Place, known: dict[str, typed.Step], stages: list[str], node: tree.CampaignDecl, names: Names
) -> typed.Spot | None:
    name = target.name or ""
    if name in (stages if target.kind == "stage" else known):
        return typed.Spot(target.kind, name)
    what = "stage" if target.kind == "stage" else "step"
    near = stages if target.kind == "stage" else list(known)
    hint = None if target.kind == "stage" else "a step is named as the ledger names it: `lead/send email welcome`"
    message = f"campaign `{node.name.text}` has no {what} `{name}`"
    if target.kind == "stage":
        names.unknown("FR107", message, target.span, name, near, hint)
    else:
        names.note("FR230", message, target.span, hint)
    return None


def _timers(line: tree.Migration, known: dict[str, typed.Step], names: Names) -> None:
    """Only one who comes to a wait has one to keep."""
    if line.action != "move" or line.timers is None or line.target is None:
        return
    step = known.get(line.target.name or "")
    if line.target.kind == "stage" or (step is not None and not isinstance(step, WAITS)):
        names.note(
            "FR231",
            f"`{line.timers} waits`: nobody waits there",
            line.span,
            "only a wait can be kept, recomputed or begun anew; leave it out, or name the step that waits",
        )


def _renames(node: tree.CampaignDecl, names: Names) -> None:
    current = {stage.name.text: stage.name.span for stage in node.stages}
    former: dict[str, Span] = {}
    for stage in node.stages:
        if stage.formerly is None:
            continue
        name = stage.formerly.text
        if name in current:
            names.note(
                "FR232",
                f"there still is a stage `{name}`",
                stage.formerly.span,
                "`formerly` names one that is called otherwise now; who is in a stage that goes is moved by `migrate`",
            )
        if former.setdefault(name, stage.formerly.span) is not stage.formerly.span:
            names.twice("FR110", f"`{name}` has become two stages", stage.formerly.span, former[name])
