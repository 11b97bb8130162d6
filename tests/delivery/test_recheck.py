"""Conditions of the campaign, asked again at the hand-over: what holds, excludes or ends since the tick decided."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from flowrules.runtime.deliver import Delivered, deliver
from flowrules.sql import tables
from flowrules.store.journal import replace_list
from tests.delivery.test_deliver import Scripted
from tests.support.engine import ledger
from tests.support.world import START, World, world

MINUTE = 60_000_000
TICK = START + 60 * MINUTE

FLOW = """\
attribute first_name: text
event asked
event complaint
event settled
list staff from "data/staff.csv" by email

campaign offers:
    class marketing
    enter when asked, again after exit
    exclude list staff
    exit when has settled at least 3 times in last 1 day
    hold while has complaint in last 2 hours
    stage only:
        send sms hello

policy:
    purpose marketing: unless refused
    class marketing: purpose marketing, limited, counted
"""
TEMPLATES = {"sms/hello.txt": "Hello\n"}
EXCLUDED, EXIT, HOLD = (f"rules/welcome.flow:{number}" for number in (10, 11, 12))


@pytest.fixture
def made(database_url: str) -> Iterator[World]:
    """Ana and ben have a message each that waits."""
    made = world(database_url, FLOW, TEMPLATES, lists={"staff": []})
    made.customers(["ana", "ben"], consent=False)
    made.event(["ana", "ben"], "asked", TICK)
    made.tick(TICK)
    yield made
    made.database.close()


def hand_over(made: World, now: int) -> Delivered:
    return deliver(made.database, {"email": Scripted(), "sms": Scripted()}, now)


def ana(made: World) -> list[tuple[str, str | None, str | None, str | None]]:
    with made.database.read() as connection:
        rows = [row for row in ledger(connection) if row.customer == "ana"]
    return [(row.decision, row.reason, row.rule, row.by) for row in rows if row.decision not in {"entered", "stage"}]


SEND = ("send", None, "rules/welcome.flow:14", None)


def test_a_hold_that_came_since_holds(made: World) -> None:
    made.event(["ana"], "complaint", TICK + MINUTE)
    done = hand_over(made, TICK + 2 * MINUTE)
    assert (done.sent, done.withheld) == (1, {"on_hold": 1})
    made.tick(TICK + 3 * MINUTE)
    assert hand_over(made, TICK + 4 * MINUTE).claimed == 0
    made.tick(TICK + 121 * MINUTE)
    assert hand_over(made, TICK + 121 * MINUTE).sent == 1
    assert ana(made) == [
        SEND,
        ("outcome", "on_hold", HOLD, None),
        ("withheld", "on_hold", HOLD, None),
        SEND,
    ]


def test_a_hold_of_newer_rules_holds(made: World) -> None:
    made.flow = FLOW.replace("    hold while has complaint in last 2 hours\n", "    hold while no complaint\n")
    made.apply(TICK + MINUTE)
    assert hand_over(made, TICK + 2 * MINUTE).withheld == {"on_hold": 2}


def test_rules_without_the_hold_let_it_go(made: World) -> None:
    made.event(["ana"], "complaint", TICK + MINUTE)
    made.flow = FLOW.replace("    hold while has complaint in last 2 hours\n", "")
    made.apply(TICK + MINUTE)
    assert hand_over(made, TICK + 2 * MINUTE).sent == 2


def test_a_list_that_came_since_excludes(made: World) -> None:
    with made.database.intake() as connection:
        replace_list(connection, "staff", [("email", "ana@example.com")])
    done = hand_over(made, TICK + MINUTE)
    assert (done.sent, done.withheld) == (1, {"excluded": 1})
    made.tick(TICK + 2 * MINUTE)
    assert ana(made) == [
        SEND,
        ("exit", "excluded", EXCLUDED, "list staff"),
        ("outcome", "excluded", EXCLUDED, "list staff"),
    ]


def test_what_ends_the_journey_keeps_the_message(made: World) -> None:
    for minute in (1, 2, 3):
        made.event(["ana"], "settled", TICK + minute * MINUTE)
    done = hand_over(made, TICK + 4 * MINUTE)
    assert (done.sent, done.withheld) == (1, {"journey_ended": 1})
    made.tick(TICK + 5 * MINUTE)
    assert ana(made)[1:] == [("exit", "exit_when", EXIT, None), ("outcome", "journey_ended", EXIT, None)]
    with made.database.read() as connection:
        contacts = connection.execute(select(tables.contact.c.customer_id)).all()
    assert len(contacts) == 1, "caps count ben's alone"
