"""Verdicts of the reference: may a customer enter, must an instance end, may a message leave."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from flowrules.syntax import tree
from tests.reference import clock, keys
from tests.reference.conditions import (
    World,
    attribute,
    consent_state,
    consents,
    holds,
    in_list,
    in_segment,
    matches,
    value_of,
)

if TYPE_CHECKING:
    from tests.reference.program import Campaign
    from tests.reference.state import Fact, Instance, Message, SetOff


@dataclass(frozen=True)
class Verdict:
    """Why not, as the ledger says it."""

    reason: str
    rule: str
    by: str | None = None
    counter: int | None = None
    limit: int | None = None
    window: int | None = None
    until: int | None = None
    held: bool = False


# --- 7. Entries ---------------------------------------------------------------------------------------


def candidates(campaign: Campaign, facts: list[Fact], world: World) -> list[str]:
    """7: the keys to give a verdict on, by facts that match the trigger or an occurrence."""
    trigger = campaign.enter.trigger
    if isinstance(trigger, tree.EventTrigger):
        since = world.scenario.deployed_at if world.scenario.since is None else world.scenario.since
        if world.now == world.scenario.deployed_at:
            facts = [fact for fact in world.person.facts if fact.at <= world.now]  # what is looked back to, too
        found = [
            keys.entry_key(campaign, fact, world.program)
            for fact in facts
            if matches(fact, trigger.event, trigger.filter, world) and fact.event_time >= since
        ]
        return found if every_time(campaign) else list(dict.fromkeys(found))
    return [""] if is_occurrence(trigger, world) else []


def is_occurrence(trigger: tree.Trigger | None, world: World) -> bool:
    """An occurrence for a customer of the segment, or one of their date."""
    if isinstance(trigger, tree.DateTrigger):
        return world.person.known_at <= world.now and any(
            is_its_day(trigger, day, world) for day in clock.days_at(world.now, trigger.clock, world.zone)
        )
    now = isinstance(trigger, tree.Schedule) and trigger.every is None and trigger.moment is None
    return isinstance(trigger, tree.Schedule) and (
        (world.now == world.scenario.deployed_at if now else clock.is_occurrence(trigger, world.now, world.zone))
        and world.now >= world.scenario.deployed_at
        and world.person.known_at <= world.now
        and in_segment(trigger.segment.text, world)
    )


def every_time(campaign: Campaign) -> bool:
    return campaign.enter.again is not None and campaign.enter.again.every_time


def is_its_day(trigger: tree.DateTrigger, day: date, world: World) -> bool:
    """*Dates*."""
    value = attribute(trigger.attribute.text, world)
    if value is None:
        return False
    if trigger.days is None:
        return clock.falls_on(value, day)
    return bool(value + timedelta(days=trigger.days) == day)


def is_set_off(campaign: Campaign, set_off: SetOff, world: World) -> bool:
    """*Entries from within*."""
    if set_off.kind == "start":
        return bool(set_off.what == campaign.name)
    match campaign.enter.trigger:
        case tree.StageTrigger(stage=stage):
            return (set_off.kind, set_off.what) == ("stage", stage.parts)
        case tree.TagTrigger(tag=tag):
            return (set_off.kind, set_off.what) == ("tag", tag.text)
        case tree.SegmentTrigger(joins=joins, segment=segment):
            return bool(set_off.kind == "segment" and set_off.what == (segment.text, joins))
        case tree.ChangeTrigger(attribute=name, before=before, after=after):
            return (
                set_off.kind == "change"
                and set_off.what[0] == name.text
                and (before is None or value_of(before, world) == set_off.what[1])
                and (after is None or value_of(after, world) == set_off.what[2])
            )
        case _:
            return False


def refusal(campaign: Campaign, key: str, world: World, set_off: SetOff | None = None) -> Verdict | None:  # noqa: PLR0911
    """7 and *Entries from within*: the first reason that applies."""
    rule = campaign.enter.span.place
    again = campaign.enter.again
    if paused(campaign, world):
        return Verdict("paused", rule)
    if campaign.enter.keyed is not None and not key:
        return Verdict("no_key", rule)
    if set_off is not None and set_off.depth > len(world.program.campaigns):
        return Verdict("loop", rule)
    earlier = [each for each in world.person.instances if each.campaign.name == campaign.name and each.key == key]
    if every_time(campaign):
        earlier = []
    if any(each.alive for each in earlier):
        return Verdict("already_inside", rule)
    if earlier and (again is None or (again.gap is None and not again.after_exit)):
        return Verdict("entered_before", rule)
    if earlier and again is not None and again.gap is not None:
        last = max(each.entered_at for each in earlier)
        if world.now - last < clock.elapsed(again.gap):
            return Verdict("too_soon", rule)
    return exclusion(campaign, world, entering=True)


def paused(campaign: Campaign, world: World) -> bool:
    """*Operators*: the resume's instant is outside."""
    return any(
        pause.campaign == campaign.name
        and pause.since <= world.now
        and (pause.until is None or world.now < pause.until)
        for pause in world.scenario.pauses
    )


