"""What happened last: the newest decisions, and how long the stays took that ended last.

Takes a connection; looks at no more than the newest 20,000 decisions, in the ledger's order of time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, select, text

from flowrules.report.ledger import decisions
from flowrules.report.lookup import reason
from flowrules.report.words import SECOND
from flowrules.sql import tables
from flowrules.sql.codes import Decision
from flowrules.store.tallies import EARLIER_STAYS, ENROLLED

LOOKED_AT = 20_000
STAYS = 1_000


@dataclass(frozen=True, slots=True)
class Decided:
    """One row of the ledger. stage: what the step's key begins with; rule: `file:line`."""

    at: int
    customer: str
    campaign: str
    version: int
    instance: int
    step: str | None
    decision: str
    reason: str | None
    rule: str
    by: str | None
    words: str | None
    until: int | None

    @property
    def stage(self) -> str | None:
        return None if self.step is None else self.step.partition("/")[0]


def latest(connection: Connection, number: int, campaign_id: int | None = None) -> tuple[Decided, ...]:
    """The newest first; of one campaign those among the newest 20,000 of all."""
    key = tables.decision.primary_key.columns
    seen = _newest().subquery()
    chosen = select(*(seen.c[column.name] for column in key))
    if campaign_id is not None:
        chosen = chosen.where(seen.c.campaign_id == campaign_id)
    chosen = chosen.order_by(*(seen.c[column.name].desc() for column in key)).limit(number)
    keys = chosen.subquery("chosen")
    decision = tables.decision.c
    query = decisions().join(keys, _same(keys, decision, key)).order_by(*(column.desc() for column in key))
    return tuple(
        Decided(
            at=row.at,
            customer=row.customer,
            campaign=row.campaign,
            version=row.version,
            instance=row.instance,
            step=row.step or None,
            decision=Decision(row.decision).word,
            reason=reason(row.reason),
            rule=row.rule,
            by=row.by,
            words=row.words,
            until=row.until,
        )
        for row in connection.execute(query)
    )


def _newest() -> Select[Any]:
    key = tables.decision.primary_key.columns
    return select(*key, tables.decision.c.step_id).order_by(*(column.desc() for column in key)).limit(LOOKED_AT)


def _same(one: Any, other: Any, key: Any) -> Any:  # noqa: ANN401  # columns of either table
    return and_(*(one.c[column.name] == other[column.name] for column in key))


# The stay that an entry into another stage, or an exit, has ended.
_STAYS = """
SELECT held_out, step_id, stay FROM (
    SELECT CASE WHEN e.ghost > 0 THEN 1 ELSE 0 END AS held_out,
        (SELECT p.step_id {earlier} ORDER BY p.at DESC, p.turn DESC LIMIT 1) AS step_id,
        d.at - (SELECT p.at {earlier} ORDER BY p.at DESC, p.turn DESC LIMIT 1) AS stay
    FROM (
        SELECT * FROM (
            SELECT at, customer_id, turn, campaign_id, instance, decision FROM decision
            ORDER BY at DESC, customer_id DESC, turn DESC, campaign_id DESC, instance DESC, decision DESC, key DESC
            LIMIT {looked_at}
        ) AS newest WHERE campaign_id = :campaign_id AND decision IN ({ends})
        ORDER BY at DESC, customer_id DESC, turn DESC LIMIT {stays}
    ) AS d
    {enrolled}
) AS ended WHERE step_id IS NOT NULL ORDER BY held_out, step_id, stay
"""


def medians(connection: Connection, campaign_id: int) -> Mapping[tuple[int, int], int]:
    """Seconds, by held out and stage: of the last 1,000 stays in the campaign that ended among those decisions."""
    query = _STAYS.format(
        earlier=EARLIER_STAYS,
        enrolled=ENROLLED,
        looked_at=LOOKED_AT,
        stays=STAYS,
        ends=f"{int(Decision.STAGE)}, {int(Decision.EXIT)}",
    )
    stays: dict[tuple[int, int], list[int]] = {}
    for held_out, step_id, stay in connection.execute(text(query), {"campaign_id": campaign_id}):
        stays.setdefault((held_out, step_id), []).append(stay)
    return {of: found[(len(found) - 1) // 2] // SECOND for of, found in stays.items()}
