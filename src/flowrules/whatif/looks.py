"""What the condition asked that decided a row of the ledger: looked at just before the planner writes that row again.

Attributes, tags and positions may change several times within one instant, so a program that is watched looks at the
very step. Takes a program and the looks that are due; gives a program whose statements look first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, select

from flowrules.model import condition as c
from flowrules.program.machine import NodeKind
from flowrules.report.asked import Asked
from flowrules.report.clauses import ROW, Asking, Clause
from flowrules.report.ledger import Decided
from flowrules.runtime.load import Program
from flowrules.sql import scratch, tables
from flowrules.sql.catalogue import Catalogue
from flowrules.sql.codes import Decision
from flowrules.sql.statement import Cursor, Statement, Value

Place = tuple[str, int]
"""What writes the row: the entries of a campaign, the position of a step, the ends of journeys, messages, the gate."""


@dataclass(frozen=True, slots=True)
class Look:
    """found: told what each part found, empty where it is not what decided."""

    row: Decided
    asked: Asked
    found: Callable[[tuple[Clause, ...]], None]

    @property
    def place(self) -> Place:
        match self.row.decision:
            case Decision.ENTERED | Decision.NOT_ENTERED:
                return "entries", self.row.campaign_id
            case Decision.BRANCH:
                return "step", self.row.step_id
            case Decision.EXIT:
                return "ends", 0
            case Decision.WITHHELD:
                return "messages", 0
            case _:
                return "gate", 0

    @property
    def step(self) -> tuple[int, int, int]:
        return self.row.campaign_id, self.row.instance, self.row.step_id


def conclusive(asked: Asked) -> bool:
    """Who was in a list is not on record: what is told of one has to follow from what was decided."""
    parts = asked.meant.items if isinstance(asked.meant, c.And) else (asked.meant,)
    listed = [part.item if isinstance(part, c.Not) else part for part in parts if _asks_a_list(part)]
    return not listed or (all(isinstance(each, c.InList) for each in listed) and (asked.decided or len(parts) == 1))


def _asks_a_list(condition: c.Condition) -> bool:
    match condition:
        case c.And() | c.Or():
            return any(map(_asks_a_list, condition.items))
        case c.Not():
            return _asks_a_list(condition.item)
        case c.InSegment():
            return _asks_a_list(condition.segment.condition)
        case _:
            return isinstance(condition, c.InList)


@dataclass(frozen=True, slots=True)
class _Watched(Statement):
    """Looks, then does what it did."""

    look: Callable[[int], None]

    def run(self, cursor: Cursor, /, **values: Value) -> int:
        self.look(int(values["turn"] or 0))
        return Statement.run(self, cursor, **values) if self.text else 0


def watched(program: Program, connection: Connection, looks: Sequence[Look]) -> Program:
    """Of one customer, over the connection on which a planner is at work."""
    names = program.bundle.catalogue

    def before(statement: Statement, place: Place) -> Statement:
        there = [look for look in looks if look.place == place]
        if not there:
            return statement
        return _Watched(statement.text, statement.constants, lambda turn: _see(connection, names, there, turn))

    for code, place in _branches(program, {look.place for look in looks}):
        program.witness(code, before(Statement("", {}), place))
    write, *others = program.messages.write
    return replace(
        program,
        ends=replace(program.ends, record=before(program.ends.record, ("ends", 0))),
        entries=tuple(
            replace(each, enter=(before(each.enter[0], ("entries", each.campaign_id)), *each.enter[1:]))
            for each in program.entries
        ),
        messages=replace(program.messages, write=(before(write, ("messages", 0)), *others)),
    )


def _branches(program: Program, asked: Collection[Place]) -> Iterator[tuple[int, Place]]:
    steps = program.bundle.catalogue.steps
    for version in program.bundle.versions:
        for number, node in enumerate(version.machine.nodes):
            place = "step", steps[version.machine.campaign.name, node.key]
            if node.kind is NodeKind.BRANCH and place in asked:
                yield version.code(number), place


def _see(connection: Connection, names: Catalogue, looks: Sequence[Look], turn: int) -> None:
    due = [look for look in looks if look.row.turn == turn]
    if not due:
        return
    at = connection.execute(select(scratch.focus.c.at)).scalar_one()
    for look in due:
        asking = _Within(connection, look, names)
        if look.row.at == at and asking.there():
            look.found(look.asked.of(asking, look.row.customer_id))


def at_the_gate(look: Look, connection: Connection) -> None:
    """Where things stand as the gate found them."""
    look.found(look.asked.of(_AtTheGate(connection, look), look.row.customer_id))


class _Within(Asking):
    """In the midst of an instant, by the planner's working tables, of the customer or of the row's own journey."""

    def __init__(self, connection: Connection, look: Look, names: Catalogue) -> None:
        super().__init__(connection, look.asked.deployed, look.row.at, names, scratch.run)
        self._of = look.row

    def there(self) -> bool:
        """Journeys may end at several moments of one turn."""
        return self._connection.execute(self.about(self._of.customer_id, ROW.at)).first() is not None

    def about(self, customer: int, *columns: ColumnElement[Any]) -> Select[Any]:
        if self._of.decision in {Decision.ENTERED, Decision.NOT_ENTERED}:
            return select(*columns).select_from(scratch.focus)
        run = scratch.run.alias(ROW.table)
        query = select(*columns).select_from(run).where(run.c.customer_id == customer, *_journey(run, self._of))
        return query.where(run.c.ending == 1) if self._of.decision == Decision.EXIT else query


class _AtTheGate(Asking):
    """Between two ticks, of the row's own journey."""

    def __init__(self, connection: Connection, look: Look) -> None:
        super().__init__(connection, look.asked.deployed, look.row.at)
        self._of = look.row

    def about(self, customer: int, *columns: ColumnElement[Any]) -> Select[Any]:
        e, u = tables.enrollment, self.customer
        focus = (
            select(e.c.customer_id, e.c.campaign_id, e.c.instance, self.at.label("at"), self.zone.label("zone_id"))
            .join_from(e, u, u.c.id == e.c.customer_id)
            .where(e.c.customer_id == customer, *_journey(e, self._of))
            .cte(ROW.table)
        )
        return select(*columns).select_from(focus)


def _journey(table: FromClause, row: Decided) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.campaign_id == row.campaign_id, table.c.instance == row.instance
