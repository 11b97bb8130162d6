"""The planner: every customer's instants up to `now`, in sets.

Takes a database and an instant, writes what customers decided up to it: positions, messages, ledger. A
slice of customers is one transaction; a round takes each customer of the slice one instant further. The result
does not depend on how often it is called (docs/meaning.md). It sends nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from flowrules.errors import InstantPassedError
from flowrules.model.campaign import DateTrigger, ScheduleTrigger
from flowrules.runtime.answers import Answer
from flowrules.runtime.load import Program, load_program, newest
from flowrules.runtime.occurrences import occurrences
from flowrules.runtime.rounds import Round
from flowrules.sql.codes import Reason, Status
from flowrules.sql.scratch import definitions, emptied
from flowrules.sql.statement import Cursor
from flowrules.sql.visits import CHUNK, EVERYBODY
from flowrules.store.database import ADVISORY, Database, Session

SLICE = 1000
"""Marks of the agenda a transaction, and what else the last of its customers has: SQLite's write lock is held for some
tens of milliseconds.
"""

_BREATH = 0.002
"""Seconds between two slices: SQLite gives its one lock to whoever asks just then, and who waits asks seldom."""

_FEW = 100
"""Customers whose deleted rows in the working tables cost less than emptying those."""

SPAN = 86_400_000_000
"""A long way is gone in stretches of a day, so that no slice grows with the downtime before it."""

# The explicit order of joins is the order meant: from the working tables to the customer's rows, by index.
_POSTGRESQL = (
    "SET LOCAL join_collapse_limit = 1; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; "
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL jit = off"
)


@dataclass(frozen=True, slots=True)
class TickResult:
    """Counts of what this call did; withheld: by reason."""

    rounds: int
    entered: int
    moved: int
    exited: int
    intents: int
    withheld: dict[str, int]


@dataclass(slots=True)
class Tally:
    """Counted while a tick goes on."""

    rounds: int = 0
    instants: int = 0
    entered: int = 0
    moved: int = 0
    exited: int = 0
    intents: int = 0
    withheld: Counter[int] = field(default_factory=Counter)

    def result(self) -> TickResult:
        withheld = {Reason(number).word: count for number, count in sorted(self.withheld.items())}
        return TickResult(self.rounds, self.entered, self.moved, self.exited, self.intents, withheld)


@dataclass(frozen=True, slots=True)
class _Clock:
    last: int
    target: int
    cursor: int


def tick(
    database: Database, now: int, *, answer: Answer | None = None, progress: Callable[[int], None] | None = None
) -> TickResult:
    """One tick to `now` (UTC microseconds). Raises InstantPassedError if `now` lies before the last tick."""
    with planner(database) as planning:
        return planning.tick(now, answer=answer, progress=progress)


@contextmanager
def planner(database: Database, program: Program | None = None) -> Iterator[Planner]:
    """A planner that keeps its connection and its compiled program from tick to tick.

    program: loaded from a copy of this database before; it is kept as long as it is the newest.
    """
    with database.session() as session:
        made = prepare(database, session, program)
        try:
            yield made
        finally:
            # A pooled connection must not be met again with our working tables on it.
            session.connection.invalidate()


def prepare(database: Database, session: Session, program: Program | None = None) -> Planner:
    """The same on a session that is kept by the caller."""
    with session.write() as connection:
        for statement in definitions(database.dialect):
            connection.exec_driver_sql(statement)
        if program is not None:
            Round.load(connection, program)
    return Planner(database, session, program)


class Planner:
    def __init__(self, database: Database, session: Session, program: Program | None = None) -> None:
        self.database = database
        self.session = session
        self._program = program
        self._rows_left = 0  # by customers, since PostgreSQL's working tables were emptied
        self._behind: int | None = None
        """Instants of customers since the ledger was indexed by customer, about; None: not known yet."""

    @property
    def program(self) -> Program:
        """Loaded when a tick begins."""
        if self._program is None:
            raise RuntimeError("no tick has begun")
        return self._program

    def tick(
        self,
        now: int,
        *,
        answer: Answer | None = None,
        progress: Callable[[int], None] | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> TickResult:
        """answer: channels accept at once and react as it says (simulations, tests); None: intents wait in the outbox.

        progress: called with each instant that all customers have reached. stopped: asked between transactions; the
        next tick goes on from there.
        """
        tally = Tally()
        while True:
            clock = self._publish(now)
            if now < clock.last:
                raise InstantPassedError(
                    "this instant lies before the last tick: what has been decided can not be decided again",
                    "give a later instant",
                )
            if clock.target > clock.last:
                before = tally.instants
                self._stretch(clock, answer, tally, stopped)
                if stopped():
                    return tally.result()
                self._index(clock.target, tally.instants - before)
                if progress is not None:
                    progress(clock.target)
            if clock.target >= now:
                return tally.result()

    # --- the stretch ----------------------------------------------------------------------------------

    @contextmanager
    def _write(self, *, alone: bool = False, elsewhere: bool = False) -> Iterator[Cursor]:
        """A driver's cursor in a write transaction; alone: no intake is under way meanwhile.

        elsewhere: only working tables are written, for which SQLite's one lock is not needed.
        """
        # Not REPEATABLE READ: what is read lies at or before the target, where nothing is written any more, and the
        # clock must be the one that the lock was waited for.
        reads = elsewhere and self.database.dialect == "sqlite"
        with self.session.read() if reads else self.session.write("READ COMMITTED") as connection:
            if self.database.dialect == "postgresql":
                if alone:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY})
                connection.exec_driver_sql(_POSTGRESQL)
            errors = connection.dialect.dbapi
            cursor = connection.connection.cursor()
            try:
                yield cursor
            except errors.Error as failure:  # type: ignore[union-attr]  # a connected dialect has its driver
                raise DBAPIError("", None, failure) from failure  # no statement at all would mean: not connected
            finally:
                cursor.close()

    def _clock(self, cursor: Cursor) -> _Clock:
        lock = " FOR UPDATE" if self.database.dialect == "postgresql" else ""
        cursor.execute(f"SELECT last_tick, target, cursor FROM clock WHERE id = 0{lock}")  # noqa: S608  # our own words
        return _Clock(*cursor.fetchall()[0])

    def _publish(self, now: int) -> _Clock:
        """Say how far the next stretch goes, before anything is read: later facts lie behind it."""
        with self._write(alone=True) as cursor:
            clock = self._clock(cursor)
            self._refresh()
            if clock.target > clock.last or now <= clock.last:
                return clock
            target = self._target(cursor, clock.last, now)
            cursor.execute(f"UPDATE clock SET target = {target}, cursor = 0 WHERE id = 0")  # noqa: S608  # an integer
            return _Clock(clock.last, target, 0)

    def _refresh(self) -> None:
        connection = self.session.connection
        if self._program is not None and self._program.state == newest(connection):
            return
        self._program = load_program(connection, self.database.dialect)
        Round.load(connection, self.program)

    def _target(self, cursor: Cursor, last: int, now: int) -> int:
        if now - last <= SPAN:
            return now
        due = [row[0] for row in self.program.rounds.next_due.rows(cursor, last=last) if row[0] is not None]
        due += [at for _, at, _, _ in self._occurrences(last, min(now, max(last, *due, last) + SPAN) if due else now)][
            :1
        ]
        first = min(due, default=now)
        return min(now, max(first, last) + SPAN)

    def _occurrences(self, after: int, until: int) -> list[tuple[int, int, int, int]]:
        """(zone id, instant, what, local date) of every schedule and clock time, in order of time."""
        found: list[tuple[int, int, int, int]] = []
        lives = {version.campaign_id: (version, lives_from) for version, lives_from in self.program.bundle.now}
        for entry in self.program.entries:
            version, lives_from = lives[entry.campaign_id]
            trigger = version.machine.campaign.entry.trigger
            if isinstance(trigger, ScheduleTrigger | DateTrigger):
                for zone, zone_id in self.program.bundle.catalogue.zones.items():
                    there = occurrences(trigger, zone, lives_from, after, until)
                    found += [(zone_id, at, entry.what, day) for at, day in there]
        return sorted(found, key=lambda item: (item[1], item[0], item[2:]))

    def _stretch(
        self, clock: _Clock, answer: Answer | None, tally: Tally, stopped: Callable[[], bool] = lambda: False
    ) -> None:
        accepted = Status.INTENDED if answer is None else Status.SENT
        # Facts that come now lie behind the target: it was published.
        with self._write(elsewhere=True) as cursor:
            self._gather(cursor, clock)
        while not stopped():
            with self._write() as cursor:
                # Someone else may have gone on from where we were, or finished the stretch.
                found = self._clock(cursor)
                if found.target != clock.target or found.last >= clock.target:
                    return
                slice_end = self.program.rounds.slice_end.rows(cursor, cursor=found.cursor, size=SLICE)
                upto, marks, of_last = slice_end[0]
                if marks:
                    self._empty(cursor, marks)
                    round_ = Round(self.program, cursor, clock.target, accepted, answer, tally)
                    round_.run(found.cursor, upto, marks + of_last - 1)
                    cursor.execute(f"UPDATE clock SET cursor = {upto} WHERE id = 0")  # noqa: S608  # an integer
                if marks < SLICE:
                    cursor.execute("UPDATE clock SET last_tick = target WHERE id = 0")
                    return
            if self.database.dialect == "sqlite":
                time.sleep(_BREATH)

    def _empty(self, cursor: Cursor, customers: int) -> None:
        """customers: how many, at most, are about to be in the working tables."""
        if self.database.dialect == "postgresql":
            if self._rows_left > _FEW:
                cursor.execute(emptied())
                self._rows_left = 0
            self._rows_left += customers

    def _index(self, last: int, instants: int) -> None:
        """Write the ledger's index by customer once it lies behind by a chunk; a reader looks through the rest."""
        visits = self.program.visits
        if self._behind is None:
            with self._write() as cursor:
                after, whom = visits.stand.rows(cursor)[0]
                self._behind = visits.behind.rows(cursor, after=after, whom=whom, last=last)[0][0]
        else:
            self._behind += instants
        while self._behind >= CHUNK // 2:
            with self._write() as cursor:
                self._clock(cursor)  # one planner at a time
                after, whom = visits.stand.rows(cursor)[0]
                found = visits.upto.rows(cursor, after=after, whom=whom, last=last)
                at, customer = found[0] if found else (last, EVERYBODY)
                visits.add.run(cursor, after=after, whom=whom, at=at, customer=customer)
                visits.done.run(cursor, at=at, customer=customer)
            if not found:
                self._behind = 0

    def _gather(self, cursor: Cursor, clock: _Clock) -> None:
        """Write the agenda of the stretch."""
        empty = "DELETE FROM" if self.database.dialect == "sqlite" else "TRUNCATE"
        cursor.execute(f"{empty} agenda")
        cursor.execute(f"{empty} occurrence")
        found = self._occurrences(clock.last, clock.target)
        if found:
            marks = ", ".join(str(row) for row in found)
            cursor.execute(f"INSERT INTO occurrence (zone_id, at, what, day) VALUES {marks}")  # noqa: S608  # integers
        rounds, whats = self.program.rounds, {what for _, _, what, _ in found}
        scheduled = [rounds.scheduled] if whats.intersection(self.program.bundle.schedules()) else []
        dated = [statement for each in self.program.dates if each.what in whats for statement in each.gather]
        for statement in [*rounds.gather, *scheduled, *dated, *self.program.operators.gather]:
            statement.run(cursor, last=clock.last, target=clock.target)
