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
    delete,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
)

from flowrules.content.outgoing import KEY, Detail, Key, details, key_of
from flowrules.sql import tables
from flowrules.sql.codes import Reason, Status
from flowrules.store.database import ADVISORY, Database

_HAND_OVER = ADVISORY + 2
_FINAL = frozenset(Status) - {Status.INTENDED, Status.CLAIMED, Status.RETRYING, Status.HELD}
_KEEPS_SLOT = frozenset({Status.SENT, Status.UNKNOWN, Status.RETRYING})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One message under way."""

    detail: Detail
    number: int
    started_at: int

    @property
    def key(self) -> Key:
        return key_of(self.detail)


@dataclass(frozen=True, slots=True)
class Unfinished:
    attempt: Attempt
    sender: str | None


@dataclass(frozen=True, slots=True)
class End:
    """What a message comes to; not the last word for `retrying` and `held`."""

    key: Key
    status: Status
    reason: Reason | None
    sent_at: int | None = None


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


def begin(connection: Connection, now: int, sender: str, passed: Sequence[tuple[Detail, bool]]) -> list[Attempt]:
    """An attempt and a contact, both at this instant; each row with whether its class counts."""
    if not passed:
        return []
    keys = [key_of(row) for row, _ in passed]
    attempt = tables.attempt.c
    number = func.max(attempt.number).label("last")
    query = select(*(attempt[name] for name in KEY), number).where(_of(tables.attempt, keys))
    last = {key_of(row): row.last for row in connection.execute(query.group_by(*(attempt[name] for name in KEY)))}
    attempts = [Attempt(row, last.get(key_of(row), 0) + 1, now) for row, _ in passed]
    connection.execute(
        insert(tables.attempt),
        [{**_named(each.key), "number": each.number, "started_at": now, "outcome": sender} for each in attempts],
    )
    _free_slots(connection, keys)
    connection.execute(
        insert(tables.contact),
        [
            {**_named(key_of(row)), "at": now, "channel_id": row.channel_id, "counted": int(counted), "ghost": 0}
            for row, counted in passed
        ],
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
    if attempts:
        attempt = tables.attempt
        connection.execute(
            update(attempt)
            .where(_this(attempt), attempt.c.number == bindparam("b_number"))
            .values(finished_at=now, outcome=bindparam("b_outcome")),
            [{**_bound(each.key), "b_number": each.number, "b_outcome": words} for each, words in attempts],
        )


def finish(connection: Connection, now: int, ends: Sequence[End]) -> None:
    if not ends:
        return
    connection.execute(
        update(tables.message)
        .where(_this(tables.message))
        .values(status=bindparam("b_status"), reason=bindparam("b_reason"), sent_at=bindparam("b_sent_at")),
        [
            {**_bound(end.key), "b_status": end.status, "b_reason": end.reason, "b_sent_at": end.sent_at}
            for end in ends
        ],
    )  # fmt: skip
    _free_slots(connection, [end.key for end in ends if end.status not in _KEEPS_SLOT])
    final = [end for end in ends if end.status in _FINAL]
    if final:
        target = connection.execute(select(tables.clock.c.target)).scalar_one()
        connection.execute(
            insert(tables.outcome),
            [
                {**_named(end.key), "at": max(now, target + 1), "status": end.status, "reason": end.reason}
                for end in final
            ],
        )


def _free_slots(connection: Connection, keys: Sequence[Key]) -> None:
    if keys:
        connection.execute(delete(tables.contact).where(_this(tables.contact)), [_bound(key) for key in keys])


def _named(key: Key) -> dict[str, int]:
    return dict(zip(KEY, key, strict=True))


def _bound(key: Key) -> dict[str, int]:
    return {f"b_{name}": value for name, value in _named(key).items()}


def _this(table: Table) -> ColumnElement[bool]:
    return and_(*(table.c[name] == bindparam(f"b_{name}") for name in KEY))


def _of(table: Table, keys: Collection[Key]) -> ColumnElement[bool]:
    """By customer, which leads every key; the caller's set tells the rest."""
    return table.c.customer_id.in_(sorted({key[0] for key in keys}))
