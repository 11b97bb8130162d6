"""Messages that wait, from the decision to the hand-over and back; on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from flowrules.channels.base import Accepted, Outcome, Refused
from flowrules.runtime.deliver import Delivered, deliver
from flowrules.sql import tables
from flowrules.sql.codes import Decision, Reason, Status
from tests.delivery.test_deliver import Scripted
from tests.support.world import START, World, at, world

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
EVENING = at("2026-03-02 19:30")  # 20:30 where they live
MORNING = at("2026-03-03 08:00")  # 09:00

FLOW = """\
attribute first_name: text
event asked
event other
event gone

campaign first:
    class marketing
    priority 9
    enter when asked, again after exit
    exit when gone
    stage only:
        send sms hello, expires after 2 days

campaign second:
    class marketing
    enter when other, again after exit
    stage only:
        send first of: email hello, sms hello
        send sms hello

policy:
    time zone "Europe/Madrid"
    purpose marketing: unless refused
    class marketing: purpose marketing, limited, counted
    cap 1 contact per 7 days
    when capped wait up to 3 days, else skip
    quiet hours 21:00 to 09:00 for sms
"""
TEMPLATES = {"email/hello.txt": "---\nsubject: x\n---\n", "sms/hello.txt": "Hello\n"}


@pytest.fixture
def made(database_url: str) -> Iterator[World]:
    made = world(database_url, FLOW, TEMPLATES)
    made.customers(["ana"], consent=False)
    yield made
    made.database.close()


def decisions(made: World) -> list[tuple[Any, ...]]:
    d = tables.decision.c
    names = {Decision.SEND, Decision.WITHHELD, Decision.OUTCOME, Decision.EXIT}
    with made.database.read() as connection:
        return [
            (row.at, Decision(row.decision).word, None if row.reason is None else Reason(row.reason).word, row.until)
            for row in connection.execute(
                select(d.at, d.decision, d.reason, d.until).order_by(d.at, d.turn, d.decision)
            )
            if row.decision in names
        ]


def statuses(made: World) -> list[tuple[str, str | None]]:
    m = tables.message.c
    with made.database.read() as connection:
        return [
            (Status(row.status).word, None if row.reason is None else Reason(row.reason).word)
            for row in connection.execute(select(m.status, m.reason).order_by(m.campaign_id, m.step_id, m["pass"]))
        ]


def hand_over(made: World, now: int, sms: Scripted | None = None) -> Delivered:
    return deliver(made.database, {"email": Scripted(), "sms": sms or Scripted()}, now)


def test_a_message_waits_for_the_morning(made: World) -> None:
    made.event(["ana"], "asked", EVENING + HOUR)
    made.tick(EVENING + 2 * HOUR)
    assert statuses(made) == [("held", "quiet_until")]
    assert hand_over(made, EVENING + 3 * HOUR).claimed == 0
    made.tick(MORNING)
    assert hand_over(made, MORNING + MINUTE).sent == 1
    assert decisions(made) == [
        (EVENING + HOUR, "withheld", "quiet_until", MORNING),
        (MORNING, "send", None, None),
    ]


def test_what_comes_to_the_door_too_late_waits_too(made: World) -> None:
    """Decided at 20:59, handed over at 21:01."""
    made.event(["ana"], "asked", EVENING + 29 * MINUTE)
    made.tick(EVENING + 29 * MINUTE)
    late = EVENING + 31 * MINUTE
    done = hand_over(made, late)
    assert (done.sent, done.withheld) == (0, {"quiet_until": 1})
    assert statuses(made) == [("held", "quiet_until")]
    made.tick(late)
    made.tick(MORNING)
    assert hand_over(made, MORNING).sent == 1
    made.tick(MORNING + HOUR)
    assert decisions(made) == [
        (EVENING + 29 * MINUTE, "send", None, None),
        (late, "outcome", "quiet_until", None),
        (late, "withheld", "quiet_until", MORNING),
        (MORNING, "send", None, None),
        (MORNING + 1, "outcome", "accepted", None),
        (MORNING + 1, "exit", "completed", None),
    ]


def test_the_policy_in_force_holds(made: World) -> None:
    made.event(["ana"], "asked", EVENING + HOUR)
    made.tick(EVENING + 2 * HOUR)
    made.flow = FLOW.replace("    quiet hours 21:00 to 09:00 for sms\n", "")
    made.apply(EVENING + 3 * HOUR)
    made.tick(EVENING + 3 * HOUR)
    assert hand_over(made, EVENING + 3 * HOUR).sent == 1


def test_a_stricter_policy_is_asked_at_the_door(made: World) -> None:
    made.event(["ana"], "asked", EVENING)
    made.tick(EVENING)
    made.flow = FLOW.replace("21:00 to 09:00", "20:00 to 10:00")
    made.apply(EVENING + MINUTE)
    assert hand_over(made, EVENING + 2 * MINUTE).withheld == {"quiet_until": 1}
    made.tick(MORNING + HOUR)
    assert hand_over(made, MORNING + HOUR).sent == 1


def test_who_leaves_meanwhile_gets_nothing(made: World) -> None:
    made.event(["ana"], "asked", EVENING + HOUR)
    made.event(["ana"], "gone", EVENING + 2 * HOUR)
    made.tick(MORNING)
    assert statuses(made) == [("cancelled", "journey_ended")]
    assert [row[1:3] for row in decisions(made)] == [
        ("withheld", "quiet_until"),
        ("withheld", "journey_ended"),
        ("exit", "exit_when"),
    ]


def test_a_message_given_back_to_a_journey_that_is_over_is_cancelled(made: World) -> None:
    made.event(["ana"], "asked", EVENING + 29 * MINUTE)
    made.tick(EVENING + 29 * MINUTE)
    made.event(["ana"], "gone", EVENING + 31 * MINUTE)
    hand_over(made, EVENING + 31 * MINUTE)  # it has not left, whichever reason there is
    made.tick(EVENING + 32 * MINUTE)
    hand_over(made, MORNING)
    assert statuses(made) == [("cancelled", "journey_ended")]


def test_downtime_does_not_make_a_message_outlive_itself(made: World) -> None:
    made.event(["ana"], "asked", MORNING)
    made.tick(MORNING)
    done = hand_over(made, MORNING + 2 * DAY)
    assert (done.sent, done.withheld) == (0, {"expired": 1})
    made.tick(MORNING + 2 * DAY + HOUR)
    assert statuses(made) == [("expired", "expired")]
    assert decisions(made)[1][1:3] == ("outcome", "expired")


def test_a_slot_that_comes_back_is_used_at_once(made: World) -> None:
    made.event(["ana"], "other", MORNING + 6 * HOUR)
    made.tick(MORNING + 6 * HOUR)  # second: by email, which takes the slot
    made.event(["ana"], "asked", MORNING + 7 * HOUR)
    made.tick(MORNING + 7 * HOUR)
    until = MORNING + 7 * HOUR + 2 * DAY  # it expires before the slot would be free
    assert decisions(made)[-1] == (MORNING + 7 * HOUR, "withheld", "capped", until)
    refusing = Scripted(Refused("no such mailbox"))
    deliver(made.database, {"email": refusing, "sms": Scripted()}, MORNING + 8 * HOUR)
    made.tick(MORNING + 8 * HOUR)
    # The first campaign is the stronger one: the other's next message waits for it.
    assert [row[1:3] for row in decisions(made)[-3:]] == [
        ("outcome", "refused"),
        ("send", None),
        ("withheld", "capped"),
    ]


def test_a_refused_address_moves_on_to_the_next_channel(made: World) -> None:
    made.event(["ana"], "other", MORNING)
    made.tick(MORNING)
    deliver(made.database, {"email": Scripted(Refused("no")), "sms": Scripted()}, MORNING + MINUTE)
    made.tick(MORNING + MINUTE)
    sms = Scripted()
    assert hand_over(made, MORNING + MINUTE, sms).sent == 1
    assert [message.channel for message in sms.sent] == ["sms"]


@pytest.mark.parametrize("cut", [None, 4 * MINUTE])
@pytest.mark.parametrize("answer", [Accepted(), Refused("no")])
def test_a_contact_counts_from_the_decision_until_its_outcome(made: World, cut: int | None, answer: Outcome) -> None:
    """Decided at :00, another asks at :03, handed over at :05; whether a tick came by at :04 makes no difference."""
    made.flow = FLOW.replace("    when capped wait up to 3 days, else skip\n", "")
    made.apply(START + MINUTE)
    made.event(["ana"], "other", MORNING)
    made.tick(MORNING)
    made.event(["ana"], "asked", MORNING + 3 * MINUTE)
    if cut is not None:
        made.tick(MORNING + cut)
    deliver(made.database, {"email": Scripted(answer), "sms": Scripted()}, MORNING + 5 * MINUTE)
    made.tick(MORNING + 6 * MINUTE)
    assert [row[:3] for row in decisions(made)[1:3]] == [
        (MORNING + 3 * MINUTE, "withheld", "capped"),
        (MORNING + 3 * MINUTE, "exit", "completed"),
    ]
