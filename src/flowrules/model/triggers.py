"""What lets customers in, of the tree to typed: `enter when ...`.

Takes the trigger with the campaign's name and scope; gives the typed trigger, or None where it can not be typed,
which has then been noted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrules.model import campaign as typed
from flowrules.model.conditions import Scope, date, event_filter, stage_of
from flowrules.model.schema import Kind
from flowrules.syntax import tree

if TYPE_CHECKING:
    from flowrules.model.schema import Attribute, Stored


def build_trigger(trigger: tree.Trigger, campaign: str, scope: Scope) -> typed.Trigger | None:  # noqa: PLR0911  # one case a kind
    names = scope.names
    match trigger:
        case tree.EventTrigger():
            event = names.event(trigger.event)
            return None if event is None else typed.EventTrigger(event, event_filter(trigger.filter, event, scope))
        case tree.Schedule():
            segment = names.segment(trigger.segment)
            when = (trigger.every, trigger.weekday, trigger.day, trigger.clock, trigger.moment)
            return None if segment is None else typed.ScheduleTrigger(*when, segment)
        case tree.StageTrigger():
            return _stage(trigger, campaign, scope)
        case tree.TagTrigger():
            names.tag(trigger.tag)
            return typed.TagTrigger(trigger.tag.text)
        case tree.SegmentTrigger():
            segment = names.segment(trigger.segment)
            return None if segment is None else typed.SegmentTrigger(segment, trigger.joins)
        case tree.ChangeTrigger():
            return _change(trigger, scope)
        case tree.DateTrigger():
            attribute = date(trigger.attribute, trigger.span, names)
            return None if attribute is None else typed.DateTrigger(attribute, trigger.days, trigger.clock)


def _stage(trigger: tree.StageTrigger, campaign: str, scope: Scope) -> typed.StageTrigger | None:
    found = stage_of(trigger.stage, scope.names)
    if found is None or found.stage is None:
        return None
    if found.campaign == campaign:
        scope.names.note(
            "FR206",
            f"campaign `{campaign}` waits for a stage of its own, which nobody reaches before entering",
            trigger.span,
            "a stage of another campaign lets customers in; within a campaign write `go to STAGE`",
        )
    return typed.StageTrigger(found.campaign, found.stage)


def _change(trigger: tree.ChangeTrigger, scope: Scope) -> typed.ChangeTrigger | None:
    names = scope.names
    attribute = names.attribute(trigger.attribute)
    if attribute is None:
        return None
    if attribute.name == "id" or attribute.type.kind is Kind.LIST:
        what = "never changes" if attribute.name == "id" else "is a list, of which no change can be awaited"
        names.note("FR113", f"`{attribute.name}` {what}", trigger.span, "`enter when joins segment NAME` may serve")
        return None
    before, after = (_value(value, attribute, scope) for value in (trigger.before, trigger.after))
    if trigger.before is not None and before == after:
        names.note(
            "FR204",
            f"no change goes from `{trigger.before.span.text}` to `{trigger.before.span.text}`",
            trigger.span,
            f"leave one out: `{attribute.name} changes to ...`",
        )
    return typed.ChangeTrigger(attribute, before, after)


def _value(value: tree.Value | None, attribute: Attribute, scope: Scope) -> Stored | None:
    return None if value is None else scope.names.value(value, attribute.type, attribute.name)
