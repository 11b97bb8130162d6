"""All that a database still knows of one customer, in a database of its own in memory: the journal, and the rules that
were in force, so that the planner can run over it once more.

Takes a connection and a customer; gives a Record. Reads only, and nothing of other customers. What came later than the
instant asked for is left out, or lies behind the end of every run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, func, insert, inspect, select, text, tuple_, update
from sqlalchemy import column as named
from sqlalchemy import table as of_name

from flowrules.content.deployed import Deployed, Library
from flowrules.model.campaign import Model
from flowrules.model.condition import Condition
from flowrules.model.schema import Kind
from flowrules.model.touches import touches
from flowrules.program.machine import Assignment
from flowrules.report.words import counted, moment
from flowrules.sql import tables as t
from flowrules.sql.codes import Decision, Status
from flowrules.sql.columns import attribute_column
from flowrules.sql.local_time import DAY
from flowrules.sql.visits import of_customer
from flowrules.store.bulk import insert_rows
from flowrules.store.zones import BEGINNING

MOST_DEPLOYMENTS = 60
"""That a customer's history may go through: each takes as long to make ready as all that happens under it."""

_CATALOGUES = (
    t.workspace, t.zone, t.zone_offset, t.label, t.event_type, t.tag, t.segment, t.campaign, t.step, t.channel,
)  # fmt: skip
_FACTS = (t.identity, t.attribute_change, t.consent, t.event, t.outcome, t.operator_exit, t.exposure, t.move)
_WITH_DEPLOYMENTS = (t.campaign, t.version, t.node, t.step)
_YEARS_ON = 3_660
"""Days behind the end that a wait of months may reach."""

DecisionRow = tuple[Any, ...]
"""As stored: the columns of the ledger."""


class NotOnRecordError(Exception):
    """What happened can not be played again. The words say why."""


@dataclass(frozen=True, slots=True)
class Phase:
    """From `at` on this deployment was in force. canary: for so many millionths of customers; None: for all."""

    deployment: Deployed
    at: int
    canary: int | None


@dataclass(frozen=True, slots=True)
class Changing:
    """An attribute that changes in the course of the record, first at `since`. before: its value until then, where
    that is `known`: of what was there from the start nobody wrote down more than what it is now.
    """

    attribute: str
    since: int
    before: int | str | None
    known: bool


@dataclass(frozen=True, slots=True)
class Record:
    """ledger: up to `until`, in its order. sent: (campaign, instance, step, at) of what was decided to be sent.

    at_once_from: from then on channels accepted at the very instant, as in simulations; None: outcomes are facts.
    """

    customer: int
    zone: str
    until: int
    phases: Sequence[Phase]
    deployed: dict[int, Deployed]
    ledger: Sequence[Row[*tuple[Any, ...]]]
    sent: frozenset[tuple[int, int, int, int]]
    at_once_from: int | None
    changing: Sequence[Changing]
    names: dict[str, int]

    @property
    def start(self) -> int:
        return self.phases[0].at

    def unsure(self, at: int, condition: Condition | None = None) -> str | None:
        """Why nobody can say what some rule, or this condition, would have found at the instant."""
        for each in self.changing:
            if each.known or each.since <= at:
                continue
            if self._asked_for(each.attribute) if condition is None else self._looks_at(condition, each.attribute):
                return f"nobody wrote down what `{each.attribute}` was before {moment(each.since, self.zone)}"
        return None

    def _looks_at(self, condition: Condition, attribute: str) -> bool:
        """The zone counts always: in it the customer's days begin."""
        if attribute == "timezone":
            return self._asked_for(attribute)
        return ("attribute", attribute) in touches(condition)

    def _asked_for(self, attribute: str) -> bool:
        models = [deployed.model for deployed in self.deployed.values()]
        if attribute == "timezone":
            return any(model.policy.zone_of_customer for model in models)
        texts = [each.text for deployed in self.deployed.values() for each in deployed.snapshot.sources]
        declared = any(each.name == attribute for model in models for each in model.attributes)
        return sum(text.count(attribute) for text in texts) > declared


def ledger_of(connection: Connection, customer: int, until: int) -> list[Row[*tuple[Any, ...]]]:
    d = t.decision.c
    order = (d.at, d.turn, d.campaign_id, d.instance, d.decision, d.key)
    query = select(*d).where(of_customer(customer), d.at <= until).order_by(*order)
    return list(connection.execute(query))


