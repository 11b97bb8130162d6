"""Entries: paragraph 7 of docs/meaning.md, and *Entries from within*."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.reference import judge, versions
from tests.reference.state import Instance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.reference.interpreter import Runner
    from tests.reference.program import Campaign
    from tests.reference.state import Fact, SetOff


def entries(runner: Runner, facts: list[Fact], set_off: list[SetOff]) -> list[Instance]:
    """7. *Entries*: returns the new instances; `set_off` by the profile or a segment."""
    entered = []
    for campaign in runner.campaigns:
        keys = judge.candidates(campaign, facts, runner.world)
        entered += verdicts(runner, campaign, [(key, None) for key in keys])
        entered += enter_if_set_off(runner, campaign, set_off)
    return entered


def entries_within(runner: Runner, set_off: list[SetOff]) -> list[Instance]:
    """*Entries from within*: returns the new instances."""
    return [instance for campaign in runner.campaigns for instance in enter_if_set_off(runner, campaign, set_off)]


def enter_if_set_off(runner: Runner, campaign: Campaign, set_off: list[SetOff]) -> list[Instance]:
    """`set_off` in plain order, of which the first counts (of a key); each where that is every time."""
    keyed, every = campaign.enter.keyed is not None, judge.every_time(campaign)
    candidates: list[tuple[str, SetOff]] = []
    for each in set_off:
        key = each.key if keyed else ""
        if judge.is_set_off(campaign, each, runner.world) and (every or key not in dict(candidates)):
            candidates.append((key, each))
    return verdicts(runner, campaign, candidates)


def verdicts(runner: Runner, campaign: Campaign, candidates: Sequence[tuple[str, SetOff | None]]) -> list[Instance]:
    """Returns the new instances; of those refused by one key the first has a row."""
    entered, refused = [], set()
    for key, set_off in candidates:
        refusal = judge.refusal(campaign, key, runner.world, set_off)
        if refusal is None:
            entered.append(enter(runner, campaign, key, set_off))
        elif key not in refused:
            refused.add(key)
            by = started_by(set_off) if refusal.by is None else refusal.by
            runner.say(campaign, 0, "not_entered", rule=refusal.rule, reason=refusal.reason, by=by, key=key)
    return entered


def enter(runner: Runner, campaign: Campaign, key: str, set_off: SetOff | None) -> Instance:
    inherited = None if set_off is None or set_off.by is None else set_off.by.ghost
    ghost = inherited or judge.ghost(campaign, runner.world)
    number = 1 + sum(1 for each in runner.person.instances if each.campaign.name == campaign.name)
    into, words = versions.entered(runner, campaign)
    instance = Instance(into, number, ghost, runner.now, next(iter(into.stages.values())), key)
    rule = campaign.enter.span.place
    if set_off is not None:
        instance.depth, instance.link = set_off.depth, set_off if set_off.linked else None
        rule = set_off.rule or rule
    runner.person.instances.append(instance)
    reason = "held_out" if ghost else None
    runner.say(campaign, number, "entered", rule=rule, reason=reason, by=started_by(set_off), words=words, key=key)
    return instance


def started_by(set_off: SetOff | None) -> str | None:
    """The campaign whose `start campaign` it was."""
    if set_off is None or set_off.rule is None or set_off.by is None:
        return None
    return f"campaign {set_off.by.campaign.name}"
