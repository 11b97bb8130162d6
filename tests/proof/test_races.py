"""Schedulers, dispatchers and intake at once, in processes of their own: no error, nothing lost, nothing done twice.

What raced is compared with a database that is given the facts as they were stored, and ticked by one process alone.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from flowrules.errors import StoreError
from flowrules.runtime import tick
from flowrules.runtime.answers import Answer
from flowrules.runtime.deliver import Delivered, deliver
from flowrules.sql import tables
from flowrules.sql.codes import Decision, Status
from flowrules.store.database import Database
from flowrules.store.journal import NewEvent, add_events
from tests.proof.copies import Copies, opened
from tests.proof.everything import DEPLOYED, RULES, draw, later, only, scenario
from tests.proof.replay import canonical, remember, replay
from tests.proof.story import Outside, answering, deploy, lines, make, slices_of, take_in, together
from tests.proof.tap import tapped
from tests.reference.scenario import HOUR, MINUTE, Event
from tests.reference.workspace import ANA, at, did, workspace
from tests.support.engine import model_of
from tests.support.prepared import prepared

CAMPAIGNS = ("welcome", "rival", "daily")
STORY = scenario(60, days=2, facts=3, rules=only(RULES, *CAMPAIGNS))
START = DEPLOYED + 20 * HOUR
INSTANTS = [START + number * 90 * MINUTE for number in range(1, 6)]
EARLIER = tuple(event for event in STORY.events if event.at <= START)
LATER = tuple(event for event in STORY.events if event.at > START)


@pytest.fixture(autouse=True)
def _small_slices() -> Iterator[None]:
    with slices_of(15):
        yield


@contextmanager
def begun(copies: Copies, answer: Answer | None) -> Iterator[str]:
    """Deployed and ticked to START."""
    url = copies.fresh()

    def begin() -> None:
        make(url, replace(STORY, events=EARLIER, changes=()))
        with opened(url) as database:
            deploy(database, STORY, DEPLOYED)
            tick.tick(database, START, answer=answer)

    prepared(url, ("races", answer is None), begin).close()
    yield url
    copies.drop(url)


def ticks(database: Database, answer: Answer | None) -> None:
    """As a scheduler does: never to where another one has gone past."""
    for instant in INSTANTS:
        try:
            tick.tick(database, instant, answer=answer)
        except StoreError:
            with database.read() as connection:
                assert connection.execute(select(tables.clock.c.target)).scalar_one() > instant


def shuffled(events: Sequence[Event]) -> list[Event]:
    """Before, between and after the instants of the ticks, in no order of time."""
    return sorted(events, key=lambda event: draw("shuffle", event.customer, event.at, event.event))


def test_two_schedulers_and_intake(copies: Copies) -> None:
    virtual = answering(STORY).answer
    with begun(copies, virtual) as url:

        def schedule() -> None:
            with opened(url) as database:
                ticks(database, virtual)

        def intake() -> None:
            with opened(url) as database:
                take_in(database, STORY, shuffled(LATER), 3)

        together(schedule, schedule, intake)
        with opened(url) as database:
            tick.tick(database, DEPLOYED + 36 * HOUR, answer=virtual)
            raced = canonical(database)
            past = remember(database, STORY, [(STORY, DEPLOYED)])
    columns, events = past.facts["event"]
    own = [row for row in events if row[columns.index("ref_campaign_id")] is None]
    assert len(own) == len(EARLIER) + len(LATER)
    instants = {row[columns.index("at")] for row in own}
    assert instants & {instant + 1 for instant in [START, *INSTANTS]}, "no fact came late: nothing raced"
    assert len(raced.splitlines()) > 300
    alone = copies.fresh()
    assert replay(past, alone) == raced
    copies.drop(alone)


def test_two_dispatchers_a_scheduler_and_intake(copies: Copies, tmp_path: Path) -> None:
    """Every message that was decided leaves once or has an outcome that says why not."""
    with begun(copies, None) as url:

        def dispatch() -> None:
            with opened(url) as database:
                for instant in [START, *INSTANTS]:
                    deliver(database, Outside(folder=tmp_path).channels(), instant)

        def schedule() -> None:
            with opened(url) as database:
                ticks(database, None)

        def intake() -> None:
            with opened(url) as database:
                take_in(database, STORY, shuffled(LATER), 5)

        together(dispatch, dispatch, schedule, intake)
        with opened(url) as database:
            for hours in (31, 32, 33):
                deliver(database, Outside(folder=tmp_path).channels(), DEPLOYED + hours * HOUR)
                tick.tick(database, DEPLOYED + hours * HOUR)
            deliver(database, Outside(folder=tmp_path).channels(), DEPLOYED + 33 * HOUR)
            with database.read() as connection:
                status = tables.message.c.status
                statuses = {
                    row[0]: row[1]
                    for row in connection.execute(select(status, func.count().label("number")).group_by(status))
                }
                outcomes = connection.execute(select(func.count()).select_from(tables.outcome)).scalar_one()
    names = [json.loads(line)["message_id"] for line in lines(tmp_path)]
    assert len(set(names)) == len(names) == statuses[Status.SENT]
    assert len(names) > 20
    assert {status for status in statuses if status < Status.SENT} <= {Status.HELD}  # `hold while` holds: nothing else
    assert outcomes >= len(names)


def test_a_scheduler_that_overslept(copies: Copies) -> None:
    """It knows of a stretch that another one has ended meanwhile, and has begun the next: it does nothing."""
    virtual = answering(STORY).answer
    with begun(copies, virtual) as url, opened(url) as database, tick.planner(database) as late:
        stretch = late._publish(INSTANTS[0])
        with tick.planner(database) as other:
            other.tick(INSTANTS[0], answer=virtual)
            following = other._publish(INSTANTS[2])
            late._stretch(stretch, virtual, tick.Tally())
            with database.read() as connection:
                assert connection.execute(select(tables.clock.c.last_tick)).scalar_one() == INSTANTS[0]
            # A fact that comes now belongs to the instant after the stretch that is under way.
            take_in(database, STORY, LATER, len(LATER))
            late._stretch(following, virtual, tick.Tally())
            other._stretch(following, virtual, tick.Tally())
        late.tick(DEPLOYED + 36 * HOUR, answer=virtual)
        raced = canonical(database)
        past = remember(database, STORY, [(STORY, DEPLOYED)])
    columns, events = past.facts["event"]
    at, own = columns.index("at"), columns.index("ref_campaign_id")
    assert not [row for row in events if row[own] is None and START < row[at] <= INSTANTS[2]]
    alone = copies.fresh()
    assert replay(past, alone) == raced
    copies.drop(alone)


def test_a_fact_under_way_when_a_tick_begins(copies: Copies) -> None:
    """It got its instant before the tick said how far it goes, and is committed after: the tick waits for it."""
    virtual = answering(STORY).answer
    slow = NewEvent("purchase", "somebody new", START + 1, START + 1, "slow", {"category": "shoes"})
    under_way, ticking = threading.Event(), threading.Event()
    with begun(copies, virtual) as url:

        def intake() -> None:
            with opened(url) as database, database.intake() as connection:
                add_events(
                    connection,
                    model_of(STORY),
                    [slow],
                )
                under_way.set()
                ticking.wait()
                time.sleep(0.5)

        thread = threading.Thread(target=intake)
        thread.start()
        under_way.wait()
        ticking.set()
        with opened(url) as database:
            tick.tick(database, INSTANTS[0], answer=virtual)
            thread.join()
            with database.read() as connection:
                event = tables.event.c
                stored = select(event.at).where(event.event_time == START + 1)
                assert connection.execute(stored).scalar_one() == START + 1
                d = tables.decision.c
                entered = select(func.count()).where(d.at == START + 1, d.decision == Decision.ENTERED)
                assert connection.execute(entered).scalar_one() == 1


def test_a_deployment_beside_a_scheduler(copies: Copies, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick goes past its instant just before it is written: it gets one that nobody has passed."""
    virtual = answering(STORY).answer
    with begun(copies, virtual) as url, opened(url) as database:
        calls = []

        def tick_and_be_overtaken(database: Database, now: int) -> tick.TickResult:
            calls.append(now)
            done = tick.tick(database, now)
            if len(calls) == 1:
                tick.tick(database, now + HOUR, answer=virtual)
            return done

        monkeypatch.setattr("flowrules.runtime.deploy.tick", tick_and_be_overtaken)
        deploy(database, later(STORY, *CAMPAIGNS), START + MINUTE)
        with database.read() as connection:
            newest = connection.execute(select(func.max(tables.deployment.c.at))).scalar_one()
            last_tick = connection.execute(select(tables.clock.c.last_tick)).scalar_one()
        assert newest == last_tick + 1 == START + MINUTE + HOUR


