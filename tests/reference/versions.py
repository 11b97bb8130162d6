"""What a deployment does: versions, *Migrations* and *Canary* of docs/meaning.md.

A later deployment of these scenarios declares the same attributes, events, lists and segments, and the same campaigns.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flowrules.syntax import tree
from tests.reference import clock, judge, within
from tests.reference.program import load

if TYPE_CHECKING:
    from tests.reference.interpreter import Runner
    from tests.reference.program import Campaign, Position
    from tests.reference.scenario import Deployment
    from tests.reference.state import Instance

_POLICY = (tree.Owner, tree.Migration, tree.Exclude, tree.Cap, tree.HoldOut, tree.HoldWhile, tree.Priority)
_ALWAYS_IN_FORCE = ("rank", "priority", "message_class", "excludes", "caps", "holds", "hold_out")


def deploy(runner: Runner, deployment: Deployment) -> None:
    """At its instant, before anything else of it."""
    scenario = replace(runner.scenario, rules=deployment.rules)
    before, runner.program = runner.program, load(scenario)
    for name, campaign in runner.program.campaigns.items():
        last = before.campaigns[name]
        if meaning(last.decl) == meaning(campaign.decl):
            campaign.number, campaign.first = last.number, last.first or last
        else:
            campaign.number = last.number + 1
        base = runner.bases[name]
        base = campaign if base.number == campaign.number else base.first or base
        runner.bases[name] = base
        for instance in runner.person.instances:
            if instance.campaign.name == name:
                in_version(instance, campaign)
        in_force(base, campaign)
    if deployment.canary is None:
        runner.bases = dict(runner.program.campaigns)
    runner.canary = deployment.canary
    runner.world.program = runner.program
    runner.campaigns = sorted(runner.program.campaigns.values(), key=lambda campaign: campaign.order)
    # *Membership*: at the microsecond before it.
    runner.world.now = deployment.at - 1
    within.joined_or_left(runner.campaigns, runner.world)
    runner.world.now = deployment.at
    for instance in runner.person.instances:
        if instance.alive and instance.hold is not None and not instance.held:
            instance.due = deployment.at  # *Held messages*: all ask again


def meaning(decl: tree.CampaignDecl) -> tree.CampaignDecl:
    """What makes a version: neither names for people, nor what is policy, nor what is said of those inside."""
    stages = tuple(replace(stage, title=None, formerly=None) for stage in decl.stages)
    header = tuple(clause for clause in decl.header if not isinstance(clause, _POLICY))
    return replace(decl, title=None, header=header, stages=stages)


def in_version(instance: Instance, now: Campaign) -> None:
    """The same version as written now, or another one as it was written first, of which the policy is that in force."""
    then = instance.campaign
    written = now if then.number == now.number else then.first or then
    if written is not then:
        if instance.position is not None:
            instance.position = written.positions[then.positions.index(instance.position)]
        instance.campaign = written
    in_force(written, now)


def in_force(then: Campaign, now: Campaign) -> None:
    for name in _ALWAYS_IN_FORCE:
        setattr(then, name, getattr(now, name))


def entered(runner: Runner, campaign: Campaign) -> tuple[Campaign, str | None]:
    """*Canary*: the version that a customer who is let in enters, and the words of the row."""
    base = runner.bases.get(campaign.name, campaign)
    if runner.canary is None or base.number == campaign.number:
        return campaign, None
    words = f"canary {runner.canary // 10_000}%"
    if judge.bucket(f"canary/{campaign.name}", runner.world) * 1_000_000 < runner.canary * 2**56:
        return campaign, words
    return base, f"not in {words}"


# --- Migrations ---------------------------------------------------------------------------------------


def migrate(runner: Runner, alive: list[Instance]) -> list[Instance]:
    """Returns who is running now."""
    running = []
    for instance in alive:
        now = runner.program.campaigns[instance.campaign.name]
        of_canary = runner.canary is not None and runner.bases[now.name].number != now.number
        if instance.campaign.number == now.number or of_canary:
            continue
        line = line_for(instance, now)
        if line is None or line.action == "keep":
            continue
        if line.action == "exit":
            runner.end(instance, "migrated", line.span.place, words=line.reason)
        elif moved(runner, instance, now, line):
            running.append(instance)
    return running


def line_for(instance: Instance, now: Campaign) -> tree.Migration | None:
    """The most exact one."""
    here = instance.position
    assert here is not None
    for kind, names in (
        ("step", {here.key, renamed(here.key, now)}),
        ("stage", {here.stage, renamed(here.stage, now)}),
        ("stage", {None}),
    ):
        for line in now.migrations:
            if line.origin.kind == kind and line.origin.name in names:
                return line
    return None


def renamed(key: str, now: Campaign) -> str:
    stage, slash, rest = key.partition("/")
    return f"{now.formerly.get(stage, stage)}{slash}{rest}"


def moved(runner: Runner, instance: Instance, now: Campaign, line: tree.Migration) -> bool:
    """`follow` and `move`; whether it is running then."""
    here = instance.position
    assert here is not None
    same = renamed(here.key, now)
    target = line.target or tree.Place("step", same, line.span)
    to = next(each for each in now.positions if (each.kind, each.key) == (target.kind, target.name))
    follows = to.key == same and type(to.step) is type(here.step)
    keeps = waits_alike(here, to) and line.timers != "restart" and (line.timers is not None or follows)
    due = instance.due if keeps else None
    if keeps and line.timers == "recompute":
        due = recomputed(runner, instance, now, to)
    runner.cancel(instance, "moved_on")
    runner.say(now, instance.number, "moved", step=to.key, rule=line.span.place, until=due)
    if to.kind != "stage":
        if same.partition("/")[0] != to.stage:
            stage = now.stages[to.stage]
            instance.reached_at = runner.now
            runner.say(now, instance.number, "stage", step=stage.key, rule=stage.rule)
        instance.stage = to.stage
    instance.campaign, instance.elsewhere = now, not follows
    instance.asked = set()
    runner.move(instance, to)
    instance.due = due
    return due is None


def waits_alike(here: Position, to: Position) -> bool:
    """A wait, and another of the same kind."""
    return to.kind == "step" and kind_of_wait(here) is not None and kind_of_wait(here) == kind_of_wait(to)


def kind_of_wait(place: Position) -> str | None:
    match place.step:
        case tree.Wait():
            return "wait"
        case tree.WaitUntil():
            return "wait until"
        case tree.WaitFor():
            return "wait for"
        case tree.If() if place.step.after is not None:
            return "unopened"
        case _:
            return None


def recomputed(runner: Runner, instance: Instance, now: Campaign, to: Position) -> int | None:
    """None: as with `restart`."""
    assert instance.waited_at is not None
    match to.step:
        case tree.Wait():
            return clock.add(instance.waited_at, to.step.duration, runner.world.zone)
        case tree.WaitFor():
            return clock.add(instance.waited_at, to.step.up_to, runner.world.zone) + now.settle
        case _:
            return None


def already_sent(instance: Instance, here: Position) -> bool:
    """9, before 9.2: another version has sent it, and it is the first of this one."""
    former = {now: then for then, now in instance.campaign.formerly.items()}
    stage, _, rest = here.key.partition("/")
    keys = {here.key, f"{former.get(stage, stage)}/{rest}"}
    assert instance.reached_at is not None
    return here.key not in instance.asked and any(
        message.key in keys
        and message.version != instance.campaign.number
        and (instance.elsewhere or message.at >= instance.reached_at)
        for message in instance.messages
    )
