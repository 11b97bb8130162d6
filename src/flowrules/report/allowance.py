"""How much the caps still leave of one customer: what stands beside the card.

Takes a connection, the deployment in force and an instant; gives one Allowance a cap. Counts as the planner does, and
decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, select

from flowrules.content.deployed import Deployed
from flowrules.model.campaign import Cap
from flowrules.report.words import begun, next_begins
from flowrules.sql import tables


@dataclass(frozen=True, slots=True)
class Allowance:
    """words: the rule; campaign: None for the policy's, which all campaigns share; frees_at: when the next slot is
    free again, if one is taken.
    """

    words: str
    rule: str
    campaign: str | None
    used: int
    limit: int
    frees_at: int | None

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


def allowances(
    connection: Connection, deployed: Deployed, customer_id: int, zone: str, at: int
) -> tuple[Allowance, ...]:
    """Of the policy, and of the campaigns that have written to the customer."""
    contact, campaign, channel = tables.contact.c, tables.campaign.c, tables.channel.c
    model = deployed.model
    known: list[tuple[Cap, str | None]] = [(cap, None) for cap in model.policy.caps]
    known += [(cap, each.name) for each in model.campaigns for cap in each.caps]
    longest = max((cap.per or 32 * 86_400_000_000 for cap, _ in known), default=0)
    query = (
        select(contact.at, contact.counted, channel.name.label("channel"), campaign.name.label("campaign"))
        .join_from(tables.contact, tables.channel, channel.id == contact.channel_id)
        .join(tables.campaign, campaign.id == contact.campaign_id)
        .where(contact.customer_id == customer_id, contact.at > at - longest, contact.at <= at, contact.ghost == 0)
        .order_by(contact.at)
    )
    rows = connection.execute(query).all() if known else []
    wrote = {row.campaign for row in rows}
    return tuple(
        _allowance(cap, whose, deployed, rows, zone, at) for cap, whose in known if whose is None or whose in wrote
    )


def _allowance(
    cap: Cap, campaign: str | None, deployed: Deployed, rows: Sequence[Row[*tuple[object, ...]]], zone: str, at: int
) -> Allowance:
    since = begun(cap.calendar, zone, at) if cap.calendar else at - cap.per + 1
    mine = [
        row.at
        for row in rows
        if row.at >= since
        and (not cap.channels or row.channel in cap.channels)
        and (row.counted if campaign is None else row.campaign == campaign)
    ]
    frees_at = None
    if mine:
        # With more taken than there are, the one that frees the first slot is not the oldest.
        frees_at = (
            next_begins(cap.calendar, zone, at) if cap.calendar else mine[max(0, len(mine) - cap.number)] + cap.per
        )
    words = (deployed.line(cap.place) or "").partition("#")[0].strip()
    return Allowance(words, cap.place, campaign, len(mine), cap.number, frees_at)
