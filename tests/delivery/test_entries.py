"""Journeys side by side, refreshed entries and campaigns that start others, as messages and reports show them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from flowrules.report.explain import explain
from flowrules.report.ledger import Choice as OfLedger
from flowrules.report.ledger import ledger
from flowrules.report.messages import Choice, messages
from flowrules.runtime.answers import silent
from flowrules.sql import tables
from tests.support.world import START, World, world

HOUR = 3_600_000_000
FLOW = """\
attribute first_name: text
event order:
    number: integer
    what: text
event paid:
    number: integer
campaign orders:
    enter when order, keyed by number
    goal paid
    stage open:
        on order refresh entry
        send email confirmed
        wait 1 day
        send email reminder (number entry.number)
        wait for paid up to 5 days
policy:
    purpose marketing: unless refused
    class marketing: purpose marketing, limited, counted
"""
TEMPLATES = {
    "email/confirmed.txt": "---\nsubject: Your {{ entry.what }}\n---\nThank you.\n",
    "email/reminder.txt": "---\nsubject: Still your {{ entry.what }} ({{ message.number }})?\n---\nPay.\n",
}


@pytest.fixture
def orders(database_url: str) -> Iterator[World]:
    made = world(database_url, FLOW, TEMPLATES)
    made.customers(["ana"])
    for hour, number, what in ((1, 17, "lamp"), (1, 8, "sofa"), (2, 17, "red lamp"), (26, 17, "green lamp")):
        made.event(["ana"], "order", START + hour * HOUR, number=number, what=what)
    made.event(["ana"], "paid", START + 30 * HOUR, number=8)
    made.tick(START + 40 * HOUR, silent)
    yield made
    made.database.close()


def test_each_message_shows_the_entry_of_its_journey_and_moment(orders: World) -> None:
    with orders.database.read() as connection:
        found = [(row["instance"], row["subject"]) for row in messages(connection, Choice())]
    assert found == [
        (1, "Your lamp"),
        (2, "Your sofa"),
        (1, "Still your red lamp (17)?"),
        (2, "Still your sofa (8)?"),
    ]


def test_explain_tells_the_journeys_apart(orders: World) -> None:
    with orders.database.read() as connection:
        told = explain(connection, "ana", "orders", START + 40 * HOUR)
    assert told.standings[0].words == "entered 2 times, is inside"
    entered = [(each.label, each.key, each.instance) for each in told.timeline if each.what == "entered"]
    assert entered == [("number 17", "17", 1), ("number 8", "8", 2)]
    assert [(each.instance, each.text) for each in told.timeline if each.what == "goal"] == [(2, "goal paid")]
    assert [each.text for each in told.timeline if each.what == "refreshed"] == ["on order refresh entry"] * 2
    assert told.side_by_side == {"orders"}


def test_a_goal_after_the_end_keeps_the_entry(orders: World) -> None:
    day = 24 * HOUR
    orders.tick(START + 20 * day, silent)
    orders.event(["ana"], "paid", START + 21 * day, number=17)
    orders.tick(START + 22 * day, silent)
    journey = tables.enrollment.c
    query = select(journey.entry_at, journey.ended_at < journey.goal_at, journey.goal_at).where(journey.instance == 1)
    with orders.database.read() as connection:
        assert connection.execute(query).one() == (START + 26 * HOUR, True, START + 21 * day)


def test_a_key_stands_in_the_ledger(orders: World) -> None:
    orders.event(["ana"], "order", START + 41 * HOUR, what="chair")
    orders.event(["ana"], "order", START + 41 * HOUR, number=8, what="chair")
    orders.tick(START + 42 * HOUR, silent)
    with orders.database.read() as connection:
        rows = [row for row in ledger(connection, OfLedger()) if "entered" in str(row["decision"])]
    assert [(row["reason"], row["key"]) for row in rows] == [
        (None, "17"), (None, "8"), ("already_inside", "17"), ("already_inside", "17"),
        ("no_key", None), ("entered_before", "8"),
    ]  # fmt: skip


# --- campaigns that start others ----------------------------------------------------------------------

STARTS = """\
attribute first_name: text
event signup:
    source: text
event bye
campaign welcome:
    enter when signup, again after exit
    exit when bye
    stage lead:
        start campaign care, linked
        start campaign survey
        start campaign survey
        wait 2 days
campaign care:
    exclude campaign rest
    stage all:
        wait 9 days
campaign survey:
    stage all:
        wait 9 days
