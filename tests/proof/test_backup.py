"""A copy made while a tick and intake go on is whole, agrees with itself, and goes on as the original would."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from flowrules.errors import StoreError
from flowrules.runtime import tick
from flowrules.sql import tables
from flowrules.store.backup import back_up
from flowrules.store.database import Database
from flowrules.store.examine import damage, faults
from tests.proof.copies import Copies, opened
from tests.proof.everything import DEPLOYED, RULES, only, scenario
from tests.proof.replay import canonical, remember, replay
from tests.proof.story import answering, deploy, make, slices_of, take_in, together
from tests.reference.scenario import HOUR

STORY = scenario(60, days=2, facts=3, rules=only(RULES, "welcome", "rival", "daily"))
START = DEPLOYED + 20 * HOUR
COPIES = 4
EARLIER = tuple(event for event in STORY.events if event.at <= START)
LATER = tuple(event for event in STORY.events if event.at > START)


@pytest.fixture(autouse=True)
def _small_slices() -> Iterator[None]:
    with slices_of(10):
        yield


def decided(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(tables.decision)).scalar_one()


@pytest.mark.slow
def test_copies_made_in_the_middle_of_everything(tmp_path: Path) -> None:
    copies = Copies(tmp_path, None, "")
    url, answer = copies.fresh(), answering(STORY).answer
    make(url, replace(STORY, events=EARLIER, changes=()))
    with opened(url) as database:
        deploy(database, STORY, DEPLOYED)
        tick.tick(database, START, answer=answer)

    def ticks() -> None:
        with opened(url) as database:
            for hour in range(1, 20):
                tick.tick(database, START + hour * HOUR, answer=answer)

    def intake() -> None:
        with opened(url) as database:
            take_in(database, STORY, LATER, 3)

    def copy() -> None:
        with opened(url) as database:
            seen = decided(database)
            for number in range(COPIES):
                while (now := decided(database)) == seen:
                    time.sleep(0.01)
                back_up(database, tmp_path / f"copy{number}.db")
                seen = now

    together(ticks, intake, copy)
    states = set()
    for number in range(COPIES):
        with opened(f"sqlite:///{tmp_path / f'copy{number}.db'}") as database:
            states.add(canonical(database))
            assert [*damage(database), *faults(database)] == []
            tick.tick(database, START + 30 * HOUR, answer=answer)
            expected = canonical(database)
            past = remember(database, STORY, [(STORY, DEPLOYED)])
        assert replay(past, copies.fresh()) == expected
    assert len(states) == COPIES  # something was going on
    assert not list(tmp_path.glob("*.partial*"))


def test_what_is_there_stays(sqlite_url: str, tmp_path: Path) -> None:
    database = Database.create(sqlite_url)
    there = tmp_path / "there.db"
    there.write_text("mine")
    with pytest.raises(StoreError, match="is there already"):
        back_up(database, there)
    with pytest.raises(StoreError, match="there is no folder"):
        back_up(database, tmp_path / "no" / "copy.db")
    assert there.read_text() == "mine"


def test_a_damaged_file_is_not_copied_under_a_good_name(sqlite_url: str, tmp_path: Path) -> None:
    database = Database.create(sqlite_url)
    Path(sqlite_url.removeprefix("sqlite:///")).write_bytes(b"x" * 8192)
    with pytest.raises(StoreError, match="is not a database"):
        back_up(database, tmp_path / "copy.db")
    assert [path.name for path in tmp_path.glob("copy*")] == []
