"""Statements of the round itself: what is due, which instant is next, loading and writing back instances.

The agenda holds every (customer, instant) of the tick; a slice is a range of customers; a round takes
each customer's next instant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Table

from flowrules.model.campaign import EventTrigger
from flowrules.sql import scratch, tables
from flowrules.sql.bundle import NODES, Bundle
from flowrules.sql.scratch import AGENDA, STATE
from flowrules.sql.statement import Statement

# In the order of the table, as all that a tick inserts: SQLite copies each value once more where it is not.
DECISION = (
    "INSERT INTO decision (at, customer_id, turn, campaign_id, instance, decision, key, step_id, version_id, "
    'reason, place_id, by_id, counter, "limit", "window", until, words_id) '
)
LIVE = "ended_at IS NULL"
_CODE = f"e.version_id * {NODES} + e.node"
_MARK = "INSERT INTO agenda (customer_id, at, what)"


@dataclass(frozen=True, slots=True)
class Rounds:
    """slice_end: the last customer, how many marks there are up to a size, and how many that customer has in all.

    all_present: as `present`, where each customer of the slice has one mark.

    more: whether anybody has another instant. The agenda forgets the round's only then: no slice looks back.

    moves: from where to where journeys have come in this round; rest: writes what that adds up to.
    """

    gather: tuple[Statement, ...]
    scheduled: Statement
    next_due: Statement
    slice_end: Statement
    focus: Statement
    present: Statement
    all_present: Statement
    load: Statement
    running: Statement
    moved: Statement
    more: Statement
    forget: Statement
    write: tuple[Statement, ...]
    again: tuple[Statement, ...]
    clear: tuple[Statement, ...]
    changes: Statement
    moves: Statement
    rest: str


def rounds(bundle: Bundle, default_zone: int, listened: tuple[int, ...], *, of_customer: bool) -> Rounds:
    """default_zone: id of the policy's zone; listened: ids of the event types that make instants."""
    w = bundle.writer
    zone = zone_of(default_zone, of_customer=of_customer)
    types = ", ".join(map(str, listened)) or "-1"
    schedules = ", ".join(map(str, bundle.schedules())) or "0"
    gather = [
        f"SELECT e.customer_id, e.due_at, {AGENDA.TIMER} FROM enrollment e WHERE e.due_at <= :target",
        f"SELECT e.customer_id, e.recheck_at, {AGENDA.TIMER} FROM enrollment e WHERE e.recheck_at <= :target",
        f"SELECT e.customer_id, e.at, e.type_id FROM event e WHERE e.type_id + 0 IN ({types}) "
        "AND e.at + 0 > :last AND e.at + 0 <= :target",
        f"SELECT a.customer_id, a.at, {AGENDA.CHANGE} FROM attribute_change a "
        "WHERE a.at + 0 > :last AND a.at + 0 <= :target",
        f"SELECT o.customer_id, o.at, {AGENDA.OUTCOME} FROM outcome o WHERE o.at + 0 > :last AND o.at + 0 <= :target",
    ]
    due = [
        "SELECT min(due_at) AS at FROM enrollment WHERE due_at IS NOT NULL",
        "SELECT min(recheck_at) FROM enrollment WHERE recheck_at IS NOT NULL",
        "SELECT min(at + 0) FROM attribute_change WHERE at + 0 > :last",
        "SELECT min(at + 0) FROM outcome WHERE at + 0 > :last",
        *(f"SELECT min(at + 0) FROM event WHERE type_id + 0 = {number} AND at + 0 > :last " for number in listened),
    ]
    for version, lives_from in bundle.now:
        trigger, since = version.machine.campaign.entry.trigger, bundle.looks_back.get(version.campaign_id)
        if version.campaign_id in bundle.looking and isinstance(trigger, EventTrigger):
            gather.append(
                f"SELECT e.customer_id, {lives_from}, e.type_id "
                f"FROM event e WHERE e.type_id + 0 = {bundle.event_type(trigger.event.name)} AND e.at + 0 >= {since} "
                f"AND e.at + 0 < {lives_from} AND {lives_from} > :last AND {lives_from} <= :target"
            )
            due.append(f"SELECT CAST({lives_from} AS BIGINT) WHERE {lives_from} > :last")
    if bundle.listens_to_consent():
        gather.append(
            f"SELECT c.customer_id, c.at, {AGENDA.CONSENT} FROM consent c "
            "WHERE c.at + 0 > :last AND c.at + 0 <= :target"
        )
        due.append("SELECT min(at + 0) FROM consent WHERE at + 0 > :last")
    if bundle.kept():
        gather += [
            f"SELECT m.customer_id, m.recheck_at, {AGENDA.MEMBER} - m.segment_id FROM membership m "
            "WHERE m.recheck_at <= :target",
            f"SELECT c.id, c.known_at, {AGENDA.KNOWN} FROM customer c "
            "WHERE c.known_at + 0 > :last AND c.known_at + 0 <= :target",
        ]
        due += [
            "SELECT min(recheck_at) FROM membership WHERE recheck_at IS NOT NULL",
            "SELECT min(known_at + 0) FROM customer WHERE known_at + 0 > :last",
        ]
    # A customer whose zone changes in this tick is visited for every zone; focus tells the right one.
    scheduled = (
        f"{_MARK} SELECT DISTINCT c.id, o.at, o.what "
        "FROM occurrence o CROSS JOIN customer c "
        f"WHERE o.what IN ({schedules}) AND c.known_at <= o.at AND ({zone} = o.zone_id "
        "OR EXISTS (SELECT 1 FROM attribute_change a "
        "WHERE a.customer_id = c.id AND a.at > :last AND a.at <= :target AND a.attribute = 'timezone'))"
    )
    next_due = f"SELECT min(at) FROM ({' UNION ALL '.join(due)}) AS due"
    live = w.join("enrollment", "e", "e.customer_id = f.customer_id AND e.ended_at IS NULL")
    stored = {each.name: each.name for each in tables.enrollment.c} | {
        "node": f"code % {NODES}",
        "due_at": f"CASE WHEN {LIVE} THEN due_at END",
        "recheck_at": f"CASE WHEN {LIVE} THEN recheck_at END",
    }
    write = w.replacing(tables.enrollment, inserting(tables.enrollment, stored), "FROM run WHERE dirty = 1", "was <> 0")
    return Rounds(
        gather=tuple(w.statement(f"{_MARK} {marks} ON CONFLICT DO NOTHING") for marks in gather),
        scheduled=w.statement(scheduled),
        next_due=w.statement(next_due),
        slice_end=w.statement(
            "SELECT upto, marks, (SELECT count(*) FROM agenda WHERE customer_id = upto) FROM (SELECT max(customer_id) "
            "AS upto, count(*) AS marks FROM (SELECT customer_id FROM agenda WHERE customer_id > :cursor "
            "ORDER BY customer_id LIMIT :size) AS found) AS part"
        ),
        # In order of time: the first instant of each customer stays.
        focus=w.statement(
            f"INSERT INTO focus (customer_id, at, zone_id) SELECT a.customer_id, a.at, {zone} FROM agenda a "
            f"{w.join('customer', 'c', 'c.id = a.customer_id')} WHERE a.customer_id > :cursor "
            "AND a.customer_id <= :upto ORDER BY a.customer_id, a.at ON CONFLICT DO NOTHING"
        ),
        present=w.statement(
            "SELECT DISTINCT a.what FROM focus f CROSS JOIN agenda a "
            "WHERE a.customer_id = f.customer_id AND a.at = f.at"
        ),
        all_present=w.statement(
            "SELECT DISTINCT what FROM agenda WHERE customer_id > :cursor AND customer_id <= :upto"
        ),
        load=w.statement(f"{loaded(_CODE)} {live}"),
        running=w.statement(f"SELECT DISTINCT code FROM run WHERE state = {STATE.RUNNING}"),
        moved=w.statement(f"UPDATE run SET state = {STATE.RUNNING} WHERE state = {STATE.MOVED}"),
        more=w.statement(
            "SELECT 1 FROM focus f CROSS JOIN agenda a WHERE a.customer_id = f.customer_id AND a.at <> f.at LIMIT 1"
        ),
        forget=w.statement(
            "DELETE FROM agenda WHERE customer_id > :cursor AND customer_id <= :upto "
            "AND (customer_id, at) IN (SELECT customer_id, at FROM focus)"
        ),
        write=tuple(map(w.statement, write)),
        again=(
            w.statement(
                f"{_MARK} SELECT customer_id, due_at, {AGENDA.TIMER} FROM run "
                f"WHERE {LIVE} AND due_at <= :target ON CONFLICT DO NOTHING"
            ),
            w.statement(
                f"{_MARK} SELECT customer_id, recheck_at, {AGENDA.TIMER} "
                f"FROM run WHERE {LIVE} AND recheck_at <= :target ON CONFLICT DO NOTHING"
            ),
        ),
        clear=(w.statement("DELETE FROM run"), w.statement("DELETE FROM focus")),
        changes=w.statement(
            "SELECT DISTINCT c.attribute FROM focus f "
            + w.join("attribute_change", "c", "c.customer_id = f.customer_id AND c.at = f.at")
        ),
        moves=w.statement(
            w.counted(
                "was",
                "CASE WHEN ended_at IS NULL THEN code ELSE 0 END",
                "CASE WHEN ghost > 0 THEN 1 ELSE 0 END",
                rows="FROM run WHERE dirty = 1",
            )
        ),
        rest=w.row("resting", "version_id, node, held_out, part_at, part, number"),
    )


