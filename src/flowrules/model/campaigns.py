"""Campaigns of the tree to typed ones: the header here, stages and steps in steps.py.

Takes the declaration with the scope of the workspace; gives the campaign, or None where nothing could stand in for
what is missing. Every mistake is noted in the names of the scope.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeVar

from flowrules.model import campaign as typed
from flowrules.model import condition as conditions
from flowrules.model.conditions import Journey, Scope, condition, sent
from flowrules.model.digest import digest
from flowrules.model.migrations import build_migrations
from flowrules.model.names import a
from flowrules.model.policy import cap, hold_out, message_class, when_capped
from flowrules.model.schema import EventType, Kind
from flowrules.model.steps import build_stage, journey_event
from flowrules.model.triggers import build_trigger
from flowrules.model.values import describe
from flowrules.model.walk import steps_of
from flowrules.syntax import tree

if TYPE_CHECKING:
    from flowrules.model.names import Names
    from flowrules.model.schema import Property
    from flowrules.source import Span

C = TypeVar("C", bound=tree.HeaderClause)
Mode = Literal["once", "after exit", "again after", "every time"]


def build_campaign(node: tree.CampaignDecl, scope: Scope, policy: typed.Policy) -> typed.Campaign | None:
    names = scope.names
    journey = _journey(node)
    scope = replace(scope, journey=journey)
    _once_each(node, names)
    owner, priority = _first(node, tree.Owner), _first(node, tree.Priority)
    class_of, share = _first(node, tree.ClassOf), _first(node, tree.HoldOut)
    goal, settle, capped = _first(node, tree.Goal), _first(node, tree.Settle), _first(node, tree.WhenCapped)
    entry = _entry(node, scope)
    if entry is not None and entry.key is not None:
        journey = replace(journey, key=entry.key)
        scope = replace(scope, journey=journey)
    exits = tuple(_exit_when(clause, scope, journey) for clause in node.header if isinstance(clause, tree.ExitWhen))
    excludes = [clause for clause in node.header if isinstance(clause, tree.Exclude)]
    event = entry.trigger.event if entry is not None and isinstance(entry.trigger, typed.EventTrigger) else None
    if node.name.text in names.started:
        event = None  # whoever a step lets in comes without one
    first = policy.classes[0]
    built = typed.Campaign(
        name=node.name.text,
        title=node.title,
        owner=None if owner is None else owner.address,
        message_class=first if class_of is None else message_class(class_of.name, policy.classes, names),
        priority=0 if priority is None else priority.number,
        entry=entry or _NO_ENTRY,
        goal=None if goal is None else _goal(goal, scope, journey),
        exits=tuple(one for one in exits if one is not None),
        exclusions=tuple(
            one for one in (_exclude(clause, node, entry, names) for clause in excludes) if one is not None
        ),
        caps=tuple(cap(clause, names) for clause in node.header if isinstance(clause, tree.Cap)),
        hold_out=None if share is None else hold_out(share, names),
        stages=tuple(build_stage(stage, scope, journey, event) for stage in _stages(node, names)),
        place=node.span.place,
        digest="",
        settle=0 if settle is None else names.elapsed(settle.duration),
        when_capped=None if capped is None else when_capped(capped, names, journey.stages),
        holds=tuple(
            typed.HoldWhile(condition(clause.condition, scope), clause.span.place)
            for clause in node.header
            if isinstance(clause, tree.HoldWhile)
        ),
    )
    built = replace(built, migrations=build_migrations(node, built.stages, names))
    return None if entry is None or not node.stages else replace(built, digest=digest(built))


_NO_ENTRY = typed.Entry(typed.EventTrigger(EventType(""), None), "once", 0, "")


def _journey(node: tree.CampaignDecl) -> Journey:
    sends: defaultdict[str, set[str]] = defaultdict(set)
    for step in steps_of(node):
        if isinstance(step, tree.Send):
            sends[step.channel.text].add(step.template.text)
    stages = {stage.name.text: stage for stage in node.stages}
    return Journey(node.name.text, stages, {channel: frozenset(found) for channel, found in sends.items()})


def _stages(node: tree.CampaignDecl, names: Names) -> list[tree.Stage]:
    if not node.stages:
        names.note(
            "FR207", f"campaign `{node.name.text}` has no stage", node.span, "what it does stands below `stage NAME:`"
        )
    firsts: dict[str, tree.Stage] = {}
    for stage in node.stages:
        first = firsts.setdefault(stage.name.text, stage)
        if first is not stage:
            message = f"stage `{stage.name.text}` is there twice"
            names.twice("FR110", message, stage.name.span, first.name.span)
    return list(firsts.values())


# --- header -----------------------------------------------------------------------------------

_SINGLE = {
    tree.Owner: "owner",
    tree.ClassOf: "class",
    tree.Priority: "priority",
    tree.Enter: "enter when",
    tree.Goal: "goal",
    tree.HoldOut: "hold out",
    tree.Settle: "settle",
    tree.WhenCapped: "when capped",
}


def _once_each(node: tree.CampaignDecl, names: Names) -> None:
    firsts: dict[type, Span] = {}
    for clause in node.header:
        word = _SINGLE.get(type(clause))
        first = firsts.setdefault(type(clause), clause.span)
        if word is not None and first is not clause.span:
            names.twice("FR205", f"a campaign has one `{word}` line", clause.span, first)


def _first(node: tree.CampaignDecl, kind: type[C]) -> C | None:
    return next((clause for clause in node.header if isinstance(clause, kind)), None)


def _entry(node: tree.CampaignDecl, scope: Scope) -> typed.Entry | None:
    names = scope.names
    clause = _first(node, tree.Enter)
    started = node.name.text in names.started
    if clause is None and started:
        return typed.Entry(None, "once", 0, node.span.place)
    if clause is None or (clause.trigger is None and not started):
        names.note(
            "FR206",
            f"campaign `{node.name.text}` never starts: it has no `enter when`, and no step starts it",
            node.span if clause is None else clause.span,
            "such as `enter when EVENT` or `enter when every day at 09:00 for segment NAME`",
        )
        return None
    again = clause.again
    gap = 0 if again is None or again.gap is None else names.elapsed(again.gap)
    trigger = None if clause.trigger is None else build_trigger(clause.trigger, node.name.text, scope)
    if trigger is None and clause.trigger is not None:
        return None
    key = None if clause.keyed is None else _key(clause.keyed, trigger, names)
    mode: Mode = "again after" if gap else "once"
    if again is not None and (again.after_exit or again.every_time):
        mode = "after exit" if again.after_exit else "every time"
    return typed.Entry(trigger, mode, gap, clause.span.place, key)


def _key(name: tree.Name, trigger: typed.Trigger | None, names: Names) -> Property | None:
    if not isinstance(trigger, typed.EventTrigger):
        message = f"`keyed by {name.text}`: no event starts this campaign"
        names.note("FR220", message, name.span, "a key is a property of the event that lets the customer in")
        return None
    found = names.property(trigger.event, name.text, name.span)
    if found is not None and found.type.kind is Kind.LIST:
        names.note("FR220", f"`{name.text}` is {describe(found.type)} and can not be a key", name.span)
    return found


def _goal(clause: tree.Goal, scope: Scope, journey: Journey) -> typed.Goal | None:
    within = None if clause.within is None else scope.names.elapsed(clause.within)
    event = journey_event(clause.event, clause.filter, scope, journey)
    of = None if clause.of is None else _of_message(clause.of, scope, journey)
    return None if event is None else typed.Goal(*event, within, clause.stay, clause.span.place, of)


def _of_message(clause: tree.OfMessage, scope: Scope, journey: Journey) -> typed.OfMessage:
    if clause.channel is None:
        if not journey.sends:
            scope.names.note("FR124", f"campaign `{journey.campaign}` never sends anything", clause.span)
        return typed.OfMessage(None, None)
    if scope.names.channel(clause.channel) is not None:
        sent(clause.channel, clause.message, journey, scope.names)
    return typed.OfMessage(clause.channel.text, None if clause.message is None else clause.message.text)


def _exit_when(
    clause: tree.ExitWhen, scope: Scope, journey: Journey
) -> typed.ExitOnEvent | typed.ExitOnCondition | None:
    names, place = scope.names, clause.span.place
    if clause.condition is not None:
        return typed.ExitOnCondition(condition(clause.condition, scope), place)
    name = clause.name
    if name is None:
        return None
    kind = names.kinds.get(name.text)
    if kind == "segment" and clause.filter is None:
        segment = names.segment(name)
        return None if segment is None else typed.ExitOnCondition(conditions.InSegment(segment), place)
    if kind == "event":
        event = journey_event(name, clause.filter, scope, journey)
        return None if event is None else typed.ExitOnEvent(*event, place)
    if kind is not None:
        hint = f"write a condition: `exit when {_ASKED[kind].format(name.text)}`"
        names.note("FR109", f"`{name.text}` is {a(kind)}, neither an event nor a segment", name.span, hint)
    elif name.text not in names.lost:
        known = [*names.events, *names.segment_decls]
        message = f"there is no event or segment `{name.text}`"
        names.unknown("FR102", message, name.span, name.text, known, f"declare it: `event {name.text}`")
    return None


_ASKED = {
    "attribute": "{0} is ...",
    "list": "in list {0}",
    "campaign": "in stage {0}.STAGE",
    "segment": "in segment {0}",
}


def _exclude(
    clause: tree.Exclude, node: tree.CampaignDecl, entry: typed.Entry | None, names: Names
) -> typed.ExcludeWhere | typed.ExcludeCampaign | None:
    name, place = clause.name.text, clause.span.place
    by = f"{clause.kind} {name}"
    if clause.kind == "campaign":
        if name == node.name.text:
            names.note("FR210", f"campaign `{name}` excludes itself", clause.span, "nobody could ever be in it")
        return None if names.campaign(clause.name) is None else typed.ExcludeCampaign(name, place)
    if clause.kind == "list":
        found = names.list_(clause.name)
        return None if found is None else typed.ExcludeWhere(by, conditions.InList(found), place)
    segment = names.segment(clause.name)
    if segment is None:
        return None
    if entry is not None and _needs(entry.trigger) is segment:
        message = f"campaign `{node.name.text}` excludes the very segment it is for"
        names.note("FR210", message, clause.span, "nobody could ever enter")
    return typed.ExcludeWhere(by, conditions.InSegment(segment), place)


def _needs(trigger: typed.Trigger | None) -> conditions.Segment | None:
    """The segment that all who enter are in."""
    match trigger:
        case typed.ScheduleTrigger() | typed.SegmentTrigger(joins=True):
            return trigger.segment
        case _:
            return None
