"""What happens within an instant that may let the customer into a campaign (meaning.md, *Entries from within*)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrules.syntax import tree
from tests.reference.conditions import World, attribute, in_segment
from tests.reference.state import SetOff

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.reference.program import Campaign
    from tests.reference.scenario import Value
    from tests.reference.state import Effect, Instance

Changed = tuple[str, "Value", "Value"]  # attribute, value before, value now


def values(campaigns: list[Campaign], world: World) -> dict[str, Value]:
    """What attributes some campaign waits for to change are now."""
    triggers = (campaign.enter.trigger for campaign in campaigns)
    names = {trigger.attribute.text for trigger in triggers if isinstance(trigger, tree.ChangeTrigger)}
    return {name: attribute(name, world) for name in sorted(names)}


def changed(before: dict[str, Value], campaigns: list[Campaign], world: World) -> list[Changed]:
    now = values(campaigns, world)
    return [(name, before[name], now[name]) for name in now if before[name] != now[name]]


def joined_or_left(campaigns: list[Campaign], world: World) -> list[SetOff]:
    """*Membership*: what differs from when it was looked at last."""
    if world.now < world.person.known_at:
        return []
    triggers = (campaign.enter.trigger for campaign in campaigns)
    names = {trigger.segment.text for trigger in triggers if isinstance(trigger, tree.SegmentTrigger)}
    found = []
    for name in sorted(names):
        member = in_segment(name, world)
        if member != (name in world.person.member_of):
            found.append(SetOff("segment", (name, member), depth_of_all(world)))
            (world.person.member_of.add if member else world.person.member_of.discard)(name)
    return found


def set_off_by(
    instance: Instance, effect: Effect, before: set[str], tags: set[str], changes: list[Changed]
) -> Iterator[SetOff]:
    """By one step. `before`, `tags`: those of the customer before and behind the micro step; `changes`: in it."""
    deeper = instance.depth + 1
    if effect.stage is not None:
        yield SetOff("stage", (instance.campaign.name, effect.stage), deeper, instance)
    if effect.tag is not None and effect.tag not in before and effect.tag in tags:
        yield SetOff("tag", effect.tag, deeper, instance)
    if effect.set is not None:
        yield from (SetOff("change", change, deeper, instance) for change in changes if change[0] == effect.set[0])
    if effect.start is not None:
        start = effect.start
        yield SetOff("start", start.campaign.text, deeper, instance, linked=start.linked, rule=start.span.place)


def depth_of_all(world: World) -> int:
    """Where nobody's step it was: behind all that was set off within the instant."""
    return 1 + max((each.depth for each in world.person.instances), default=0)
