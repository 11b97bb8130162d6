"""The engine against the reference interpreter, on random programs and journals, ledger row by ledger row.

The quick tests run a few dozen examples on each database and the scenarios that once failed; the slow one runs
FLOWRULES_EXAMPLES of them (150 where that is not set). A failing example prints the program, what is known of its
customer, and both ledgers around the first row that differs.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.property.contacts import contacts, exceeded, in_quiet_hours
from tests.property.regressions import REGRESSIONS
from tests.reference.generate import cuts, scenarios
from tests.reference.interpreter import run
from tests.reference.scenario import LedgerRow, Scenario
from tests.reference.show import difference
from tests.support.engine import run_scenario

# A database is emptied between examples by run_scenario, which is why a fixture of the function's scope serves.
QUICK = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
THOROUGH = settings(
    QUICK,
    max_examples=int(os.environ.get("FLOWRULES_EXAMPLES", "150")),
    suppress_health_check=list(HealthCheck),
)


def same(expected: list[LedgerRow], got: list[LedgerRow], scenario: Scenario) -> None:
    if expected != got:
        pytest.fail(difference(expected, got, scenario), pytrace=False)


@pytest.mark.parametrize("name", REGRESSIONS)
def test_what_once_failed(name: str, database_url: str) -> None:
    scenario = REGRESSIONS[name]
    same(run(scenario)[0], run_scenario(scenario, database_url, []), scenario)


@QUICK
@given(scenarios())
def test_ledgers_are_equal(database_url: str, scenario: Scenario) -> None:
    """Conservation and caps are also tested for themselves: both sides could share a mistake."""
    rows = run_scenario(scenario, database_url, [])
    same(run(scenario)[0], rows, scenario)
    every_entry_is_inside_or_has_left_once(scenario, rows)
    assert not exceeded(scenario, contacts(rows))
    assert not in_quiet_hours(scenario, contacts(rows))


@settings(QUICK, max_examples=15)
@given(st.data())
def test_ticks_may_be_cut_anywhere(database_url: str, data: st.DataObject) -> None:
    scenario = data.draw(scenarios())
    whole = run_scenario(scenario, database_url, [])
    same(whole, run_scenario(scenario, database_url, data.draw(cuts(scenario))), scenario)


@settings(QUICK, max_examples=8)
@given(scenarios())
def test_a_replay_is_equal(database_url: str, scenario: Scenario) -> None:
    same(run_scenario(scenario, database_url, []), run_scenario(scenario, database_url, []), scenario)


def every_entry_is_inside_or_has_left_once(scenario: Scenario, rows: list[LedgerRow]) -> None:
    """Conservation: entered = live + exits, instance by instance."""
    journeys = {(row.customer, row.campaign, row.instance) for row in rows if row.decision == "entered"}
    exits = Counter((row.customer, row.campaign, row.instance) for row in rows if row.decision == "exit")
    assert all(number == 1 for number in exits.values())
    assert exits.keys() <= journeys
    inside = {(each.customer, each.campaign, each.number) for each in run(scenario)[1].journeys if each.exit is None}
    assert inside == journeys - exits.keys()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@THOROUGH
@given(st.data())
def test_ledgers_are_equal_thoroughly(database_url: str, data: st.DataObject) -> None:
    """All of the above at once: one run with cuts, compared with the reference."""
    scenario = data.draw(scenarios())
    rows = run_scenario(scenario, database_url, data.draw(cuts(scenario)))
    same(run(scenario)[0], rows, scenario)
    assert not exceeded(scenario, contacts(rows))
    assert not in_quiet_hours(scenario, contacts(rows))
