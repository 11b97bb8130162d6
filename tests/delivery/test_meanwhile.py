"""What happens while messages are handed over: a server takes its time, a process stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from flowrules.channels.base import Outcome, OutgoingMessage
from flowrules.runtime.daily import DailyLimits
from flowrules.runtime.deliver import Delivered, deliver
from flowrules.sql import tables
from tests.delivery.test_deliver import Scripted, rows, statuses
from tests.support.world import START, World, at, world

TICK = at("2026-03-02 10:00")
NOW = at("2026-03-02 10:05")
MINUTE = 60_000_000
PEOPLE = ["ana", "bea", "cid"]


@dataclass
class Clock:
    now: int = NOW

    def __call__(self) -> int:
        return self.now


@dataclass
class Slow(Scripted):
    """Takes a minute for a message; `meanwhile` happens with the first."""

    together: int = 1
    clock: Clock = field(default_factory=Clock)
    meanwhile: Callable[[], None] = lambda: None

    def send(self, message: OutgoingMessage) -> Outcome:
        self.clock.now += MINUTE
        if not self.sent:
            self.meanwhile()
        return super().send(message)


@pytest.fixture
def shop(database_url: str) -> Iterator[World]:
    made = world(database_url)
    made.customers(PEOPLE)
    made.event(PEOPLE, "signup", START + MINUTE, source="fair")
    made.tick(TICK)
    yield made
    made.database.close()


def run(made: World, email: Slow, daily: DailyLimits | None = None) -> Delivered:
    return deliver(made.database, {"email": email, "sms": Scripted()}, email.clock, None, daily or DailyLimits())


def test_who_unsubscribes_while_others_are_sent_to_gets_nothing(shop: World) -> None:
    email = Slow()
    email.meanwhile = lambda: shop.consent(["cid"], "email", "withdrawn", email.clock.now)
    done = run(shop, email)
    assert [message.customer for message in email.sent] == ["ana", "bea"]
    assert done.withheld == {"unsubscribed": 1}
    assert [row.started_at - NOW for row in rows(shop, tables.attempt)] == [0, MINUTE]


def test_who_reaches_the_goal_while_others_are_sent_to_gets_nothing(shop: World) -> None:
    email = Slow()
    email.meanwhile = lambda: shop.event(["bea"], "purchase", email.clock.now, amount="5")
    assert run(shop, email).sent == 2
    assert [message.customer for message in email.sent] == ["ana", "cid"]


def test_a_day_ends_while_messages_are_sent(shop: World) -> None:
    """What leaves after midnight counts for the new day."""
    email = Slow(clock=Clock(at("2026-03-02 22:58") + MINUTE // 2))  # 90 seconds before midnight in Madrid
    assert run(shop, email, DailyLimits("Europe/Madrid", {"email": 2})).sent == 3
    assert [row.number for row in rows(shop, tables.daily_count)] == [2, 1]


@dataclass
class StandsStill(Clock):
    """For an hour, once, after a message was tested and before it is handed over."""

    asked: int = 0
    after: int = 0

    def __call__(self) -> int:
        self.asked += 1
        if self.asked == self.after:
            self.now += 60 * MINUTE
        return self.now


@pytest.mark.parametrize("together", [1, 500])
def test_what_was_tested_an_hour_ago_is_tested_again(shop: World, together: int) -> None:
    """The machine slept, and they unsubscribed at another one."""
    email = Scripted(together=together)
    clock = StandsStill(after=5)  # two for what was left behind, two to claim and test
    done = deliver(shop.database, {"email": email, "sms": Scripted()}, clock)
    late = 1 if together == 1 else 3
    assert (done.sent, len(email.sent)) == (3 - late, 3 - late)
    assert statuses(shop).count(("intended", None)) == late
    left = {row.outcome for row in rows(shop, tables.attempt) if row.outcome != "accepted"}
    assert left == {"not sent: too long after it was tested"}
    shop.consent(["ana"], "email", "withdrawn", clock.now)
    done = deliver(shop.database, {"email": email, "sms": Scripted()}, clock)
    assert done.withheld == {"unsubscribed": 1}
    assert sorted(message.customer for message in email.sent) == ["bea", "cid"]
