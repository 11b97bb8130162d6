"""What would have let out what the hand-over gate kept back: the gate is asked again, by the same planner."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flowrules.channels.base import Accepted
from flowrules.report.explain import explain
from flowrules.report.explain_text import explanation_lines
from flowrules.report.print import printed
from flowrules.runtime import operate
from flowrules.runtime.deliver import deliver
from flowrules.store.database import Database
from flowrules.store.zones import END
from flowrules.whatif.answer import suppose
from tests.delivery.test_deliver import Scripted
from tests.support.world import START, World, world

MINUTE = 60_000_000
HOUR = 60 * MINUTE
TICK = START + 5 * MINUTE
LEAVES = START + 20 * MINUTE

FLOW = """\
attribute first_name: text
event signup
event complaint

segment upset: has complaint in last 1 day

campaign welcome:
    class marketing
    enter when signup, once
    hold while has complaint in last 2 hours
    stage hello:
        send email one, expires after 12 hours
        wait 1 day
        send email two

policy:
    time zone "UTC"
    purpose marketing: ask first
    class marketing: purpose marketing, limited, counted
    quiet hours 22:00 to 06:00 for email
    cap 2 contacts per 7 days
"""
TEMPLATES = {f"email/{name}.txt": "---\nsubject: x\n---\nHello\n" for name in ("one", "two")}


@pytest.fixture
def made(database_url: str) -> Iterator[World]:
    """Ana's message is decided, and waits."""
    found = world(database_url, FLOW, TEMPLATES)
    found.customers(["ana"])
    found.event(["ana"], "signup", START + MINUTE)
    found.tick(TICK)
    yield found
    found.database.close()


def hand_over(made: World, now: int) -> None:
    deliver(made.database, {"email": Scripted(Accepted()), "sms": Scripted()}, now)


def answers(database: Database) -> dict[tuple[int, str], tuple[str, str]]:
    with database.read() as connection:
        found = suppose(connection, "ana", None, "UTC", END, {})
    return {(where[0], where[4]): (each.change, each.words("UTC", where[0])) for where, each in found.supposed.items()}


def story(made: World) -> str:
    with made.database.read() as connection:
        found = explain(connection, "ana", "welcome", END)
        found = found.supposing(suppose(connection, "ana", "welcome", "UTC", END, {}))
    return printed(explanation_lines(found), colour=False)


def test_consent_that_was_withdrawn_meanwhile(made: World) -> None:
    made.consent(["ana"], "email", "withdrawn", START + 6 * MINUTE)
    hand_over(made, LEAVES)
    made.tick(LEAVES + HOUR)
    words = "would have been sent at 09:20 had there been consent to marketing by email"
    assert answers(made.database) == {(LEAVES, "outcome"): ("consent", words)}
    assert words in " ".join(story(made).split()), "told below the message that did not leave"


def test_a_cap_that_is_lower_by_then(made: World) -> None:
    hand_over(made, LEAVES)
    second = START + 25 * HOUR
    made.tick(second)
    made.flow = FLOW.replace("cap 2 contacts", "cap 1 contact")
    made.apply(second + MINUTE)
    hand_over(made, second + HOUR)
    made.tick(second + 2 * HOUR)
    words = "would have been sent at 11:00 had the cap been 2"
    assert answers(made.database) == {(second + HOUR, "outcome"): ("cap", words)}
    told = " ".join(story(made).split())
    assert "rules/welcome.flow:21 cap 1 contact per 7 days counted: email one Mon 2026-03-02 09:20 1 of 1" in told
    assert words in told


def test_quiet_hours_and_a_hold_that_give_it_back(made: World) -> None:
    made.event(["ana"], "complaint", START + 6 * MINUTE)
    hand_over(made, LEAVES)
    made.tick(START + 3 * HOUR)  # the complaint is old by now
    late = START + 13 * HOUR + 30 * MINUTE
    made.tick(late - 1)
    words = "would have been sent at 09:20 without this `hold while`"
    assert answers(made.database) == {
        (LEAVES, "outcome"): ("hold", words), (LEAVES, "withheld"): ("hold", words),
    }  # fmt: skip


