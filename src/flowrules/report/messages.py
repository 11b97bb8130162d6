"""The messages: decided, held, sent, or why not.

Takes a connection and a choice; gives rows in a stable order. Subjects are written again from the customer's values of
today: the words of a message are not stored. `answer` is what the channel, or the template, said last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from flowrules.content.deployed import Library
from flowrules.content.outgoing import KEY, Composed, Key, compose, details, key_of
from flowrules.content.render import Rendered
from flowrules.report.lookup import find_campaign, find_customer, reason
from flowrules.report.words import SECOND, answer, iso
from flowrules.sql import tables
from flowrules.sql.codes import Status

COLUMNS = (
    "message_id", "customer", "campaign", "version", "instance", "stage", "step", "pass", "channel", "template",
    "class", "status", "decided_at", "sent_at", "rule", "to", "subject", "attempts", "reason",
    "answer",
)  # fmt: skip


def word_of(status: int) -> str:
    """What is under way for a moment is to people still to be sent."""
    return Status(Status.INTENDED if status == Status.CLAIMED else status).word


@dataclass(frozen=True, slots=True)
class Choice:
    """`since`: decided at or after. `statuses`: any of these."""

    customer: str | None = None
    campaign: str | None = None
    status: str | None = None
    since: int | None = None
    statuses: tuple[Status, ...] = ()


def messages(connection: Connection, choice: Choice) -> Iterator[dict[str, object]]:
    """Ordered by instant of decision, customer, campaign, instance, step, pass."""
    message = tables.message.c
    query = details()
    if choice.customer is not None:
        query = query.where(message.customer_id == find_customer(connection, choice.customer))
    if choice.campaign is not None:
        query = query.where(message.campaign_id == find_campaign(connection, choice.campaign))
    if choice.since is not None:
        query = query.where(message.decided_at >= choice.since)
    if choice.status is not None:
        wanted = [status for status in Status if word_of(status) == choice.status]
        query = query.where(message.status.in_(wanted))
    if choice.statuses:
        query = query.where(message.status.in_(choice.statuses))
    order = (message.decided_at, tables.customer.c.external_id, tables.campaign.c.name, message.instance, message.turn)
    rows = connection.execute(query.order_by(*order, message.step_id, message["pass"])).all()
    attempt = tables.attempt.c
    tried = select(*(attempt[name] for name in KEY), attempt.number, attempt.outcome, attempt.finished_at)
    if choice.customer is not None and rows:
        tried = tried.where(attempt.customer_id == rows[0].customer_id)
    attempts: dict[Key, tuple[int, str | None]] = {}
    for row in connection.execute(tried.order_by(attempt.number)) if rows else ():
        number, before = attempts.get(key_of(row), (0, None))
        attempts[key_of(row)] = (number + 1, before if row.finished_at is None else row.outcome)
    for composed in compose(connection, Library(connection), rows):
        yield _row(composed, *attempts.get(key_of(composed.detail), (0, None)))


def _row(composed: Composed, attempts: int, said: str | None) -> dict[str, object]:
    detail = composed.detail
    _, _, instance, _, number = key_of(detail)
    return {
        "message_id": composed.message_id,
        "customer": detail.customer,
        "campaign": detail.campaign,
        "version": detail.version,
        "instance": instance,
        "stage": detail.stage,
        "step": detail.step,
        "pass": number,
        "channel": detail.channel,
        "template": composed.template,
        "class": composed.class_,
        "status": word_of(detail.status),
        "decided_at": iso(detail.decided_at),
        # To the second: by a microsecond it stands apart from what was decided at the instant of the hand-over.
        "sent_at": iso(None if detail.sent_at is None else detail.sent_at // SECOND * SECOND),
        "rule": detail.rule,
        "to": composed.to,
        "subject": composed.content.subject if isinstance(composed.content, Rendered) else None,
        "attempts": attempts,
        "reason": reason(detail.reason),
        "answer": answer(said),
    }
