"""Figures of a campaign whose people were moved to another version: `funnel`, and what the monitor is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flowrules.report.campaign import campaign
from flowrules.report.funnel import funnel
from flowrules.report.funnel_text import reasons
from flowrules.runtime import tick
from flowrules.runtime.sum_up import sum_up
from flowrules.sql import visits
from tests.support.world import FLOW, START, World, world

DAY = 86_400_000_000
PEOPLE = [f"c{number}" for number in range(10)]
BUYERS = PEOPLE[:3]


def changed(flow: str, *lines: str) -> str:
    """The stage `visited` goes; `thanked` is new, and the lines say what becomes of whom."""
    migrate = "".join(f"        {line}\n" for line in lines)
    flow = flow.replace("go to visited", "go to thanked").replace("stage visited", "stage thanked")
    return flow.replace("    goal purchase", f"    migrate:\n{migrate}    goal purchase")


@pytest.fixture
def made(database_url: str) -> Iterator[World]:
    """Everybody is in `visited`."""
    made = world(database_url, FLOW.replace("send email thanks", "wait 20 days\n        send email thanks"))
    made.customers(PEOPLE)
    made.event(PEOPLE, "signup", START + 1, source="fair")
    made.event(PEOPLE, "visit", START + 3 * DAY)
    made.tick(START + 4 * DAY, answer=lambda _sent: [])
    made.event(BUYERS, "purchase", START + 6 * DAY)
    yield made
    made.database.close()


def counted(made: World) -> list[tuple[str, int, int, int]]:
    """Each stage with those who entered it, are there now, and have moved on; the same wherever it is shown."""
    with made.database.read() as connection:
        shown, close = funnel(connection, "welcome"), campaign(connection, "welcome", None)
    assert [stage.facts() for stage in close.funnel.treated.stages] == [stage.facts() for stage in shown.treated.stages]
    waiting = {stage.name: stage.waiting for stage in close.stages}
    assert waiting == {stage.name: stage.now for stage in shown.treated.stages if stage.name in waiting}
    return [(stage.name, stage.entered, stage.now, stage.moved_on) for stage in shown.treated.stages]


def moved(made: World, *lines: str, formerly: str = "") -> list[tuple[str, int, int, int]]:
    made.flow = changed(made.flow, *lines).replace("stage thanked:", f"stage thanked{formerly}:")
    made.apply(START + 5 * DAY)
    made.tick(START + 7 * DAY, answer=lambda _sent: [])
    found = counted(made)
    sum_up(made.database)
    assert counted(made) == found
    return found


def test_everybody_is_moved_out_of_a_stage_that_goes(made: World) -> None:
    found = moved(made, "from stage visited move to stage thanked")
    assert found == [("lead", 10, 0, 10), ("thanked", 10, 7, 0), ("visited", 10, 0, 10)]


def test_a_stage_of_another_name_is_the_same_stage(made: World) -> None:
    assert moved(made, "from every stage follow", formerly=" formerly visited") == [
        ("lead", 10, 0, 10),
        ("thanked", 10, 7, 0),
    ]


def test_whoever_is_taken_out_has_left_once(made: World) -> None:
    moved(made, 'from stage visited exit "no thanks any more"')
    with made.database.read() as connection:
        shown, close = funnel(connection, "welcome"), campaign(connection, "welcome", None).funnel
    for group in (shown.treated, close.treated):
        assert reasons(group.exits, group.words) == [("migrated", 10)]
        assert [reasons(stage.left, stage.words) for stage in group.stages if stage.left] == [[("migrated", 10)]]


def test_whoever_stays_behind_is_counted_under_the_name_of_now(made: World) -> None:
    assert moved(made, "from every stage keep", formerly=" formerly visited") == [
        ("lead", 10, 0, 10),
        ("thanked", 10, 7, 0),
    ]
    # A second name, and the line that told of the first is gone.
    made.flow = made.flow.replace("thanked formerly visited", "done formerly thanked").replace("to thanked", "to done")
    made.apply(START + 8 * DAY)
    made.tick(START + 9 * DAY)
    assert counted(made) == [("lead", 10, 0, 10), ("done", 10, 7, 0)]


@pytest.mark.parametrize("chunk", [3, 50_000])
def test_a_round_through_a_stage_of_another_name_is_one_stay(
    database_url: str, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """Whoever comes back under the new name was there before; the last stay counts, and its length. Also where the
    ledger's index by customer is written, so that earlier stays are found by it.
    """
    monkeypatch.setattr(visits, "CHUNK", chunk)
    monkeypatch.setattr(tick, "CHUNK", chunk)
    again = "wait 20 days\n        go to lead"
    made = world(database_url, FLOW.replace("send email thanks", again))
    made.customers(PEOPLE)
    made.event(PEOPLE, "signup", START + 1, source="fair")
    made.event(PEOPLE, "visit", START + 3 * DAY)
    made.tick(START + 4 * DAY, answer=lambda _sent: [])
    made.flow = changed(made.flow, "from every stage follow").replace(
        "stage thanked:", "stage thanked formerly visited:"
    )
    made.apply(START + 5 * DAY)
    made.event(PEOPLE[:4], "visit", START + 24 * DAY)
    made.event(PEOPLE[:2], "purchase", START + 26 * DAY)
    made.tick(START + 27 * DAY, answer=lambda _sent: [])
    with made.database.read() as connection:
        stages = funnel(connection, "welcome").treated.stages
    assert [(stage.name, stage.entered, stage.now, stage.moved_on, stage.left) for stage in stages] == [
        ("lead", 10, 6, 4, {}),
        ("thanked", 10, 2, 6, {"goal": 2}),
    ]
    agree(made)
    # A second name, and at last the stage goes with its names.
    made.flow = made.flow.replace("thanked formerly visited", "done formerly thanked").replace("to thanked", "to done")
    made.apply(START + 28 * DAY)
    made.event(PEOPLE[4:6], "visit", START + 29 * DAY)
    made.tick(START + 30 * DAY, answer=lambda _sent: [])
    agree(made)
    made.flow = changed(FLOW, "from stage done move to stage thanked").replace("thanked", "other")
    made.apply(START + 31 * DAY)
    made.tick(START + 60 * DAY, answer=lambda _sent: [])
    agree(made)
    made.database.close()


def agree(made: World) -> None:
    """However far it was summed up."""
    found = counted(made)
    sum_up(made.database)
    assert counted(made) == found
