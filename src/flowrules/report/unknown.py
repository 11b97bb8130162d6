"""Messages of unknown outcome, one by one: what a person must find out.

Takes a connection; looks at a bounded number of them, by the index of open messages.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, literal_column, text

from flowrules.content.outgoing import details, id_of
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
    # Written out, not bound: only so do both databases see that the partial index serves.
    found = details().where(
        literal_column("message.status") < text("10"),
        literal_column("message.status") == text(str(int(Status.UNKNOWN))),
    )
    rows = connection.execute(found.limit(most)).all()
    return tuple(
        Unknown(id_of(row), row.customer, row.campaign, row.step, row.channel, row.decided_at)
        for row in sorted(rows, key=lambda row: (row.decided_at, row.customer))
    )
