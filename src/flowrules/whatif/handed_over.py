"""What the hand-over gate kept back, asked of the gate once more over the record of one customer.

Takes a record in memory that the planner has brought to just before a hand-over; puts what the gate says now in the
place of what it said then. What it does not say again with nothing otherwise stays a fact that nobody can explain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, select, update

from flowrules.content.deployed import Deployed, Library
from flowrules.content.outgoing import KEY, Key, key_of
from flowrules.runtime import outbox
from flowrules.runtime.deliver import judge
from flowrules.runtime.outbox import End
from flowrules.sql import tables as t
from flowrules.sql.codes import Reason, Status
from flowrules.store.database import Session
from flowrules.store.memory import Memory
from flowrules.whatif.record import Record

_KEPT_BACK = (Status.HELD, Status.SKIPPED, Status.EXPIRED, Status.CANCELLED)
"""What a channel says has other statuses."""

MOST_STANDS = 8
"""That are tried of one hand-over."""

Says = Mapping[Key, End | None]
"""None: it may leave. A message is left out that is not there then, or on which the next tick has to decide first."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """An instant at which something was kept back, with what was said of it; beside: what was let out just then.

    stands: how far the planner may have come by then, for nobody wrote it down: up to one of these.
    """

    at: int
    stands: tuple[int, ...]
    kept_back: Mapping[Key, End]
    beside: frozenset[Key]


@dataclass(slots=True)
class Gate:
    """explained: by instant, and how far the planner had come, what it says again of what it kept back, with nothing
    otherwise.
    """

    hand_overs: Sequence[HandOver]
    memory: Memory
    session: Session
    known: Mapping[int, Deployed] = field(default_factory=dict)
    explained: dict[tuple[int, int], frozenset[Key]] = field(default_factory=dict)

    def here(self, last: int) -> Iterator[HandOver]:
        """What it is to be asked about where the planner has come to `last`."""
        return (each for each in self.hand_overs if last in each.stands)

    def next(self, last: int, until: int) -> int:
        """Where it is to be asked next, at most `until`."""
        return min((stand for each in self.hand_overs for stand in each.stands if last < stand < until), default=until)

    def explains(self, at: int, step: Sequence[int]) -> bool:
        """step: (campaign, instance, step)."""
        found = (key for (asked, _), keys in self.explained.items() if asked == at for key in keys)
        return any([*key[1:4]] == [*step] for key in found)

    def as_it_was(self, this: HandOver, last: int) -> bool:
        """While nothing is otherwise yet; False: it has been asked before."""
        if (this.at, last) in self.explained:
            return False
        before = {key for stand in this.stands for key in self.explained.get((this.at, stand), ())}
        kept = {key: end for key, end in this.kept_back.items() if key not in before}
        says = self._ask(this) if kept else {}
        self.explained[this.at, last] = frozenset(key for key, end in kept.items() if key in says and says[key] == end)
        return True

    def found(self, this: HandOver, seen: Callable[[Connection], None]) -> None:
        """As it found things then."""
        self.memory.mark()
        try:
            with self.session.write() as connection:
                _as_of(connection, this.at)
                seen(connection)
        finally:
            self.memory.back()

    def otherwise(self, this: HandOver, last: int) -> None:
        """What it says now becomes the fact of that instant."""
        explained = self.explained[this.at, last]
        if not explained:
            return
        says = self._ask(this)
        with self.session.write() as connection:
            for key in explained:
                of_it = and_(t.outcome.c.at == this.at, _is(t.outcome, key))
                if key in says:
                    end = says[key] or End(key, Status.SENT, None)
                    row = {"status": end.status, "reason": end.reason, **_labels(connection, end)}
                    connection.execute(update(t.outcome).where(of_it).values(row))
                elif not _waits(connection, key):
                    connection.execute(delete(t.outcome).where(of_it))

    def _ask(self, this: HandOver) -> Says:
        """Of all that was handed over then, for whoever is let out takes a slot."""
        self.memory.mark()
        try:
            with self.session.write() as connection:
                _as_of(connection, this.at)
                keys = [key for key in {*this.kept_back, *this.beside} if _waits(connection, key)]
                library = Library(connection, dict(self.known))
                rows = outbox.rows(connection, keys) if keys else []
                return {key_of(row): end for row, end in judge(connection, library, rows, this.at)} if rows else {}
        finally:
            self.memory.back()


def hand_overs(source: Connection, record: Record) -> Iterator[HandOver]:
    o, a = t.outcome.c, t.attempt.c
    place, by = t.label.alias(), t.label.alias()
    kept = (
        select(t.outcome, place.c.text.label("place"), by.c.text.label("by"))
        .outerjoin_from(t.outcome, place, place.c.id == o.place_id)
        .outerjoin(by, by.c.id == o.by_id)
        .where(o.customer_id == record.customer, o.at <= record.until, o.status.in_(_KEPT_BACK))
        .order_by(o.at)
    )
    found: dict[int, dict[Key, End]] = {}
    for row in source.execute(kept):
        status = Status(row.status)
        end = End(key_of(row), status, Reason(row.reason), back=status is Status.HELD, place=row.place, by=row.by)
        found.setdefault(row.at, {})[end.key] = end
    for at, ends in found.items():
        beside = source.execute(select(t.attempt).where(a.customer_id == record.customer, a.started_at == at))
        passed = frozenset(map(key_of, beside))
        yield HandOver(at, _stands(record, at, {*ends, *passed}), ends, passed)


def _stands(record: Record, at: int, keys: Iterable[Key]) -> tuple[int, ...]:
    """From when all of them had been decided on: each instant at which something became otherwise."""
    handed = {key[1:4] for key in keys}
    decided = [sent[3] for sent in record.sent if sent[3] < at and sent[:3] in handed]
    since = min(max([*decided, *(phase.at - 1 for phase in record.phases if phase.at <= at)]), at - 1)
    instants = {row.at for row in record.ledger} | {each.since for each in record.changing}
    return *sorted({since, *(each for each in instants if since < each < at - 1)})[: MOST_STANDS - 1], at - 1


def _as_of(connection: Connection, at: int) -> None:
    """With what had come by then, and nothing else."""
    o = t.outcome.c
    # What was held once and asked for again is looked at as if for the first time.
    told = select(o.status).where(o.at.between(t.message.c.decided_at, at - 1), _same(t.outcome, t.message))
    newest = told.order_by(o.at.desc()).limit(1).scalar_subquery()
    asked = t.message.c.status.in_((Status.INTENDED, Status.RETRYING))
    connection.execute(update(t.message).where(asked, told.exists()).values(status=newest))
    for table in (t.consent, t.event):
        connection.execute(delete(table).where(table.c.at > at))
    connection.execute(delete(t.attempt).where(t.attempt.c.started_at >= at))
    p = t.pause.c
    connection.execute(delete(t.pause).where(p.since > at))
    connection.execute(update(t.pause).where(p.until > at).values(until=None, overdue=None))


def _waits(connection: Connection, key: Key) -> bool:
    query = select(t.message.c.status).where(_is(t.message, key))
    return connection.execute(query).scalar() == Status.INTENDED


def _labels(connection: Connection, end: End) -> dict[str, int | None]:
    label = t.label.c
    words = {"place_id": end.place, "by_id": end.by}
    query = select(label.text, label.id).where(label.text.in_([each for each in words.values() if each is not None]))
    known = {row.text: row.id for row in connection.execute(query)}
    return {name: None if text is None else known.get(text) for name, text in words.items()}


def _same(one: Table, other: Table) -> ColumnElement[bool]:
    return and_(*(one.c[name] == other.c[name] for name in KEY))


def _is(table: Table, key: Key) -> ColumnElement[bool]:
    return and_(*(table.c[name] == value for name, value in zip(KEY, key, strict=True)))
