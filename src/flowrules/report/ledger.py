"""Every decision and its reason, as it was written down.

Takes a connection and a choice; gives rows in the ledger's order. Never interprets them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from flowrules.report.lookup import find_campaign, find_customer, reason
from flowrules.report.words import SECOND, iso
from flowrules.sql import tables
from flowrules.sql.codes import Decision
from flowrules.sql.visits import of_customer

COLUMNS = (
    "at", "customer", "campaign", "version", "instance", "step", "decision", "reason", "rule", "detail", "key",
)  # fmt: skip

WITHIN_TURN = (
    tables.campaign.c.name, tables.decision.c.instance, func.coalesce(tables.step.c.key, ""),
    tables.decision.c.decision, tables.decision.c.key,
)  # fmt: skip
"""The order of decisions() of one customer that were taken side by side."""

Decided = Row[*tuple[Any, ...]]
"""Of decisions(): with names for numbers."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Of decisions in [since, until)."""

    customer: str | None = None
    campaign: str | None = None
    since: int | None = None
    until: int | None = None


def ledger(connection: Connection, choice: Choice) -> Iterator[dict[str, object]]:
    """Ordered by instant, customer, turn, campaign, instance, step, decision, key."""
    decision = tables.decision.c
    query = decisions()
    if choice.customer is not None:
        query = query.where(of_customer(find_customer(connection, choice.customer)))
    if choice.campaign is not None:
        query = query.where(decision.campaign_id == find_campaign(connection, choice.campaign))
    if choice.since is not None:
        query = query.where(decision.at >= choice.since)
    if choice.until is not None:
        query = query.where(decision.at < choice.until)
    order = (decision.at, tables.customer.c.external_id, decision.turn, *WITHIN_TURN)
    for row in connection.execution_options(yield_per=10_000).execute(query.order_by(*order)):
        yield facts(row)


def decisions() -> Select[Any]:
    """All decisions, with names for numbers."""
    decision, label = tables.decision, tables.label
    place, by, words = label.alias("place"), label.alias("by_label"), label.alias("words")
    joined = (
        decision.join(tables.customer, tables.customer.c.id == decision.c.customer_id)
        .join(tables.campaign, tables.campaign.c.id == decision.c.campaign_id)
        .join(tables.version, tables.version.c.id == decision.c.version_id)
        .outerjoin(tables.step, tables.step.c.id == decision.c.step_id)
        .join(place, place.c.id == decision.c.place_id)
        .outerjoin(by, by.c.id == decision.c.by_id)
        .outerjoin(words, words.c.id == decision.c.words_id)
    )
    return select(
        *decision.c,
        tables.customer.c.external_id.label("customer"),
        tables.campaign.c.name.label("campaign"),
        tables.version.c.number.label("version"),
        func.coalesce(tables.step.c.key, "").label("step"),  # the header has no step
        place.c.text.label("rule"),
        by.c.text.label("by"),
        words.c.text.label("words"),
    ).select_from(joined)


def facts(row: Row[*tuple[Any, ...]]) -> dict[str, object]:
    detail = {
        "counter": row.counter,
        "limit": row.limit,
        "window": None if row.window is None else row.window // SECOND,
        "until": iso(row.until),
        "by": row.by,
        "words": row.words,
    }
    return {
        "at": iso(row.at),
        "customer": row.customer,
        "campaign": row.campaign,
        "version": row.version,
        "instance": row.instance,
        "step": row.step or None,
        "decision": Decision(row.decision).word,
        "reason": reason(row.reason),
        "rule": row.rule,
        "detail": detail,
        "key": row.key or None,
    }
