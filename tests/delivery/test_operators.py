"""Pauses, resumes and exits, as operators order them, up to what leaves the outbox."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from flowrules.channels.file import FileChannel
from flowrules.report.explain import explain
from flowrules.report.explain_text import explanation_lines
from flowrules.report.status import status
from flowrules.runtime import operate
from flowrules.runtime.deliver import deliver
from flowrules.sql import tables
from flowrules.sql.codes import Decision, Reason
from tests.support.engine import ledger
from tests.support.world import START, World, world

HOUR = 3_600_000_000
DAY = 24 * HOUR


@pytest.fixture
def made(database_url: str, tmp_path: Path) -> World:
    made = world(database_url)
    made.customers(["ana", "ben"])
    return made


def campaign(made: World) -> int:
    with made.database.read() as connection:
        number: int = connection.execute(select(tables.campaign.c.id)).scalar_one()
        return number


def customer(made: World, name: str) -> int:
    with made.database.read() as connection:
        number: int = connection.execute(select(tables.customer.c.id).filter_by(external_id=name)).scalar_one()
        return number


def told(made: World, *decisions: str) -> list[tuple[str, str, str | None]]:
    with made.database.read() as connection:
        return [(r.customer, r.decision, r.reason) for r in ledger(connection) if r.decision in decisions]


def sent(made: World, folder: Path, now: int) -> int:
    channels = {name: FileChannel(folder, name) for name in ("email", "sms")}
    return deliver(made.database, channels, now).sent


def test_a_paused_campaign_lets_nobody_in(made: World) -> None:
    ordered = operate.pause(made.database, campaign(made), START + HOUR)
    assert ordered == operate.Ordered(START + HOUR, 0)
    assert operate.pause(made.database, campaign(made), START + 2 * HOUR).at is None
    made.event(["ana"], "signup", START + 2 * HOUR, source="web")
    made.tick(START + 3 * HOUR)
    operate.resume(made.database, campaign(made), START + 4 * HOUR, "send")
    made.event(["ben"], "signup", START + 4 * HOUR, source="web")
    made.tick(START + 5 * HOUR)
    assert told(made, "entered", "not_entered") == [("ana", "not_entered", "paused"), ("ben", "entered", None)]


@pytest.mark.parametrize(("overdue", "leaves", "ends"), [("send", 1, None), ("skip", 0, None), ("exit", 0, "operator")])
def test_what_the_outbox_held(
    made: World, tmp_path: Path, overdue: operate.Overdue, leaves: int, ends: str | None
) -> None:
    made.event(["ana"], "signup", START + HOUR, source="web")
    made.tick(START + HOUR)
    operate.pause(made.database, campaign(made), START + HOUR)
    assert sent(made, tmp_path, START + HOUR) == 0
    operate.resume(made.database, campaign(made), START + 5 * HOUR, overdue)
    assert sent(made, tmp_path, START + 6 * HOUR) == 0, "the planner has not gone past the resume"
    made.tick(START + 6 * HOUR)
    assert sent(made, tmp_path, START + 7 * HOUR) == leaves
    made.tick(START + 8 * HOUR)
    assert [reason for _, _, reason in told(made, "exit")] == ([] if ends is None else [ends])
    if overdue == "skip":
        assert told(made, "outcome") == [("ana", "outcome", "paused")]


@pytest.mark.parametrize("overdue", ["send", "skip", "exit"])
def test_what_is_asked_for_in_a_pause(made: World, tmp_path: Path, overdue: operate.Overdue) -> None:
    """The second message, `sms nudge`, falls into it."""
    made.event(["ana"], "signup", START + HOUR, source="web")
    made.tick(START + 2 * HOUR)
    assert sent(made, tmp_path, START + 2 * HOUR) == 1
    operate.pause(made.database, campaign(made), START + DAY)
    made.tick(START + 4 * DAY)
    assert told(made, "withheld") == [("ana", "withheld", "paused")]
    with made.database.read() as connection:
        assert len(connection.execute(select(tables.contact)).all()) == 1
        (of_campaign,) = status(connection, START + 4 * DAY).campaigns
        story = "\n".join(each.plain for each in explanation_lines(explain(connection, "ana", None, START + 4 * DAY)))
    assert (of_campaign.state, of_campaign.held_by_pause) == ("paused", 1)
    assert "held      sms nudge: paused" in story
    assert "the campaign is paused: asked for again when it is resumed" in " ".join(story.split())
    assert operate.resume(made.database, campaign(made), START + 5 * DAY, overdue).affected == 1
    made.tick(START + 5 * DAY)
    assert (
        told(made, "exit", "withheld", "send")[2:]
        == {
            "send": [("ana", "send", None)],
            "skip": [("ana", "withheld", "paused")],
            "exit": [("ana", "exit", "operator")],
        }[overdue]
    )
    assert sent(made, tmp_path, START + 5 * DAY) == (1 if overdue == "send" else 0)


@pytest.mark.parametrize(
    ("resumed", "last"), [(8, ("ana", "send", None)), (9, ("ana", "withheld", "expired"))], ids=str
)
def test_a_message_expires_in_a_pause_too(database_url: str, resumed: int, last: tuple[str, str, str | None]) -> None:
    """Counted from when it was asked for, not from the resume."""
    flow = """\
attribute first_name: text
event signup
policy:
    purpose marketing: unless refused
    class marketing: purpose marketing, limited, counted
campaign c:
    enter when signup
    stage s:
        wait 2 hours
        send email hello, expires after 6 hours
"""
    made = world(database_url, flow, {"email/hello.txt": "---\nsubject: Hello\n---\nHello"})
    made.customers(["ana"])
    made.event(["ana"], "signup", START + HOUR)
    made.tick(START + HOUR)
    operate.pause(made.database, campaign(made), START + 2 * HOUR)
    made.tick(START + 4 * HOUR)
    operate.resume(made.database, campaign(made), START + resumed * HOUR, "send")
    made.tick(START + resumed * HOUR)
    assert told(made, "send", "withheld")[-1] == last
    made.database.close()


def test_the_gate_honours_a_pause_at_once(made: World, tmp_path: Path) -> None:
    made.event(["ana", "ben"], "signup", START + HOUR, source="web")
    made.tick(START + 2 * HOUR)
    operate.pause(made.database, campaign(made), START + 2 * HOUR)
    assert sent(made, tmp_path, START + 2 * HOUR) == 0


def test_an_operator_takes_a_customer_out(made: World, tmp_path: Path) -> None:
    made.event(["ana", "ben"], "signup", START + HOUR, source="web")
    made.tick(START + 2 * HOUR)
    assert operate.leave(made.database, customer(made, "ana"), campaign(made), START + 3 * HOUR).affected == 1
    assert operate.leave(made.database, customer(made, "ana"), campaign(made), START + 3 * HOUR).affected == 1
    made.tick(START + 3 * HOUR)
    assert told(made, Decision.EXIT.word) == [("ana", "exit", Reason.OPERATOR.word)]
    assert sent(made, tmp_path, START + 3 * HOUR) == 1, "ben's alone"
    assert operate.leave(made.database, customer(made, "ana"), campaign(made), START + 4 * HOUR).at is None
