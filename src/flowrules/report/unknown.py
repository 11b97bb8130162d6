"""Messages of unknown outcome, one by one: what a person must find out.

Takes a connection; looks at a bounded number of them, by the index of open messages.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Select, literal_column, text

from flowrules.content.outgoing import Detail, details, id_of
from flowrules.report.lookup import find_campaign
from flowrules.sql import tables
from flowrules.sql.codes import Status


@dataclass(frozen=True, slots=True)
class Unknown:
    """decided_at: when the message was decided on."""

    message_id: str
    customer: str
    campaign: str
    step: str
    channel: str
    decided_at: int


def unknown(connection: Connection, most: int) -> tuple[Unknown, ...]:
    """The oldest first, of so many."""
    rows = connection.execute(_unknown().limit(most)).all()
    return tuple(
        Unknown(id_of(row), row.customer, row.campaign, row.step, row.channel, row.decided_at)
        for row in sorted(rows, key=lambda row: (row.decided_at, row.customer))
    )


def those(connection: Connection, campaign: str | None, channel: str | None) -> list[Detail]:
    """All of one campaign and one channel, where they are named; the oldest first."""
    query = _unknown()
    if campaign is not None:
        query = query.where(tables.message.c.campaign_id == find_campaign(connection, campaign))
    rows = [row for row in connection.execute(query) if channel in {None, row.channel}]
    return sorted(rows, key=lambda row: (row.decided_at, row.customer))


def _unknown() -> Select[Detail]:
    # Written out, not bound: only so do both databases see that the partial index serves.
    return details().where(
        literal_column("message.status") < text("10"),
        literal_column("message.status") == text(str(int(Status.UNKNOWN))),
    )
