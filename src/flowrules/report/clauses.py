"""What each clause of a condition says of one customer at an instant.

Takes the condition as it was written and as it is meant; asks with the guards that the planner uses, and writes
nothing. Attributes are as the last tick left them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, Table, func, literal, null, select

from flowrules.content.deployed import Deployed
from flowrules.content.values import Money, Reading
from flowrules.model import condition as c
from flowrules.model.condition import Condition
from flowrules.model.schema import Attribute, Kind, Type
from flowrules.source import Span
from flowrules.sql import tables
from flowrules.sql.catalogue import Catalogue
from flowrules.sql.columns import property_column, tables_for
from flowrules.sql.guards import Guards, Row
from flowrules.store.catalogues import catalogue
from flowrules.syntax import tree

ROW = Row("focus")


@dataclass(frozen=True, slots=True)
class Clause:
    """value: what was compared, where that is one value that the customer has. parts: of what is not one comparison."""

    text: str
    rule: str
    value: object
    holds: bool
    parts: tuple[Clause, ...] = ()

    def facts(self) -> dict[str, object]:
        value: object = None if self.value is None else str(self.value)
        if isinstance(self.value, Money):
            amount, _, currency = str(self.value).rpartition(" ")
            value = {"amount": amount, "currency": currency}
        parts = [part.facts() for part in self.parts]
        return {"text": self.text, "rule": self.rule, "value": value, "holds": self.holds, "parts": parts}


class Written(Protocol):
    """Anything of the tree that has a place."""

    @property
    def span(self) -> Span: ...


@dataclass(frozen=True, slots=True)
class Part:
    """A condition as it was written and as it is meant, and what it is made of."""

    span: Span
    meant: Condition
    parts: tuple[Part, ...]


class Asking:
    """As things stand at the instant `at`, by a deployment."""

    def __init__(
        self,
        connection: Connection,
        deployed: Deployed,
        at: int,
        names: Catalogue | None = None,
        places: Table = tables.enrollment,
    ) -> None:
        """names: of the database, where they are known; places: where live instances stand."""
        self._connection = connection
        self._deployed = deployed
        self.at = literal(at, BigInteger)
        made = tables_for(deployed.model)
        names = names or catalogue(connection)
        self._zones = {number: zone for zone, number in names.zones.items()}
        self.customer: Table = made.customer
        policy = deployed.model.policy
        of_customer = self.customer.c.zone_id if policy.zone_of_customer else null()
        self.zone = func.coalesce(of_customer, names.zones[policy.zone])
        self._event: Table = made.event
        self.guards = Guards(connection.dialect.name, names, made.customer, made.event, places)

    def focus(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """Over every customer, as the planner's working tables name what a guard asks for."""
        customer = self.customer
        focus = select(customer.c.id.label("customer_id"), self.at.label("at"), self.zone.label("zone_id")).cte("focus")
        return select(*columns).select_from(focus.join(customer, customer.c.id == focus.c.customer_id))

    def of_customer(self, customer: int, written: Written, meant: Condition) -> list[Clause]:
        """The parts joined by the outermost `and`, as written."""
        parts = self._parts(written, meant)
        columns: list[ColumnElement[Any]] = []
        for each in _all(parts):
            value = self.guards.value(each.meant, ROW)
            columns += [null() if value is None else value, self.guards.test(each.meant, ROW)]
        return self._clauses(parts, self._row(customer, *columns))

    def of_events(
        self, customer: int, type_id: int, written: tree.Filter, meant: c.Filter
    ) -> dict[tuple[int, int], list[Clause]]:
        """The parts of a filter, of each event of the type: by (at, seq)."""
        e = self._event
        if len(written.items) == 1:
            parts = self._parts(written.items[0], meant)
        else:
            parts = [self._part(*both) for both in zip(written.items, _items(meant), strict=True)]
        columns: list[ColumnElement[Any]] = []
        for each in _all(parts):
            value = e.c[property_column(each.meant.property)] if isinstance(each.meant, c.PropertyIs) else null()
            columns += [value, self.guards.filter(each.meant, e)]  # type: ignore[arg-type]  # parts of a filter are filters
        query = select(e.c.at, e.c.seq, *columns).where(e.c.customer_id == customer, e.c.type_id == type_id)
        zone = self._row(customer)[0]
        return {(at, seq): self._clauses(parts, [zone, *found]) for at, seq, *found in self._connection.execute(query)}

    def value(self, customer: int, attribute: Attribute) -> object:
        known = self.guards.value(c.AttributeIs(attribute, "known"), ROW)
        zone, stored = self._row(customer, null() if known is None else known)
        return Reading(self._deployed.snapshot.currency, self._zones[zone]).value(stored, attribute.type)

    def _row(self, customer: int, *columns: ColumnElement[Any]) -> Sequence[Any]:
        """The zone, and these."""
        return self._connection.execute(self.about(customer, ROW.zone, *columns)).one()

    def about(self, customer: int, *columns: ColumnElement[Any]) -> Select[Any]:
        return self.focus(*columns).where(self.customer.c.id == customer)

    def _clauses(self, parts: Sequence[Part], found: Sequence[Any]) -> list[Clause]:
        zone, *values = found
        reading, left = Reading(self._deployed.snapshot.currency, self._zones[zone]), iter(values)

        def made(part: Part) -> Clause:
            stored, holds = next(left), next(left)
            value = reading.value(stored, _type(part.meant))
            return clause(part.span, value, holds=bool(holds), parts=tuple(map(made, part.parts)))

        return [made(part) for part in parts]

    # --- parts ----------------------------------------------------------------------------------------

    def _parts(self, written: Written, meant: Condition) -> list[Part]:
        if isinstance(written, tree.And):
            return [self._part(*both) for both in zip(written.items, _items(meant), strict=True)]
        return [self._part(written, meant)]

    def _part(self, written: Written, meant: Condition) -> Part:
        return Part(written.span, meant, tuple(self._within(written, meant)))

    def _within(self, written: Written, meant: Condition) -> list[Part]:
        """What it is made of, down to single comparisons; of a segment its definition."""
        match written, meant:
            case tree.And() | tree.Or(), _:
                return [self._part(*both) for both in zip(written.items, _items(meant), strict=True)]
            case tree.Not(), c.Not():
                return self._within(written.item, meant.item)
            case _, c.InSegment():
                return self._parts(written_of(self._deployed, meant.segment.name), meant.segment.condition)
            case _:
                return []


