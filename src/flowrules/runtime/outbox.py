"""The rows of the outbox: begun, ended, put back. What follows from an end is written with it.

Takes a connection inside `writing()`. Never decides what becomes of a message, and never calls a channel.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    update,
)

from flowrules.content.outgoing import KEY, Detail, Key, details, key_of
from flowrules.sql import tables
from flowrules.sql.codes import Reason, Status
from flowrules.store.database import ADVISORY, Database
from flowrules.store.zones import END

_HAND_OVER = ADVISORY + 2
_FINAL = frozenset(Status) - {Status.INTENDED, Status.CLAIMED, Status.RETRYING, Status.HELD}
_FREE = frozenset({Status.HELD, Status.SKIPPED, Status.REFUSED, Status.EXPIRED, Status.CANCELLED})


OUT = "out: "
"""How the outcome of an attempt begins that says nothing of the message: its channel was out of order."""

ERASED = "erased"
"""All that is kept of what a channel said of a message of somebody erased: its words may quote an address."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One message under way. own: how often it was tried, this time too, by a channel in order."""

    detail: Detail
    number: int
    started_at: int
    own: int = 1

    @property
    def key(self) -> Key:
        return key_of(self.detail)

    @property
    def id(self) -> tuple[Key, int]:
        return self.key, self.number


@dataclass(frozen=True, slots=True)
class Unfinished:
    attempt: Attempt
    sender: str | None


@dataclass(frozen=True, slots=True)
class End:
    """What a message comes to; not the last word for `retrying` and `held`.

    back: the planner shall decide on it once more; place, by: what decided, where it is not the step itself.
    """

    key: Key
    status: Status
    reason: Reason | None
    back: bool = False
    place: str | None = None
    by: str | None = None


@contextmanager
def writing(database: Database) -> Iterator[Connection]:
    """Outcomes are facts for the planner: none may commit behind a target that it has not seen."""
    with database.write("READ COMMITTED") as connection:
        if database.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": ADVISORY})
        yield connection


def wait_for_others(connection: Connection) -> None:
    """From here to its end no other transaction that has asked for this goes on."""
    if connection.dialect.name == "postgresql":  # SQLite has one writer
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _HAND_OVER})


def is_open() -> ColumnElement[bool]:
    # Written out, not bound: only so do both databases see that the partial index serves.
    return literal_column("message.status") < text("10")


def salt(connection: Connection) -> str:
    found: str = connection.execute(
        select(tables.workspace.c.value).where(tables.workspace.c.key == "salt")
    ).scalar_one()
    return found


def rows(connection: Connection, keys: Collection[Key]) -> list[Detail]:
    wanted = set(keys)
    found = connection.execute(details().where(_of(tables.message, wanted)))
    return [row for row in found if key_of(row) in wanted]


def put_back(connection: Connection, keys: Collection[Key], status: Status) -> None:
    if keys:
        connection.execute(
            update(tables.message).where(_this(tables.message), tables.message.c.status == Status.CLAIMED).values(
                status=status
            ),
            [_bound(key) for key in keys],
        )  # fmt: skip


def slots(connection: Connection, customers: Collection[int]) -> Iterator[tuple[Key, int, str, bool]]:
    """What caps count of real messages: key, instant, channel, and whether its class counts.

    A message that was tried counts at its last attempt, any other where the planner has put its contact: that follows
    the outcome only when the planner comes to it.
    """
    contact, message, attempt = tables.contact, tables.message, tables.attempt

    def of(table: Table) -> ColumnElement[bool]:
        return and_(*(table.c[name] == contact.c[name] for name in KEY))

    tried = select(func.max(attempt.c.started_at)).where(of(attempt)).scalar_subquery()
    query = (
        select(contact, tables.channel.c.name, func.coalesce(tried, contact.c.at).label("when"))
        .join_from(contact, tables.channel, tables.channel.c.id == contact.c.channel_id)
        .outerjoin(message, of(message))
        .where(
            contact.c.customer_id.in_(sorted(customers)),
            contact.c.ghost == 0,
            or_(message.c.status.is_(None), message.c.status.not_in(_FREE)),
        )
    )
    for row in connection.execute(query):
        yield key_of(row), row.when, row.name, bool(row.counted)


def begin(connection: Connection, now: int, sender: str, passed: Sequence[Detail]) -> list[Attempt]:
    """An attempt at this instant for each."""
    if not passed:
        return []
    keys = [key_of(row) for row in passed]
    attempt = tables.attempt.c
    last, out = func.max(attempt.number), func.count().filter(attempt.outcome.like(f"{OUT}%"))
    query = select(*(attempt[name] for name in KEY), last.label("last"), out.label("out"))
    of_each = query.where(_of(tables.attempt, keys)).group_by(*(attempt[name] for name in KEY))
    before = {key_of(row): (row.last, row.last - row.out) for row in connection.execute(of_each)}
    attempts = []
    for row in passed:
        number, own = before.get(key_of(row), (0, 0))
        attempts.append(Attempt(row, number + 1, now, own + 1))
    connection.execute(
        insert(tables.attempt),
        [{**_named(each.key), "number": each.number, "started_at": now, "outcome": sender} for each in attempts],
    )
    return attempts


