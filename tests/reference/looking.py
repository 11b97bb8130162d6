"""The reference interpreter once more, which notes of each decision by a condition what every part of it said.

Parts are what `explain` tells: those joined by the outermost `and`, and of what is no single comparison its own; of a
segment its definition.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flowrules.syntax import tree
from tests.reference import clock
from tests.reference.conditions import (
    World,
    _aggregate,
    _history_property,
    _passes,
    attribute,
    consent_state,
    happenings,
    holds,
    matches,
)
from tests.reference.interpreter import Runner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.reference.judge import Verdict
    from tests.reference.program import Campaign
    from tests.reference.state import Instance

Where = tuple[int, int, str, int, str, str]


@dataclass(frozen=True, slots=True)
class Part:
    text: str
    holds: bool
    value: Any
    parts: tuple[Part, ...]


@dataclass
class Looking(Runner):
    """found: by the row. let_in: of the filter of the event that let in, by the row, all that it may have been."""

    found: dict[Where, tuple[Part, ...]] = field(default_factory=dict)
    let_in: dict[Where, set[tuple[Part, ...]]] = field(default_factory=dict)
    ends: dict[tuple[str, int], tuple[Part, ...]] = field(default_factory=dict)

    def say(self, campaign: Campaign, number: int, decision: str, **facts: Any) -> None:  # noqa: ANN401
        super().say(campaign, number, decision, **facts)
        where = (self.now, self.turn, campaign.name, number, decision, facts.get("key", ""))
        instance = next(
            (one for one in self.person.instances if (one.campaign.name, one.number) == (campaign.name, number)), None
        )
        condition = self._condition(campaign, instance, decision, **facts)
        if decision == "exit" and (campaign.name, number) in self.ends:
            self.found[where] = self.ends.pop((campaign.name, number))
        elif condition is not None:
            self.found[where] = parts(condition, self.world, instance)
        if decision == "entered" and not facts.get("by"):
            self._entered(where, campaign.enter.trigger)

    def _entered(self, where: Where, trigger: tree.Trigger | None) -> None:
        match trigger:
            case tree.EventTrigger(event=event, filter=filter_) if filter_ is not None:
                scenario = self.world.scenario
                looks_back = scenario.since is not None and self.now == scenario.deployed_at
                self.let_in[where] = {
                    tuple(_of_event(each, fact.properties, self.world) for each in _joined(filter_))
                    for fact in self.person.facts
                    if (fact.at == self.now or (looks_back and fact.at < self.now))
                    and matches(fact, event, filter_, self.world)
                }
            case tree.DateTrigger() | tree.ChangeTrigger():
                value = attribute(trigger.attribute.text, self.world)
                self.found[where] = (Part(" ".join(trigger.span.text.split()), True, value, ()),)
            case _:
                pass

    def ending(self) -> list[tuple[Instance, Verdict]]:
        """All look before anybody ends."""
        ends = super().ending()
        for instance, verdict in ends:
            condition = self._ends(instance.campaign, verdict)
            if condition is not None:
                self.ends[instance.campaign.name, instance.number] = parts(condition, self.world, instance)
        return ends

    def _ends(self, campaign: Campaign, verdict: Verdict) -> tree.Condition | None:
        if verdict.reason == "excluded":
            return self._segment(verdict.by)
        clause = next(each for each in campaign.exits if each.span.place == verdict.rule)
        if clause.name is not None:
            return tree.InSegment(clause.name, clause.name.span)
        return clause.condition

    def _segment(self, by: str | None) -> tree.Condition | None:
        kind, _, name = (by or "").partition(" ")
        return self.program.segments[name].condition if kind == "segment" else None

    def _condition(
        self,
        campaign: Campaign,
        instance: Instance | None,
        decision: str,
        **facts: Any,  # noqa: ANN401
    ) -> tree.Condition | None:
        match decision, facts.get("reason"):
            case "entered", _ if not facts.get("by"):
                trigger = campaign.enter.trigger
                if isinstance(trigger, tree.Schedule | tree.SegmentTrigger):
                    return self.program.segments[trigger.segment.text].condition
            case "not_entered", "excluded":
                return self._segment(facts.get("by"))
            case "withheld", "on_hold":
                lines = (each for each in campaign.holds if each.span.place == facts["rule"])
                return next(lines).condition
            case "branch", "yes" | "no":
                assert instance is not None
                assert instance.position is not None
                return instance.position.condition
            case _:
                pass
        return None


def parts(condition: tree.Condition, world: World, instance: Instance | None) -> tuple[Part, ...]:
    items = condition.items if isinstance(condition, tree.And) else (condition,)
    return tuple(_part(each, world, instance) for each in items)


def _part(condition: tree.Condition, world: World, instance: Instance | None) -> Part:
    within = _within(condition, world, instance)
    return Part(_text(condition), holds(condition, world, instance), _value(condition, world), within)


def _within(condition: tree.Condition, world: World, instance: Instance | None) -> tuple[Part, ...]:
    match condition:
        case tree.And() | tree.Or():
            return tuple(_part(each, world, instance) for each in condition.items)
        case tree.Not():
            return _within(condition.item, world, instance)
        case tree.InSegment():
            return parts(world.program.segments[condition.name.text].condition, world, instance)
        case _:
            return ()


def _value(condition: tree.Condition, world: World) -> object:  # noqa: PLR0911  # one case a kind
    """What is compared, where that is one value; an average, which is rounded, is no matter of this."""
    match condition:
        case tree.Not():
            return _value(condition.item, world)
        case tree.HasEvent():
            return len(happenings(condition.event, condition.filter, condition.within, world))
        case tree.EventAgo():
            found = happenings(condition.event, condition.filter, None, world)
            chosen = None if not found else found[0] if condition.which == "first" else found[-1]
            return None if chosen is None else clock.moment(chosen.event_time)
        case tree.DateIs():
            return attribute(condition.attribute.text, world)
        case tree.Compare(left=tree.Name() as name):
            return attribute(name.text, world)
        case tree.Compare(left=tree.EventProperty() as operand):
            return _history_property(operand, world)
        case tree.Compare(left=tree.Aggregate() as operand) if operand.kind != "average":
            return _aggregate(operand, world)
        case tree.ConsentsTo():
            purposes = [condition.purpose.text] if condition.purpose else list(world.program.purposes)
            return consent_state(condition.channel.text, purposes[0], world) if len(purposes) == 1 else None
        case _:
            return None


def _joined(filter_: tree.Filter) -> tuple[tree.Condition, ...]:
    first, *others = filter_.items
    return first.items if isinstance(first, tree.And) and not others else filter_.items


def _of_event(condition: tree.Condition, properties: Mapping[str, Any], world: World) -> Part:
    value: Any = None
    within: tuple[Part, ...] = ()
    if isinstance(condition, tree.Compare):
        assert isinstance(condition.left, tree.Name)
        value = properties.get(condition.left.text)
    elif isinstance(condition, tree.And | tree.Or):
        within = tuple(_of_event(each, properties, world) for each in condition.items)
    return Part(_text(condition), _passes(condition, properties, world), value, within)


def _text(condition: tree.Condition) -> str:
    return " ".join(condition.span.text.split())