def test_held_again_after_it_was_asked_for_again(database_url: str) -> None:
    found = world(database_url, FLOW.replace(", expires after 12 hours", ""), TEMPLATES)
    found.customers(["ana"])
    found.event(["ana"], "signup", START + MINUTE)
    found.tick(TICK)
    night = START + 13 * HOUR + 30 * MINUTE
    for day in range(2):
        hand_over(found, night + day * 24 * HOUR)
        found.tick(night + day * 24 * HOUR + 12 * HOUR)
    told = answers(found.database)
    words = "would have been sent {} without these quiet hours"
    assert told[night, "outcome"] == ("quiet_hours", words.format("at 22:30"))
    assert told[night + 24 * HOUR, "outcome"] == ("quiet_hours", words.format("Mon 2026-03-02 22:30"))
    found.database.close()


def test_it_came_too_late(made: World) -> None:
    late = START + 12 * HOUR + 2 * MINUTE
    hand_over(made, late)
    made.tick(late + MINUTE)
    assert answers(made.database) == {
        (late, "outcome"): ("expiry", "would have been sent at 21:02 had it not expired"),
    }  # fmt: skip


def test_an_exclusion_that_the_planner_had_not_seen(database_url: str) -> None:
    flow = FLOW.replace("hold while has complaint in last 2 hours", "exclude segment upset")
    found = world(database_url, flow, TEMPLATES)
    found.customers(["ana"])
    found.event(["ana"], "signup", START + MINUTE)
    found.tick(TICK)
    found.event(["ana"], "complaint", START + 6 * MINUTE)
    hand_over(found, LEAVES)
    found.tick(LEAVES + HOUR)
    told = answers(found.database)
    words = "would have been sent at 09:20 without excluding segment upset"
    assert told[LEAVES, "outcome"] == ("exclusion", words)
    assert told[START + 6 * MINUTE, "exit"] == ("exclusion", f"email one {words}")
    found.database.close()


@pytest.mark.parametrize(
    ("line", "change", "condition"),
    [
        ("exit when complaint", "exit_when", "without this `exit when`"),
        ("exit when has complaint in last 1 day", "exit_when", "without this `exit when`"),
        ("goal complaint", "goal", "had the goal not ended the journey"),
        ('owner "crm@example.com"', "operator", "had no operator taken the customer out"),
    ],
)
def test_a_journey_that_had_ended_by_then(database_url: str, line: str, change: str, condition: str) -> None:
    found = world(database_url, FLOW.replace("hold while has complaint in last 2 hours", line), TEMPLATES)
    found.customers(["ana"])
    found.event(["ana"], "signup", START + MINUTE)
    found.tick(TICK)
    if change == "operator":
        operate.leave(found.database, 1, 1, TICK + MINUTE)
    else:
        found.event(["ana"], "complaint", TICK + MINUTE)
    found.tick(TICK + 2 * MINUTE)
    hand_over(found, LEAVES)
    found.tick(LEAVES + HOUR)
    assert answers(found.database) == {(LEAVES, "outcome"): (change, f"would have been sent at 09:20 {condition}")}
    found.database.close()


def test_a_pause_that_was_resumed_without_it(made: World) -> None:
    operate.pause(made.database, 1, TICK + MINUTE)
    operate.resume(made.database, 1, TICK + 2 * MINUTE, "skip")
    made.tick(TICK + 3 * MINUTE)
    hand_over(made, LEAVES)
    made.tick(LEAVES + HOUR)
    words = "would have been sent at 09:01 had the campaign not been paused"
    assert answers(made.database) == {(LEAVES, "outcome"): ("pause", words)}


def test_what_can_not_be_explained_is_not_guessed(made: World) -> None:
    """Nobody withdrew anything, as far as is known now."""
    made.consent(["ana"], "email", "withdrawn", START + 6 * MINUTE)
    hand_over(made, LEAVES)
    made.tick(LEAVES + HOUR)
    with made.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM consent WHERE state = 'withdrawn'")
    ((_, words),) = answers(made.database).values()
    assert "what is on record does not lead to what kept it back then" in words