SETTING = """
campaign mail:
    enter when begin, again after exit
    stage one:
        send email welcome
        wait 9 days
campaign setter:
    enter when other, again after exit
    stage one:
        set plan to "pro"
"""


def test_a_tick_that_sets_attributes_beside_a_hand_over(copies: Copies, tmp_path: Path) -> None:
    """They touch the same customers in opposite orders, and neither waits for the other for ever."""
    ben = replace(ANA, id="ben")
    story = workspace(
        SETTING,
        *(did("03-02 10:00 begin", who=who) for who in ("ana", "ben")),
        did("03-02 11:00 other", who="ben"),
        did("03-02 11:00 begin", who="ana"),
        did("03-02 12:00 other", who="ana"),
        customers=(ANA, ben),
    )
    url = copies.fresh()
    make(url, story)
    handed: list[Delivered] = []

    def hand_over() -> None:
        with opened(url) as database:
            handed.append(deliver(database, Outside(folder=tmp_path).channels(), at("03-02 10:30")))

    thread = threading.Thread(target=hand_over)
    updates = []

    def look(_cursor: object, statement: str, _parameters: object) -> None:
        if statement.startswith("UPDATE customer"):
            updates.append(statement)
            if len(updates) == 2:  # ben is set, ana is about to be
                thread.start()
                time.sleep(0.5)

    with opened(url) as database:
        deploy(database, story, story.deployed_at)
        tick.tick(database, at("03-02 10:00"))
        with tapped(database, look):
            tick.tick(database, at("03-02 13:00"))
        thread.join()
    assert [each.sent for each in handed] == [2]
    copies.drop(url)