def resumed(campaign: Campaign, world: World) -> str | None:
    """*Operators*: what a resume of this very instant says about what was held."""
    for pause in world.scenario.pauses:
        if pause.campaign == campaign.name and pause.until == world.now:
            return pause.overdue
    return None


def ghost(campaign: Campaign, world: World) -> str | None:
    """7, *Ghost*: the name of the holdout."""
    for clause in world.program.hold_outs:
        of_class = None if clause.message_class is None else clause.message_class.text
        if of_class in (None, campaign.message_class.name.text) and held_out("holdout", clause, world):
            return "holdout"
    if campaign.hold_out is not None and held_out(f"holdout/{campaign.name}", campaign.hold_out, world):
        return f"holdout/{campaign.name}"
    return None


def held_out(name: str, clause: tree.HoldOut, world: World) -> bool:
    """*Held out*."""
    return bucket(name, world) * 1_000_000 < int(clause.percent * 10_000) * 2**56


def arm(name: str, arms: tuple[tree.Arm, ...], world: World) -> int:
    """*Split*: the number of the arm, the same at every visit."""
    edge = 0
    for number, each in enumerate(arms):
        edge += int(each.percent * 10_000)
        if bucket(name, world) * 1_000_000 < edge * 2**56:
            return number
    raise AssertionError(arms)


def bucket(name: str, world: World) -> int:
    digest = hashlib.sha256(f"{world.scenario.salt}/{name}/{world.person.id}".encode()).digest()
    return int.from_bytes(digest[:7], "big")


# --- Watch --------------------------------------------------------------------------------------------


def watch_verdict(instance: Instance, world: World) -> Verdict | None:
    """*Watch*: exclusions first, then exit on condition."""
    excluded = exclusion(instance.campaign, world, entering=False)
    if excluded is not None:
        return excluded
    for clause in instance.campaign.exits:
        if clause.condition is not None:
            ends = holds(clause.condition, world, instance)
        elif clause.name is not None and not world.program.is_event(clause.name.text):
            ends = in_segment(clause.name.text, world)
        else:
            ends = False  # an event: step 3 of the instant
        if ends:
            return Verdict("exit_when", clause.span.place)
    return None


def exclusion(campaign: Campaign, world: World, *, entering: bool) -> Verdict | None:
    """*Watch* 1 and *Entries*: the first exclude clause in order of text that holds."""
    for clause in campaign.excludes:
        name = clause.name.text
        match clause.kind:
            case "list":
                excludes = in_list(name, world)
            case "segment":
                excludes = in_segment(name, world)
            case _:
                excludes = excluded_by_campaign(campaign, world.program.campaigns[name], world, entering)
        if excludes:
            return Verdict("excluded", clause.span.place, f"{clause.kind} {name}")
    return None


def excluded_by_campaign(campaign: Campaign, other: Campaign, world: World, entering: bool) -> bool:  # noqa: FBT001
    """*Watch* 1: of two campaigns that exclude each other, the first in the total order is spared.

    Only a running instance is: entries against a running campaign are refused whatever its rank.
    """
    if not any(each.alive and each.campaign.name == other.name for each in world.person.instances):
        return False
    mutual = any((each.kind, each.name.text) == ("campaign", campaign.name) for each in other.excludes)
    return entering or not (mutual and campaign.order < other.order)


# --- 9. Messages --------------------------------------------------------------------------------------


UNREACHED = ("no_address", "no_consent", "unsubscribed")


def expired(instance: Instance, send: tree.Send, rule: str, world: World) -> Verdict | None:
    """9.1."""
    assert instance.asked_at is not None
    if send.expires is None or world.now < instance.asked_at + clock.elapsed(send.expires):
        return None
    return Verdict("expired", rule)


def unreached(instance: Instance, channel: str, rule: str, world: World) -> Verdict | None:
    """9.2 and 9.3. `rule`: where the step stands."""
    address = world.scenario.channels[channel]
    purpose = instance.campaign.message_class.purpose.text
    if address is not None and not attribute(address, world):
        return Verdict("no_address", rule)
    for line in world.program.suppressions:
        if in_list(line.list.text, world) and channel in ({name.text for name in line.channels} or {channel}):
            return Verdict("suppressed", line.span.place, f"list {line.list.text}")
    if address is not None and closed(address, world):
        return Verdict("suppressed", rule, "hard bounce")
    if not consents(channel, purpose, world):
        refused = consent_state(channel, purpose, world) in ("refused", "withdrawn")
        return Verdict("unsubscribed" if refused else "no_consent", rule)
    return None


def not_now(instance: Instance, send: tree.Send, world: World) -> Verdict | None:
    """9.4 to 9.6; `until` as *Held messages* says."""
    verdict = on_hold(instance, world) or quiet(send.channel.text, world) or capped(instance, send.channel.text, world)
    if verdict is None or not verdict.held or send.expires is None:
        return verdict
    assert instance.asked_at is not None
    expires = instance.asked_at + clock.elapsed(send.expires)
    return replace(verdict, until=expires if verdict.until is None else min(verdict.until, expires))


