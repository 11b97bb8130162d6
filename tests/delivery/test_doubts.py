"""A mail server that swallows one message after the other is left alone, also by those who are new at each call."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flowrules.report.messages import Choice, messages
from flowrules.runtime.deliver import Delivered, deliver
from tests.delivery.mail import smtp
from tests.support.mailserver import HANG_UP, MailServer
from tests.support.world import World, at, signed_up

TICK = at("2026-03-02 10:00")
NOW = at("2026-03-02 10:05")
MINUTE = 60_000_000
PEOPLE = [f"c{number:02}" for number in range(12)]


@pytest.fixture
def shop(database_url: str) -> Iterator[World]:
    made = signed_up(database_url, PEOPLE, TICK)
    yield made
    made.database.close()


def call(made: World, server: MailServer, now: int) -> Delivered:
    """As `run --once` from cron: nothing is kept by the process."""
    return deliver(made.database, {"email": smtp(server.port)}, now)


def test_it_is_left_alone_from_call_to_call(shop: World, server: MailServer) -> None:
    """Else three in each call would be in doubt, and each of them a person's work."""
    server.answers["DATA"] = HANG_UP
    done = call(shop, server, NOW)
    assert (done.unknown, done.claimed) == (3, 3)
    left_alone = "gave no answer to one message after the other; it is left alone until 2026-03-02T10:"
    assert done.out == {"email": f"{left_alone}06:00Z"}
    done = call(shop, server, NOW + MINUTE - 1)
    assert (done.claimed, done.out) == (0, {"email": f"{left_alone}06:00Z"})
    now = NOW
    for minutes in (1, 2, 4, 8, 16, 32, 60, 60):
        now += minutes * MINUTE
        assert call(shop, server, now - 1).claimed == 0
        if minutes == 60:
            break
        assert call(shop, server, now).unknown == 1
    server.answers["DATA"] = "250 OK"
    done = call(shop, server, now)
    assert (done.sent, done.out) == (len(PEOPLE) - 9, {})
    with shop.database.read() as connection:
        statuses = [str(row["status"]) for row in messages(connection, Choice())]
    assert sorted(statuses) == ["sent"] * 3 + ["unknown"] * 9


def test_only_one_after_the_other(shop: World, server: MailServer) -> None:
    server.answers["DATA"] = [HANG_UP, HANG_UP, "250 OK", HANG_UP, HANG_UP, "550 5.7.1 No", HANG_UP, HANG_UP]
    done = call(shop, server, NOW)
    assert (done.unknown, done.refused, done.sent, done.out) == (6, 1, 5, {})


def test_a_clock_that_was_ahead_lays_nothing_still(shop: World, server: MailServer) -> None:
    server.answers["DATA"] = HANG_UP
    assert call(shop, server, NOW + 30 * MINUTE).unknown == 3
    server.answers["DATA"] = "250 OK"
    assert call(shop, server, NOW).sent == len(PEOPLE) - 3
