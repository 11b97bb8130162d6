"""A consent that is told late undoes no refusal: not in the planner, not at the gate."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from flowrules.runtime.deliver import deliver
from flowrules.sql import tables
from flowrules.store.journal import NewConsent, add_consents
from tests.delivery.test_deliver import Scripted
from tests.support.engine import ledger
from tests.support.world import START, World, world

HOUR = 3_600_000_000

FLOW = """\
attribute first_name: text
event asked

campaign offers:
    class marketing
    enter when asked, again after exit
    stage only:
        send sms hello
        if consents to sms exit "yes"
        exit "no"

policy:
    purpose marketing: unless refused
    class marketing: purpose marketing, limited, counted
"""


@pytest.fixture
def made(database_url: str) -> Iterator[World]:
    """Ana said no at 10:00, and a tick came by."""
    made = world(database_url, FLOW, {"sms/hello.txt": "Hello\n"})
    made.customers(["ana"], consent=False)
    made.consent(["ana"], "sms", "refused", START + HOUR)
    made.tick(START + 2 * HOUR)
    yield made
    made.database.close()


def told(made: World, *records: tuple[str, int]) -> None:
    """What she said and when, all told now."""
    consents = [NewConsent("ana", "sms", "marketing", state, when, "old file", when) for state, when in records]
    with made.database.intake() as connection:
        add_consents(connection, made.model(), consents)


def states(made: World) -> list[str]:
    consent = tables.consent.c
    with made.database.read() as connection:
        return list(connection.execute(select(consent.state).order_by(consent.at, consent.seq)).scalars())


def ways_out(made: World) -> list[str | None]:
    """Of each journey, why the message did not leave and which arm it took."""
    made.event(["ana"], "asked", START + 3 * HOUR)
    made.tick(START + 4 * HOUR)
    deliver(made.database, {"sms": Scripted(), "email": Scripted()}, START + 4 * HOUR)
    made.tick(START + 5 * HOUR)
    with made.database.read() as connection:
        rows = ledger(connection)
    return [row.words or row.reason for row in rows if row.decision in {"withheld", "outcome", "exit"}]


@pytest.mark.parametrize(
    ("records", "counted", "way"),
    [
        ([("granted", START)], ["refused", "outdated"], ["unsubscribed", "no"]),
        ([("granted", START + HOUR + 1)], ["refused", "granted"], ["accepted", "yes"]),
        ([("withdrawn", START), ("granted", START + 1)], ["refused", "withdrawn", "outdated"], ["unsubscribed", "no"]),
        (
            [("granted", START + HOUR + 1), ("withdrawn", START + HOUR + 2), ("granted", START + HOUR + 1)],
            ["refused", "granted", "withdrawn", "outdated"],
            ["unsubscribed", "no"],
        ),
    ],
)
def test_what_is_told_late(made: World, records: list[tuple[str, int]], counted: list[str], way: list[str]) -> None:
    told(made, *records)
    assert states(made) == counted
    assert ways_out(made) == way


def test_the_gate_goes_by_the_refusal_too(made: World) -> None:
    told(made, ("granted", START + HOUR + 1))
    made.event(["ana"], "asked", START + 3 * HOUR)
    made.tick(START + 3 * HOUR)
    told(made, ("refused", START + 3 * HOUR), ("granted", START))
    done = deliver(made.database, {"sms": Scripted(), "email": Scripted()}, START + 4 * HOUR)
    assert done.withheld == {"unsubscribed": 1}


def test_history_in_any_order_is_replayed_in_its_own(database_url: str) -> None:
    """Before the first tick nothing is late."""
    made = world(database_url, FLOW, {"sms/hello.txt": "Hello\n"})
    made.customers(["ana"], consent=False)
    told(made, ("refused", START + 2 * HOUR), ("granted", START), ("granted", START + 4 * HOUR))
    assert states(made) == ["granted", "refused", "granted"]
    made.database.close()
