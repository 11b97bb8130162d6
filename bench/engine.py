"""W by the engine, with everything on: intake of facts, planner, ledger, caps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, FromClause, Table, func, select

from bench import work
from bench.campaign import BATCH, HOUR, NUDGE, RULES, START, WELCOME, customer_name, model, prepare
from bench.measure import Used, measured
from bench.profile import Profile
from flowrules.model.campaign import Model
from flowrules.runtime.answers import silent
from flowrules.runtime.tick import planner
from flowrules.sql import tables as t
from flowrules.sql.codes import Decision
from flowrules.store.database import Database, Session
from flowrules.store.journal import NewEvent, add_events


@dataclass(frozen=True, slots=True)
class Outcome:
    used: Used
    steps: int
    written: tuple[str, ...]
    """Tables that were empty before and are not now: what the floor has to write."""


def run(
    url: str, n: int, profile: Profile | None = None, *, rules: str = RULES, missing: Collection[str] = ()
) -> Outcome:
    """missing: tables that nothing is written to, where a promise is switched off (bench/promises.py)."""
    events = work.events_by_hour(n)
    database = prepare(url, n, rules)
    if profile is not None:
        profile.watch(database)
    try:
        known = model(rules)
        empty = _sizes(database)
        if profile is not None:
            profile.start()
        with measured(url) as used, planner(database) as planning:
            take = Intake(database, planning.session, known, used)
            take.all(signup(number) for number in range(n))
            planning.tick(START, answer=silent)
            for hour in range(1, work.END + 1):
                take.all(fact(number, event, hour) for number, event in events.get(hour, ()))
                planning.tick(START + hour * HOUR, answer=silent)
            database.checkpoint()
        if profile is not None:
            profile.stop(planning.program)
        with database.read() as connection:
            steps = _verify(connection, n, missing)
        after = _sizes(database)
    finally:
        database.close()
    grown = {name for name in after if after[name] > empty[name]}
    if any(empty[name] for name in grown):
        raise SystemExit(f"tables that were not empty grew: {sorted(name for name in grown if empty[name])}")
    return Outcome(used, steps, tuple(sorted(grown)))


def signup(number: int) -> NewEvent:
    return NewEvent("signup", customer_name(number), START, START, f"s{number}", {})


def fact(number: int, event: str, hour: int) -> NewEvent:
    at, name = START + hour * HOUR, customer_name(number)
    ref = (name, *WELCOME) if event == work.OPENED else None
    return NewEvent(event, name, at, at, f"{event}-{number}", {}, ref=ref)


@dataclass(frozen=True, slots=True)
class Intake:
    """On the planner's connection, as in a service that receives facts and acts on them."""

    database: Database
    session: Session
    known: Model
    used: Used

    def all(self, facts: Iterable[NewEvent]) -> None:
        rest = iter(facts)
        while batch := self._batch(rest):
            with self.database.intake(self.session) as connection:
                add_events(connection, self.known, batch)

    def _batch(self, facts: Iterator[NewEvent]) -> list[NewEvent]:
        with self.used.aside():
            return list(islice(facts, BATCH))


def _sizes(database: Database) -> dict[str, int]:
    with database.read() as connection:
        return {name: _count(connection, table) for name, table in t.metadata.tables.items()}


def _count(connection: Connection, table: Table, *where: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one()


def _counts(connection: Connection, rows: FromClause, by: Column[Any]) -> dict[Any, int]:
    return dict(connection.execute(select(by, func.count()).select_from(rows).group_by(by)).all())


def _verify(connection: Connection, n: int, missing: Collection[str]) -> int:
    """The result of W, everyone in and out again, and what the promises are kept with; gives the steps."""
    sent_from = (t.node.c.version_id == t.message.c.version_id) & (t.node.c.node == t.message.c.node)
    templates = _counts(connection, t.message.join(t.node, sent_from), t.node.c.template)
    tags = _counts(connection, t.tagging.join(t.tag, t.tag.c.id == t.tagging.c.tag_id), t.tag.c.name)
    work.check({"sms" if name == NUDGE else name: count for name, count in templates.items()} | tags, n)

    ended = _count(connection, t.enrollment, t.enrollment.c.ended_at.is_not(None))
    if ended != n:
        raise SystemExit(f"somebody is lost: {ended} of {n} ended")
    for table, rows in ((t.contact, sum(templates.values())), (t.intake, _count(connection, t.event))):
        if table.name not in missing and (found := _count(connection, table)) != rows:
            raise SystemExit(f"{found} rows of {table.name}, expected {rows}")
    for name in missing:
        if found := _count(connection, t.metadata.tables[name]):
            raise SystemExit(f"{found} rows of {name}, which is switched off")
    return work.steps(n) if t.decision.name in missing else _steps(connection, n)


def _steps(connection: Connection, n: int) -> int:
    """As the ledger tells them."""
    decided = Counter(_counts(connection, t.decision, t.decision.c.decision))
    if {decided[Decision.ENTERED], decided[Decision.EXIT]} != {n}:
        raise SystemExit(f"somebody is lost: decisions {dict(decided)}")
    # Each of the three waits begins with `wait`; two of them end with `met` or `timed_out`, the third is the delay.
    passed = decided[Decision.MET] + decided[Decision.TIMED_OUT]
    steps = decided[Decision.SEND] + passed + (decided[Decision.WAIT] - passed) + decided[Decision.EXIT]
    if (steps, passed) != (work.steps(n), 2 * n):
        raise SystemExit(f"{steps} steps, expected {work.steps(n)}: {dict(decided)}")
    return steps
