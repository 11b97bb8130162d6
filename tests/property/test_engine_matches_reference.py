"""The engine against the reference interpreter, on random programs and journals, ledger row by ledger row.

The quick test runs a few dozen examples on each database, beside the scenarios that once failed; the slow one runs
FLOWRULES_EXAMPLES of them (150 where that is not set). A failing example prints the program, what is known of its
customer, and both ledgers around the first row that differs.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.property.contacts import contacts, exceeded, in_quiet_hours
from tests.property.examples import examples
from tests.property.regressions import REGRESSIONS
from tests.reference.generate import cuts, scenarios
from tests.reference.interpreter import run
from tests.reference.scenario import LedgerRow, Scenario
from tests.reference.show import difference
from tests.support.engine import run_scenario

THOROUGH = int(os.environ.get("FLOWRULES_EXAMPLES", "150"))


def same(expected: list[LedgerRow], got: list[LedgerRow], scenario: Scenario) -> None:
    if expected != got:
        pytest.fail(difference(expected, got, scenario), pytrace=False)


@pytest.mark.parametrize("name", REGRESSIONS)
def test_what_once_failed(name: str, database_url: str) -> None:
    scenario = REGRESSIONS[name]
    same(run(scenario)[0], run_scenario(scenario, database_url, []), scenario)


@examples(30)
@given(st.data())
def test_ledgers_are_equal(database_url: str, data: st.DataObject) -> None:
    compare(database_url, data)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@examples(THOROUGH)
@given(st.data())
def test_ledgers_are_equal_thoroughly(database_url: str, data: st.DataObject) -> None:
    compare(database_url, data)


def compare(database_url: str, data: st.DataObject) -> None:
    """However the ticks are cut, which the reference knows nothing of: so cuts change nothing, and a replay is equal.

    Conservation and caps are also tested for themselves: both sides could share a mistake.
    """
    scenario = data.draw(scenarios())
    rows = run_scenario(scenario, database_url, data.draw(cuts(scenario)))
    expected, at_the_end = run(scenario)
    same(expected, rows, scenario)
    inside = {(each.customer, each.campaign, each.number) for each in at_the_end.journeys if each.exit is None}
    every_entry_is_inside_or_has_left_once(rows, inside)
    assert not exceeded(scenario, contacts(rows))
    assert not in_quiet_hours(scenario, contacts(rows))


def every_entry_is_inside_or_has_left_once(rows: list[LedgerRow], inside: set[tuple[str, str, int]]) -> None:
    """Conservation: entered = live + exits, instance by instance."""
    journeys = {(row.customer, row.campaign, row.instance) for row in rows if row.decision == "entered"}
    exits = Counter((row.customer, row.campaign, row.instance) for row in rows if row.decision == "exit")
    assert all(number == 1 for number in exits.values())
    assert exits.keys() <= journeys
    assert inside == journeys - exits.keys()