def inserting(table: Table, values: Mapping[str, object]) -> str:
    """`INSERT ... SELECT` of SQL by column, in the table's order; NULL where there is none."""
    names = [column.name for column in table.c]
    names = names[: 1 + max(names.index(name) for name in values)]
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {', '.join(str(values.get(n, 'NULL')) for n in names)}"
    )


def loaded(was: str) -> str:
    """Journeys `e` of the round's customers `f` come into the working table: whole, as they are written back whole."""
    values = {each.name: f"e.{each.name}" for each in tables.enrollment.c if each.name in scratch.run.c}
    own = {
        "at": "f.at",
        "zone_id": "f.zone_id",
        "code": _CODE,
        "was": was,
        "state": STATE.REST,
        "ending": 0,
        "dirty": 0,
    }
    return f"{inserting(scratch.run, values | own)} FROM focus f"


def zone_of(default_zone: int, *, of_customer: bool) -> str:
    """The zone of a customer `c`."""
    return f"coalesce(c.zone_id, {default_zone})" if of_customer else str(default_zone)


def apply_change(bundle: Bundle, attribute: str, column: str, *, textual: bool) -> tuple[Statement, ...]:
    """Set one attribute from the changes of the round's instant, the last one imported; a zone follows its name."""
    value, w = "text" if textual else "number", bundle.writer
    changes = "FROM focus f " + w.join(
        "attribute_change", "c", "c.customer_id = f.customer_id AND c.at = f.at AND c.attribute = :attribute"
    )
    last = f"SELECT c.{value} {changes} WHERE f.customer_id = customer.id ORDER BY c.seq DESC LIMIT 1"
    whose = w.among("id", f"SELECT c.customer_id {changes}")
    statements = [f'UPDATE customer SET "{column}" = ({last}) WHERE {whose}']
    if attribute == "timezone":
        statements.append(
            f"UPDATE customer SET zone_id = (SELECT z.id FROM zone z WHERE z.name = customer.timezone) WHERE {whose}"
        )
    return tuple(w.statement(text) for text in statements)


def refocus(bundle: Bundle, default_zone: int) -> Statement:
    """Zones of the round after a change of `timezone`."""
    return bundle.writer.statement(
        "UPDATE focus SET zone_id = (SELECT "
        f"coalesce(c.zone_id, {default_zone}) FROM customer c WHERE c.id = focus.customer_id)"
    )
