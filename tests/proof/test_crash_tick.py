"""A tick is killed at any statement, on either side of any commit; after a restart nothing shows it.

What a death leaves behind is what the database holds at that moment, and that changes at few of the statements. So
every statement is looked at, and where the same is left, the process is killed at the first and at the last of them.
FLOWRULES_SWEEP=all kills it at each, for hours; `-s` shows how far it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from flowrules.store.database import Database
from tests.proof.copies import Copies, difference, opened, rows
from tests.proof.everything import DEPLOYED, RULES, later, only, scenario
from tests.proof.story import Deploy, Step, Tick, answering, make, play, played_until, slices_of, statements
from tests.proof.tap import tapped
from tests.reference.scenario import HOUR, Scenario

POINTS = 4
SWEEP = os.environ.get("FLOWRULES_SWEEP", "")
SLICE = 30
CAMPAIGNS = ("welcome", "rival", "daily")
STORY = scenario(50, days=2, facts=2, rules=only(RULES, *CAMPAIGNS))
LEGS: dict[str, Sequence[Step]] = {
    "from the start": (Deploy(STORY, DEPLOYED), Tick(DEPLOYED + 5 * HOUR), Tick(DEPLOYED + 16 * HOUR)),
    "from another deployment on": (
        Deploy(later(STORY, *CAMPAIGNS), DEPLOYED + 33 * HOUR + 1),
        Tick(DEPLOYED + 43 * HOUR),
    ),
    "short": (Tick(DEPLOYED + 45 * HOUR),),
}
LONG = [name for name in LEGS if name != "short"]


@dataclass(frozen=True, slots=True)
class Leg:
    """A part of the story: where it begins, what it leaves, how many statements that takes."""

    before: str
    steps: Sequence[Step]
    after: dict[str, list[tuple[Any, ...]]]
    statements: int


@dataclass(frozen=True, slots=True)
class Story:
    copies: Copies
    scenario: Scenario
    legs: dict[str, Leg]


@pytest.fixture(scope="module")
def story(copies: Copies) -> Iterator[Story]:
    with slices_of(SLICE):
        legs = {}
        url = copies.fresh()
        make(url, STORY)
        for name, steps in LEGS.items():
            with opened(url) as database:
                play(database, [Tick(step.at - 1) for step in steps[:1]], answering(STORY))
            before = copies.of(url)
            number = statements(url, steps, answering(STORY))
            with opened(url) as database:
                legs[name] = Leg(before, steps, rows(database), number)
        yield Story(copies, STORY, legs)


def resume(url: str, leg: Leg) -> None:
    with opened(url) as database:
        play(database, leg.steps, answering(STORY))
        check(database, leg)


def check(database: Database, leg: Leg) -> None:
    got = rows(database)
    if got != leg.after:
        pytest.fail(difference(leg.after, got), pytrace=False)


def kill_and_restart(story: Story, leg: Leg, number: int) -> bool:
    url = story.copies.of(leg.before)
    was_killed = played_until(url, leg.steps, answering(story.scenario), number)
    resume(url, leg)
    story.copies.drop(url)
    return was_killed


@pytest.mark.parametrize("part", range(POINTS))
@pytest.mark.parametrize("name", LONG)
def test_killed_and_restarted(story: Story, name: str, part: int) -> None:
    leg = story.legs[name]
    assert kill_and_restart(story, leg, 1 + (leg.statements - 1) * part // (POINTS - 1))


@pytest.mark.parametrize("name", LONG)
def test_killed_again_and_again(story: Story, name: str) -> None:
    """Each restart is killed too, a little later, until one comes to the end."""
    leg = story.legs[name]
    url = story.copies.of(leg.before)
    number, deaths = 61, 0
    while played_until(url, leg.steps, answering(story.scenario), number):
        deaths += 1
        number = number * 7 // 4
    resume(url, leg)
    assert deaths > 3


def test_a_story_worth_killing(story: Story) -> None:
    """Everything that can be lost or doubled is there, and several slices a stretch."""
    for leg in (story.legs[name] for name in LONG):
        assert leg.statements > 500
        assert all(leg.after[table] for table in ("decision", "enrollment", "message", "contact", "event"))
        assert {row[0] > SLICE for row in leg.after["enrollment"]} == {True, False}


@pytest.mark.slow
@pytest.mark.timeout(12 * 3600 if SWEEP == "all" else 1800)
@pytest.mark.parametrize("name", LEGS)
def test_killed_at_every_statement(story: Story, name: str) -> None:
    leg = story.legs[name]
    numbers = range(1, leg.statements + 1) if SWEEP == "all" else edges(story, leg)
    for number in numbers:
        assert kill_and_restart(story, leg, number), number
        if number % 100 == 0:
            print(f"{name}: {number} of {leg.statements}", flush=True)  # noqa: T201 -- it takes hours
    assert not kill_and_restart(story, leg, leg.statements + 1)


def edges(story: Story, leg: Leg) -> list[int]:
    """The first and the last of the statements at which a death would leave the same."""
    url = story.copies.of(leg.before)
    with opened(url) as database, story.copies.left(url) as left:
        seen: list[bytes] = []
        with tapped(database, lambda *_: seen.append(left())):
            play(database, leg.steps, answering(story.scenario))
    story.copies.drop(url)
    assert len(seen) == leg.statements
    assert len(set(seen)) > 2
    numbers = range(1, leg.statements + 1)
    last = [number for number in numbers if number == leg.statements or seen[number] != seen[number - 1]]
    print(f"{leg.statements} statements, {len(last)} states")  # noqa: T201 -- docs/reliability.md has the sums
    return sorted({1, *last, *(number + 1 for number in last[:-1])})