def written_of(deployed: Deployed, segment: str) -> tree.Condition:
    """The condition of a segment, as its author wrote it."""
    segments = (item for item in deployed.declarations if isinstance(item, tree.SegmentDecl))
    return next(item.condition for item in segments if item.name.text == segment)


def clause(said: Span, value: object, *, holds: bool, parts: tuple[Clause, ...] = ()) -> Clause:
    return Clause(" ".join(said.text.split()), said.place, value, holds, parts)


def _items(meant: Condition) -> Sequence[Condition]:
    if not isinstance(meant, c.And | c.Or):
        raise TypeError("what is written joined is meant joined")
    return meant.items


def _all(parts: Iterable[Part]) -> Iterator[Part]:
    for each in parts:
        yield each
        yield from _all(each.parts)


def _type(condition: Condition) -> Type:  # noqa: PLR0911  # one case a kind
    match condition:
        case c.Not():
            return _type(condition.item)
        case c.AttributeIs() | c.DateIs():
            return condition.attribute.type
        case c.HistoryProperty() | c.PropertyIs():
            return condition.property.type
        case c.Aggregate() if condition.kind == "average" and condition.property.type.kind is Kind.INTEGER:
            return Type(Kind.NUMBER)
        case c.Aggregate() if condition.kind != "distinct":
            return condition.property.type
        case c.Consents():
            return Type(Kind.TEXT)
        case c.Ago():
            return Type(Kind.DATETIME)
        case _:
            return Type(Kind.INTEGER)
