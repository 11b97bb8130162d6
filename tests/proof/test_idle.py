"""A tick with nothing to do costs the same whoever waits: as many statements, each one probe of an index."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from flowrules.runtime import tick
from tests.proof.copies import Copies, opened, rows
from tests.proof.everything import DEPLOYED, RULES, only, scenario
from tests.proof.plans import Access, Plans
from tests.proof.story import deploy, long_ago, make, take_in
from tests.proof.tap import tapped
from tests.reference.scenario import HOUR, MINUTE, Event

FEW, MANY = 10, 2000
INDEXES = ("enrollment_due", "enrollment_recheck", "event_due", "attribute_change_at", "outcome_at")


@dataclass(frozen=True, slots=True)
class Idle:
    """Statements of an idle tick, and what of customers they touch."""

    counts: dict[str, int]
    accesses: list[Access]


def idle(url: str, waiting: int) -> Idle:
    """Everybody entered by one fact, and waits; those whom the second fact lets in are watched besides."""
    story = scenario(waiting, days=2, facts=0, rules=only(RULES, "welcome", "rival", "stopped"))
    make(url, story, facts=False)
    long_ago(url, MANY)
    stops = [Event(f"c{number:05}", "stop", DEPLOYED + HOUR, DEPLOYED + HOUR) for number in range(waiting)]
    begins = [
        Event(f"c{number:05}", "begin", DEPLOYED + HOUR, DEPLOYED + HOUR + 1, {"n": 1}) for number in range(waiting)
    ]
    with opened(url) as database:
        plans = Plans(database.dialect)
        deploy(database, story, DEPLOYED)
        take_in(database, story, stops + begins, 5000)
        with tapped(database, plans.look), tick.planner(database) as planning:
            planning.tick(DEPLOYED + HOUR + 30 * MINUTE, answer=lambda _sent: [])
            assert sum(row[5] is not None for row in rows(database)["enrollment"]) >= waiting
            with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("ANALYZE")
            plans.counts.clear()
            plans.period = "idle"
            done = planning.tick(DEPLOYED + HOUR + 45 * MINUTE, answer=lambda _sent: [])
            assert (done.rounds, done.moved, done.entered) == (0, 0, 0)
            return Idle(dict(plans.counts), [each for found in plans.periods["idle"].values() for each in found])


@pytest.fixture(scope="module")
def many(copies: Copies) -> Idle:
    return idle(copies.fresh(), MANY)


def test_as_many_statements_for_many_as_for_few(copies: Copies, many: Idle) -> None:
    assert many.counts == idle(copies.fresh(), FEW).counts
    assert sum(many.counts.values()) < 30


def test_each_is_a_probe_of_a_due_index(many: Idle) -> None:
    assert many.accesses
    for access in many.accesses:
        assert any(f"{name} " in access.search for name in INDEXES), access
