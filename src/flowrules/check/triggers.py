"""The proof that campaigns which set each other off come to rest.

Takes the campaigns as written and the names; gives diagnostics. A circle through several campaigns, or through one that
starts itself, needs a wait of fixed length on its way, or one campaign in it that a customer may not enter again at
once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowrules.check.flow import walked
from flowrules.diagnostics.model import Diagnostic, Label
from flowrules.model.touches import touches
from flowrules.model.walk import depth_first
from flowrules.syntax import tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flowrules.model.names import Names
    from flowrules.source import Span

_NAMED = 5
"""How many campaigns of a circle a message names."""


@dataclass(frozen=True, slots=True)
class _Way:
    """To a stage, `campaign.stage`, at once; within: by a step within the same journey."""

    to: str
    span: Span
    within: bool = False


def check_triggers(campaigns: Sequence[tree.CampaignDecl], names: Names) -> list[Diagnostic]:
    listening = [each for each in campaigns if _enters_again(each)]
    if not listening:
        return []
    ways = {f"{each.name.text}.{stage.name.text}": list(_ways(each, stage, listening, names))
            for each in campaigns for stage in each.stages}  # fmt: skip
    found = []
    for circle in depth_first(ways, lambda here: [way.to for way in ways[here] if way.to in ways])[1]:
        taken = [
            next(way for way in ways[here] if way.to == there)
            for here, there in zip(circle, [*circle[1:], circle[0]], strict=True)
        ]
        around = list(dict.fromkeys(name.partition(".")[0] for name in circle))
        if all(way.within for way in taken):
            continue  # flow.py has said so
        named = " and ".join(f"`{name}`" for name in around[:_NAMED]) + (" ..." if len(around) > _NAMED else "")
        whom = f"campaigns {named} would set each other" if len(around) > 1 else f"campaign {named} would set itself"
        found.append(
            Diagnostic(
                "FR203",
                f"{whom} off without end and without a wait",
                taken[-1].span,
                "put a step such as `wait 1 day` on the way, or let one of them in `once` or `again after 1 day`",
                labels=tuple(Label(way.span, "and on from here") for way in taken[:-1][:_NAMED]),
            )
        )
    return found


def _enters_again(campaign: tree.CampaignDecl) -> bool:
    """At once after it has ended, or beside it, by what a step sets off."""
    enter = _enter(campaign)
    if enter is None or not campaign.stages or enter.again is None:
        return False
    return enter.again.after_exit or enter.again.every_time


def _enter(campaign: tree.CampaignDecl) -> tree.Enter | None:
    return next((clause for clause in campaign.header if isinstance(clause, tree.Enter)), None)


def _ways(
    campaign: tree.CampaignDecl, stage: tree.Stage, listening: Sequence[tree.CampaignDecl], names: Names
) -> Iterator[_Way]:
    """Where customers who come to a stage are at once: in other stages, and in other campaigns."""
    walk, name = walked(campaign, stage), campaign.name.text
    for jump in walk.jumps:
        if jump.at_once:
            yield _Way(f"{name}.{jump.stage}", jump.span, within=True)
    done = {("stage", f"{name}.{stage.name.text}"), ("campaign", name)}
    starts: dict[str, Span] = {}
    for effect in walk.effects:
        match effect:
            case tree.Start():
                starts.setdefault(effect.campaign.text, effect.span)
            case tree.Set():
                done.add(("attribute", effect.attribute.text))
            case _:
                done.add(("tag", effect.name.text))
    for other in listening:
        enter, first = _enter(other), f"{other.name.text}.{other.stages[0].name.text}"
        if other.name.text in starts:
            yield _Way(first, starts[other.name.text])
        if enter is not None and done & set(_awaited(enter.trigger, names)):
            yield _Way(first, enter.span)


def _awaited(trigger: tree.Trigger | None, names: Names) -> Iterator[tuple[str, str]]:
    match trigger:
        case tree.StageTrigger():
            yield "stage", trigger.stage.text
        case tree.TagTrigger():
            yield "tag", trigger.tag.text
        case tree.ChangeTrigger():
            yield "attribute", trigger.attribute.text
        case tree.SegmentTrigger():
            segment = names.segments.get(trigger.segment.text)
            yield from () if segment is None else touches(segment.condition)
        case _:
            return
