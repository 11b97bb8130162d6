"""The ledger summed up: the same however often, by however many at once, and wherever it was killed."""

from __future__ import annotations

from collections import Counter

import pytest
from sqlalchemy import func, select, text

from flowrules.runtime import sum_up as summing
from flowrules.runtime import tick
from flowrules.runtime.sum_up import sum_up
from flowrules.sql import tables
from flowrules.sql.counting import QUARTER
from flowrules.store.database import Database
from flowrules.store.tallies import COLUMNS, Count, Tallies, What, counts, summed_until
from tests.proof.copies import opened
from tests.proof.everything import DEPLOYED, scenario
from tests.proof.story import Deploy, Tick, answering, killed, make, play, together
from tests.proof.tap import Fuse, tapped
from tests.reference.scenario import DAY, HOUR
from tests.support.prepared import prepared
from tests.support.world import START, World, at, world

STORY = scenario(60, days=3, facts=3)
END = DEPLOYED + 60 * HOUR
MIDNIGHT = at("2026-03-05 23:00")
"""In Madrid."""


@pytest.fixture
def ticked(database_url: str) -> str:
    def fill() -> None:
        make(database_url, STORY)
        with opened(database_url) as database:
            play(database, [Deploy(STORY, DEPLOYED), Tick(END)], answering(STORY))

    prepared(database_url, "sums", fill).close()
    return database_url


def kept(database: Database) -> Counter[Count]:
    tally = tables.tally.c
    query = select(*(tally[name] for name in COLUMNS), tally.number).where(tally.what != What.UNTIL, tally.number != 0)
    with database.read() as connection:
        return Counter({Count(*row[:-1]): row[-1] for row in connection.execute(query)})


def unaged(found: Counter[Count]) -> Counter[Count]:
    """Whatever the hour was."""
    made: Counter[Count] = Counter()
    for of, number in found.items():
        made[Count(of.what, of.campaign_id, 0, *(getattr(of, name) for name in COLUMNS[3:]))] += number
    return made


def check(database: Database) -> None:
    with database.read() as connection:
        assert summed_until(connection) == END
        wanted = {of: number for of, number in unaged(counts(connection, until=END)).items() if number}
        assert {of: number for of, number in unaged(kept(database)).items() if number} == wanted
        assert len(wanted) > 30
        resting = tables.resting.c
        there = connection.execute(select(func.count()).where(resting.part_at != 0)).scalar_one()
        assert there == 0
        live = "SELECT version_id, node, CASE WHEN ghost > 0 THEN 1 ELSE 0 END, count(*) FROM enrollment "
        live += "WHERE ended_at IS NULL GROUP BY 1, 2, 3"
        assert sorted(map(tuple, connection.execute(text(live)))) == sorted(
            map(tuple, connection.execute(select(resting.version_id, resting.node, resting.held_out, resting.number)))
        )


def test_again_and_again(ticked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summing, "_STEP", 50)
    with opened(ticked) as database:
        sum_up(database)
        check(database)
        before = kept(database)
        sum_up(database)
        assert kept(database) == before


def test_several_at_once(ticked: str) -> None:
    def work() -> None:
        summing._STEP = 40
        with opened(ticked) as database:
            sum_up(database)

    together(work, work, work)
    with opened(ticked) as database:
        check(database)


@pytest.mark.slow
@pytest.mark.parametrize("number", [4, 11, 14, 17, 19, 21])
def test_killed_at_a_statement(ticked: str, number: int) -> None:
    def work() -> None:
        summing._STEP = 200
        with opened(ticked) as database, tapped(database, Fuse(number).burn):
            sum_up(database)

    assert killed(work)
    with opened(ticked) as database:
        sum_up(database)
        check(database)


@pytest.mark.slow
def test_it_goes_on_beside_ticks(database_url: str) -> None:
    make(database_url, STORY)
    with opened(database_url) as database:
        play(database, [Deploy(STORY, DEPLOYED)], answering(STORY))

    def ticks() -> None:
        with opened(database_url) as database:
            for hour in range(1, 61):
                tick.tick(database, DEPLOYED + hour * HOUR, answer=answering(STORY).answer)

    def sums() -> None:
        with opened(database_url) as database:
            for _ in range(30):
                sum_up(database)

    together(ticks, sums)
    with opened(database_url) as database:
        sum_up(database)
        check(database)


def test_what_is_past_becomes_days(database_url: str) -> None:
    """Three days of quarter hours, then a month, then none: the sums stay."""
    made: World = world(database_url)
    names = [f"c{number}" for number in range(12)]
    made.customers(names)
    for number, name in enumerate(names):
        made.event([name], "signup", START + number * 7 * HOUR, source="fair")
    for until, most in ((START + 4 * DAY, 12), (START + 10 * DAY, 5), (START + 60 * DAY, 1)):
        made.tick(until, answer=lambda _sent: [])
        made.customers(["late"])
        made.event(["late"], "signup", until + HOUR, source="fair")
        made.tick(until + 2 * HOUR, answer=lambda _sent: [])
        sum_up(made.database)
        with made.database.read() as connection:
            tallies = Tallies(connection)
            sent = tallies.sums(("at",), What.MESSAGE, until=MIDNIGHT)
            all_sent = select(func.count()).where(tables.message.c.status == 10)
            first = connection.execute(all_sent.where(tables.message.c.sent_at < MIDNIGHT)).scalar_one()
            assert sum(tallies.sums((), What.MESSAGE).values()) == connection.execute(all_sent).scalar_one()
        assert len(sent) <= most
        assert all(at_ % QUARTER == 0 for (at_,) in sent)
        if most > 1:
            assert sum(sent.values()) == first
    made.database.close()


def test_a_long_tick_is_counted_when_it_is_through(ticked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowrules.store.tallies.TAIL", 10)
    with opened(ticked) as database, database.read() as connection:
        tallies = Tallies(connection)
        assert tallies.as_of == END
        assert tallies.sums((), What.ENTERED)[()] > 0
