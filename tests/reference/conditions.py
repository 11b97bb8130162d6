"""Whether a condition holds for one customer at one instant.

Two-valued: a comparison with a missing value is false, and each negated form is its exact opposite.
Windows are (t - D, t] of event times; only what was received up to the instant is seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any, assert_never

from flowrules.syntax import tree
from tests.reference import clock, keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.reference.program import Program
    from tests.reference.scenario import Scenario
    from tests.reference.state import Fact, Instance, Person


@dataclass
class World:
    """All that a condition may look at: the rules, one customer, and the instant."""

    scenario: Scenario
    program: Program
    person: Person
    now: int

    @property
    def zone(self) -> str:
        """The customer's zone (meaning.md, *Local time*)."""
        own = self.person.attributes.get("timezone")
        if self.program.zone_of_customer and own in clock.known_zones():
            return str(own)
        return self.program.zone


def holds(condition: tree.Condition, world: World, instance: Instance | None = None) -> bool:  # noqa: C901, PLR0911, PLR0912
    """`instance`: the journey whose messages a reaction is about."""
    match condition:
        case tree.And():
            return all(holds(item, world, instance) for item in condition.items)
        case tree.Or():
            return any(holds(item, world, instance) for item in condition.items)
        case tree.Not():
            return not holds(condition.item, world, instance)
        case tree.Compare():
            return _compare(_operand(condition.left, world), condition, world)
        case tree.InSegment():
            return in_segment(condition.name.text, world)
        case tree.InList():
            return in_list(condition.name.text, world)
        case tree.Tagged():
            if len(condition.name.parts) > 1:  # the role tag of a stage
                return _in_stage(condition.name, world)
            return condition.name.text in world.person.tags
        case tree.InStage():
            return _in_stage(condition.name, world)
        case tree.ConsentsTo():
            purposes = [condition.purpose.text] if condition.purpose else list(world.program.purposes)
            return all(consents(condition.channel.text, each, world) for each in purposes)
        case tree.HasEvent():
            return _has_event(condition, world)
        case tree.EventAgo():
            return _event_ago(condition, world)
        case tree.DateIs():
            return _date_is(condition, world)
        case tree.Reaction():
            assert instance is not None
            return _reaction(condition, world, instance)
        case _:
            assert_never(condition)


# --- values -------------------------------------------------------------------------------------------


def value_of(value: tree.Value, world: World) -> Any:  # noqa: ANN401
    """A literal as the plain value the journal would hold."""
    match value.value:
        case tree.Duration():
            return clock.elapsed(value.value) * clock.MICROSECOND
        case tree.Money():
            assert value.value.currency == world.scenario.currency
            return value.value.amount
        case datetime():
            return clock.moment(clock.to_instant(value.value, world.scenario.zone))
        case _:
            return value.value


def attribute(name: str, world: World) -> Any:  # noqa: ANN401
    """The value of the moment; a declared default where there is none."""
    value = world.person.attributes.get(name)
    declared = world.program.attributes.get(name)
    if value is None and declared is not None and declared.default is not None:
        value = value_of(declared.default, world)
    if declared is not None and declared.type.kind == "list of text" and isinstance(value, str):
        return (value,)  # a default is written as one text
    return value


def _compare(left: Any, condition: tree.Compare, world: World) -> bool:  # noqa: ANN401, C901, PLR0911, PLR0912
    values = [value_of(each, world) for each in condition.values]
    known = left is not None
    if isinstance(left, Fraction):
        values = [Fraction(each) for each in values]
    match condition.op:
        case "known":
            return known
        case "unknown":
            return not known
        case "is":
            return known and bool(left == values[0])
        case "is not":
            return not (known and left == values[0])
        case "<":
            return known and bool(left < values[0])
        case "<=":
            return known and bool(left <= values[0])
        case ">":
            return known and bool(left > values[0])
        case ">=":
            return known and bool(left >= values[0])
        case "between":
            return known and bool(values[0] <= left <= values[1])
        case "one of":
            return known and left in values
        case "not one of":
            return not (known and left in values)
        case "has any of":
            return known and any(each in left for each in values)
        case "has none of":
            return not (known and any(each in left for each in values))
        case "has all of":
            return known and all(each in left for each in values)


def _operand(operand: tree.Operand, world: World) -> Any:  # noqa: ANN401
    match operand:
        case tree.Name():
            return attribute(operand.text, world)
        case tree.EventProperty():
            return _history_property(operand, world)
        case tree.Aggregate():
            return _aggregate(operand, world)


# --- events -------------------------------------------------------------------------------------------


def matches(
    fact: Fact, event: tree.Name, filter_: tree.Filter | None, world: World, instance: Instance | None = None
) -> bool:
    """Whether a fact is of the type and passes the filter.

    What a machine did never counts; for an instance a reaction counts only if it sent the message, and what has
    a key only with its own (language.md, *Conditions* and rule 2).
    """
    if fact.event != event.text or fact.properties.get("machine"):
        return False
    reaction = any(fact.event.startswith(f"{channel}_") for channel in world.scenario.channels)
    if instance is not None and reaction and (fact.message is None or fact.message.instance is not instance):
        return False
    if instance is not None and not keys.concerns(fact, instance.campaign, instance.key, world.program):
        return False
    return filter_ is None or all(_passes(item, fact.properties, world) for item in filter_.items)


