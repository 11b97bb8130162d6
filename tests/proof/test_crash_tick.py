"""A tick is killed at any statement, on either side of any commit; after a restart nothing shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from flowrules.store.database import Database
from tests.proof.copies import Copies, difference, opened, rows
from tests.proof.everything import DEPLOYED, later, scenario
from tests.proof.story import Deploy, Step, Tick, answers, make, play, played_until, slices_of, statements
from tests.reference.scenario import DAY, HOUR, Scenario

POINTS = 7
STORY = scenario(50, days=4, facts=4)
LEGS: dict[str, Sequence[Step]] = {
    "first days": (Deploy(STORY, DEPLOYED), Tick(DEPLOYED + 13 * HOUR), Tick(DEPLOYED + 36 * HOUR)),
    "after another deployment": (Deploy(later(STORY), DEPLOYED + 2 * DAY), Tick(DEPLOYED + 3 * DAY + HOUR)),
}


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
    with slices_of(20):
        legs = {}
        url = copies.fresh()
        make(url, STORY)
        for name, steps in LEGS.items():
            before = copies.of(url)
            number = statements(url, steps, answers(STORY))
            with opened(url) as database:
                legs[name] = Leg(before, steps, rows(database), number)
        yield Story(copies, STORY, legs)


def resume(url: str, leg: Leg) -> None:
    with opened(url) as database:
        play(database, leg.steps, answers(STORY))
        check(database, leg)


def check(database: Database, leg: Leg) -> None:
    got = rows(database)
    if got != leg.after:
        pytest.fail(difference(leg.after, got), pytrace=False)


def kill_and_restart(story: Story, leg: Leg, number: int) -> bool:
    url = story.copies.of(leg.before)
    was_killed = played_until(url, leg.steps, answers(story.scenario), number)
    resume(url, leg)
    story.copies.drop(url)
    return was_killed


@pytest.mark.parametrize("part", range(POINTS))
@pytest.mark.parametrize("name", LEGS)
def test_killed_and_restarted(story: Story, name: str, part: int) -> None:
    leg = story.legs[name]
    # A spread over the leg; the odd remainder keeps the points off any rhythm of the rounds.
    assert kill_and_restart(story, leg, 1 + (leg.statements - 1) * part // (POINTS - 1) - part % 3 * (part < POINTS - 1))


@pytest.mark.parametrize("name", LEGS)
def test_killed_again_and_again(story: Story, name: str) -> None:
    """Each restart is killed too, until one comes to the end."""
    leg = story.legs[name]
    url = story.copies.of(leg.before)
    number, deaths = 23, 0
    while played_until(url, leg.steps, answers(story.scenario), number):
        deaths += 1
        number = number * 8 // 5
    resume(url, leg)
    assert deaths > 3


def test_a_story_worth_killing(story: Story) -> None:
    """Everything that can be lost or doubled is there, and several slices a stretch."""
    for leg in story.legs.values():
        assert leg.statements > 500
        assert all(leg.after[table] for table in ("decision", "enrollment", "message", "contact", "event", "tagging"))
        assert len({row[0] for row in leg.after["enrollment"]}) > 2 * 20


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", LEGS)
def test_killed_at_every_statement(story: Story, name: str) -> None:
    leg = story.legs[name]
    for number in range(1, leg.statements + 1):
        assert kill_and_restart(story, leg, number), number
    assert not kill_and_restart(story, leg, leg.statements + 1)