def under_way(connection: Connection, keys: Collection[Key]) -> set[tuple[Key, int]]:
    """Attempts without an end, by key and number, locked."""
    attempt = tables.attempt
    query = select(*(attempt.c[name] for name in KEY), attempt.c.number).where(
        _of(attempt, keys), attempt.c.finished_at.is_(None)
    )
    return {(key_of(row), row.number) for row in connection.execute(query.with_for_update())}


def unfinished(connection: Connection) -> list[Unfinished]:
    message, attempt = tables.message, tables.attempt
    begun = details().join(attempt, and_(*(attempt.c[name] == message.c[name] for name in KEY)))
    query = begun.add_columns(attempt.c.number, attempt.c.started_at, attempt.c.outcome).where(
        is_open(), message.c.status == Status.CLAIMED, attempt.c.finished_at.is_(None)
    )
    return [
        Unfinished(Attempt(row, row.number, row.started_at), row.outcome)
        for row in connection.execute(query.order_by(*(message.c[name] for name in KEY)))
    ]


def close(connection: Connection, now: int, attempts: Sequence[tuple[Attempt, str]]) -> None:
    if not attempts:
        return
    attempt, customer = tables.attempt, tables.customer.c
    # Locked against an erasure alone, which would not see what we are about to write.
    them = select(customer.id, customer.known_at).where(customer.id.in_(sorted({each.key[0] for each, _ in attempts})))
    locked = connection.execute(them.order_by(customer.id).with_for_update(read=True, key_share=True))
    erased = {row.id for row in locked if row.known_at == END}
    connection.execute(
        update(attempt)
        .where(_this(attempt), attempt.c.number == bindparam("b_number"))
        .values(finished_at=now, outcome=bindparam("b_outcome")),
        [
            {**_bound(each.key), "b_number": each.number, "b_outcome": ERASED if each.key[0] in erased else words}
            for each, words in attempts
        ],
    )


def finish(connection: Connection, now: int, ends: Sequence[End]) -> None:
    """What the planner must know is a fact for it, at an instant it has not passed: from there it counts."""
    if not ends:
        return
    at = _instants(connection, now, [end.key for end in ends])
    connection.execute(
        update(tables.message)
        .where(_this(tables.message))
        .values(status=bindparam("b_status"), reason=bindparam("b_reason"), sent_at=bindparam("b_sent_at")),
        [
            {**_bound(end.key), "b_status": end.status, "b_reason": end.reason,
             "b_sent_at": at[end.key] if end.status is Status.SENT else None}
            for end in ends
        ],
    )  # fmt: skip
    final = [end for end in ends if end.status in _FINAL or end.back]
    if final:
        labels = _labels(connection, {words for end in final for words in (end.place, end.by) if words is not None})
        connection.execute(
            insert(tables.outcome),
            [
                {**_named(end.key), "at": at[end.key], "status": end.status, "reason": end.reason,
                 "place_id": labels.get(end.place), "by_id": labels.get(end.by)}
                for end in final
            ],
        )  # fmt: skip


def _instants(connection: Connection, now: int, keys: Collection[Key]) -> dict[Key, int]:
    """No tick has passed them, and each lies behind the outcome that its message had before."""
    at = max(now, connection.execute(select(tables.clock.c.target)).scalar_one() + 1)
    outcome = tables.outcome.c
    query = select(*(outcome[name] for name in KEY), func.max(outcome.at).label("last"))
    later = query.where(_of(tables.outcome, keys), outcome.at >= at).group_by(*(outcome[name] for name in KEY))
    return dict.fromkeys(keys, at) | {key_of(row): row.last + 1 for row in connection.execute(later)}


def _labels(connection: Connection, words: Collection[str]) -> dict[str | None, int]:
    """A deployment has numbered all that a decision may point to."""
    label = tables.label.c
    if not words:
        return {}
    return {row.text: row.id for row in connection.execute(select(label.id, label.text).where(label.text.in_(words)))}


def _named(key: Key) -> dict[str, int]:
    return dict(zip(KEY, key, strict=True))


def _bound(key: Key) -> dict[str, int]:
    return {f"b_{name}": value for name, value in _named(key).items()}


def _this(table: Table) -> ColumnElement[bool]:
    return and_(*(table.c[name] == bindparam(f"b_{name}") for name in KEY))


def _of(table: Table, keys: Collection[Key]) -> ColumnElement[bool]:
    """By customer, which leads every key; the caller's set tells the rest."""
    return table.c.customer_id.in_(sorted({key[0] for key in keys}))
