"""Which messages of the outbox have their turn now: those that are due, of no paused campaign, and rested.

Takes a connection inside `outbox.writing()`; gives the keys of what nobody else takes from then on.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Select, and_, case, exists, func, or_, select, tuple_, update

from flowrules.content.outgoing import KEY, Key
from flowrules.runtime import outbox
from flowrules.sql import tables
from flowrules.sql.codes import Reason, Status

_MINUTE = 60_000_000
PAUSES = [_MINUTE * minutes for minutes in (1, 2, 5, 15, 30, 60, 120, 240, 480, 480)]
"""Between one attempt and the next, a day in all. After the last the message has expired."""
_OUT_PAUSE = _MINUTE
"""After a channel was out of order: that was not the message's fault, but another may have its turn before."""
_HELD_PAUSE = 60 * _MINUTE
"""A template that failed is tried again this much later, or after the next deployment."""

_MESSAGE = tables.message


def claim(connection: Connection, channel_id: int, now: int, status: Status, after: Key | None, size: int) -> list[Key]:
    key = [_MESSAGE.c[name] for name in KEY]
    due = select(*key).where(
        outbox.is_open(),
        _MESSAGE.c.status == status,
        _MESSAGE.c.channel_id == channel_id,
        _MESSAGE.c.decided_at <= now,
        _MESSAGE.c.campaign_id.not_in(_paused()),
    )
    if after is not None:
        due = due.where(tuple_(*key) > tuple_(*after))
    if status is Status.HELD:
        # The planner's own come back to the outbox when it lets go of them.
        due = due.where(_MESSAGE.c.reason == Reason.TEMPLATE_ERROR)
    if status is not Status.INTENDED:
        due = due.where(~_resting(now, held=status is Status.HELD))
    chosen = due.order_by(*key).limit(size).with_for_update(skip_locked=True, of=_MESSAGE).cte("chosen")
    claimed = (
        update(_MESSAGE)
        .where(tuple_(*key).in_(select(*chosen.c)), _MESSAGE.c.status == status)
        .values(status=Status.CLAIMED)
        .returning(*key)
    )
    return sorted(tuple(row) for row in connection.execute(claimed))


def _paused() -> Select[int]:
    """Campaigns whose messages stay: from the order on, and until the planner has gone past the resume."""
    pause, clock = tables.pause.c, tables.clock.c
    passed = select(clock.last_tick).scalar_subquery()
    return select(pause.campaign_id).where(or_(pause.until.is_(None), pause.until > passed))


def _resting(now: int, *, held: bool) -> ColumnElement[bool]:
    """Its last attempt is too short a time ago."""
    attempt = tables.attempt.c
    if held:
        newest = select(func.max(tables.deployment.c.at)).scalar_subquery()
        wait = and_(attempt.finished_at + _HELD_PAUSE > now, attempt.finished_at >= func.coalesce(newest, 0))
    else:
        other = tables.attempt.alias()
        tried = select(func.count()).where(
            *(other.c[name] == attempt[name] for name in KEY), other.c.outcome.not_like(f"{outbox.OUT}%")
        )
        own = case(dict(enumerate(PAUSES, 1)), value=tried.scalar_subquery(), else_=PAUSES[-1])
        pause = case((attempt.outcome.like(f"{outbox.OUT}%"), _OUT_PAUSE), else_=own)
        wait = attempt.finished_at + pause > now
    return exists().where(*(tables.attempt.c[name] == _MESSAGE.c[name] for name in KEY), wait)