def on_hold(instance: Instance, world: World) -> Verdict | None:
    """9.4."""
    for clause in instance.campaign.holds:
        if holds(clause.condition, world, instance):
            return Verdict("on_hold", clause.span.place, held=True)
    return None


def quiet(channel: str, world: World) -> Verdict | None:
    """9.5."""
    for clause in world.program.quiet:
        if channel in {name.text for name in clause.channels}:
            until = clock.quiet_until(clause.start, clause.end, world.now, world.zone)
            if until is not None:
                return Verdict("quiet_until", clause.span.place, until=until, held=True)
    return None


def when_capped(instance: Instance, world: World) -> tree.WhenCapped | None:
    return instance.campaign.when_capped or world.program.when_capped


def closed(address: str, world: World) -> bool:
    """9.3: a message to what the address is now has come back for good, by any channel that goes to it."""
    now = attribute(address, world)
    return any(
        fact.properties.get("permanent")
        and fact.at <= world.now
        and world.scenario.channels.get(fact.event.removesuffix("_bounced"), "") == address
        and now == known_address(address, fact.event_time if fact.message is None else fact.message.at, world)
        for fact in world.person.facts
    )


def known_address(address: str, at: int, world: World) -> object:
    """What it was at an instant, by the changes that were decided on up to it."""
    value = next(getattr(each, address) for each in world.scenario.customers if each.id == world.person.id)
    changes = [each for each in world.scenario.changes if (each.customer, each.attribute) == (world.person.id, address)]
    for change in sorted(changes, key=lambda each: each.at):
        value = change.value if change.at <= at else value
    return value


def capped(instance: Instance, channel: str, world: World) -> Verdict | None:
    """9.6: the policy's caps in order of text, then the campaign's own."""
    found = [
        verdict
        for cap, counted in caps(instance, world)
        if (verdict := cap_verdict(cap, counted, instance, channel, world)) is not None
    ]
    if not found:
        return None
    clause = when_capped(instance, world)
    assert instance.asked_at is not None
    if clause is None or clause.wait is None:
        return found[0]
    deadline = instance.asked_at + clock.elapsed(clause.wait)
    if world.now >= deadline:
        return found[0]
    # Known later: *room* looks at the contacts of the whole instant.
    return replace(found[0], held=True)


def room(instance: Instance, channel: str, world: World) -> int:
    """*Held messages*: when all caps that refuse it now have room, at most when it has waited long enough."""
    clause = when_capped(instance, world)
    assert clause is not None
    assert clause.wait is not None
    assert instance.asked_at is not None
    until = instance.asked_at + clock.elapsed(clause.wait)
    instants = []
    for cap, candidates in caps(instance, world):
        verdict = cap_verdict(cap, candidates, instance, channel, world)
        if verdict is None:
            continue
        if cap.number == 0:
            return until
        if isinstance(cap.per, str):
            instants.append(clock.next_begins(cap.per, world.now, world.zone))
        else:
            found = sorted(message.at for message in within(cap, candidates, instance, world))
            instants.append(found[-cap.number] + clock.elapsed(cap.per))
    return min(until, max(instants, default=until))


def caps(instance: Instance, world: World) -> list[tuple[tree.Cap, list[Message]]]:
    """The caps that concern an instance, each with the contacts it may count."""
    campaign = instance.campaign
    counted = [each for each in contacts(world) if each.counted]
    own = [each for each in contacts(world) if each.instance.campaign.name == campaign.name]
    policy = world.program.caps if campaign.message_class.limited else ()
    return [(cap, counted) for cap in policy] + [(cap, own) for cap in campaign.caps]


def contacts(world: World) -> list[Message]:
    return [message for each in world.person.instances for message in each.messages]


def cap_verdict(
    cap: tree.Cap, candidates: list[Message], asking: Instance, channel: str, world: World
) -> Verdict | None:
    """9.6: fewer than N of those it counts."""
    if channel not in channels(cap, world):
        return None
    counter = len(within(cap, candidates, asking, world))
    if counter < cap.number:
        return None
    window = None if isinstance(cap.per, str) else clock.elapsed(cap.per)
    return Verdict("capped", cap.span.place, counter=counter, limit=cap.number, window=window)


def channels(cap: tree.Cap, world: World) -> set[str]:
    return {name.text for name in cap.channels} or set(world.scenario.channels)


def within(cap: tree.Cap, candidates: list[Message], asking: Instance, world: World) -> list[Message]:
    """9.6: in (instant - D, instant], or in the calendar period so far."""
    first = (
        clock.begun(cap.per, world.now, world.zone)
        if isinstance(cap.per, str)
        else world.now - clock.elapsed(cap.per) + 1
    )
    return [
        message
        for message in candidates
        if message.channel in channels(cap, world)
        and first <= message.at <= world.now
        and counts_against(message, asking)
    ]


def counts_against(message: Message, asking: Instance) -> bool:
    """9.6: of ghosts a real message counts none, a ghost those of its own holdout."""
    return message.instance.ghost in (None, asking.ghost)
