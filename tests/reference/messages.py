"""Messages of one instant: paragraph 9 of docs/meaning.md, and *Held messages*."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flowrules.syntax import tree
from tests.reference import judge, versions
from tests.reference.scenario import answers
from tests.reference.state import Fact, Instance, Message

if TYPE_CHECKING:
    from tests.reference.interpreter import Runner
    from tests.reference.judge import Verdict
    from tests.reference.program import Position

LAST_MICRO = 99_999


def messages(runner: Runner) -> list[Instance]:
    """9. *Messages* and 10: returns whose message step is done."""
    for instance in runner.person.instances:
        if instance.alive and not instance.held and instance.hold is not None and instance.hold[0] == "on_hold":
            instance.asks = instance.asks or judge.on_hold(instance, runner.world) is None
    for instance in runner.person.instances:
        if instance.alive and instance.asks and judge.paused(instance.campaign, runner.world):
            here, _ = message_of(runner, instance)
            runner.at_step(instance, here, "withheld", reason="paused")
            instance.asks, instance.held = False, True
    asking = sorted(
        (each for each in runner.person.instances if each.alive and each.asks),
        key=lambda instance: instance.total_order,
    )
    held: list[tuple[Instance, Verdict]] = []
    done = [instance for instance in asking if judge_message(runner, instance, held)]
    for instance, verdict in held:
        hold_message(runner, instance, verdict)
    runner.unlink()
    return [instance for instance in done if instance.alive]


def judge_message(runner: Runner, instance: Instance, held: list[tuple[Instance, Verdict]]) -> bool:
    """9: whether its step is done and the instance goes on."""
    here, send = message_of(runner, instance)
    verdict: Verdict | None = None
    if instance.held and judge.resumed(instance.campaign, runner.world) == "skip":
        verdict = judge.Verdict("paused", "operator")
    instance.held = False
    verdict = verdict or judge.expired(instance, send, here.rule, runner.world)
    number, turn = 0, runner.turn
    while verdict is None:
        if versions.already_sent(instance, here):
            verdict = judge.Verdict("already_sent", here.rule)
            break
        verdict = judge.unreached(instance, send.channel.text, here.rule, runner.world)
        if verdict is None or here.otherwise is None:
            break
        runner.turn = turn - LAST_MICRO + 99_900 + number
        withhold(runner, instance, here, verdict)
        runner.turn, number, verdict = turn, number + 1, None
        instance.position, instance.hold = here.otherwise, None
        here, send = message_of(runner, instance)
    if verdict is None:
        verdict = judge.not_now(instance, send, runner.world)
    if verdict is None:
        accept(runner, instance, here, send)
    elif verdict.held:
        held.append((instance, verdict))
        return False
    else:
        withhold(runner, instance, here, verdict)
        instance.asked.add(here.key)
        clause = judge.when_capped(instance, runner.world)
        if verdict.reason == "capped" and clause is not None and clause.otherwise is not None:
            return leave(runner, instance, here, clause)
    runner.move(instance, here.then)
    return True


def message_of(runner: Runner, instance: Instance) -> tuple[Position, tree.Send]:
    here = instance.position
    assert here is not None
    assert isinstance(here.step, tree.Send)
    return here, here.step


def withhold(runner: Runner, instance: Instance, here: Position, verdict: Verdict) -> None:
    runner.say(
        instance.campaign, instance.number, "withheld",
        step=here.key, rule=verdict.rule, reason=verdict.reason, by=verdict.by,
        counter=verdict.counter, limit=verdict.limit, window=verdict.window, until=verdict.until,
    )  # fmt: skip


def hold_message(runner: Runner, instance: Instance, verdict: Verdict) -> None:
    """*Held messages*: a row where the reason or the rule is another one than before."""
    here, send = message_of(runner, instance)
    if verdict.reason == "capped":
        until = judge.room(instance, send.channel.text, runner.world)
        verdict = replace(verdict, until=until if verdict.until is None else min(until, verdict.until))
    if instance.hold != (verdict.reason, verdict.rule):
        withhold(runner, instance, here, verdict)
    instance.hold = (verdict.reason, verdict.rule)
    instance.asks, instance.due = False, verdict.until


def leave(runner: Runner, instance: Instance, here: Position, clause: tree.WhenCapped) -> bool:
    """9: `when capped ... else`, but not `skip`."""
    if isinstance(clause.otherwise, tree.GoTo):
        runner.move(instance, instance.campaign.stages[clause.otherwise.stage.text])
        return True
    assert isinstance(clause.otherwise, tree.Exit)
    runner.say(
        instance.campaign, instance.number, "exit",
        step=here.key, rule=clause.span.place, reason="exit", words=clause.otherwise.reason,
    )  # fmt: skip
    runner.close(instance, "exit")
    return False


def accept(runner: Runner, instance: Instance, here: Position, send: tree.Send) -> None:
    """9: a message and a contact at this instant; in a simulation it is answered as the scenario says."""
    runner.at_step(instance, here, "send", reason="held_out" if instance.ghost else None)
    message = Message(instance, here.key, send.channel.text, send.template.text, runner.now, instance.campaign.number)
    instance.asked.add(here.key)
    instance.messages.append(message)
    if instance.ghost is not None:
        return
    nth = sum(1 for each in instance.messages if each.key == here.key)
    for event, at, machine in answers(runner.scenario, runner.person.id, here.key, instance.number, nth, runner.now):
        runner.person.facts.append(Fact(runner.next_seq, event, at, at, {"machine": machine}, message))
        runner.next_seq += 1