def record(connection: Connection, library: Library, customer: int, zone: str, until: int) -> Record:
    """Up to the instant `until`, or the last tick. zone: the customer's, for people."""
    last_tick: int = connection.execute(select(t.clock.c.last_tick)).scalar_one()
    until = min(until, last_tick)
    ledger = ledger_of(connection, customer, until)
    phases = _phases(connection, library, ledger[0].at if ledger else until, until)
    deployed = {phase.deployment.id: phase.deployment for phase in phases}
    was_in = select(t.enrollment.c.version_id).where(t.enrollment.c.customer_id == customer).distinct()
    for version in [*connection.execute(was_in).scalars(), *_others_enter(connection, phases)]:
        found = library.of_version(version)
        deployed[found.id] = found
    campaigns = {row.name: row.id for row in connection.execute(select(t.campaign.c.id, t.campaign.c.name))}
    return Record(
        customer=customer,
        zone=zone,
        until=until,
        phases=phases,
        deployed=deployed,
        ledger=ledger,
        sent=frozenset(
            (row.campaign_id, row.instance, row.step_id, row.at) for row in ledger if row.decision == Decision.SEND
        ),
        at_once_from=_at_once_from(connection, customer, phases[0].at),
        changing=tuple(_changing(connection, customer, phases)),
        names=campaigns,
    )


def _phases(connection: Connection, library: Library, first: int, until: int) -> list[Phase]:
    """From the deployment under which something was first decided about the customer."""
    d = t.deployment.c
    rows = connection.execute(select(d.id, d.at, d.canary).where(d.at <= until).order_by(d.at, d.id)).all()
    before = [row for row in rows if row.at <= first]
    after = [row for row in rows if row.at > first]
    if not before:
        raise NotOnRecordError("the deployment of then is not on record")
    if len(after) >= MOST_DEPLOYMENTS:
        since = "since the first decision about this customer"
        raise NotOnRecordError(f"there came {counted(len(after), 'deployment')} {since}")
    return [Phase(library.deployment(row.id), row.at, row.canary) for row in [before[-1], *after]]


def _others_enter(connection: Connection, phases: Sequence[Phase]) -> Iterator[int]:
    """Versions that those enter who are not in the share of a canary."""
    d, v = t.deployment.c, t.version.c
    for phase in phases:
        if phase.canary is not None:
            whole = select(func.max(d.id)).where(d.canary.is_(None), d.id <= phase.deployment.id).scalar_subquery()
            query = select(func.max(v.id)).where(v.deployment_id <= whole).group_by(v.campaign_id)
            yield from connection.execute(query).scalars()


def _at_once_from(connection: Connection, customer: int, start: int) -> int | None:
    m, o = t.message.c, t.outcome
    this = and_(*(o.c[name] == m[name] for name in ("customer_id", "campaign_id", "instance", "step_id", "pass")))
    told = select(o.c.at).where(this).exists()
    first = connection.execute(
        select(func.min(m.decided_at)).where(m.customer_id == customer, m.status == Status.SENT, ~told)
    ).scalar()
    by_outbox = connection.execute(
        select(m.decided_at).where(m.customer_id == customer, told | (m.status.in_(_UNDER_WAY))).limit(1)
    ).first()
    if by_outbox is None:
        return start
    return first


_UNDER_WAY = (Status.INTENDED, Status.CLAIMED, Status.RETRYING, Status.UNKNOWN)


def _changing(connection: Connection, customer: int, phases: Sequence[Phase]) -> Iterator[Changing]:
    start = phases[0].at
    c, last_tick = t.attribute_change.c, select(t.clock.c.last_tick).scalar_subquery()
    changes = connection.execute(
        select(c.at, c.attribute, c.number, c.text)
        .where(c.customer_id == customer, c.at <= last_tick)
        .order_by(c.at, c.seq)
    ).all()
    before = {row.attribute: row.text if row.number is None else row.number for row in changes if row.at < start}
    first: dict[str, int] = {}
    for row in changes:
        if row.at >= start:
            first.setdefault(row.attribute, row.at)
    for name, at in _set_by_steps(connection, customer, phases):
        first[name] = min(first.get(name, at), at)
    i = t.identity.c
    query = select(i.kind, i.value).where(
        i.customer_id == customer, i.since == BEGINNING, i.kind.in_(("email", "phone"))
    )
    created = {row.kind: row.value or None for row in connection.execute(query)}
    for name, at in sorted(first.items()):
        known = name in before or name in {"email", "phone"}
        yield Changing(name, at, before.get(name, created.get(name)), known)


def _set_by_steps(connection: Connection, customer: int, phases: Sequence[Phase]) -> Iterator[tuple[str, int]]:
    d = t.decision.c
    nodes = (node for phase in phases for each in phase.deployment.machines.values() for node in each.nodes)
    sets = {node.key: node.test.attribute.name for node in nodes if isinstance(node.test, Assignment)}
    query = (
        select(t.step.c.key, d.at)
        .join_from(t.decision, t.step, t.step.c.id == d.step_id)
        .where(of_customer(customer), d.decision == Decision.SET)
    )
    yield from ((sets[row.key], row.at) for row in connection.execute(query) if row.key in sets)


