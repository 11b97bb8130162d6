"""`apply --since`: a new campaign looks back, once, at the instant its life begins."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flowrules.runtime.deliver import deliver
from flowrules.runtime.deploy import apply
from tests.delivery.test_deliver import Scripted
from tests.support.engine import ledger
from tests.support.world import START, World, world

HOUR = 3_600_000_000
FLOW = """\
attribute first_name: text
event asked:
    words: text
event other

policy:
    purpose marketing: unless refused
    class marketing: purpose marketing, limited, counted
campaign old:
    class marketing
    enter when asked, again after exit
    stage only:
        wait 1 day
"""
NEW = """
campaign answers:
    class marketing
    enter when asked (words is not "no")
    stage only:
        send email hello (words entry.words)
        wait 3 days
"""
TEMPLATES = {"email/hello.txt": "---\nsubject: {{ message.words }}\n---\nHello\n"}
APPLIED = START + 10 * HOUR


@pytest.fixture
def made(database_url: str) -> Iterator[World]:
    """Ana asked at 10:00 and 12:00, ben at 11:00, cid at 12:30 in vain, dan at 12:40 what is not wanted."""
    made = world(database_url, FLOW, {})
    made.customers(["ana", "ben", "cid", "dan"], consent=False)
    made.event(["ben"], "asked", START + HOUR, words="early")
    made.event(["ana"], "asked", START + 2 * HOUR, words="first")
    made.event(["ana"], "asked", START + 3 * HOUR, words="second")
    made.event(["cid"], "other", START + 3 * HOUR)
    made.event(["dan"], "asked", START + 3 * HOUR, words="no")
    made.tick(START + 5 * HOUR)
    made.flow, made.templates = FLOW + NEW, TEMPLATES
    yield made
    made.database.close()


def looking_back(made: World, since: int | None) -> None:
    apply(made.database, made.snapshot(), made.model(), APPLIED, looks_back_to=since)


def entered(made: World) -> list[tuple[str, int, str | None]]:
    with made.database.read() as connection:
        rows = [row for row in ledger(connection) if row.campaign == "answers"]
    return [(row.customer, row.at, row.reason) for row in rows if row.decision in {"entered", "not_entered"}]


def test_who_did_it_since_enters_at_once(made: World) -> None:
    looking_back(made, START + 2 * HOUR)
    made.tick(APPLIED + HOUR)
    assert entered(made) == [("ana", APPLIED, None)]
    channels = {"email": Scripted(), "sms": Scripted()}
    deliver(made.database, channels, APPLIED + HOUR)
    assert [(message.customer, message.subject) for message in channels["email"].sent] == [("ana", "first")]


def test_without_it_nobody_does(made: World) -> None:
    looking_back(made, None)
    made.tick(APPLIED + HOUR)
    assert entered(made) == []


def test_only_new_campaigns_look_back(made: World) -> None:
    looking_back(made, None)
    looking_back(made, START)
    made.tick(APPLIED + HOUR)
    assert entered(made) == []
    with made.database.read() as connection:
        assert [row.customer for row in ledger(connection) if row.decision == "entered" and row.at >= APPLIED] == []


def test_it_looks_back_once_and_what_comes_late_is_not_too_early(made: World) -> None:
    looking_back(made, START + 2 * HOUR)
    made.tick(APPLIED)
    made.tick(APPLIED + HOUR)
    made.event(["ben"], "asked", START + 4 * HOUR, words="told late")
    made.event(["cid"], "asked", START + HOUR, words="too early")
    made.tick(APPLIED + 2 * HOUR)
    assert entered(made) == [("ana", APPLIED, None), ("ben", APPLIED + HOUR + 1, None)]


def test_an_event_of_that_very_instant_is_one_more_of_the_same(made: World) -> None:
    made.event(["ana", "ben"], "asked", APPLIED, words="now")
    looking_back(made, START + 2 * HOUR)
    made.tick(APPLIED + HOUR)
    assert entered(made) == [("ana", APPLIED, None), ("ben", APPLIED, None)]
