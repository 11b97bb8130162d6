"""The reference interpreter: what docs/meaning.md says, one customer after the other, in plain Python.

One function per paragraph of that page, which each names. The only thing it shares with the engine is the
syntax tree. It visits more instants than needed (every fact, every moment a window could lose an event),
which is harmless: where nothing has changed, nothing happens.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from flowrules.syntax import tree
from tests.reference import clock, judge, versions, within
from tests.reference.conditions import World, happenings, holds, matches, value_of
from tests.reference.entries import entries, entries_within, started_by
from tests.reference.messages import LAST_MICRO, messages
from tests.reference.outcome import Outcome, of_people
from tests.reference.program import Campaign, Position, Program, load
from tests.reference.scenario import LedgerRow, Scenario, ledger_order
from tests.reference.state import Effect, Fact, Instance, Message, Person, SetOff

if TYPE_CHECKING:
    from tests.reference.scenario import Change, Customer


def interpret(scenario: Scenario) -> list[LedgerRow]:
    """Every decision, in ledger order."""
    return run(scenario)[0]


def outcome(scenario: Scenario) -> Outcome:
    return run(scenario)[1]


def run(scenario: Scenario) -> tuple[list[LedgerRow], Outcome]:
    """Customers never influence each other (*Instants*), so one is run after the other."""
    program = load(scenario)
    rows: list[LedgerRow] = []
    people = []
    for customer in scenario.customers:
        if scenario.deployments:
            program = load(scenario)  # they change what was there before
        runner = Runner(scenario, program, customer)
        runner.run()
        rows += runner.rows
        people.append(runner.person)
    return sorted(rows, key=ledger_order), of_people(people)


@dataclass
class Runner:
    """One customer, from the deployment to the end."""

    scenario: Scenario
    program: Program
    customer: Customer
    rows: list[LedgerRow] = field(default_factory=list)
    turn: int = 0

    def __post_init__(self) -> None:
        customer = self.customer
        self.person = Person(
            id=customer.id,
            known_at=customer.known_at,
            attributes={
                **customer.attributes,
                "id": customer.id,
                "email": customer.email,
                "phone": customer.phone,
                "country": customer.country,
                "timezone": customer.timezone,
            },
            facts=[
                Fact(seq, event.event, event.event_time, event.at, event.properties)
                for seq, event in enumerate(self.scenario.events)
                if event.customer == customer.id
            ],
        )
        self.world = World(self.scenario, self.program, self.person, self.scenario.deployed_at)
        # Python's sort is stable: changes of one instant keep their order of import.
        self.changes: list[Change] = sorted(
            (change for change in self.scenario.changes if change.customer == customer.id),
            key=lambda change: change.at,
        )
        self.next_seq = len(self.scenario.events)
        self.campaigns = sorted(self.program.campaigns.values(), key=lambda campaign: campaign.order)
        self.windows, self.compares_dates = set(self.program.windows), self.program.compares_dates
        for deployment in self.scenario.deployments:
            later = load(replace(self.scenario, rules=deployment.rules))
            self.windows |= later.windows
            self.compares_dates |= later.compares_dates
        self.canary: int | None = None
        self.bases: dict[str, Campaign] = dict(self.program.campaigns)

    @property
    def now(self) -> int:
        return self.world.now

    def say(
        self,
        campaign: Campaign,
        number: int,
        decision: str,
        *,
        rule: str | None,
        step: str | None = None,
        reason: str | None = None,
        by: str | None = None,
        counter: int | None = None,
        limit: int | None = None,
        window: int | None = None,
        until: int | None = None,
        words: str | None = None,
        key: str = "",
    ) -> None:
        """Write a row of the ledger."""
        self.rows.append(
            LedgerRow(
                self.now, self.turn, self.person.id, campaign.name, number, step, decision, reason, rule, by,
                counter, limit, window, until, words, key,
            )
        )  # fmt: skip

    # --- Instants -------------------------------------------------------------------------------------

    def run(self) -> None:
        """*Instants*: each instant of the customer, in order; the campaigns live from the deployment."""
        self.apply_changes(before=self.scenario.deployed_at)
        self.world.now = self.scenario.deployed_at - 1
        within.joined_or_left(self.campaigns, self.world)
        instant = self.next_instant(self.scenario.deployed_at - 1)
        while instant is not None and instant <= self.scenario.until:
            self.world.now = instant
            for deployment in self.scenario.deployments:
                if deployment.at == instant:
                    versions.deploy(self, deployment)
            self.visit()
            instant = self.next_instant(instant)

    def next_instant(self, after: int) -> int | None:
        """*Instants* and the end of *Watch*: facts, timers, occurrences, and what time alone may change."""
        coming = [self.scenario.deployed_at, self.customer.known_at, *(fact.at for fact in self.person.facts)]
        coming += [change.at for change in self.changes]
        coming += [each.at for each in self.scenario.consents if each.customer == self.person.id]
        coming += [order.at for order in self.scenario.operator_exits if order.customer == self.person.id]
        coming += [deployment.at for deployment in self.scenario.deployments]
        coming += [pause.until for pause in self.scenario.pauses if pause.until is not None]
        coming += [each.due for each in self.person.instances if each.alive and each.due is not None]
        for campaign in self.campaigns:
            if isinstance(campaign.enter.trigger, tree.Schedule):
                occurrence = clock.next_occurrence(campaign.enter.trigger, after, self.world.zone)
                coming += [] if occurrence is None else [occurrence]
            elif isinstance(campaign.enter.trigger, tree.DateTrigger):
                coming.append(clock.next_at(campaign.enter.trigger.clock, after, self.world.zone))
        coming += [fact.event_time + d for fact in self.person.facts for d in self.windows]
        if self.compares_dates:
            coming.append(clock.next_midnight(after, self.world.zone))
        return min((instant for instant in coming if instant > after), default=None)

    # --- The passes -----------------------------------------------------------------------------------

    def visit(self) -> None:
        """*The passes*."""
        alive = [each for each in self.person.instances if each.alive]
        ended = [each for each in self.person.instances if not each.alive]
        facts = [fact for fact in self.person.facts if fact.at == self.now]
        facts.sort(key=lambda fact: fact.seq)
        for each in self.person.instances:
            each.came_to = each.depth = 0
        self.turn = 100_000
        values = within.values(self.campaigns, self.world)
        self.apply_changes(before=self.now + 1)
        set_off = [SetOff("change", change, 1) for change in within.changed(values, self.campaigns, self.world)]
        running = versions.migrate(self, alive) if self.is_deployment() else []
        self.operators(alive)
        self.unlink()
        self.watch()
        self.exit_on_event(alive, facts)
        self.unlink()
        self.goal(alive + ended, facts)
        self.unlink()
        running = [each for each in running if each.alive]
        running += self.react([each for each in alive if each not in running], facts)
        self.release(alive)
        running += self.timers([each for each in alive if each not in running])
        running += entries(self, facts, set_off + within.joined_or_left(self.campaigns, self.world))
        number = 1
        while True:
            self.micro_steps(number, running)
            self.turn = number * 100_000 + LAST_MICRO
            self.watch()
            entered = entries_within(self, within.joined_or_left(self.campaigns, self.world))
            running = messages(self) + entered
            if not running:
                return
            number += 1

    def is_deployment(self) -> bool:
        return any(deployment.at == self.now for deployment in self.scenario.deployments)

    def apply_changes(self, before: int) -> None:
        """1. *Profile*."""
        while self.changes and self.changes[0].at < before:
            change = self.changes.pop(0)
            self.person.attributes[change.attribute] = change.value

    def operators(self, alive: list[Instance]) -> None:
        """1. *Operators*: who is ordered out, or was held by a pause that ends so."""
        for instance in alive:
            ordered = any(
                (order.customer, order.campaign, order.at) == (self.person.id, instance.campaign.name, self.now)
                for order in self.scenario.operator_exits
            )
            if ordered or (instance.held and judge.resumed(instance.campaign, self.world) == "exit"):
                self.end(instance, "operator", "operator")

    def release(self, alive: list[Instance]) -> None:
        """6. *Timers*: those a pause held ask again when it is over."""
        for instance in alive:
            if instance.held and judge.resumed(instance.campaign, self.world) is not None:
                instance.asks = True

    def exit_on_event(self, alive: list[Instance], facts: list[Fact]) -> None:
        """3. *Exit on event*."""
        for instance in alive:
            for clause in instance.campaign.exits:
                if clause.name is None or not self.program.is_event(clause.name.text) or not instance.alive:
                    continue
                if any(matches(fact, clause.name, clause.filter, self.world, instance) for fact in facts):
                    self.end(instance, "exit_when", clause.span.place)

    def goal(self, candidates: list[Instance], facts: list[Fact]) -> None:
        """4. *Goal*."""
        for instance in candidates:
            goal = instance.campaign.goal
            if goal is None or instance.goal_at is not None:
                continue
            if not any(self.reaches(fact, goal, instance) for fact in facts):
                continue
            instance.goal_at = self.now
            reason = None if instance.alive else "journey_ended"
            self.say(instance.campaign, instance.number, "goal", rule=goal.span.place, reason=reason)
            if instance.alive and not goal.stay:
                self.end(instance, "goal", goal.span.place)

    def reaches(self, fact: Fact, goal: tree.Goal, instance: Instance) -> bool:
        """4. *Goal*: the fact that counts."""
        if not matches(fact, goal.event, goal.filter, self.world, instance):
            return False
        if fact.event_time < instance.entered_at:
            return False
        if goal.within is not None and goal.of is not None:
            return any(
                message.at <= fact.event_time < message.at + clock.elapsed(goal.within)
                and (goal.of.channel is None or goal.of.channel.text == message.channel)
                and (goal.of.message is None or goal.of.message.text == message.template)
                for message in instance.messages
            )
        return goal.within is None or fact.event_time < instance.entered_at + clock.elapsed(goal.within)

    def react(self, alive: list[Instance], facts: list[Fact]) -> list[Instance]:
        """5. *Reactions and waits*: returns who moved."""
        for instance in alive:
            if instance.alive:
                self.refresh(instance, facts)
        return [
            instance
            for instance in alive
            if instance.alive
            and (
                self.interrupted(instance, facts)
                or self.awaited_event(instance, facts)
                or self.awaited_reaction(instance, facts)
            )
        ]

    def refresh(self, instance: Instance, facts: list[Fact]) -> None:
        """5, first: what moves nobody."""
        assert instance.stage is not None
        clauses = [on for on in instance.campaign.reactions[instance.stage] if on.stage is None]
        for fact in reversed(facts):
            for on in clauses:
                if matches(fact, on.event, on.filter, self.world, instance):
                    instance.entry = fact
                    self.say(instance.campaign, instance.number, "refreshed", rule=on.span.place, step=instance.stage)
                    return

    def interrupted(self, instance: Instance, facts: list[Fact]) -> bool:
        """5a: the earliest fact, then the first clause in order of text."""
        assert instance.stage is not None
        for fact in facts:
            for on in instance.campaign.reactions[instance.stage]:
                if on.stage is not None and matches(fact, on.event, on.filter, self.world, instance):
                    self.say(
                        instance.campaign,
                        instance.number,
                        "interrupted",
                        rule=on.span.place,
                        step=instance.stage,
                    )
                    if on.refresh:
                        instance.entry = fact
                    self.cancel(instance, "moved_on")
                    self.move(instance, instance.campaign.stages[on.stage.text])
                    return True
        return False

    def awaited_event(self, instance: Instance, facts: list[Fact]) -> bool:
        """5b."""
        here = instance.position
        if here is None or not isinstance(here.step, tree.WaitFor):
            return False
        assert instance.due is not None
        for fact in facts:
            if fact.event_time < instance.due - instance.campaign.settle and self.is_awaited(fact, here.step, instance):
                instance.used.add(fact.seq)
                self.at_step(instance, here, "met")
                self.move(instance, here.then)
                return True
        return False

    def is_awaited(self, fact: Fact, wait: tree.WaitFor, instance: Instance) -> bool:
        """Of the type and filter, and not used up by this instance."""
        return matches(fact, wait.event, wait.filter, self.world, instance) and fact.seq not in instance.used

    def awaited_reaction(self, instance: Instance, facts: list[Fact]) -> bool:
        """5d."""
        here = instance.position
        if here is None or not isinstance(here.step, tree.If):
            return False
        assert instance.due is not None
        message, word = self.awaited_message(instance, here)
        assert message is not None
        reactions = self.person.reactions(message, word, self.now)
        deadline = instance.due - instance.campaign.settle
        if any(fact in facts and fact.event_time < deadline for fact in reactions):
            self.at_step(instance, here, "met")
            self.move(instance, here.otherwise)
            return True
        return False

    def awaited_message(self, instance: Instance, here: Position) -> tuple[Message | None, str]:
        """The message of an `if CHANNEL [NAME] unopened after D`, and the reaction it waits for."""
        condition = here.condition
        assert isinstance(condition, tree.Reaction)
        template = None if condition.message is None else condition.message.text
        return instance.last_message(condition.channel.text, template), condition.word.removeprefix("un")

    def timers(self, resting: list[Instance]) -> list[Instance]:
        """6. *Timers*: returns who moved."""
        moved = []
        for instance in resting:
            here = instance.position
            if not instance.alive or here is None or instance.due is None or instance.due > self.now:
                continue
            match here.step:
                case tree.WaitFor():
                    self.at_step(instance, here, "timed_out")
                    self.move(instance, here.otherwise)
                case tree.If():
                    self.at_step(instance, here, "timed_out")
                    self.move(instance, here.then)
                case tree.Send():
                    instance.asks, instance.due = True, None
                    continue
                case _:
                    self.move(instance, here.then)
            moved.append(instance)
        return moved

    # --- 7. Entries -----------------------------------------------------------------------------------

    def unlink(self) -> None:
        """*Linked*."""
        while True:
            ends = [
                (each, each.link)
                for each in self.person.instances
                if each.alive and each.link is not None and each.link.by is not None and not each.link.by.alive
            ]
            for instance, link in ends:
                assert link.rule is not None
                self.end(instance, "linked", link.rule, started_by(link))
            if not ends:
                return

    # --- Micro steps ----------------------------------------------------------------------------------

    def micro_steps(self, number: int, running: list[Instance]) -> None:
        """*Micro steps*: all read side by side, then all effects are applied in plain order."""
        for instance in self.person.instances:
            instance.came_to = 0
        micro = 0
        while running:
            micro += 1
            self.turn = number * 100_000 + micro
            running.sort(key=lambda instance: instance.plain_order)
            effects = [(instance, self.come_to(instance)) for instance in running]
            tags, values = set(self.person.tags), within.values(self.campaigns, self.world)
            for instance, effect in effects:
                self.apply(instance, effect)
            changed = within.changed(values, self.campaigns, self.world)
            set_off = [
                each
                for instance, effect in effects
                for each in within.set_off_by(instance, effect, tags, self.person.tags, changed)
            ]
            running = [instance for instance, effect in effects if effect.to is not None]
            running += entries_within(self, within.joined_or_left(self.campaigns, self.world) + set_off)
            self.unlink()
            running = [instance for instance in running if instance.alive]

    def come_to(self, instance: Instance) -> Effect:
        """*Micro steps*: the table of positions."""
        here = instance.position
        assert here is not None
        instance.came_to += 1
        if instance.came_to > len(instance.campaign.positions):
            self.say(instance.campaign, instance.number, "exit", rule=here.rule, reason="loop")
            return Effect(exit="loop")
        if here.kind == "stage":
            self.at_step(instance, here, "stage")
            return Effect(to=here.then, stage=here.stage)
        if here.kind == "end":
            self.at_step(instance, here, "exit", reason="completed")
            return Effect(exit="completed")
        return self.come_to_step(instance, here)

    def come_to_step(self, instance: Instance, here: Position) -> Effect:  # noqa: C901, PLR0911, PLR0912  # the table
        match here.step:
            case tree.Send():
                return Effect(asks=True)
            case tree.Wait():
                due = clock.add(self.now, here.step.duration, self.world.zone)
                return self.rest(instance, here, due)
            case tree.WaitUntil():
                due = clock.until(here.step, self.now, self.world.zone, self.program.zone)
                return Effect(to=here.then) if due == self.now else self.rest(instance, here, due)
            case tree.WaitFor():
                return self.come_to_wait_for(instance, here, here.step)
            case tree.If() if here.step.after is not None:
                return self.come_to_unopened(instance, here, here.step.after)
            case tree.If():
                assert here.condition is not None
                yes = holds(here.condition, self.world, instance)
                self.at_step(instance, here, "branch", reason="yes" if yes else "no")
                return Effect(to=here.then if yes else here.otherwise)
            case tree.Split():
                number = judge.arm(f"split/{instance.campaign.name}/{here.step.name.text}", here.step.arms, self.world)
                self.at_step(instance, here, "branch", words=here.step.arms[number].name.text)
                return Effect(to=here.arms[number])
            case tree.Tag():
                self.at_step(instance, here, "tag")
                return Effect(to=here.then, tag=here.step.name.text)
            case tree.Untag():
                self.at_step(instance, here, "untag")
                return Effect(to=here.then, untag=here.step.name.text)
            case tree.Set():
                self.at_step(instance, here, "set")
                value = value_of(here.step.value, self.world)
                return Effect(to=here.then, set=(here.step.attribute.text, value))
            case tree.Start():
                name = here.step.campaign.text
                self.at_step(instance, here, "start", by=f"campaign {name}")
                return Effect(to=here.then, start=here.step)
            case tree.Exit():
                self.at_step(instance, here, "exit", reason="exit", words=here.step.reason)
                return Effect(exit="exit")
            case _:
                raise AssertionError(here)

    def come_to_wait_for(self, instance: Instance, here: Position, wait: tree.WaitFor) -> Effect:
        """The table, *wait for E up to D*."""
        assert instance.reached_at is not None
        if not wait.new:
            found = [
                fact
                for fact in happenings(wait.event, wait.filter, None, self.world)
                if fact.at > instance.reached_at and self.is_awaited(fact, wait, instance)
            ]
            if found:
                earliest = min(found, key=lambda fact: (fact.at, fact.seq))
                self.at_step(instance, here, "met")
                return Effect(to=here.then, used=earliest.seq)
        deadline = clock.add(self.now, wait.up_to, self.world.zone)
        return self.rest(instance, here, deadline + instance.campaign.settle)

    def come_to_unopened(self, instance: Instance, here: Position, after: tree.Duration) -> Effect:
        """The table, *if CHANNEL [NAME] unopened after D*."""
        message, word = self.awaited_message(instance, here)
        if message is None:
            self.at_step(instance, here, "no_message")
            return Effect(to=here.behind)
        deadline = clock.add(message.at, after, self.world.zone)
        if any(fact.event_time < deadline for fact in self.person.reactions(message, word, self.now)):
            self.at_step(instance, here, "met")
            return Effect(to=here.otherwise)
        due = deadline + instance.campaign.settle
        if due <= self.now:
            self.at_step(instance, here, "timed_out")
            return Effect(to=here.then)
        return self.rest(instance, here, due)

    def rest(self, instance: Instance, here: Position, due: int) -> Effect:
        self.at_step(instance, here, "wait", until=due)
        instance.waited_at = self.now
        return Effect(due=due)

    def at_step(
        self,
        instance: Instance,
        here: Position,
        decision: str,
        reason: str | None = None,
        until: int | None = None,
        words: str | None = None,
        by: str | None = None,
    ) -> None:
        """A row about a position."""
        self.say(
            instance.campaign, instance.number, decision,
            step=here.key, rule=here.rule, reason=reason, until=until, words=words, by=by,
        )  # fmt: skip

    def apply(self, instance: Instance, effect: Effect) -> None:
        """*Micro steps*: the effects of one instance."""
        if effect.tag is not None:
            self.person.tags.add(effect.tag)
        if effect.untag is not None:
            self.person.tags.discard(effect.untag)
        if effect.set is not None:
            name, value = effect.set
            self.person.attributes[name] = value
        if effect.stage is not None:
            instance.stage, instance.reached_at = effect.stage, self.now
        if effect.used is not None:
            instance.used.add(effect.used)
        if effect.exit is not None:
            self.close(instance, effect.exit)
        elif effect.to is not None:
            self.move(instance, effect.to)
        else:
            instance.due, instance.asks = effect.due, effect.asks
            instance.asked_at = self.now if effect.asks else None

    def move(self, instance: Instance, to: Position | None) -> None:
        instance.position, instance.due, instance.asks, instance.held = to, None, False, False
        instance.asked_at, instance.hold = None, None

    def cancel(self, instance: Instance, reason: str) -> None:
        """*Held messages*, the end: it goes another way."""
        if instance.hold is not None and instance.position is not None:
            self.at_step(instance, instance.position, "withheld", reason=reason)

    def end(self, instance: Instance, reason: str, rule: str, by: str | None = None, words: str | None = None) -> None:
        """Ended by the header."""
        self.say(instance.campaign, instance.number, "exit", rule=rule, reason=reason, by=by, words=words)
        self.cancel(instance, "journey_ended")
        self.close(instance, reason)

    def close(self, instance: Instance, reason: str) -> None:
        self.move(instance, None)
        instance.ended_at, instance.exit = self.now, reason

    # --- 8. Watch -------------------------------------------------------------------------------------

    def watch(self) -> None:
        """*Watch*: side by side, again until nobody ends."""
        while True:
            ends = self.ending()
            for instance, verdict in ends:
                self.end(instance, verdict.reason, verdict.rule, verdict.by)
            self.unlink()
            if not ends:
                return

    def ending(self) -> list[tuple[Instance, judge.Verdict]]:
        verdicts = [(each, judge.watch_verdict(each, self.world)) for each in self.person.instances if each.alive]
        return [(instance, verdict) for instance, verdict in verdicts if verdict is not None]
