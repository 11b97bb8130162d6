"""Plans and migrations as properties: random edits of random programs with people in them, on both databases.

What the plan counts is what happens; nobody is stranded, sent anything twice, or loses a wait; the ledger is that of
the reference interpreter, which knows versions, migrations and canaries; back and forth is where it began.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from flowrules.content.deployed import read_snapshot
from flowrules.errors import PlanError
from flowrules.program.machine import NodeKind
from flowrules.program.plan import Plan
from flowrules.runtime.deploy import Applied, apply
from flowrules.runtime.plan import plan_on
from flowrules.runtime.tick import Planner, planner
from flowrules.sql import tables as t
from flowrules.sql.codes import Decision, Move, Reason
from flowrules.store.database import Database
from tests.property import edits
from tests.property.examples import examples
from tests.reference.generate import scenarios
from tests.reference.generate_words import Dice
from tests.reference.interpreter import run as reference
from tests.reference.scenario import DAY, HOUR, Deployment, LedgerRow, Scenario
from tests.reference.show import difference
from tests.support.engine import Reactions, deployed, ledger, model_of, snapshot_of
from tests.support.prepared import checked

_WAITS = (NodeKind.WAIT, NodeKind.WAIT_UNTIL, NodeKind.WAIT_FOR, NodeKind.NO_REACTION)
Journey = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Place:
    version: int
    node: int
    kind: int
    step: str
    due: int | None
    ghost: int


def places(connection: Connection) -> dict[Journey, Place]:
    """Where everybody on the way is."""
    e, n, s = t.enrollment.c, t.node.c, t.step.c
    query = (
        select(e.customer_id, e.campaign_id, e.instance, e.version_id, e.node, n.kind, s.key, e.due_at, e.ghost)
        .join_from(t.enrollment, t.node, (n.version_id == e.version_id) & (n.node == e.node))
        .join(t.step, s.id == n.step_id)
        .where(e.ended_at.is_(None))
    )
    return {tuple(row[:3]): Place(*row[3:]) for row in connection.execute(query)}


def put_in_force(database: Database, scenario: Scenario, at: int, plan: Plan | None = None) -> Applied:
    promise, canary = (None, None) if plan is None else (plan.promise, plan.canary)
    return apply(database, snapshot_of(scenario), model_of(scenario), at, promise=promise, canary=canary)


def planned(database: Database, scenario: Scenario, canary: int | None = None) -> Plan:
    with database.read() as connection:
        return plan_on(connection, snapshot_of(scenario), model_of(scenario), canary)


def tried(database: Database, dice: Dice, scenario: Scenario) -> Plan:
    """Now and then for a share, where that can be."""
    canary = dice.pick((100_000, 300_000, 500_000, 900_000)) if dice.chance(40) else None
    try:
        return planned(database, scenario, canary)
    except PlanError:
        return planned(database, scenario)


def rows_at(connection: Connection, at: int) -> list[Any]:
    return list(connection.execute(select(t.decision).where(t.decision.c.at == at)))


def journey(row: Any) -> Journey:  # noqa: ANN401  # a row
    return row.customer_id, row.campaign_id, row.instance


# --- what must hold -----------------------------------------------------------------------------------


def nobody_is_stranded(connection: Connection) -> None:
    """Whoever is on the way waits for a time, or for a message that still wants work."""
    m = t.message.c
    busy = {
        tuple(row) for row in connection.execute(select(m.customer_id, m.campaign_id, m.instance).where(m.status < 10))
    }
    for who, place in places(connection).items():
        if place.kind in _WAITS:
            assert place.due is not None, (who, place)
        else:
            assert place.kind == NodeKind.SEND, (who, place)
            assert place.due is not None or who in busy, (who, place)


def nothing_is_sent_twice(connection: Connection) -> None:
    """A step that one version has sent is not sent by the next one that comes to it, unless in another round: the
    stage was reached anew by someone whom the move left where they were.
    """
    d, v = t.decision.c, t.move.c
    elsewhere = {
        (*row[:3], row[3]) for row in connection.execute(
            select(v.customer_id, v.campaign_id, v.instance, v.version_id).where(v.fresh > 0))
    }  # fmt: skip
    sent: dict[Any, tuple[int, Any]] = {}
    reached: dict[Journey, Any] = {}
    query = select(t.decision).where(d.decision.in_((Decision.SEND, Decision.STAGE))).order_by(d.at, d.turn)
    judged = {
        (m.customer_id, m.campaign_id, m.instance, m.step_id, m.version_id): m.decided_at
        for m in connection.execute(select(t.message).where(t.message.c.reason == Reason.ALREADY_SENT))
    }
    for row in connection.execute(query):
        if row.decision == Decision.STAGE:
            reached[journey(row)] = (row.at, row.turn)
            continue
        step = (*journey(row), row.step_id)
        version, when = sent.get(step, (row.version_id, None))
        if version != row.version_id and judged.get((*step, row.version_id), row.at) >= row.at:
            assert (*journey(row), row.version_id) not in elsewhere, row
            assert reached[journey(row)] > when, row
        sent[step] = (row.version_id, (row.at, row.turn))


def everybody_is_inside_or_has_left(connection: Connection) -> None:
    d = t.decision.c
    entered = Counter(journey(r) for r in connection.execute(select(t.decision).where(d.decision == Decision.ENTERED)))
    left = Counter(journey(r) for r in connection.execute(select(t.decision).where(d.decision == Decision.EXIT)))
    assert set(left.values()) <= {1}
    assert set(places(connection)) == set(entered) - set(left)


def no_wait_is_lost(connection: Connection, before: dict[Journey, Place]) -> None:
    """Who was to keep a wait waits until then, and the ledger says so; who is to wait anew or less waits too."""
    m, n = t.move.c, t.node.c
    moves = select(t.move, n.kind.label("node_kind")).join(t.node, (n.version_id == m.version_id) & (n.node == m.node))
    last = connection.execute(select(func.max(m.at))).scalar()
    until = {journey(row): row.until for row in rows_at(connection, last or 0) if row.decision == Decision.MOVED}
    for row in connection.execute(moves.where(m.at == last, m.kind.in_((Move.KEEP, Move.RECOMPUTE)))):
        assert row.node_kind == before[journey(row)].kind
        if row.kind == Move.KEEP:
            assert until[journey(row)] == before[journey(row)].due
        assert until[journey(row)] is not None


# --- the properties -----------------------------------------------------------------------------------


def counts_are_what_happens(database: Database, plan: Plan, before: dict[Journey, Place], applied: Applied) -> None:
    """Position by position: who stays, moves, leaves; and no more are sent something than it says."""
    with database.read() as connection:
        at = connection.execute(select(func.max(t.deployment.c.at))).scalar_one()
        rows = rows_at(connection, at)
        if applied.moved:
            no_wait_is_lost(connection, before)
    moved = {journey(row) for row in rows if row.decision == Decision.MOVED}
    left = {journey(row) for row in rows if row.decision == Decision.EXIT and row.reason == Reason.MIGRATED}
    sent = {journey(row) for row in rows if row.decision == Decision.SEND and row.reason is None}
    # What a fact of this very instant, or a wait that ends at it, brings about is not the plan's.
    happened = {journey(row) for row in rows if row.decision in (Decision.INTERRUPTED, Decision.MET)}
    sent -= happened | {who for who, place in before.items() if place.due == at}
    assert applied.moved == len(moved) + len(left) == plan.moving
    for step in plan.steps:
        here = {
            who
            for who, place in before.items()
            if (place.version, place.node) == (step.position.version_id, step.position.node)
        }
        assert len(here) == step.position.customers == step.stay + step.move + step.exit
        assert len(here & moved) == step.move
        assert len(here & left) == step.exit
        assert len(here & moved & sent) <= step.send_now, step


def edit_and_apply(
    database: Database, planning: Planner, dice: Dice, scenario: Scenario, at: int
) -> tuple[Scenario, bool]:
    """An edit, with what its author says of those inside; False: they said what can not be."""
    other = edits.edited(dice, scenario)
    lines = edits.said(dice, other, planned(database, other))
    other = edits.with_lines(other, lines)
    if checked(snapshot_of(other)).model is None:
        return scenario, False
    plan = tried(database, dice, other)
    if plan.refused:
        with database.read() as connection:
            before = places(connection)
        with pytest.raises(Exception, match="would be lost"):
            put_in_force(database, other, at)
        with database.read() as connection:
            assert places(connection) == before
        return scenario, False
    with database.read() as connection:
        before = places(connection)
    applied = put_in_force(database, other, at, plan)
    planning.tick(at, answer=Reactions(other).answer)
    counts_are_what_happens(database, plan, before, applied)
    return other, True


def run(database_url: str, data: st.DataObject) -> None:
    scenario, dice = data.draw(scenarios()), Dice(data.draw)  # type: ignore[arg-type]  # it draws all the same
    if dice.chance(80):
        scenario = edits.populated(dice, scenario)
    first = scenario
    with deployed(scenario, database_url) as database, planner(database) as planning:
        at = scenario.deployed_at
        for _ in range(2):
            at = min(at + dice.number(1, 6) * DAY + dice.pick((0, 1, HOUR)), scenario.until)
            planning.tick(at - 1, answer=Reactions(scenario).answer)
            scenario, _ = edit_and_apply(database, planning, dice, scenario, at)
            with database.read() as connection:
                nobody_is_stranded(connection)
        planning.tick(max(scenario.until, at), answer=Reactions(scenario).answer)
        with database.read() as connection:
            nobody_is_stranded(connection)
            nothing_is_sent_twice(connection)
            everybody_is_inside_or_has_left(connection)
            whole = replace(first, deployments=tuple(later_ones(connection)))
            expected, rows = reference(whole)[0], [row for row in ledger(connection) if row.at <= whole.until]
    if expected != rows:
        pytest.fail(difference(expected, rows, whole), pytrace=False)


def later_ones(connection: Connection) -> Iterator[Deployment]:
    d = t.deployment.c
    for row in connection.execute(select(d.snapshot, d.at, d.canary).where(d.id > 1).order_by(d.id)):
        (source,) = read_snapshot(row.snapshot).sources
        yield Deployment(source.text, row.at, row.canary)


@examples(6)
@given(st.data())
def test_what_is_planned_is_what_happens(database_url: str, data: st.DataObject) -> None:
    run(database_url, data)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@examples(30)
@given(st.data())
def test_what_is_planned_is_what_happens_thoroughly(database_url: str, data: st.DataObject) -> None:
    run(database_url, data)


@examples(3)
@given(st.data())
def test_back_and_forth_is_where_it_began(database_url: str, data: st.DataObject) -> None:
    """Other lengths of waits with everybody following, and back again: the same people wait for the same things until
    the same instants, and what happens from then on is what would have happened without.
    """
    dice = Dice(data.draw)  # type: ignore[arg-type]  # it draws all the same
    scenario = edits.populated(dice, data.draw(scenarios()))
    scenario = replace(scenario, pauses=(), operator_exits=())
    lines = {campaign.name: ["from every stage follow, keep waits"] for campaign in model_of(scenario).campaigns}
    other, back = edits.with_lines(edits.longer(dice, scenario), lines), edits.with_lines(scenario, lines)
    assume(checked(snapshot_of(other)).model is not None)
    at = scenario.deployed_at + dice.number(1, 6) * DAY + 17 * HOUR // 13
    answer = Reactions(scenario).answer
    with deployed(scenario, database_url) as database, planner(database) as planning:
        planning.tick(at - 1, answer=answer)
        with database.read() as connection:
            before = places(connection)
        assume(before and all(place.kind in _WAITS for place in before.values()))
        put_in_force(database, other, at)
        planning.tick(at, answer=answer)
        put_in_force(database, back, at + 1)
        planning.tick(at + 2, answer=answer)
        with database.read() as connection:
            there = where(places(connection))
        planning.tick(scenario.until, answer=answer)
        with database.read() as connection:
            rows = told(ledger(connection), at)
    with deployed(scenario, database_url) as database, planner(database) as planning:
        planning.tick(at + 2, answer=answer)
        with database.read() as connection:
            assert there == where(places(connection))
        planning.tick(scenario.until, answer=answer)
        with database.read() as connection:
            assert rows == told(ledger(connection), at)


def where(found: dict[Journey, Place]) -> dict[Journey, tuple[str, int | None]]:
    return {who: (place.step, place.due) for who, place in found.items()}


def told(rows: list[LedgerRow], after: int) -> list[LedgerRow]:
    """What happens from then on; where the lines stand is another matter."""
    return [replace(row, rule=None) for row in rows if row.at > after + 2]
