"""What `explain` says at a random instant, against the reference interpreter, and against a database in which nothing
later has ever happened.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from flowrules.content.deployed import Deployed
from flowrules.model.schema import Kind, Type
from flowrules.model.values import display
from flowrules.report.clauses import Clause
from flowrules.report.explain import Explanation, Moment, explain
from flowrules.report.standing import Standing
from flowrules.syntax import tree
from flowrules.whatif.answer import MOST_LOOKS, suppose
from flowrules.whatif.then import as_of
from tests.reference.conditions import holds
from tests.reference.generate import scenarios
from tests.reference.interpreter import Runner, run
from tests.reference.looking import Looking, Part
from tests.reference.program import load
from tests.reference.scenario import LedgerRow, Scenario
from tests.support.engine import finished, ledger

QUICK = settings(
    max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
THOROUGH = settings(
    QUICK, max_examples=int(os.environ.get("FLOWRULES_EXAMPLES", "40")), suppress_health_check=list(HealthCheck)
)


@st.composite
def moments(draw: st.DrawFn) -> tuple[Scenario, int]:
    """A scenario, and an instant at which something happens, or just before or after it, or any."""
    scenario = draw(scenarios())
    facts = {each.at for each in scenario.events} | {each.at for each in scenario.changes} | {scenario.until}
    at = draw(st.sampled_from(sorted(facts))) + draw(st.sampled_from((0, -1, 1)))
    at = draw(st.one_of(st.just(at), st.integers(scenario.deployed_at, scenario.until)))
    return scenario, min(max(at, scenario.deployed_at), scenario.until)


@QUICK
@given(moments())
def test_explain_agrees_with_the_reference(database_url: str, drawn: tuple[Scenario, int]) -> None:
    agrees(database_url, *drawn)


@QUICK
@given(moments())
def test_nothing_later_is_known(database_url: str, tmp_path: Path, drawn: tuple[Scenario, int]) -> None:
    knows_nothing_later(database_url, tmp_path, *drawn)


@QUICK
@given(scenarios())
def test_what_conditions_found_agrees_with_the_reference(database_url: str, scenario: Scenario) -> None:
    found_the_same(database_url, scenario)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@THOROUGH
@given(moments())
def test_all_thoroughly(database_url: str, tmp_path: Path, drawn: tuple[Scenario, int]) -> None:
    agrees(database_url, *drawn)
    knows_nothing_later(database_url, tmp_path, *drawn)
    found_the_same(database_url, drawn[0])


def agrees(database_url: str, scenario: Scenario, at: int) -> None:
    rows = run(scenario)[0]
    with finished(scenario, database_url) as database, database.read() as connection:
        assert rows == ledger(connection)
        known: dict[int, Deployed] = {}
        for customer in scenario.customers[:2]:
            found, asked = told(connection, customer.id, at, known)
            mine = [row for row in rows if row.customer == customer.id and row.at <= at]
            assert sorted(map(_as_told, found.timeline), key=str) == sorted(
                [None] * _others(found) + [_as_decided(row) for row in mine], key=str
            )
            for standing in found.standings:
                _stands(standing, [row for row in mine if row.campaign == standing.campaign])
            if asked:
                _clauses(scenario, customer.id, at, found.standings)


def knows_nothing_later(database_url: str, tmp_path: Path, scenario: Scenario, at: int) -> None:
    url = f"sqlite:///{tmp_path / 'then.db'}"
    with finished(scenario, database_url) as database, finished(_until(scenario, at), url) as then:
        for customer in scenario.customers[:2]:
            zone = any(each.attribute == "timezone" and each.at > at for each in scenario.changes)
            if customer.known_at > at or zone:  # the zone in which times are told is that of now
                continue
            with database.read() as late, then.read() as early:
                found, asked = told(late, customer.id, at, {})
                expected, _ = told(early, customer.id, at, {})
            facts, others = found.facts(), expected.facts()
            if not asked:
                for each in (*facts["standings"], *others["standings"]):  # type: ignore[misc]  # lists
                    each["evaluated"] = each["words"] = None
            assert facts == others


def found_the_same(database_url: str, scenario: Scenario) -> None:
    """Each part, with the value it had, at the very step that decided."""
    program = load(scenario)
    with finished(scenario, database_url) as database, database.read() as connection:
        known: dict[int, Deployed] = {}
        for customer in scenario.customers[:2]:
            looking = Looking(scenario, program, customer)
            looking.run()
            answers = suppose(connection, customer.id, None, "UTC", scenario.until, known)
            for where, clauses in answers.evaluated.items():
                assert tuple(map(_plain, clauses)) == tuple(map(_plain, looking.found[where])), where
            unknown = any(each.customer == customer.id for each in scenario.changes) or "in list" in scenario.rules
            if not unknown and len(looking.found) <= MOST_LOOKS:
                assert answers.evaluated.keys() == looking.found.keys()
            story = explain(connection, customer.id, None, scenario.until, known).timeline
            for each in story:
                if each.where in looking.let_in and each.kind == "decision":
                    expected = {tuple(map(_plain, parts)) for parts in looking.let_in[each.where]}
                    assert not each.evaluated or tuple(map(_plain, each.evaluated)) in expected
                    assert each.evaluated or len(expected) > 1 or "refresh" in scenario.rules


def _plain(part: Clause | Part) -> tuple[Any, ...]:
    value = None if "average of" in part.text else part.value
    if isinstance(value, timedelta):
        value = display(int(value.total_seconds()) * 1_000_000, Type(Kind.DURATION), "EUR")
    elif isinstance(value, datetime):
        value = value.replace(second=0, microsecond=0)  # as it is shown
    return part.text, part.holds, value, tuple(map(_plain, part.parts))


def told(connection: Connection, customer: str, at: int, known: dict[int, Deployed]) -> tuple[Explanation, bool]:
    """And whether it is on record how things stood then."""
    with as_of(connection, customer, at, known) as then:
        return explain(connection, customer, None, at, known, lambda _: then), then is not None


def _until(scenario: Scenario, at: int) -> Scenario:
    return replace(
        scenario,
        until=at,
        events=tuple(each for each in scenario.events if each.at <= at),
        changes=tuple(each for each in scenario.changes if each.at <= at),
        consents=tuple(each for each in scenario.consents if each.at <= at),
        pauses=tuple(each for each in scenario.pauses if each.since <= at),
        operator_exits=tuple(each for each in scenario.operator_exits if each.at <= at),
    )


def _as_told(each: Moment) -> tuple[Any, ...] | None:
    if each.kind != "decision":
        return None
    return (
        each.at, each.order[1], each.campaign, each.instance, each.what, each.reason, each.rule, each.until,
        each.counter, each.limit, each.window, each.key or "",
    )  # fmt: skip


def _others(found: Explanation) -> int:
    return sum(each.kind != "decision" for each in found.timeline)


def _as_decided(row: LedgerRow) -> tuple[Any, ...]:
    return (
        row.at, row.turn, row.campaign, row.instance, row.decision, row.reason, row.rule, row.until,
        row.counter, row.limit, row.window, row.key,
    )  # fmt: skip


def _stands(standing: Standing, rows: list[LedgerRow]) -> None:
    entered = [row for row in rows if row.decision == "entered"]
    exits = sorted((row for row in rows if row.decision == "exit"), key=lambda row: (row.at, row.instance))
    refused = [row for row in rows if row.decision == "not_entered"]
    assert standing.entered == bool(entered)
    if len(entered) > len(exits):
        assert standing.reason is None
    elif entered:
        assert standing.reason == exits[-1].reason
    elif refused:
        last = max((row.at, row.turn) for row in refused)
        assert standing.reason in {row.reason for row in refused if (row.at, row.turn) == last}
    else:
        assert standing.reason is None
    if entered or refused:
        assert not standing.evaluated


def _clauses(scenario: Scenario, customer: str, at: int, standings: tuple[Standing, ...]) -> None:
    """Of the segments that let nobody in: what each part says then."""
    program = load(scenario)
    runner = Runner(replace(scenario, until=at), program, next(c for c in scenario.customers if c.id == customer))
    runner.run()
    runner.apply_changes(before=at + 1)
    runner.world.now = at
    for standing in standings:
        trigger = program.campaigns[standing.campaign].enter.trigger
        if not standing.evaluated or not isinstance(trigger, tree.Schedule | tree.SegmentTrigger):
            continue
        condition = program.segments[trigger.segment.text].condition
        parts = condition.items if isinstance(condition, tree.And) else [condition]
        assert [each.holds for each in standing.evaluated] == [holds(part, runner.world) for part in parts]
