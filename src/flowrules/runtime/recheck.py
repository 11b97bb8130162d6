"""The conditions of campaigns, asked again at the real instant: what excludes, ends or holds back a journey.

Takes messages about to leave; gives the first clause that speaks against each. Asks with the guards that the planner
uses, and only of campaigns that have such clauses; writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from sqlalchemy import BigInteger, ColumnElement, Connection, case, func, literal, literal_column, null, select

from flowrules.content.deployed import Deployed, Library
from flowrules.content.outgoing import Detail
from flowrules.model.campaign import Campaign, ExcludeWhere, ExitOnCondition
from flowrules.model.condition import Condition
from flowrules.runtime.gate import Refusal
from flowrules.sql import tables
from flowrules.sql.catalogue import Catalogue
from flowrules.sql.codes import Reason
from flowrules.sql.columns import tables_for
from flowrules.sql.guards import Guards, Row
from flowrules.store.bulk import among
from flowrules.store.catalogues import catalogue

Journey = tuple[int, int, int]
Clause = tuple[Condition, Refusal]


@dataclass(frozen=True, slots=True)
class Rechecked:
    """By journey. ends: what shall end it; holds: what makes its messages wait."""

    ends: Mapping[Journey, Refusal] = field(default_factory=dict)
    holds: Mapping[Journey, Refusal] = field(default_factory=dict)


def recheck(connection: Connection, library: Library, newest: Deployed, rows: Sequence[Detail], now: int) -> Rechecked:
    """Exclusions and holds are those in force, exits those of the version a customer is in."""
    asking = _Asking(connection, newest, now)
    ends: dict[Journey, Refusal] = {}
    holds: dict[Journey, Refusal] = {}
    for version, journeys in _by_version(rows):
        own = library.of_version(version)
        name = next(iter(journeys.values()))
        in_force = newest.campaigns.get(name)
        ends = asking.first(own, list(_exits(own.campaigns[name])), journeys) | ends
        if in_force is not None:
            ends |= asking.first(newest, list(_exclusions(in_force)), journeys)
            holds |= asking.first(newest, list(_holds(in_force)), journeys)
    return Rechecked(ends, holds)


def _by_version(rows: Sequence[Detail]) -> Iterator[tuple[int, dict[Journey, str]]]:
    """Journeys and the names of their campaigns."""
    for version, group in groupby(sorted(rows, key=_version), key=_version):
        yield version, {(row.customer_id, row.campaign_id, row.instance): row.campaign for row in group}


def _version(row: Detail) -> int:
    return int(row.version_id)


def _exclusions(campaign: Campaign) -> Iterator[Clause]:
    """A campaign that excludes another is no matter of facts alone: the planner has seen to it."""
    for clause in campaign.exclusions:
        if isinstance(clause, ExcludeWhere):
            yield clause.condition, Refusal(Reason.EXCLUDED, clause.place, clause.by)


def _exits(campaign: Campaign) -> Iterator[Clause]:
    for clause in campaign.exits:
        if isinstance(clause, ExitOnCondition):
            yield clause.condition, Refusal(Reason.JOURNEY_ENDED, clause.place)


def _holds(campaign: Campaign) -> Iterator[Clause]:
    for clause in campaign.holds:
        yield clause.condition, Refusal(Reason.ON_HOLD, clause.place)


class _Asking:
    def __init__(self, connection: Connection, newest: Deployed, now: int) -> None:
        self._connection = connection
        self._policy = newest.model.policy
        self._now = now
        self._names: Catalogue | None = None

    def first(
        self, deployed: Deployed, clauses: Sequence[Clause], journeys: Mapping[Journey, str]
    ) -> dict[Journey, Refusal]:
        """Of each journey the first clause that holds now."""
        if not clauses:
            return {}
        if self._names is None:
            self._names = catalogue(self._connection)
        names, made, enrollment = self._names, tables_for(deployed.model), tables.enrollment
        guards = Guards(self._connection.dialect.name, names, made.customer, made.event).at_rest()
        of_customer = made.customer.c.zone_id if self._policy.zone_of_customer else null()
        customers = sorted({customer for customer, _, _ in journeys})
        # As the planner's working tables name what a guard asks for.
        focus = (
            select(
                enrollment.c.customer_id,
                enrollment.c.campaign_id,
                enrollment.c.instance,
                literal(self._now, BigInteger).label("at"),
                func.coalesce(of_customer, names.zones[self._policy.zone]).label("zone_id"),
            )
            .join_from(enrollment, made.customer, made.customer.c.id == enrollment.c.customer_id)
            .where(
                among(self._connection, enrollment.c.customer_id, customers),
                enrollment.c.campaign_id == next(iter(journeys))[1],
                enrollment.c.ended_at.is_(None),
            )
            .cte("focus")
        )
        row = Row("focus")
        tests: list[tuple[ColumnElement[bool], ColumnElement[int]]] = [
            (guards.test(condition, row), literal_column(str(number))) for number, (condition, _) in enumerate(clauses)
        ]
        found = self._connection.execute(
            select(focus.c.customer_id, focus.c.campaign_id, focus.c.instance, case(*tests)).select_from(focus)
        )
        return {
            (customer, campaign, instance): clauses[number][1]
            for customer, campaign, instance, number in found
            if number is not None and (customer, campaign, instance) in journeys
        }
