"""Who is in a segment of the deployed rules, and what each of its clauses says of one customer.

Takes a connection and an instant. Asks with the guards that the planner uses; writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, Table, func, literal, null, select

from flowrules.content.deployed import Deployed, Library
from flowrules.content.values import Money, Reading
from flowrules.diagnostics.suggest import nearest
from flowrules.model import condition as c
from flowrules.model.condition import Condition, Segment
from flowrules.model.schema import Kind, Type
from flowrules.report.lookup import UnknownError, find_customer
from flowrules.sql import tables
from flowrules.sql.columns import tables_for
from flowrules.sql.guards import Guards, Row
from flowrules.store.catalogues import catalogue
from flowrules.syntax import tree
from flowrules.syntax.parser import parse

_ROW = Row("focus")


@dataclass(frozen=True, slots=True)
class Clause:
    """`value`: what was compared, where that is one value that the customer has."""

    text: str
    rule: str
    value: object
    holds: bool

    def facts(self) -> dict[str, object]:
        value: object = None if self.value is None else str(self.value)
        if isinstance(self.value, Money):
            amount, _, currency = str(self.value).rpartition(" ")
            value = {"amount": amount, "currency": currency}
        return {"text": self.text, "rule": self.rule, "value": value, "holds": self.holds}


class Members:
    def __init__(self, connection: Connection, name: str, at: int) -> None:
        """As things stand at the instant `at`, by the newest deployment."""
        deployed = Library(connection).newest
        known = {} if deployed is None else {each.name: each for each in deployed.model.segments}
        if deployed is None or name not in known:
            near = nearest(name, known)
            hint = f"did you mean `{near}`?" if near else "`flowrules apply` deploys what the rule files say"
            raise UnknownError(f"no segment `{name}` is deployed", hint)
        self.segment: Segment = known[name]
        self._connection = connection
        self._deployed = deployed
        self._at = at
        made = tables_for(deployed.model)
        names = catalogue(connection)
        self._zones = {number: zone for zone, number in names.zones.items()}
        self._default = names.zones[deployed.model.policy.zone]
        self._customer: Table = made.customer
        self._guards = Guards(connection.dialect.name, names, made.customer, made.event)

    def count(self) -> int:
        members = self._query().subquery()
        return self._connection.execute(select(func.count()).select_from(members)).scalar_one()

    def customers(self) -> list[str]:
        return sorted(self._connection.execute(self._query()).scalars())

    def sql(self) -> str:
        dialect = self._connection.dialect
        return str(self._query().compile(dialect=dialect, compile_kwargs={"literal_binds": True}))

    def explain(self, customer: str) -> list[Clause]:
        number = find_customer(self._connection, customer)
        zone = self._zones[self._about(number, _ROW.zone)]
        reading = Reading(self._deployed.snapshot.currency, zone)
        clauses = []
        for text, rule, condition in self._clauses():
            compared = self._guards.value(condition, _ROW)
            stored = None if compared is None else self._about(number, compared)
            clauses.append(
                Clause(
                    text,
                    rule,
                    reading.value(stored, _type(condition)),
                    bool(self._about(number, self._guards.test(condition, _ROW))),
                )
            )
        return clauses

    def _query(self) -> Select[Any]:
        return self._focus(self._customer.c.external_id).where(self._guards.test(self.segment.condition, _ROW))

    def _focus(self, column: ColumnElement[Any]) -> Select[Any]:
        """Over every customer, as the planner's working tables name what a guard asks for."""
        customer, enrollment = self._customer, tables.enrollment
        of_customer = self._deployed.model.policy.zone_of_customer
        zone = func.coalesce(customer.c.zone_id if of_customer else null(), self._default)
        focus = select(
            customer.c.id.label("customer_id"), literal(self._at, BigInteger).label("at"), zone.label("zone_id")
        ).cte("focus")
        run = select(enrollment).cte("run")
        return select(column).select_from(focus.join(customer, customer.c.id == focus.c.customer_id)).add_cte(run)

    def _about(self, customer: int, column: ColumnElement[Any]) -> Any:  # noqa: ANN401  # as it is stored
        return self._connection.execute(self._focus(column).where(self._customer.c.id == customer)).scalar()

    def _clauses(self) -> list[tuple[str, str, Condition]]:
        """The parts joined by the outermost `and`, as written."""
        written = _declared(self._deployed, self.segment.name).condition
        meant = self.segment.condition
        if isinstance(written, tree.And) and isinstance(meant, c.And) and len(written.items) == len(meant.items):
            parts = list(zip(written.items, meant.items, strict=True))
        else:
            parts = [(written, meant)]
        return [(" ".join(said.span.text.split()), said.span.place, condition) for said, condition in parts]


def _declared(deployed: Deployed, name: str) -> tree.SegmentDecl:
    return next(
        item
        for source in deployed.snapshot.sources
        for item in parse(source)[0].declarations
        if isinstance(item, tree.SegmentDecl) and item.name.text == name
    )


def _type(condition: Condition) -> Type:
    match condition:
        case c.Not():
            return _type(condition.item)
        case c.AttributeIs() | c.DateIs():
            return condition.attribute.type
        case c.HistoryProperty():
            return condition.property.type
        case c.Aggregate() if condition.kind == "total":
            return condition.property.type
        case c.Ago():
            return Type(Kind.DATETIME)
        case _:
            return Type(Kind.INTEGER)
