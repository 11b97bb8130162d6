"""How many messages may leave by a channel on one day.

Takes a connection inside `outbox.writing()`; counts what is under way, and gives back what was not taken. A message
over the limit stays in the outbox, and says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, insert, select, update

from flowrules.runtime import outbox
from flowrules.sql import tables
from flowrules.sql.codes import Reason, Status

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DailyLimits:
    """`limits`: by channel; a day is one of `zone`."""

    zone: str = "UTC"
    limits: Mapping[str, int] = field(default_factory=dict)

    def day(self, now: int) -> int:
        return (_EPOCH + timedelta(microseconds=now)).astimezone(ZoneInfo(self.zone)).toordinal()


def room(connection: Connection, channel_id: int, day: int, limit: int) -> int:
    """How many more may be tried. From here to the end of the transaction nobody else asks."""
    outbox.wait_for_others(connection)
    count = tables.daily_count.c
    used = connection.execute(select(count.number).where(count.channel_id == channel_id, count.day == day)).scalar()
    return max(0, limit - (used or 0))


def add(connection: Connection, channel_id: int, day: int, number: int) -> None:
    """Messages under way; with a minus those that were not taken."""
    if number == 0:
        return
    count = tables.daily_count.c
    this = (count.channel_id == channel_id, count.day == day)
    changed = connection.execute(update(tables.daily_count).where(*this).values(number=count.number + number))
    if changed.rowcount == 0:
        connection.execute(insert(tables.daily_count).values(channel_id=channel_id, day=day, number=max(0, number)))


def hold_back(connection: Connection, channel_id: int, now: int) -> int:
    """What is due and has to wait for another day; how many these are."""
    message = tables.message.c
    due = (
        outbox.is_open(),
        message.status == Status.INTENDED,
        message.channel_id == channel_id,
        message.decided_at <= now,
    )
    connection.execute(update(tables.message).where(*due, message.reason.is_(None)).values(reason=Reason.SEND_LIMIT))
    return connection.execute(select(func.count()).select_from(tables.message).where(*due)).scalar_one()
