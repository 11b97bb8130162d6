"""A test of the rules, played: its customers and facts, the rules of the whole workspace, virtual time.

Takes typed tests with the model they are of; gives for each the first line that did not come true, while its database
is still there to be looked at. It decides nothing itself: the planner does, in an SQLite file made for the test, and
every message is accepted at once. Nobody is held out or in a list unless the test says so.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, insert, select, update

from flowrules.model import trial as m
from flowrules.model.campaign import Campaign, Model, ScheduleTrigger
from flowrules.model.snapshot import Snapshot
from flowrules.runtime.answers import silent
from flowrules.runtime.deploy import apply, take_stock
from flowrules.runtime.load import Program, load_program
from flowrules.runtime.tick import Planner, planner
from flowrules.sql import tables as t
from flowrules.sql.codes import Status
from flowrules.store import catalogues
from flowrules.store.database import Database
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
from flowrules.store.zones import ensure_zones

Judge = Callable[[Connection, m.Line], str | None]
"""What was got instead, in words; None: it is as expected."""

_SOURCE = "test"
_ORIGIN = 0
"""Before every test: what is given is known from then on, and rules are in force."""


@dataclass(frozen=True, slots=True)
class Played:
    """`line` None: the test passed. `got`: what was instead of that line."""

    database: Database
    line: m.Line | None
    got: str | None


@dataclass(frozen=True, slots=True)
class _Stage:
    """`rules`: a database with the rules in force and nobody there; `program`: what they compile to."""

    rules: Path
    program: Program


@dataclass(slots=True)
class Theatre:
    """Where tests are played, one after the other, each on a copy of a stage.

    A stage is set once and serves all tests, but where a campaign enters `once now`: then one for each first instant.
    """

    folder: Path
    snapshot: Snapshot
    model: Model
    trials: Sequence[m.Trial]
    _stages: dict[int, _Stage] = field(default_factory=dict)
    _database: Database | None = None

    @contextmanager
    def play(self, trial: m.Trial, judge: Judge) -> Iterator[Played]:
        begin = trial.lines[0].at
        stage = self._stage(begin if any(map(_enters_now, self.model.campaigns)) else _ORIGIN)
        database = self._copied(stage)
        with planner(database, stage.program) as planning:
            play = _Play(database, planning, stage.program, self.model, judge)
            play.begin(trial.people, begin)
            failed, got = play.run(trial.lines)
        yield Played(database, failed, got)

    def close(self) -> None:
        if self._database is not None:
            self._database.close()

    def _stage(self, at: int) -> _Stage:
        if at not in self._stages:
            path = self.folder / f"rules-{len(self._stages)}.db"
            zone, currency = self.snapshot.zone, self.snapshot.currency
            database = Database.create(f"sqlite:///{path}", zone=zone, currency=currency, salt=_SOURCE)
            apply(database, self.snapshot, self.model, at)
            with database.write() as connection:
                # The program knows the tags and zones that there are when it is loaded.
                catalogues.intern(connection, t.tag, sorted(_tags(self.trials)))
                ensure_zones(connection, sorted(_zones(self.trials)))
                connection.execute(update(t.clock).values(last_tick=_ORIGIN - 1, target=_ORIGIN - 1))
            with database.read() as connection:
                self._stages[at] = _Stage(path, load_program(connection, database.dialect))
            database.close()
        return self._stages[at]

    def _copied(self, stage: _Stage) -> Database:
        """One database for all tests, which keeps the statements that were compiled.

        Between two tests no connection is open, and so no log of SQLite's is left.
        """
        path = self.folder / "test.db"
        shutil.copyfile(stage.rules, path)
        if self._database is None:
            self._database = Database.open(f"sqlite:///{path}")
        return self._database


@contextmanager
def theatre(snapshot: Snapshot, model: Model, trials: Sequence[m.Trial]) -> Iterator[Theatre]:
    with (
        tempfile.TemporaryDirectory(prefix="flowrules-") as folder,
        closing(Theatre(Path(folder), snapshot, model, trials)) as made,
    ):
        yield made


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
    database: Database
    planning: Planner
    program: Program
    model: Model
    judge: Judge
    facts: int = 0

    def begin(self, people: Sequence[m.Person], at: int) -> None:
        """All that is given is known from the start; the time up to the test is gone in one step."""
        with self.database.intake(self.planning.session) as connection:
            self._give(connection, people)
            connection.execute(update(t.clock).values(last_tick=at - 1, target=at - 1))
            connection.execute(update(t.campaign).values(lives_from=at))
            take_stock(connection, self.program, at - 1)

    def run(self, lines: Sequence[m.Line]) -> tuple[m.Line | None, str | None]:
        for line in lines:
            got = self._line(line)
            if got is not None:
                return line, got
        return None, None

    # --- who is given ---------------------------------------------------------------------------------

    def _give(self, connection: Connection, people: Sequence[m.Person]) -> None:
        customers = [NewCustomer(each.name, _ORIGIN, dict(each.attributes)) for each in people]
        add_customers(connection, self.model, customers, _ORIGIN)
        for person in people:
            for channel, granted in person.consents:
                self._consent(connection, person.name, (channel,), _ORIGIN, granted=granted)
        ids: dict[str, int] = dict(connection.execute(select(t.customer.c.external_id, t.customer.c.id)).all())
        tags = catalogues.intern(connection, t.tag, [])
        hold_outs = {each.name for entry in self.program.entries for each in entry.hold_outs}
        exposures = [(ids[each.name], name, int(each.held_out)) for each in people for name in sorted(hold_outs)]
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
        for table, rows in ((t.exposure, exposures), (t.tagging, sorted(tagged)), (t.list_entry, sorted(listed))):
            names = [column.name for column in table.columns]
            if rows:
                connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])

    # --- line by line ---------------------------------------------------------------------------------

    def _line(self, line: m.Line) -> str | None:
        if isinstance(line.what, m.EXPECTATIONS):
            self._tick(line.at)
            with self.planning.session.read() as connection:
                return self.judge(connection, line)
        if isinstance(line.what, m.Reacts):
            self._tick(line.at - 1)
        with self.database.intake(self.planning.session) as connection:
            return self._happen(connection, line)

    def _tick(self, at: int) -> None:
        self.planning.tick(at, answer=silent)

    def _happen(self, connection: Connection, line: m.Line) -> str | None:
        at = line.at
        match line.what:
            case m.Does(who, event, properties):
                add_events(connection, self.model, [NewEvent(event, who, at, at, self._key(), dict(properties))])
            case m.Reacts(who, reaction, channel, template):
                ref = self._latest(connection, who, channel, template)
                if ref is None:
                    return f"no {channel} {template} had been sent to {who}"
                events = [f"{channel}_{word}" for word in ("opened", "clicked")[: 1 + (reaction == "clicked")]]
                facts = [NewEvent(event, who, at, at, self._key(), {}, ref=ref) for event in events]
                add_events(connection, self.model, facts)
            case m.Says(who, channels, granted):
                self._consent(connection, who, channels, at, granted=granted)
            case m.Changes(who, attribute, value):
                add_changes(connection, [NewChange(who, at, attribute.name, value)])
            case _:
                pass
        return None

    def _key(self) -> str:
        self.facts += 1
        return f"{_SOURCE}/{self.facts}"

    def _consent(
        self, connection: Connection, who: str, channels: Sequence[str], at: int, *, granted: bool
    ) -> None:  # fmt: skip
        state = "granted" if granted else "refused"
        purposes = [purpose.name for purpose in self.model.policy.purposes]
        records = [
            NewConsent(who, channel, purpose, state, at, _SOURCE, at) for channel in channels for purpose in purposes
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
