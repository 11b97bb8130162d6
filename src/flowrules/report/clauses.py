"""What each clause of a condition says of one customer at an instant.

Takes the condition as it was written and as it is meant; asks with the guards that the planner uses, and writes
nothing. Attributes are as the last tick left them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, Table, func, literal, null, select

from flowrules.content.deployed import Deployed
from flowrules.content.values import Money, Reading
from flowrules.model import condition as c
from flowrules.model.condition import Condition
from flowrules.model.schema import Attribute, Kind, Stored, Type
from flowrules.source import Span
from flowrules.sql import tables
from flowrules.sql.columns import property_column, tables_for
from flowrules.sql.guards import Guards, Row
from flowrules.store.catalogues import catalogue
from flowrules.syntax import tree

ROW = Row("focus")


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


class Asking:
    """As things stand at the instant `at`, by a deployment."""

    def __init__(self, connection: Connection, deployed: Deployed, at: int) -> None:
        self._connection = connection
        self._deployed = deployed
        self._at = at
        made = tables_for(deployed.model)
        names = catalogue(connection)
        self._zones = {number: zone for zone, number in names.zones.items()}
        self._default = names.zones[deployed.model.policy.zone]
        self.customer: Table = made.customer
        self._event: Table = made.event
        self.guards = Guards(connection.dialect.name, names, made.customer, made.event)

    def focus(self, column: ColumnElement[Any]) -> Select[Any]:
        """Over every customer, as the planner's working tables name what a guard asks for."""
        customer, enrollment = self.customer, tables.enrollment
        of_customer = self._deployed.model.policy.zone_of_customer
        zone = func.coalesce(customer.c.zone_id if of_customer else null(), self._default)
        focus = select(
            customer.c.id.label("customer_id"), literal(self._at, BigInteger).label("at"), zone.label("zone_id")
        ).cte("focus")
        run = select(enrollment).cte("run")
        return select(column).select_from(focus.join(customer, customer.c.id == focus.c.customer_id)).add_cte(run)

    def of_customer(self, customer: int, written: tree.Condition, meant: Condition) -> list[Clause]:
        """The parts joined by the outermost `and`, as written."""
        reading = self._reading(customer)
        clauses = []
        for said, condition in _parts(written, meant):
            compared = self.guards.value(condition, ROW)
            stored = None if compared is None else self._about(customer, compared)
            holds = self._about(customer, self.guards.test(condition, ROW))
            clauses.append(clause(said.span, reading.value(stored, _type(condition)), holds=bool(holds)))
        return clauses

    def of_event(
        self, customer: int, event: tuple[int, int, int], written: tree.Filter, meant: c.Filter
    ) -> list[Clause]:
        """The parts of a filter, of one event: (type, at, seq)."""
        reading, e = self._reading(customer), self._event
        this = (e.c.customer_id == customer, e.c.type_id == event[0], e.c.at == event[1], e.c.seq == event[2])
        parts: Sequence[c.Condition] = meant.items if isinstance(meant, c.And) else [meant]
        if len(parts) != len(written.items):
            parts, items = [meant], [written]
        else:
            items = list(written.items)  # type: ignore[arg-type]  # both have a span
        clauses = []
        for said, condition in zip(items, parts, strict=True):
            holds = self._connection.execute(select(self.guards.filter(condition, e)).where(*this)).scalar()  # type: ignore[arg-type]  # parts of a filter are filters
            declared = condition.property if isinstance(condition, c.PropertyIs) else None
            stored: Stored | None = None
            if declared is not None:
                stored = self._connection.execute(select(e.c[property_column(declared)]).where(*this)).scalar()
            value = None if declared is None else reading.value(stored, declared.type)
            clauses.append(clause(said.span, value, holds=bool(holds)))
        return clauses

    def value(self, customer: int, attribute: Attribute) -> object:
        known = self.guards.value(c.AttributeIs(attribute, "known", ()), ROW)
        stored = None if known is None else self._about(customer, known)
        return self._reading(customer).value(stored, attribute.type)

    def _reading(self, customer: int) -> Reading:
        return Reading(self._deployed.snapshot.currency, self._zones[self._about(customer, ROW.zone)])

    def _about(self, customer: int, column: ColumnElement[Any]) -> Any:  # noqa: ANN401  # as it is stored
        return self._connection.execute(self.focus(column).where(self.customer.c.id == customer)).scalar()


def clause(said: Span, value: object, *, holds: bool) -> Clause:
    return Clause(" ".join(said.text.split()), said.place, value, holds)


def _parts(written: tree.Condition, meant: Condition) -> list[tuple[tree.Condition, Condition]]:
    if isinstance(written, tree.And) and isinstance(meant, c.And) and len(written.items) == len(meant.items):
        return list(zip(written.items, meant.items, strict=True))
    return [(written, meant)]


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