campaign rest:
    enter when bye, again after exit
    stage all:
        wait 20 days
policy:
    purpose marketing: unless refused
    class marketing: purpose marketing, limited, counted
"""


@pytest.fixture
def started(database_url: str) -> Iterator[World]:
    made = world(database_url, STARTS, {})
    made.customers(["ana"])
    made.event(["ana"], "signup", START + HOUR, source="fair")
    made.event(["ana"], "bye", START + 5 * HOUR)
    made.event(["ana"], "signup", START + 9 * HOUR, source="fair")
    made.tick(START + 20 * HOUR, silent)
    yield made
    made.database.close()


def told(made: World, campaign: str, *kinds: str) -> list[tuple[str, str, str | None, str | None]]:
    with made.database.read() as connection:
        story = explain(connection, "ana", campaign, START + 20 * HOUR)
    return [(each.what, each.label, each.reason, each.text) for each in story.timeline if each.what in kinds]


def test_who_started_whom_is_told(started: World) -> None:
    line = "start campaign care, linked"
    assert told(started, "care", "entered", "not_entered", "exit") == [
        ("entered", "started by campaign welcome", None, line),
        ("exit", "campaign welcome", "linked", line),
        ("not_entered", "started by campaign welcome", "entered_before", "campaign care:"),
    ]
    assert told(started, "survey", "entered", "not_entered") == [
        ("entered", "started by campaign welcome", None, "start campaign survey"),
        ("not_entered", "started by campaign welcome", "already_inside", "campaign survey:"),
        ("not_entered", "started by campaign welcome", "already_inside", "campaign survey:"),
        ("not_entered", "started by campaign welcome", "already_inside", "campaign survey:"),
    ]
    assert told(started, "welcome", "start")[0] == ("start", "campaign care", None, line)


def test_a_campaign_that_was_taken_out_is_not_started(started: World) -> None:
    started.event(["ana"], "bye", START + 21 * HOUR)
    started.event(["ana"], "signup", START + 22 * HOUR, source="fair")
    started.flow = STARTS.replace("        start campaign care, linked\n", "        wait 3 hours\n        exit\n")
    started.flow = started.flow.replace("        start campaign survey\n", "")
    started.flow = started.flow.replace("campaign survey:\n", "campaign survey:\n    enter when signup\n")
    started.flow = started.flow.replace("campaign care:\n", "campaign care:\n    enter when signup\n")
    started.flow = started.flow.replace("        exit\n        wait 2 days\n", "        start campaign rest\n")
    started.tick(START + 23 * HOUR, silent)
    gone = started.flow.replace("campaign rest:", "campaign other:").replace("campaign rest", "campaign other")
    started.apply(START + 23 * HOUR + 1)
    started.event(["ana"], "bye", START + 24 * HOUR)
    started.event(["ana"], "signup", START + 25 * HOUR, source="fair")
    started.tick(START + 26 * HOUR, silent)
    started.flow = gone
    started.apply(START + 27 * HOUR)
    started.tick(START + 30 * HOUR, silent)
    with started.database.read() as connection:
        rows = [row for row in ledger(connection, OfLedger()) if row["reason"] == "not_deployed"]
    assert [(row["at"], row["campaign"], row["step"]) for row in rows] == [
        ("2026-03-03T13:00:00Z", "welcome", "lead/start campaign rest")
    ]


def test_starts_without_end_are_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`check` lets no such campaign through; were it wrong, the engine would still stop."""
    monkeypatch.setattr("flowrules.check.check_triggers", lambda _campaigns, _names: [])
    flow = STARTS.partition("campaign welcome")[0] + (
        "campaign one:\n    enter when signup, every time\n    stage s:\n        start campaign two\n"
        "campaign two:\n    enter every time\n    stage s:\n        tag busy\n        start campaign one\n"
        "policy:\n    purpose marketing: unless refused\n    class marketing: purpose marketing, limited, counted\n"
    )
    made = world(database_url, flow, {})
    try:
        made.customers(["ana"])
        made.event(["ana"], "signup", START + HOUR, source="fair")
        made.tick(START + 2 * HOUR, silent)
        with made.database.read() as connection:
            rows = [row for row in ledger(connection, OfLedger()) if "entered" in str(row["decision"])]
        assert [(row["campaign"], row["instance"], row["reason"]) for row in rows] == [
            ("one", 1, None), ("two", 1, None), ("one", 2, None), ("two", 0, "loop")
        ]  # fmt: skip
    finally:
        made.database.close()
