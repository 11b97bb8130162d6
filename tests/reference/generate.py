"""Hypothesis strategies for random workspaces: programs that `check` accepts, and journals to run them on.

Biased so that things happen: few events and tags that all campaigns share, waits and windows of the same few
lengths as the distances between facts, and weeks in which clocks change.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import assume
from hypothesis import strategies as st

from tests.reference.generate_journal import journal, orders
from tests.reference.generate_program import program
from tests.reference.generate_words import Dice
from tests.reference.scenario import Scenario
from tests.support.engine import snapshot_of
from tests.support.prepared import checked

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn


@st.composite
def scenarios(draw: DrawFn) -> Scenario:
    dice = Dice(draw)
    rules = program(dice)
    rest: dict[str, Any] = journal(dice)
    scenario = Scenario(rules=rules, **rest)
    scenario = replace(scenario, **orders(dice, scenario, re.findall(r"^campaign (\w+)", rules, re.MULTILINE)))
    # Now and then chance writes a contradiction, which is refused, and rightly.
    assume(checked(snapshot_of(scenario)).model is not None)
    return scenario


@st.composite
def cuts(draw: DrawFn, scenario: Scenario) -> list[int]:
    """Instants at which the tick is cut: anywhere, and exactly where facts are or just beside them."""
    dice = Dice(draw)
    instants = sorted({event.at for event in scenario.events} | {change.at for change in scenario.changes})
    instants += [pause.until for pause in scenario.pauses if pause.until is not None]
    found = set()
    for _ in range(dice.number(0, 6)):
        if instants and dice.chance(50):
            found.add(dice.pick(instants) + dice.pick((0, -1, 1)))
        else:
            found.add(dice.number(scenario.deployed_at, scenario.until))
    return sorted(cut for cut in found if scenario.deployed_at <= cut < scenario.until)
