"""What happened last: the newest decisions, and how long the stays took that ended last.

Takes a connection; looks at no more than the newest 20,000 decisions, in the ledger's order of time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, select

from flowrules.content.deployed import Deployed, Library
from flowrules.report.lookup import reason
from flowrules.report.words import SECOND
from flowrules.sql import tables
from flowrules.sql.codes import Decision
from flowrules.sql.counting import stays
from flowrules.store.tallies import visited
from flowrules.store.zones import BEGINNING

LOOKED_AT = 20_000
STAYS = 1_000


@dataclass(frozen=True, slots=True)
class Decided:
    """One row of the ledger. stage: what the step's key begins with; rule: `file:line`; line: as written there."""

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
    line: str | None = None

    @property
    def stage(self) -> str | None:
        return None if self.step is None else self.step.partition("/")[0]


def latest(
    connection: Connection, number: int, campaign_id: int | None = None, known: dict[int, Deployed] | None = None
) -> tuple[Decided, ...]:
    """The newest first; of one campaign those among the newest 20,000 of all. known: see Library."""
    decision, order = tables.decision.c, [column.desc() for column in tables.decision.primary_key.columns]
    seen = select(tables.decision).order_by(*order).limit(number if campaign_id is None else LOOKED_AT)
    if campaign_id is not None:
        newest = seen.subquery()
        seen = select(newest).where(newest.c.campaign_id == campaign_id)
        seen = seen.order_by(*(newest.c[column.name].desc() for column in decision if column.primary_key)).limit(number)
    rows = connection.execute(seen).all()
    names, library = _Names(connection, rows), Library(connection, known)
    return tuple(_decided(row, names, library.in_force(row.at)) for row in rows)


class _Names:
    """Of what the rows point to."""

    def __init__(self, connection: Connection, rows: Sequence[Row[Any]]) -> None:
        def named(table: Table, name: str, ids: Iterable[int | None]) -> dict[int | None, Any]:
            wanted = {number for number in ids if number is not None}
            query = select(table.c.id, table.c[name]).where(table.c.id.in_(wanted))
            return {row[0]: row[1] for row in connection.execute(query)}

        self.customers = named(tables.customer, "external_id", (row.customer_id for row in rows))
        self.campaigns = named(tables.campaign, "name", (row.campaign_id for row in rows))
        self.versions = named(tables.version, "number", (row.version_id for row in rows))
        self.steps = named(tables.step, "key", (row.step_id for row in rows))
        labels = (number for row in rows for number in (row.place_id, row.by_id, row.words_id))
        self.labels = named(tables.label, "text", labels)


def _decided(row: Row[Any], names: _Names, then: Deployed | None) -> Decided:
    rule = names.labels[row.place_id]
    return Decided(
        at=row.at,
        customer=names.customers[row.customer_id],
        campaign=names.campaigns[row.campaign_id],
        version=names.versions[row.version_id],
        instance=row.instance,
        step=names.steps.get(row.step_id),
        decision=Decision(row.decision).word,
        reason=reason(row.reason),
        rule=rule,
        by=names.labels.get(row.by_id),
        words=names.labels.get(row.words_id),
        until=row.until,
        line=None if then is None else then.line(rule),
    )


def medians(connection: Connection, campaign_id: int, now: Callable[[int], int]) -> Mapping[tuple[int, int], int]:
    """Seconds, by held out and stage: of the last 1,000 stays in the campaign that ended among those decisions.

    As in `funnel`, a journey counts once in a stage, by its last stay there, and only when that is over. now: the
    stage that one of then has become.
    """
    decision = tables.decision.c
    order = (decision.at.desc(), decision.customer_id.desc())
    newest = select(decision.at, decision.customer_id).order_by(*order).offset(LOOKED_AT - 1).limit(1)
    row = connection.execute(newest).first()
    since, after = (BEGINNING, -1) if row is None else (row.at, row.customer_id - 1)
    near, whom = min(visited(connection), (since, after))
    values = {"campaign_id": campaign_id, "since": since, "after": after, "near": near, "whom": whom}
    found: dict[tuple[int, int], list[int]] = {}
    later: set[tuple[int, int, int]] = set()
    for row in connection.execute(stays(connection.dialect.name, STAYS), values):
        if row.into_id is not None:
            later.add((row.customer_id, row.instance, now(row.into_id)))
        if row.step_id is not None and (row.customer_id, row.instance, now(row.step_id)) not in later:
            found.setdefault((row.held_out, now(row.step_id)), []).append(row.stay)
    return {of: sorted(each)[(len(each) - 1) // 2] // SECOND for of, each in found.items()}
