"""What operators order: facts of the journal, at the first instant that no tick has gone past.

Takes ids that somebody has looked up. The planner acts on them as on any other fact; the hand-over gate honours a pause
from the moment it is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, Select, func, insert, select, update

from flowrules.content.outgoing import KEY, Detail, key_of
from flowrules.runtime import outbox
from flowrules.sql import tables
from flowrules.sql.codes import Reason, Status
from flowrules.store.database import Database

Overdue = Literal["send", "skip", "exit"]
Verdict = Literal["sent", "failed", "resend"]


@dataclass(frozen=True, slots=True)
class Ordered:
    """at: None if that is how it was already; affected: journeys, or messages that were held."""

    at: int | None
    affected: int


def pause(database: Database, campaign_id: int, now: int) -> Ordered:
    """affected: the journeys under way."""
    with database.intake() as connection:
        inside = _count(connection, _live(campaign_id).where(tables.enrollment.c.ghost == 0))
        if _open_pause(connection, campaign_id) is not None:
            return Ordered(None, inside)
        at = _instant(connection, campaign_id, now)
        connection.execute(insert(tables.pause).values(campaign_id=campaign_id, since=at))
    return Ordered(at, inside)


def resume(database: Database, campaign_id: int, now: int, overdue: Overdue) -> Ordered:
    """affected: the messages that were held, by the planner or in the outbox."""
    enrollment, message, paused = tables.enrollment.c, tables.message.c, tables.pause
    with database.intake() as connection:
        since = _open_pause(connection, campaign_id)
        if since is None:
            return Ordered(None, 0)
        held = _count(connection, _live(campaign_id).where(enrollment.due_at >= tables.UNTIL_RESUMED))
        waiting = select(func.count()).where(
            outbox.is_open(), message.campaign_id == campaign_id, message.status != Status.UNKNOWN
        )
        held += _count(connection, waiting)
        at = _instant(connection, campaign_id, now)
        connection.execute(
            update(paused)
            .where(paused.c.campaign_id == campaign_id, paused.c.since == since)
            .values(until=at, overdue=overdue)
        )
    return Ordered(at, held)


def leave(database: Database, customer_id: int, campaign_id: int, now: int) -> Ordered:
    """The customer's journeys in the campaign end; affected: how many."""
    with database.intake() as connection:
        inside = _count(connection, _live(campaign_id).where(tables.enrollment.c.customer_id == customer_id))
        if not inside:
            return Ordered(None, 0)
        at = max(now, _passed(connection) + 1)
        row = {"customer_id": customer_id, "at": at, "campaign_id": campaign_id}
        there = select(tables.operator_exit.c.at).filter_by(**row)
        if connection.execute(there).first() is None:
            connection.execute(insert(tables.operator_exit).values(**row, reason=Reason.OPERATOR))
    return Ordered(at, inside)


def settle(database: Database, detail: Detail, verdict: Verdict, now: int) -> bool:
    """Of a message whose outcome is unknown, what a person found out; False: it is not unknown any more."""
    key = key_of(detail)
    message = tables.message
    this = [message.c[name] == value for name, value in zip(KEY, key, strict=True)]
    with outbox.writing(database) as connection:
        locked = select(message.c.status).where(*this).with_for_update()
        if connection.execute(locked).scalar() != Status.UNKNOWN:
            return False
        if verdict == "resend":
            # As itself: a provider that knows the first attempt by its key takes no second one.
            connection.execute(update(message).where(*this).values(status=Status.INTENDED, reason=None))
            return True
        sent, failed = outbox.End(key, Status.SENT, None), outbox.End(key, Status.REFUSED, Reason.REFUSED)
        outbox.finish(connection, now, [sent if verdict == "sent" else failed])
    return True


def _live(campaign_id: int) -> Select[int]:
    enrollment = tables.enrollment.c
    query = select(func.count()).select_from(tables.enrollment)
    return query.where(enrollment.campaign_id == campaign_id, enrollment.ended_at.is_(None))


def _count(connection: Connection, query: Select[int]) -> int:
    return connection.execute(query).scalar_one()


def _passed(connection: Connection) -> int:
    target: int = connection.execute(select(tables.clock.c.target)).scalar_one()
    return target


def _open_pause(connection: Connection, campaign_id: int) -> int | None:
    p = tables.pause.c
    return connection.execute(select(p.since).where(p.campaign_id == campaign_id, p.until.is_(None))).scalar()


def _instant(connection: Connection, campaign_id: int, now: int) -> int:
    """Later than whatever was ordered of the campaign before."""
    p = tables.pause.c
    last = select(func.max(func.coalesce(p.until, p.since))).where(p.campaign_id == campaign_id)
    before = connection.execute(last).scalar()
    return max(now, _passed(connection) + 1, 0 if before is None else before + 1)
