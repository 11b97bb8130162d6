"""No question of the monitor, nor `status`, walks over customers: it goes by an index, or looks at so many and no more.

All that the figures ask is explained as it is asked, on a database that is summed up, and while some is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event

from flowrules.content.deployed import Library
from flowrules.monitor.reader import Reader
from flowrules.monitor.screens.customers import Customers
from flowrules.report import explain as story_of
from flowrules.report.allowance import allowances
from flowrules.report.campaign import campaign
from flowrules.report.customer import card
from flowrules.report.home import home
from flowrules.report.lookup import find_customer
from flowrules.report.recent import latest
from flowrules.report.search import search
from flowrules.report.status import status
from flowrules.report.supposed import Answers
from flowrules.report.unknown import unknown
from flowrules.runtime import tick
from flowrules.runtime.deliver import deliver
from flowrules.runtime.plan import campaign_changes
from flowrules.runtime.sum_up import sum_up
from flowrules.store.database import Database
from flowrules.whatif.answer import supposing
from tests.proof.copies import Copies, opened
from tests.proof.everything import DEPLOYED, scenario
from tests.proof.plans import Access, Plans, explain
from tests.proof.story import Outside, deploy, long_ago, make
from tests.reference.scenario import HOUR

STORY = scenario(110, days=3, facts=4, passive=2500)

RANGES = {
    "decision": r"\(?\(?at[ >]|\(at,|the first entry",  # in order of time: what is not summed up yet, or the newest
    "outcome": r"outcome_at",
    "enrollment": r"enrollment_due",
    "message": r"message_open",
    "identity": r"kind ?= ?.*value ?[>=]",
}
"""What may be come by otherwise than by customer: a stretch of an index."""


@pytest.fixture(scope="module")
def plans(copies: Copies, tmp_path_factory: pytest.TempPathFactory) -> Plans:
    url = copies.fresh()
    make(url, STORY)
    long_ago(url, 2500)
    real = Outside(folder=tmp_path_factory.mktemp("out"))
    with opened(url) as database:
        found = Plans(database.dialect, "without statistics")
        deploy(database, STORY, DEPLOYED)
        tick.tick(database, DEPLOYED + 25 * HOUR)
        sum_up(database)
        deliver(database, real.channels(), DEPLOYED + 26 * HOUR)
        tick.tick(database, DEPLOYED + 28 * HOUR)
        ask(database, found)
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")
        found.period = "with statistics"
        ask(database, found)
        sum_up(database)
        found.period = "summed up"
        ask(database, found)
        return found


def ask(database: Database, plans: Plans) -> None:
    """Everything there is to see."""
    now = DEPLOYED + 28 * HOUR
    with database.read() as connection, explained(connection, plans):
        found = home(connection, now)
        status(connection, now)
        for row in found.campaigns:
            campaign(connection, row.name, now)
        latest(connection, 50)
        for wanted in ("c1", "c1@example.com", "+3460", "ample"):
            search(connection, wanted)
        unknown(connection, 500)
        Customers().read(connection, now)
        closely(connection, now)
    reader = Reader("", virtual=True)
    with database.read() as connection, explained(connection, plans):
        assert reader.now(connection) > 0


def closely(connection: Connection, now: int) -> None:
    """All that is shown of a customer, and what `w` asks before the planner plays it in memory."""
    deployed = Library(connection).newest
    assert deployed is not None
    campaign_changes(connection, deployed.model)
    computed = 0
    for customer in (f"c{number:05}" for number in range(6)):
        number = find_customer(connection, customer)
        story = story_of.explain(connection, customer, None, now)
        allowances(connection, deployed, number, story.zone, now)
        card(connection, number, now)
        with supposing(connection, customer, None, story.zone, now, {}) as answers:
            computed += answers is not Answers  # else there was nothing to ask, and nothing was read
    assert computed > 0


@contextmanager
def explained(connection: Connection, plans: Plans) -> Iterator[None]:
    if connection.dialect.name == "postgresql":
        # These tables fit into a few pages: as large ones they would be come by otherwise.
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")

    def executes(_connection: Any, cursor: Any, text: str, parameters: Any, *_: object) -> None:  # noqa: ANN401  # SQLAlchemy's
        plans.look(cursor, text, parameters)

    event.listen(connection, "before_cursor_execute", executes)
    try:
        yield
    finally:
        event.remove(connection, "before_cursor_execute", executes)


def bounded(text: str, access: Access) -> bool:
    if access.by_customer or re.search(RANGES.get(access.table, "never"), access.search) is not None:
        return True
    # The rows of a subquery that ends after so many.
    walk = rf'FROM {access.table}\s+(ORDER BY [\w., "]+\s+)?LIMIT '
    return re.search(walk, text) is not None


def test_no_question_walks_over_customers(plans: Plans) -> None:
    led_astray = [
        f"{access}\n    {text}" for text, accesses in plans.items() for access in accesses if not bounded(text, access)
    ]
    assert not led_astray, "\n".join(led_astray)


def test_they_were_worth_looking_at(plans: Plans) -> None:
    assert len(plans.periods) == 3
    found = {access.table for _, accesses in plans.items() for access in accesses}
    assert found >= {"decision", "outcome", "enrollment", "message", "identity", "visit", "customer"}
    assert found >= {"attribute_change", "consent", "contact", "event", "exposure", "tagging"}


def test_a_walk_is_seen(database_url: str) -> None:
    make(database_url, STORY)
    with opened(database_url) as database, database.read() as connection:
        text = "SELECT count(*) FROM enrollment WHERE ended_at IS NULL"
        cursor = connection.connection.cursor()
        assert not all(bounded(text, access) for access in explain(database.dialect, cursor, text, ()))
