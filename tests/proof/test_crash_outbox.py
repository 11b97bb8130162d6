"""Ticks and hand-overs in turn, killed anywhere: after a restart no message is lost, none leaves twice.

`tests/delivery` kills hand-overs alone; here what they bring back is what the next tick goes on from.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from flowrules.channels.base import Channel, Outcome
from flowrules.runtime import tick
from flowrules.runtime.deliver import deliver
from flowrules.sql import tables
from flowrules.sql.codes import Decision, Reason, Status
from flowrules.store.database import Database
from tests.proof.copies import Copies, difference, opened, rows
from tests.proof.everything import DEPLOYED, RULES, later, only, scenario
from tests.proof.story import (
    Deploy,
    Few,
    Outside,
    Send,
    Step,
    Tick,
    killed,
    lines,
    make,
    play,
    played_until,
    statements,
)
from tests.proof.tap import Fuse, tapped
from tests.reference.scenario import HOUR

POINTS = 4
CAMPAIGNS = ("welcome", "rival", "daily")
STORY = scenario(30, days=3, facts=2, rules=only(RULES, *CAMPAIGNS))
BEFORE: tuple[Step, ...] = (Deploy(STORY, DEPLOYED), Tick(DEPLOYED + 32 * HOUR), Send(DEPLOYED + 32 * HOUR))
STEPS: tuple[Step, ...] = (
    Tick(DEPLOYED + 35 * HOUR),
    Send(DEPLOYED + 35 * HOUR),
    Deploy(later(STORY, *CAMPAIGNS), DEPLOYED + 35 * HOUR + 2),
    Tick(DEPLOYED + 37 * HOUR),
    Send(DEPLOYED + 37 * HOUR),
    Tick(DEPLOYED + 38 * HOUR),
)


@dataclass(frozen=True, slots=True)
class Story:
    copies: Copies
    before: str
    folder: Path
    statements: int
    after: dict[str, list[tuple[Any, ...]]]
    lines: list[str]

    def start(self, folder: Path) -> tuple[str, Outside]:
        shutil.copytree(self.folder, folder)
        return self.copies.of(self.before), Outside(folder=folder)


@pytest.fixture(scope="module")
def story(copies: Copies, tmp_path_factory: pytest.TempPathFactory) -> Story:
    url, folder = copies.fresh(), tmp_path_factory.mktemp("before")
    make(url, STORY)
    with opened(url) as database:
        play(database, BEFORE, Outside(folder=folder))
    (folder / "done").unlink()
    before, whole = copies.of(url), tmp_path_factory.mktemp("whole") / "out"
    shutil.copytree(folder, whole)
    number = statements(url, STEPS, Outside(folder=whole))
    with opened(url) as database:
        return Story(copies, before, folder, number, rows(database), lines(whole))


def check(story: Story, database: Database, folder: Path) -> None:
    got = rows(database)
    if got != story.after:
        pytest.fail(difference(story.after, got), pytrace=False)
    assert lines(folder) == story.lines
    with database.read() as connection:
        attempt = tables.attempt.c
        assert not connection.execute(select(tables.attempt).where(attempt.finished_at.is_(None))).all()


@pytest.mark.parametrize("part", range(POINTS))
def test_killed_and_restarted(story: Story, tmp_path: Path, part: int) -> None:
    url, outside = story.start(tmp_path / "out")
    assert played_until(url, STEPS, outside, 1 + (story.statements - 1) * part // (POINTS - 1))
    with opened(url) as database:
        play(database, STEPS, outside)
        check(story, database, tmp_path / "out")
    story.copies.drop(url)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_at_many_statements(story: Story, tmp_path: Path) -> None:
    for number in range(1, story.statements + 1, 23):
        url, outside = story.start(tmp_path / str(number))
        assert played_until(url, STEPS, outside, number), number
        with opened(url) as database:
            play(database, STEPS, outside)
            check(story, database, tmp_path / str(number))
        story.copies.drop(url)


def test_a_story_worth_killing(story: Story) -> None:
    messages = story.after["message"]
    assert len(story.lines) > 10
    names = [json.loads(line)["message_id"] for line in story.lines]
    assert len(set(names)) == len(names)
    statuses = {row[8] for row in messages}
    assert statuses >= {Status.SENT, Status.SKIPPED, Status.CANCELLED}
    assert not statuses & {Status.CLAIMED, Status.RETRYING, Status.UNKNOWN}
    assert story.after["outcome"]


class Forgetful(Few):
    """A provider that can not say what it took."""

    def settle(self, keys: Collection[str]) -> Mapping[str, Outcome]:
        del keys
        return {}


class Deadly(Few):
    def flush(self) -> None:
        super().flush()
        Fuse(1).burn(None, "", None)


def test_what_nobody_can_tell_is_in_the_ledger_and_never_sent_again(story: Story, tmp_path: Path) -> None:
    """The journey goes on from an unknown outcome."""
    url, outside = story.start(tmp_path / "out")
    now = DEPLOYED + 35 * HOUR

    def channels(kind: type[Few]) -> dict[str, Channel]:
        return {name: kind(tmp_path / "out", name) for name in ("email", "sms", "push")}

    def work() -> None:
        with opened(url) as database:
            deliver(database, channels(Deadly), now)

    with opened(url) as database:
        play(database, STEPS[:1], outside)
    before = lines(tmp_path / "out")
    assert killed(work)
    written = [line for line in lines(tmp_path / "out") if line not in before]
    assert written
    with opened(url) as database:
        assert deliver(database, channels(Forgetful), now).unknown == len(written)
        tick.tick(database, now + 1)
        assert deliver(database, channels(Forgetful), now + HOUR).unknown == 0
        tick.tick(database, now + 2 * HOUR)
        names = [json.loads(line)["message_id"] for line in lines(tmp_path / "out")]
        assert len(set(names)) == len(names)
        with database.read() as connection:
            d, e, m = tables.decision.c, tables.enrollment.c, tables.message.c
            unknown = select(d.customer_id, d.campaign_id, d.instance).where(
                d.decision == Decision.OUTCOME, d.reason == Reason.OUTCOME_UNKNOWN
            )
            told = {tuple(row) for row in connection.execute(unknown)}
            assert len(told) == len(written)
            stored = select(m.customer_id, m.campaign_id, m.instance).where(m.status == Status.UNKNOWN)
            assert {tuple(row) for row in connection.execute(stored)} == told
            moved = select(e.customer_id, e.campaign_id, e.instance).where(
                e.due_at.is_not(None) | e.ended_at.is_not(None)
            )
            assert told <= {tuple(row) for row in connection.execute(moved)}


def test_the_tap_sees_hand_overs_too(story: Story, tmp_path: Path) -> None:
    url, outside = story.start(tmp_path / "out")
    fuse = Fuse()
    with opened(url) as database:
        play(database, STEPS[:1], outside)
        with tapped(database, fuse.burn):
            play(database, STEPS[:2], outside)
    assert fuse.seen > 20
