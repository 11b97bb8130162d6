"""A test of the rules, played: its customers and facts, the rules of the whole workspace, virtual time.

Takes typed tests with the model they are of; gives for each the first line that did not come true. It decides nothing
itself: the planner does, in an SQLite database in memory, and every message is accepted at once. Nobody is held out or
in a list unless the test says so; where a split's arm is not said, the test is played in each.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from sqlalchemy import Connection, insert, select, update

from flowrules.content.deployed import Deployed
from flowrules.model import trial as m
from flowrules.model.campaign import Campaign, Model, ScheduleTrigger, Split
from flowrules.model.snapshot import Snapshot
from flowrules.runtime.answers import silent
from flowrules.runtime.deploy import apply, take_stock
from flowrules.runtime.load import Program, load_program
from flowrules.runtime.tick import Planner, prepare
from flowrules.sql import tables as t
from flowrules.sql.bundle import Bundle
from flowrules.sql.codes import Status
from flowrules.sql.witness import SEEN, conditions
from flowrules.store import catalogues
from flowrules.store.database import Database, Session
from flowrules.store.journal import (
    NewChange,
    NewConsent,
    NewCustomer,
    NewEvent,
    Ref,
    add_changes,
    add_consents,
    add_customers,
    add_events,
)
from flowrules.store.memory import Memory, image, in_memory
from flowrules.store.zones import ensure_zones

T = TypeVar("T")
G = TypeVar("G")
Library = dict[int, Deployed]
"""What the database of a stage says was deployed, as it was built already."""

_SOURCE = "test"
_ORIGIN = 0
"""Before every test: what is given is known from then on, and rules are in force."""

_MOST_WAYS = 64
"""Ways that a test is played where it leaves the arms of splits open."""


@dataclass(frozen=True, slots=True)
class Audience(Generic[T, G]):
    """Who looks on. judge: what was so instead of an expectation, None: it came true. tell: the story of a failure.

    gather: what there is to note when a test has ended; with it the parts of conditions are looked at too.
    """

    judge: Callable[[Connection, Library, Model, m.Line], m.Got | None]
    tell: Callable[[Connection, Library, m.Line, m.Got], T]
    gather: Callable[[Connection, Bundle], G] | None = None


@dataclass(frozen=True, slots=True)
class Played(Generic[T, G]):
    """`line`: the number of the one that did not come true, None where the test passed.

    got, story: what was so instead. open: the arms that this was in, where others do otherwise.
    """

    line: int | None = None
    got: m.Got | None = None
    story: T | None = None
    open: tuple[tuple[str, str], ...] = ()
    gathered: tuple[G, ...] = ()


class _OpenError(Exception):
    """Somebody came to a split of which the test does not say the arm."""

    def __init__(self, split: Split) -> None:
        super().__init__(split.name)
        self.split = split


@dataclass(frozen=True, slots=True)
class _Rules:
    """A database with the rules in force and nobody there, and what they compile to."""

    content: bytes
    program: Program
    library: Library


@dataclass(frozen=True, slots=True)
class _Stage:
    memory: Memory
    session: Session
    planner: Planner
    program: Program
    library: Library


@dataclass(slots=True)
class Theatre(Generic[T, G]):
    """Where tests are played, one after the other, each on an empty stage.

    A stage is set once and serves all tests, but where a campaign enters `once now`: then one for each first instant;
    and one for each policy.
    """

    folder: Path
    snapshot: Snapshot
    model: Model
    trials: Sequence[m.Trial]
    audience: Audience[T, G]
    template: bytes = b""
    _rules: dict[tuple[int, int], _Rules] = field(default_factory=dict)
    _stages: dict[tuple[int, int], _Stage] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)

    def play(self, trial: m.Trial) -> Played[T, G]:
        """In each arm that the test leaves open; of ways that end otherwise the first that failed."""
        ways: list[dict[str, str]] = [{}]
        ends: list[Played[T, G]] = []
        while ways:
            way = ways.pop()
            try:
                ends.append(self._once(trial, way))
            except _OpenError as found:
                ways += [{**way, found.split.name: arm.name} for arm in reversed(found.split.arms)]
            if len(ways) + len(ends) > _MOST_WAYS:
                got = m.Got(f"there are more than {_MOST_WAYS} ways through the splits: say the arms of some", "")
                return Played(len(trial.lines) - 1, got)
        failed = [end for end in ends if end.got is not None]
        gathered = tuple(note for end in ends for note in end.gathered)
        if not failed:
            return Played(gathered=gathered)
        first = failed[0]
        differ = len(failed) < len(ends) or any(end.line != first.line for end in failed)
        return Played(first.line, first.got, first.story, first.open if differ else (), gathered)

    def prepare(self) -> None:
        """Everything that processes may share."""
        for trial in self.trials:
            self._rules_of(trial)

    def alone(self) -> None:
        """In a process that was made of another: what that one has open is not ours to use, or to close."""
        self._stages.clear()
        self._open = ExitStack()

    def close(self) -> None:
        self._open.close()
        self._stages.clear()

    # --- the stage ------------------------------------------------------------------------------------

    def _once(self, trial: m.Trial, way: dict[str, str]) -> Played[T, G]:
        stage, audience = self._stage(trial), self.audience
        model = trial.model or self.model
        play = _Play(stage, model, trial, way, lambda seen, line: audience.judge(seen, stage.library, model, line))
        try:
            play.begin()
            number, got = play.run()
            story = None
            with stage.session.read() as connection:
                gathered = () if audience.gather is None else (audience.gather(connection, stage.program.bundle),)
                if got is not None and number is not None:
                    story = audience.tell(connection, stage.library, trial.lines[number], got)
            return Played(number, got, story, tuple(way.items()), gathered)
        finally:
            stage.memory.forget()

    def _key(self, trial: m.Trial) -> tuple[int, int]:
        model = trial.model or self.model
        return id(model), trial.lines[0].at if any(map(_enters_now, model.campaigns)) else _ORIGIN

    def _stage(self, trial: m.Trial) -> _Stage:
        key = self._key(trial)
        if key not in self._stages:
            rules = self._rules_of(trial)
            memory = self._open.enter_context(in_memory(rules.content))
            session = self._open.enter_context(memory.database.session())
            planner = prepare(memory.database, session, rules.program)
            if self.audience.gather is not None:
                _witness(session, rules.program)
            memory.settle()
            self._stages[key] = _Stage(memory, session, planner, rules.program, rules.library)
        return self._stages[key]

    def _rules_of(self, trial: m.Trial) -> _Rules:
        key = self._key(trial)
        if key not in self._rules:
            self._rules[key] = self._set(trial.model or self.model, key[1])
        return self._rules[key]

    def _set(self, model: Model, at: int) -> _Rules:
        path = self.folder / "rules.db"
        if not self.template:
            self.template = blank(self.snapshot)
        path.write_bytes(self.template)
        database = Database.open(f"sqlite:///{path}")
        apply(database, self.snapshot, model, at)
        with database.write() as connection:
            # The program knows the tags and zones that there are when it is loaded.
            catalogues.intern(connection, t.tag, sorted(_tags(self.trials)))
            ensure_zones(connection, sorted(_zones(self.trials)))
            connection.execute(update(t.clock).values(last_tick=_ORIGIN - 1, target=_ORIGIN - 1))
        with database.read() as connection:
            deployed = connection.execute(select(t.deployment.c.id)).scalar_one()
            library = {deployed: Deployed.built(deployed, self.snapshot, model)}
            program = load_program(connection, database.dialect, library)
        database.close()
        return _Rules(image(path), program, library)


def blank(snapshot: Snapshot) -> bytes:
    """A database without rules."""
    with tempfile.TemporaryDirectory(prefix="flowrules-") as folder:
        path = Path(folder) / "blank.db"
        Database.create(f"sqlite:///{path}", zone=snapshot.zone, currency=snapshot.currency, salt=_SOURCE).close()
        return image(path)


@contextmanager
def theatre(
    snapshot: Snapshot, model: Model, trials: Sequence[m.Trial], audience: Audience[T, G], template: bytes = b""
) -> Iterator[Theatre[T, G]]:
    """template: what `blank` gives, where it was made before."""
    with tempfile.TemporaryDirectory(prefix="flowrules-") as folder:
        made = Theatre(Path(folder), snapshot, model, trials, audience, template)
        try:
            yield made
        finally:
            made.close()


def _witness(session: Session, program: Program) -> None:
    with session.write() as connection:
        connection.exec_driver_sql(SEEN)
    for code, statement in conditions(program.bundle):
        program.witness(code, statement)


def _enters_now(campaign: Campaign) -> bool:
    trigger = campaign.entry.trigger
    return isinstance(trigger, ScheduleTrigger) and trigger.every is None and trigger.moment is None


def _tags(trials: Sequence[m.Trial]) -> set[str]:
    return {tag for trial in trials for person in trial.people for tag in person.tags}


def _zones(trials: Sequence[m.Trial]) -> set[str]:
    given = [value for trial in trials for person in trial.people for value in person.attributes]
    given += [
        (line.what.attribute.name, line.what.value)
        for trial in trials
        for line in trial.lines
        if isinstance(line.what, m.Changes)
    ]
    return {str(value) for name, value in given if name == "timezone"}


@dataclass(slots=True)
class _Play:
    stage: _Stage
    model: Model
    trial: m.Trial
    way: dict[str, str]
    judge: Callable[[Connection, m.Line], m.Got | None]
    facts: int = 0
    assigned: frozenset[tuple[int, int]] = frozenset()
    splits: dict[int, Split] = field(default_factory=dict)

    def begin(self) -> None:
        """All that is given is known from the start; the time up to the test is gone in one step."""
        at = self.trial.lines[0].at
        with self._intake() as connection:
            self._give(connection, self.trial.people)
            connection.execute(update(t.clock).values(last_tick=at - 1, target=at - 1))
            connection.execute(update(t.campaign).values(lives_from=at))
            take_stock(connection, self.stage.program, at - 1)

    def run(self) -> tuple[int | None, m.Got | None]:
        for number, line in enumerate(self.trial.lines):
            got = self._line(line)
            if got is not None:
                return number, got
        return None, None

    @contextmanager
    def _intake(self) -> Iterator[Connection]:
        with self.stage.memory.database.intake(self.stage.session) as connection:
            yield connection

    # --- who is given ---------------------------------------------------------------------------------

    def _give(self, connection: Connection, people: Sequence[m.Person]) -> None:
        customers = [NewCustomer(each.name, _ORIGIN, dict(each.attributes)) for each in people]
        add_customers(connection, self.model, customers, _ORIGIN)
        self._consent(
            connection, [(person.name, *consent) for person in people for consent in person.consents], _ORIGIN
        )
        ids: dict[str, int] = dict(connection.execute(select(t.customer.c.external_id, t.customer.c.id)).all())
        tags = catalogues.intern(connection, t.tag, [])
        hold_outs = {each.name for entry in self.stage.program.entries for each in entry.hold_outs}
        exposures = [
            (ids[each.name], name, int(each.held_out or name in {f"holdout/{of}" for of in each.held_out_of}))
            for each in people
            for name in sorted(hold_outs)
        ]
        tagged = {(ids[each.name], tags[tag], _ORIGIN) for each in people for tag in each.tags}
        identity = t.identity.c
        listed = {
            (known.name, row.kind, row.value)
            for each in people
            for known in each.lists
            for row in connection.execute(
                select(identity.kind, identity.value).where(
                    identity.customer_id == ids[each.name], identity.kind.in_(known.by), identity.value != ""
                )
            )
        }
        assigned = self._arms(people, ids)
        for table, rows in (
            (t.exposure, exposures),
            (t.tagging, sorted(tagged)),
            (t.list_entry, sorted(listed)),
            (t.assignment, assigned),
        ):
            names = [column.name for column in table.columns]
            if rows:
                connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])

    def _arms(self, people: Sequence[m.Person], ids: dict[str, int]) -> list[tuple[int, int, int]]:
        """What each is given, else what this way through the test takes."""
        bundle = self.stage.program.bundle
        nodes = [node for version in bundle.versions for node in version.machine.nodes]
        self.splits = {bundle.label(node.test.name): node.test for node in nodes if isinstance(node.test, Split)}
        rows = [
            (ids[each.name], number, bundle.label(arm))
            for each in people
            for number, split in self.splits.items()
            if (arm := dict(each.arms).get(split.name) or self.way.get(split.name))
        ]
        self.assigned = frozenset((who, split) for who, split, _ in rows)
        return rows

    # --- line by line ---------------------------------------------------------------------------------

    def _line(self, line: m.Line) -> m.Got | None:
        if isinstance(line.what, m.EXPECTATIONS):
            self._tick(line.at)
            with self.stage.session.read() as connection:
                return self.judge(connection, line)
        if isinstance(line.what, m.Reacts):
            self._tick(line.at - 1)
        with self._intake() as connection:
            return self._happen(connection, line)

    def _tick(self, at: int) -> None:
        self.stage.planner.tick(at, answer=silent)
        if self.splits:
            with self.stage.session.read() as connection:
                drawn = connection.execute(select(t.assignment.c.customer_id, t.assignment.c.split_id)).all()
            by_chance = sorted(split for who, split in drawn if (who, split) not in self.assigned)
            if by_chance:
                raise _OpenError(self.splits[by_chance[0]])

    def _happen(self, connection: Connection, line: m.Line) -> m.Got | None:
        at = line.at
        match line.what:
            case m.Does(who, event, properties):
                add_events(connection, self.model, [NewEvent(event, who, at, at, self._key(), dict(properties))])
            case m.Reacts(who, reaction, channel, template):
                ref = self._latest(connection, who, channel, template)
                if ref is None:
                    return m.Got(f"no {channel} {template} had been sent to {who}", who)
                events = [f"{channel}_{word}" for word in ("opened", "clicked")[: 1 + (reaction == "clicked")]]
                facts = [NewEvent(event, who, at, at, self._key(), {}, ref=ref) for event in events]
                add_events(connection, self.model, facts)
            case m.Says(who, channels, granted):
                self._consent(connection, [(who, channel, granted) for channel in channels], at)
            case m.Changes(who, attribute, value):
                add_changes(connection, [NewChange(who, at, attribute.name, value)])
            case _:
                pass
        return None

    def _key(self) -> str:
        self.facts += 1
        return f"{_SOURCE}/{self.facts}"

    def _consent(self, connection: Connection, given: Sequence[tuple[str, str, bool]], at: int) -> None:
        purposes = [purpose.name for purpose in self.model.policy.purposes]
        records = [
            NewConsent(who, channel, purpose, "granted" if granted else "refused", at, _SOURCE, at)
            for who, channel, granted in given
            for purpose in purposes
        ]
        add_consents(connection, self.model, records)

    def _latest(self, connection: Connection, who: str, channel: str, template: str) -> Ref | None:
        message, node = t.message.c, t.node.c
        row = connection.execute(
            select(t.campaign.c.name, message.instance, t.step.c.key, message["pass"].label("number"))
            .select_from(t.message)
            .join(t.node, (node.version_id == message.version_id) & (node.node == message.node))
            .join(t.channel, t.channel.c.id == message.channel_id)
            .join(t.customer, t.customer.c.id == message.customer_id)
            .join(t.campaign, t.campaign.c.id == message.campaign_id)
            .join(t.step, t.step.c.id == message.step_id)
            .where(
                t.customer.c.external_id == who,
                t.channel.c.name == channel,
                node.template == template,
                message.status == Status.SENT,
            )
            .order_by(message.sent_at.desc(), message.turn.desc())
            .limit(1)
        ).first()
        return None if row is None else (who, row.name, row.instance, row.key, row.number)