def _passes(condition: tree.Condition, properties: Mapping[str, Any], world: World) -> bool:
    """A condition inside a filter: names are properties of the event at hand."""
    match condition:
        case tree.And():
            return all(_passes(item, properties, world) for item in condition.items)
        case tree.Or():
            return any(_passes(item, properties, world) for item in condition.items)
        case tree.Not():
            return not _passes(condition.item, properties, world)
        case tree.Compare():
            assert isinstance(condition.left, tree.Name)
            return _compare(properties.get(condition.left.text), condition, world)
        case _:
            raise AssertionError(condition)


def happenings(event: tree.Name, filter_: tree.Filter | None, within: tree.Duration | None, world: World) -> list[Fact]:
    """What a history condition looks at, by event time, then order of receipt."""
    after = None if within is None else world.now - clock.elapsed(within)
    return sorted(
        (
            fact
            for fact in world.person.facts
            if fact.at <= world.now
            and matches(fact, event, filter_, world)
            and (after is None or after < fact.event_time <= world.now)
        ),
        key=lambda fact: (fact.event_time, fact.at, fact.seq),
    )


def _has_event(condition: tree.HasEvent, world: World) -> bool:
    number = len(happenings(condition.event, condition.filter, condition.within, world))
    if condition.negated:
        return number == 0
    if condition.quantity is None:
        return number >= 1
    wanted = condition.quantity.number
    match condition.quantity.kind:
        case "at least":
            return number >= wanted
        case "at most":
            return number <= wanted
        case "fewer than":
            return number < wanted
        case "exactly":
            return number == wanted


def _event_ago(condition: tree.EventAgo, world: World) -> bool:
    """More: at or before t - D; less: after it; neither without such an event."""
    found = happenings(condition.event, condition.filter, None, world)
    if not found:
        return False
    chosen = found[0] if condition.which == "first" else found[-1]
    edge = world.now - clock.elapsed(condition.duration)
    return (chosen.event_time <= edge) == condition.more


def _history_property(operand: tree.EventProperty, world: World) -> Any:  # noqa: ANN401
    found = happenings(operand.event, operand.filter, None, world)
    if not found:
        return None
    chosen = found[0] if operand.which == "first" else found[-1]
    return chosen.properties.get(operand.property)


def _aggregate(operand: tree.Aggregate, world: World) -> Any:  # noqa: ANN401
    """Total of nothing is 0, average of nothing is missing; an average is compared exactly."""
    found = happenings(operand.event, operand.filter, operand.within, world)
    if operand.kind == "count":
        return len(found)
    assert operand.property is not None
    values = [value for fact in found if (value := fact.properties.get(operand.property)) is not None]
    match operand.kind:
        case "distinct":
            return len(set(values))
        case "total":
            return sum(values)
        case "average":
            return sum(map(Fraction, values), Fraction()) / len(values) if values else None


# --- the customer -------------------------------------------------------------------------------------


def in_segment(name: str, world: World) -> bool:
    return holds(world.program.segments[name].condition, world)


def in_list(name: str, world: World) -> bool:
    entries = world.scenario.lists[name]
    return any((kind.text, attribute(kind.text, world)) in entries for kind in world.program.lists[name].by)


def _in_stage(name: tree.Name, world: World) -> bool:
    """Any live instance stands there; ghosts are invisible (language.md, rule 14)."""
    campaign, *stage = name.parts
    return any(
        each.alive
        and each.ghost is None
        and each.campaign.name == campaign
        and each.stage is not None
        and (not stage or each.stage == stage[0])
        for each in world.person.instances
    )


def consents(channel: str, purpose: str, world: World) -> bool:
    """Consent as a send tests it."""
    state = consent_state(channel, purpose, world)
    if world.program.purposes[purpose].consent == "ask first":
        return state == "granted"
    return state not in ("refused", "withdrawn")


def consent_state(channel: str, purpose: str, world: World) -> str | None:
    """By the latest record that counts: instant, then order of import."""
    records = sorted(
        (record.at, seq, record.said_at, record.state)
        for seq, record in enumerate(world.scenario.consents)
        if record.customer == world.person.id
        and (record.channel, record.purpose) == (channel, purpose)
        and record.at <= world.now
    )
    state, refused_at = None, None
    for _, _, said_at, said in records:
        if said != "granted":
            refused_at = said_at if refused_at is None else max(refused_at, said_at)
        elif refused_at is not None and said_at < refused_at:
            continue
        state = said
    return state


def _date_is(condition: tree.DateIs, world: World) -> bool:
    date = attribute(condition.attribute.text, world)
    if date is None:
        return False
    today = clock.local_date(world.now, world.zone)
    match condition.kind:
        case "today":
            day = date.day
            if (date.month, date.day) == (2, 29) and not _is_leap(today.year):
                day = 28
            return (date.month, day) == (today.month, today.day)
        case "away":
            return bool((date - today).days == condition.days)
        case "next":
            return bool(0 <= (date - today).days <= condition.days)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _reaction(condition: tree.Reaction, world: World, instance: Instance) -> bool:
    """About the last message of the channel (and template) in this journey, sent or a ghost's."""
    template = None if condition.message is None else condition.message.text
    message = instance.last_message(condition.channel.text, template)
    if condition.word == "not sent":
        return message is None
    if message is None:
        return False
    if condition.word in ("unopened", "unclicked"):
        return not world.person.reactions(message, condition.word[2:], world.now)
    return bool(world.person.reactions(message, condition.word, world.now))
