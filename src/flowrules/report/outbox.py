"""What is in the outbox: by status, with the oldest; by campaign and channel.

Takes a connection; looks at a bounded number of messages of each status, by the index of those that are open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, literal_column, select, text, union_all

from flowrules.sql import tables
from flowrules.sql.codes import Status

LOOKED_AT = 5_000
"""Messages of a status whose campaign, channel and instant are read."""
COUNTED = 100_000
"""Messages of a status that are counted."""

_OPEN = (Status.INTENDED, Status.CLAIMED, Status.RETRYING, Status.HELD, Status.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Queue:
    """Messages of one status. more: there are at least `number`. oldest: when the oldest was decided on; where there
    are more than LOOKED_AT, the oldest of so many.
    """

    status: str
    number: int
    more: bool
    oldest: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Of the messages looked at: those alike."""

    status: Status
    campaign_id: int
    channel_id: int
    step_id: int
    reason: int | None
    number: int
    oldest: int


@dataclass(frozen=True, slots=True)
class Outbox:
    """complete: every open message was looked at."""

    queues: tuple[Queue, ...]
    waiting: tuple[Waiting, ...]
    complete: bool


def outbox(connection: Connection) -> Outbox:
    message = tables.message.c
    columns = (message.status, message.campaign_id, message.channel_id, message.step_id, message.reason)
    # Written out, not bound: only so do both databases see that the partial index serves.
    parts = [
        select(*columns, message.decided_at)
        .where(
            literal_column("message.status") < text("10"), literal_column("message.status") == text(str(int(status)))
        )
        .limit(LOOKED_AT)
        .subquery(f"of_{status.word}")
        for status in _OPEN
    ]
    seen = union_all(*(select(part) for part in parts)).subquery("seen")
    alike = [seen.c[column.name] for column in columns]
    query = select(*alike, func.count().label("number"), func.min(seen.c.decided_at).label("oldest"))
    found = [
        Waiting(Status(row.status), row.campaign_id, row.channel_id, row.step_id, row.reason, row.number, row.oldest)
        for row in connection.execute(query.group_by(*alike).order_by(*alike))
    ]
    queues = [_queue(connection, status, [each for each in found if each.status is status]) for status in _OPEN]
    return Outbox(
        queues=tuple(queue for queue in queues if queue is not None),
        waiting=tuple(found),
        complete=all(queue is None or queue.number < LOOKED_AT for queue in queues),
    )


def _queue(connection: Connection, status: Status, found: Sequence[Waiting]) -> Queue | None:
    if not found:
        return None
    number = sum(each.number for each in found)
    if number >= LOOKED_AT:
        number = _count(connection, status)
    return Queue(status.word, number, number >= COUNTED, min(each.oldest for each in found))


def _count(connection: Connection, status: Status) -> int:
    of = (literal_column("message.status") < text("10"), literal_column("message.status") == text(str(int(status))))
    some = select(tables.message.c.status).where(*of).limit(COUNTED).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one()
