"""A customer erased: who it was is gone, what was counted stays under a name that means nothing.

Takes a customer's number. Running journeys end by the next tick, reason `erased`; what waits to be sent is cancelled at
once. Refusals are kept as keyed hashes.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, inspect, select, update
from sqlalchemy import column as named
from sqlalchemy import table as of_name

from flowrules.content.outgoing import KEY, key_of
from flowrules.runtime import outbox
from flowrules.sql import tables
from flowrules.sql.codes import Reason, Status
from flowrules.sql.visits import of_customer
from flowrules.store import refusals
from flowrules.store.database import Database
from flowrules.store.zones import BEGINNING, END

_PERSONAL = (
    tables.identity, tables.attribute_change, tables.consent, tables.event, tables.consumption, tables.tagging,
)  # fmt: skip
_KEPT = {"id", "external_id", "known_at"}


@dataclass(frozen=True, slots=True)
class Erased:
    """refusals: channels and purposes whose refusal is kept."""

    anonymous_id: str
    journeys: int
    messages: int
    refusals: int


def erase(database: Database, customer_id: int, now: int) -> Erased:
    with database.intake() as connection:
        # No slice goes on with half of a customer.
        target: int = connection.execute(select(tables.clock.c.target).with_for_update()).scalar_one()
        at = max(now, target + 1)
        # First of all: whoever writes down what a channel said waits, and then knows.
        connection.execute(select(tables.customer.c.id).where(tables.customer.c.id == customer_id).with_for_update())
        kept = refusals.keep(connection, customer_id, at)
        journeys = _end_journeys(connection, customer_id, at)
        messages = _cancel_messages(connection, customer_id, now)
        for table in _PERSONAL:
            connection.execute(delete(table).where(table.c.customer_id == customer_id))
        attempt = tables.attempt
        connection.execute(  # a provider's words may quote an address
            update(attempt)
            .where(attempt.c.customer_id == customer_id, attempt.c.finished_at.is_not(None))
            .values(outcome=outbox.ERASED)
        )
        _hide_keys(connection, customer_id)
        name = f"erased-{secrets.token_hex(8)}"
        _empty(connection, customer_id, name)
    return Erased(name, journeys, messages, kept)


def _end_journeys(connection: Connection, customer_id: int, at: int) -> int:
    enrollment, leaving = tables.enrollment.c, tables.operator_exit
    live = (enrollment.customer_id == customer_id, enrollment.ended_at.is_(None))
    campaigns = list(connection.execute(select(enrollment.campaign_id).where(*live).distinct()).scalars())
    connection.execute(delete(leaving).where(leaving.c.customer_id == customer_id, leaving.c.at >= at))
    if campaigns:
        connection.execute(
            insert(leaving),
            [
                {"customer_id": customer_id, "at": at, "campaign_id": each, "reason": Reason.ERASED}
                for each in campaigns
            ],
        )
    return connection.execute(select(func.count()).select_from(tables.enrollment).where(*live)).scalar_one()


def _cancel_messages(connection: Connection, customer_id: int, now: int) -> int:
    """But not what is being handed over at this moment: what becomes of that its dispatcher will say."""
    message = tables.message.c
    waiting = select(*(message[name] for name in KEY)).where(
        message.customer_id == customer_id,
        message.status.in_((Status.INTENDED, Status.RETRYING, Status.HELD)),
    )
    ends = [outbox.End(key_of(row), Status.CANCELLED, Reason.JOURNEY_ENDED) for row in connection.execute(waiting)]
    outbox.finish(connection, now, ends)
    return len(ends)


def _hide_keys(connection: Connection, customer_id: int) -> None:
    """A journey's key may be an address. What takes its place tells journeys apart, by a secret nobody keeps."""
    enrollment, decision = tables.enrollment.c, tables.decision.c
    secret = secrets.token_bytes(32)
    for table, its in (
        (tables.enrollment, (enrollment.customer_id == customer_id, enrollment.key != "")),
        (tables.decision, (of_customer(customer_id), decision.key != "")),
    ):
        for key in connection.execute(select(table.c.key).where(*its).distinct()).scalars().all():
            hidden = hmac.new(secret, key.encode(), hashlib.sha256).hexdigest()[:16]
            connection.execute(update(table).where(*its, table.c.key == key).values(key=f"erased-{hidden}"))


def _empty(connection: Connection, customer_id: int, name: str) -> None:
    """All columns there are, whatever was declared once; never again at an occurrence of a schedule."""
    columns = [each["name"] for each in inspect(connection).get_columns("customer") if each["name"] not in _KEPT]
    whole = of_name(
        "customer", named("id"), named("external_id"), named("known_at"), *(named(each) for each in columns)
    )
    connection.execute(
        update(whole).where(whole.c.id == customer_id).values(external_id=name, known_at=END, **dict.fromkeys(columns))
    )
    connection.execute(insert(tables.identity).values(kind="id", value=name, customer_id=customer_id, since=BEGINNING))