# --- into memory --------------------------------------------------------------------------------------


def copy_into(source: Connection, target: Connection, record: Record) -> None:
    """As it was before anything was decided about the customer, with all facts up to the end of the record."""
    t.metadata.create_all(target)
    for table in _CATALOGUES:
        _copy(source, target, table)
    _copy_calendar(source, target, record)
    for table in (t.customer, t.event):
        _declare(source, target, table)
    for table in _FACTS:
        conditions = [named("customer_id") == record.customer]
        if "at" in table.c:
            conditions.append(named("at") <= record.until)
        if table is t.move:
            conditions.append(named("at") < 0)  # each comes with its deployment
        _copy(source, target, table, and_(*conditions))
    _copy(source, target, t.customer, named("id") == record.customer)
    _copy(source, target, t.pause, named("since") <= record.until)
    of_then = and_(named("customer_id") == record.customer, named("started_at") <= record.until)
    _copy(source, target, t.attempt, of_then)
    entry, identity = t.list_entry, t.identity.c
    theirs = select(identity.kind, identity.value).where(identity.customer_id == record.customer)
    _copy(source, target, entry, tuple_(named("kind"), named("value")).in_(theirs))
    _as_of_the_start(target, record)
    next_seq = source.execute(select(t.journal.c.next_seq)).scalar_one()
    target.execute(insert(t.journal).values(id=0, next_seq=next_seq))
    before = record.start - 1
    target.execute(
        insert(t.clock).values(id=0, last_tick=before, target=before, cursor=0, visited_at=before, visited_customer=0)
    )


def copy_deployments(source: Connection, target: Connection, record: Record) -> None:
    """What each of them put in force, and whom of this customer's journeys it moved."""
    t.metadata.create_all(target, [*_WITH_DEPLOYMENTS, t.deployment, t.move])
    for table in _WITH_DEPLOYMENTS:
        _copy(source, target, table)
    d = t.deployment.c
    made = source.execute(select(d.id, d.at, d.canary)).all()
    columns = ("id", "at", "canary", "digest", "snapshot")
    insert_rows(target, t.deployment, columns, ((*row, "", "") for row in made))
    _copy(source, target, t.move, named("customer_id") == record.customer)


def _as_of_the_start(target: Connection, record: Record) -> None:
    """Later changes are facts; what was there before the first of them is left empty where nobody knows it."""
    declared = {each.name: attribute_column(each) for each in record.phases[-1].deployment.model.attributes}
    for each in record.changing:
        column = declared.get(each.attribute, each.attribute)
        target.execute(text(f'UPDATE customer SET "{column}" = :value'), {"value": each.before})  # noqa: S608  # ours
        if each.attribute == "timezone":
            zone = select(t.zone.c.id).where(t.zone.c.name == each.before).scalar_subquery()
            target.execute(update(t.customer).values(zone_id=zone))


def _copy(source: Connection, target: Connection, table: Table, which: ColumnElement[bool] | None = None) -> None:
    names = [each["name"] for each in inspect(target).get_columns(table.name)]
    columns: list[ColumnElement[Any]] = [named(name) for name in names]
    query = select(*columns).select_from(of_name(table.name))
    rows = source.execute(query if which is None else query.where(which)).all()
    insert_rows(target, table, names, (tuple(row) for row in rows))


def _declare(source: Connection, target: Connection, table: Table) -> None:
    """Columns of declared attributes and properties."""
    quote = target.dialect.identifier_preparer.quote
    for each in inspect(source).get_columns(table.name):
        if each["name"] not in table.c:
            kind = "TEXT" if each["type"].python_type is str else "BIGINT"
            target.execute(text(f"ALTER TABLE {quote(table.name)} ADD COLUMN {quote(each['name'])} {kind}"))


def _copy_calendar(source: Connection, target: Connection, record: Record) -> None:
    """All of it where dates are asked for, the days of the record where something goes by months."""
    models = [deployed.model for deployed in record.deployed.values()]
    if any(map(_knows_dates, models)):
        _copy(source, target, t.calendar)
        _copy(source, target, t.month)
        return
    if any("month" in each.text for deployed in record.deployed.values() for each in deployed.snapshot.sources):
        first, last = record.start // DAY - 62, record.until // DAY + _YEARS_ON
        _copy(source, target, t.calendar, named("day").between(first, last))
        _copy(source, target, t.month, named("last_day").between(first, last))


def _knows_dates(model: Model) -> bool:
    declared = [each.type for each in model.attributes]
    declared += [each.type for event in model.events for each in event.properties]
    return any(each.kind is Kind.DATE for each in declared)
