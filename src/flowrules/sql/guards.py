"""Typed conditions as SQL: boolean expressions over a row that says which customer and which instant.

Every look-up goes by customer, so that a guard costs what that customer's history costs. Expressions
are never NULL: a comparison with a missing value is false, a negated form its exact opposite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    Table,
    Text,
    and_,
    cast,
    exists,
    false,
    func,
    literal,
    literal_column,
    not_,
    null,
    or_,
    select,
    true,
    union_all,
)

from flowrules.model import condition as c
from flowrules.model.schema import Attribute, Kind, Property, Stored
from flowrules.model.touches import touches
from flowrules.sql import tables as t
from flowrules.sql.catalogue import Catalogue
from flowrules.sql.codes import Status
from flowrules.sql.columns import attribute_column, property_column
from flowrules.sql.local_time import DAY, local_day, resolve
from flowrules.sql.scratch import run

Column = ColumnElement[Any]
Test = ColumnElement[bool]


AWAITED = "awaited"
"""The message a reaction is awaited to, by the name of its table in the query for it."""


@dataclass(frozen=True, slots=True)
class Row:
    """The row a guard is about, by the name of its table in the statement that will hold the guard.

    It has customer_id, at and zone_id; for reactions also campaign_id and instance. Written as names,
    so that no subquery takes the table for one of its own.
    """

    table: str

    def __getitem__(self, column: str) -> Column:
        return literal_column(f"{self.table}.{column}")

    @property
    def customer(self) -> Column:
        return self["customer_id"]

    @property
    def at(self) -> Column:
        return self["at"]

    @property
    def zone(self) -> Column:
        return self["zone_id"]


def constant(value: Stored) -> Column:
    """Integers stand in the text, words are bound."""
    return literal_column(str(value)) if isinstance(value, int) else literal(value)


class Guards:
    """Lowers conditions for one dialect, with the catalogue's numbers and the extended tables."""

    def __init__(self, dialect: str, catalogue: Catalogue, customer: Table, event: Table, places: Table = run) -> None:
        """places: where live instances stand: within a tick `run`, at rest `enrollment`."""
        self.dialect = dialect
        self.catalogue = catalogue
        self.customer = customer
        self.event = event
        self.places = places

    def at_rest(self) -> Guards:
        """The same for customers no tick is at work on."""
        return Guards(self.dialect, self.catalogue, self.customer, self.event, t.enrollment)

    # --- conditions -----------------------------------------------------------------------------------

    def test(self, condition: c.Condition, row: Row) -> Test:  # noqa: C901, PLR0911, PLR0912  # one case a kind
        """The condition at the row's instant."""
        match condition:
            case c.And():
                return and_(true(), *(self.test(item, row) for item in condition.items))
            case c.Or():
                return or_(false(), *(self.test(item, row) for item in condition.items))
            case c.Not():
                return not_(self.test(condition.item, row))
            case c.AttributeIs():
                value = self._attribute(condition.attribute, row)
                return self._compare(value, condition.op, condition.values)
            case c.PropertyIs():
                msg = "a property is tested inside the filter of its event"
                raise TypeError(msg)
            case c.Count():
                return self._count(condition, row)
            case c.Aggregate():
                return self._aggregate(condition, row)
            case c.HistoryProperty():
                return self._compare(self._nth_property(condition, row), condition.op, condition.values)
            case c.Ago():
                edge = row.at - constant(condition.microseconds)
                when = self._moment(condition, row)
                return func.coalesce(when <= edge if condition.more else when > edge, false())
            case c.DateIs():
                return self._date(condition, row)
            case c.InSegment():
                return self.test(condition.segment.condition, row)
            case c.InList():
                return self._in_list(condition, row)
            case c.Tagged():
                g = t.tagging.alias()
                tag_id = constant(self.catalogue.tags.get(condition.tag, -1))
                return exists().where(g.c.customer_id == row.customer, g.c.tag_id == tag_id)
            case c.InStage():
                return self._in_stage(condition, row)
            case c.Consents():
                return and_(
                    true(),
                    *(
                        self.consent_holds(
                            self.consent_state(row.customer, row.at, condition.channel, name), asks_first=asks
                        )
                        for name, asks in condition.purposes
                    ),
                )
            case c.Reaction():
                return self._reaction(condition, row)

    def value(self, condition: c.Condition, row: Row) -> Column | None:  # noqa: PLR0911  # as in `test`
        """What a comparison compares, as stored; None where there is no one value. An average is rounded, for people;
        of whole numbers it is in millionths.
        """
        match condition:
            case c.Not():
                return self.value(condition.item, row)
            case c.AttributeIs() | c.DateIs():
                return self._attribute(condition.attribute, row)
            case c.Count():
                e = self.event.alias()
                return select(func.count()).select_from(e).where(*self._window(condition.of, row, e)).scalar_subquery()
            case c.Aggregate() if condition.kind == "average":
                return self._average(condition, row)
            case c.Aggregate():
                return self._total(condition, row)
            case c.HistoryProperty():
                return self._nth_property(condition, row)
            case c.Ago():
                return self._moment(condition, row)
            case c.Consents() if len(condition.purposes) == 1:
                return self.consent_state(row.customer, row.at, condition.channel, condition.purposes[0][0])
            case _:
                return None

    def filter(self, condition: c.Filter | None, event: FromClause) -> Test:
        """The filter of an event, over a row of the event table."""
        match condition:
            case None:
                return true()
            case c.And():
                return and_(true(), *(self.filter(item, event) for item in condition.items))  # type: ignore[arg-type]  # items of a filter are filters
            case c.Or():
                return or_(false(), *(self.filter(item, event) for item in condition.items))  # type: ignore[arg-type]  # as above
            case c.Not():
                return not_(self.filter(condition.item, event))  # type: ignore[arg-type]  # as above
            case c.PropertyIs():
                return self._compare(event.c[property_column(condition.property)], condition.op, condition.values)

    def key(self, declared: Property, event: FromClause) -> Column:
        """A property of a row of the event table as a key: text, by code points."""
        column = event.c[property_column(declared)]
        value = column if declared.type.textual else cast(column, Text)
        return value if self.dialect == "sqlite" else value.collate("C")

    def changes(self, condition: c.Condition, row: Row) -> Iterator[Column]:
        """Instants after the row's at which time alone may change the condition; missing or past ones are no change."""
        match condition:
            case c.And() | c.Or():
                for item in condition.items:
                    yield from self.changes(item, row)
            case c.Not():
                yield from self.changes(condition.item, row)
            case c.InSegment():
                yield from self.changes(condition.segment.condition, row)
            case c.Count() | c.Aggregate() | c.HistoryProperty() if condition.of.within is not None:
                e = self.event.alias()
                yield (
                    select(func.min(e.c.event_time) + constant(condition.of.within))
                    .where(*self._window(condition.of, row, e))
                    .scalar_subquery()
                )
            case c.Ago():
                yield self._moment(condition, row) + constant(condition.microseconds)
            case c.DateIs():
                for day in self._days(condition, row):
                    yield resolve(row.zone, day * literal_column(str(DAY)))
            case _:
                return

    def _days(self, condition: c.DateIs, row: Row) -> Iterator[Column]:
        """Local dates with whose beginning a comparison with the calendar may change."""
        value, one = self._attribute(condition.attribute, row), constant(1)
        if condition.kind == "today":
            # The day of the year that comes next, and the one behind it or behind today.
            born, k = t.calendar.alias(), t.calendar.alias()
            today = local_day(row.zone, row.at)
            same = or_(born.c.month_day == k.c.month_day, born.c.month_day == k.c.also)
            days = select(func.min(k.c.day)).where(born.c.day == value, same, k.c.day <= today + literal_column("366"))
            yield days.where(k.c.day > today).scalar_subquery()
            yield days.where(k.c.day >= today).scalar_subquery() + one
            return
        first = value - constant(condition.days)
        yield first
        yield (first if condition.kind == "away" else value) + one

    def next_change(self, condition: c.Condition, row: Row) -> Column:
        """The first instant after the row's at which time alone may change the condition; NULL: there is none."""
        instants = [select(change.label("at")) for change in self.changes(condition, row)]
        if not instants:
            return null()
        found = union_all(*instants).subquery()
        return select(func.min(found.c.at)).where(found.c.at > row.at).scalar_subquery()

    # --- pieces ---------------------------------------------------------------------------------------

    def consent_state(self, customer: Column, at: Column, channel: str, purpose: str) -> Column:
        """The latest recorded state for channel and purpose, NULL if there is none."""
        g = t.consent.alias()
        return (
            select(g.c.state)
            .where(
                g.c.customer_id == customer,
                g.c.channel == literal(channel),
                g.c.purpose == literal(purpose),
                g.c.at <= at,
                g.c.state != literal(t.OUTDATED),
            )
            .order_by(g.c.at.desc(), g.c.seq.desc())
            .limit(1)
            .scalar_subquery()
        )

    @staticmethod
    def consent_holds(state: Column, *, asks_first: bool) -> Test:
        if asks_first:
            return func.coalesce(state == literal("granted"), false())
        return not_(func.coalesce(state.in_(("refused", "withdrawn")), false()))

    def _attribute(self, attribute: Attribute, row: Row) -> Column:
        a = self.customer.alias()
        value = select(a.c[attribute_column(attribute)]).where(a.c.id == row.customer).scalar_subquery()
        return value if attribute.default is None else func.coalesce(value, constant(attribute.default))

    def _compare(self, value: Column, op: c.Op, values: tuple[Stored, ...]) -> Test:
        bound = [constant(item) for item in values]
        tests: dict[str, Callable[[], Test]] = {
            "=": lambda: value == bound[0],
            "<": lambda: value < bound[0],
            "<=": lambda: value <= bound[0],
            ">": lambda: value > bound[0],
            ">=": lambda: value >= bound[0],
            "between": lambda: and_(value >= bound[0], value <= bound[1]),
            "in": lambda: or_(*(value == item for item in bound)),
            "any of": lambda: or_(*(self._holds(value, str(item)) for item in values)),
            "all of": lambda: and_(*(self._holds(value, str(item)) for item in values)),
        }
        opposites = {"!=": "=", "not in": "in", "none of": "any of"}
        if op == "known":
            return value.is_not(null())
        if op == "unknown":
            return value.is_(null())
        if op in opposites:
            return not_(func.coalesce(tests[opposites[op]](), false()))
        return func.coalesce(tests[op](), false())

    def _holds(self, value: Column, item: str) -> Test:
        """A list value holds an item: it stands between separators."""
        search = func.instr if self.dialect == "sqlite" else func.strpos
        return search(value, literal(f"\x1f{item}\x1f")) > literal_column("0")

    def _window(self, of: c.Happenings, row: Row, e: FromClause) -> list[Test]:
        clauses = [
            e.c.customer_id == row.customer,
            e.c.type_id == constant(self.catalogue.event_types.get(of.event.name, -1)),
            e.c.at <= row.at,
        ]
        if of.within is not None:
            start = row.at - constant(of.within)
            # Nothing is received before it happens, so the index on `at` narrows the same window.
            clauses += [e.c.at > start, e.c.event_time > start]
        if of.event.reaction in ("opened", "clicked"):
            clauses.append(e.c.machine.is_(null()))
        clauses.append(self.filter(of.filter, e))
        return clauses

    def _count(self, condition: c.Count, row: Row) -> Test:
        e = self.event.alias()
        window = self._window(condition.of, row, e)
        if (condition.op, condition.values) == (">=", (1,)):
            return exists().where(*window)
        if (condition.op, condition.values) == ("=", (0,)):
            return not_(exists().where(*window))
        number = select(func.count()).select_from(e).where(*window).scalar_subquery()
        return self._compare(number, condition.op, condition.values)

    def _aggregate(self, condition: c.Aggregate, row: Row) -> Test:
        if condition.kind == "average":
            e = self.event.alias()
            column = e.c[property_column(condition.property)]
            window = self._window(condition.of, row, e)
            total = select(func.sum(column)).where(*window).scalar_subquery()
            number = select(func.count(column)).where(*window).scalar_subquery()
            return self._compare_average(total, number, condition)
        return self._compare(self._total(condition, row), condition.op, condition.values)

    def _total(self, condition: c.Aggregate, row: Row) -> Column:
        e = self.event.alias()
        column = e.c[property_column(condition.property)]
        value: Column = func.coalesce(func.sum(column), literal_column("0"))
        if condition.kind == "distinct":
            value = func.count(column.distinct())
        return select(value).where(*self._window(condition.of, row, e)).scalar_subquery()

    def _average(self, condition: c.Aggregate, row: Row) -> Column:
        e = self.event.alias()
        column = e.c[property_column(condition.property)]
        scale = constant(1_000_000 if condition.property.type.kind is Kind.INTEGER else 1)
        total = cast(func.sum(column), BigInteger) * scale
        number = func.nullif(func.count(column), constant(0), type_=BigInteger)  # of nothing there is none
        half_up = (total * 2 + number) // (number * 2)
        return select(half_up).where(*self._window(condition.of, row, e)).scalar_subquery()

    def _compare_average(self, total: Column, number: Column, condition: c.Aggregate) -> Test:
        """Total / number op value, without a division."""
        if condition.op in ("known", "unknown"):
            return self._compare(total, condition.op, ())
        if condition.op == "between":
            low, high = (constant(item) * number for item in condition.values)
            return func.coalesce(and_(total >= low, total <= high), false())
        tests: dict[str, Callable[[Column], Test]] = {
            "=": lambda v: total == v,
            "!=": lambda v: total == v,
            "<": lambda v: total < v,
            "<=": lambda v: total <= v,
            ">": lambda v: total > v,
            ">=": lambda v: total >= v,
        }
        result = func.coalesce(tests[condition.op](constant(condition.values[0]) * number), false())
        return not_(result) if condition.op == "!=" else result

    def _nth_property(self, condition: c.HistoryProperty, row: Row) -> Column:
        e = self.event.alias()
        last = condition.which == "last"
        order = [column.desc() if last else column.asc() for column in (e.c.event_time, e.c.at, e.c.seq)]
        return (
            select(e.c[property_column(condition.property)])
            .where(*self._window(condition.of, row, e))
            .order_by(*order)
            .limit(1)
            .scalar_subquery()
        )

    def _moment(self, condition: c.Ago, row: Row) -> Column:
        e = self.event.alias()
        pick = func.max if condition.which == "last" else func.min
        return select(pick(e.c.event_time)).where(*self._window(condition.of, row, e)).scalar_subquery()

    def _date(self, condition: c.DateIs, row: Row) -> Test:
        value = self._attribute(condition.attribute, row)
        today = local_day(row.zone, row.at)
        if condition.kind == "away":
            return func.coalesce(value == today + constant(condition.days), false())
        if condition.kind == "next":
            return func.coalesce(and_(value >= today, value <= today + constant(condition.days)), false())
        born, now = t.calendar.alias(), t.calendar.alias()
        same = or_(born.c.month_day == now.c.month_day, born.c.month_day == now.c.also)
        return exists().where(born.c.day == value, now.c.day == today, same)

    def _in_list(self, condition: c.InList, row: Row) -> Test:
        i, newer, entry = t.identity.alias(), t.identity.alias(), t.list_entry.alias()
        replaced = exists().where(
            newer.c.customer_id == i.c.customer_id,
            newer.c.kind == i.c.kind,
            newer.c.since > i.c.since,
            newer.c.since <= row.at,
        )
        return exists().where(
            i.c.customer_id == row.customer,
            i.c.kind.in_(condition.list.by),
            i.c.since <= row.at,
            not_(replaced),
            entry.c.list == literal(condition.list.name),
            entry.c.kind == i.c.kind,
            entry.c.value == i.c.value,
        )

    def _in_stage(self, condition: c.InStage, row: Row) -> Test:
        r = self.places.alias()
        clauses = [
            r.c.customer_id == row.customer,
            r.c.campaign_id == constant(self.catalogue.campaigns.get(condition.campaign, -1)),
            r.c.ended_at.is_(null()),
            r.c.ghost == literal_column("0"),
        ]
        if condition.stage is None:
            clauses.append(r.c.stage_id > literal_column("0"))
        else:
            stage_id = self.catalogue.steps.get((condition.campaign, condition.stage), -1)
            clauses.append(r.c.stage_id == constant(stage_id))
        return exists().where(*clauses)

    def last_message(
        self, row: Row, channel: str, template: str | None, *columns: str | ColumnElement[Any]
    ) -> Select[Any]:
        """Columns, or what is made of them, of the last message accepted (ghosts too) in the row's instance."""
        m = t.message.alias(AWAITED)
        clauses = [
            m.c.customer_id == row.customer,
            m.c.campaign_id == row["campaign_id"],
            m.c.instance == row["instance"],
            m.c.channel_id == constant(self.catalogue.channels.get(channel, -1)),
            m.c.sent_at <= row.at,
            m.c.status.in_([literal_column(str(int(s))) for s in (Status.SENT, Status.GHOST)]),
        ]
        if template is not None:
            n = t.node.alias()
            clauses.append(
                exists().where(
                    n.c.version_id == m.c.version_id, n.c.node == m.c.node, n.c.template == literal(template)
                )
            )
        wanted = (m.c[column] if isinstance(column, str) else column for column in columns)
        found = select(*wanted).select_from(m).where(*clauses)
        return found.order_by(m.c.sent_at.desc(), m.c.turn.desc()).limit(1)

    def _reaction(self, condition: c.Reaction, row: Row) -> Test:
        step = self.last_message(row, condition.channel, condition.template, "step_id").scalar_subquery()
        number = self.last_message(row, condition.channel, condition.template, "pass").scalar_subquery()
        if condition.word == "not sent":
            return step.is_(null())
        negated = condition.word.startswith("un")
        e = self.event.alias()
        reaction = condition.word.removeprefix("un")
        there = exists().where(
            e.c.customer_id == row.customer,
            e.c.type_id == constant(self.catalogue.event_types.get(f"{condition.channel}_{reaction}", -1)),
            e.c.at <= row.at,
            e.c.ref_campaign_id == row["campaign_id"],
            e.c.ref_instance == row["instance"],
            e.c.ref_step_id == step,
            e.c.ref_pass == number,
            e.c.machine.is_(null()),
        )
        return and_(step.is_not(null()), not_(there)) if negated else there


def depends(condition: c.Condition) -> Iterator[str]:
    """Names of the event types whose facts may change a condition."""
    return (name for kind, name in touches(condition) if kind == "event")
