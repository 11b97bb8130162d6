"""What happens while messages are handed over: a server takes its time, a process stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from sqlalchemy import Connection

from flowrules.channels.base import Outcome, OutgoingMessage, Unknown
from flowrules.content.outgoing import details
from flowrules.runtime import doubts, outbox
from flowrules.runtime.daily import DailyLimits
from flowrules.runtime.deliver import Delivered, deliver
from flowrules.runtime.erase import erase
from flowrules.runtime.operate import Verdict, settle
from flowrules.sql import tables
from flowrules.store.customers import find_ids
from tests.delivery.test_deliver import Scripted, rows, statuses
from tests.support.engine import ledger
from tests.support.world import World, at, signed_up

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
    made = signed_up(database_url, PEOPLE, TICK)
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


def number(made: World, customer: str) -> int:
    with made.database.read() as connection:
        return find_ids(connection, [customer])[customer]


def test_erased_while_the_server_has_the_message(shop: World) -> None:
    """It has left: that is what is written down, and nothing breaks off, also where both have one instant."""
    email = Slow()
    email.meanwhile = lambda: erased(shop, "ana")
    assert run(shop, email).sent == 3
    assert statuses(shop) == [("sent", None)] * 3
    shop.tick(NOW + 10 * MINUTE)
    with shop.database.read() as connection:
        rows_of = [row for row in ledger(connection) if row.customer.startswith("erased-")]
    assert [(row.decision, row.reason) for row in rows_of if row.at >= NOW] == [
        ("exit", "erased"),
        ("outcome", "accepted"),
    ]


def test_erased_between_the_test_and_the_hand_over(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their address is gone: no line without one is written."""
    salt = outbox.salt  # the first that is read for the hand-over

    def late(connection: Connection) -> str:
        erased(shop, "ana")
        return salt(connection)

    monkeypatch.setattr(outbox, "salt", late)
    email = Scripted()
    deliver(shop.database, {"email": email, "sms": Scripted()}, NOW)
    assert [message.customer for message in email.sent] == ["bea", "cid"]
    monkeypatch.setattr(outbox, "salt", salt)
    shop.tick(NOW + MINUTE)
    done = deliver(shop.database, {"email": email, "sms": Scripted()}, NOW + MINUTE)
    assert (len(email.sent), done.withheld) == (2, {"journey_ended": 1})


def erased(made: World, customer: str) -> None:
    erase(made.database, number(made, customer), NOW)


@pytest.mark.parametrize("verdict", ["sent", "failed", "resend"])
def test_a_verdict_at_the_very_instant_of_the_doubt(
    shop: World, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the clock is virtual, or behind the last tick: the second outcome lies behind the first."""
    monkeypatch.setattr(doubts, "_IN_A_ROW", 9)
    run(shop, Slow(answer=Unknown("silent"), clock=Clock(NOW)))
    shop.tick(NOW + 60 * MINUTE)
    doubtful = Scripted(Unknown("silent"))
    with shop.database.read() as connection:
        (ana, *_) = connection.execute(details().order_by(tables.message.c.customer_id)).all()
    assert settle(shop.database, ana, "resend", NOW)
    deliver(shop.database, {"email": doubtful, "sms": Scripted()}, NOW)
    assert settle(shop.database, ana, verdict, NOW)
    if verdict == "resend":
        assert deliver(shop.database, {"email": Scripted(), "sms": Scripted()}, NOW).sent == 1
    shop.tick(NOW + 90 * MINUTE)
    with shop.database.read() as connection:
        outcomes = [row.reason for row in ledger(connection) if row.decision == "outcome" and row.customer == "ana"]
    assert outcomes[:2] == ["outcome_unknown"] * 2
    assert outcomes[2:] == ["refused" if verdict == "failed" else "accepted"]


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
    assert left == {"not sent: to be tested again"}
    shop.consent(["ana"], "email", "withdrawn", clock.now)
    done = deliver(shop.database, {"email": email, "sms": Scripted()}, clock)
    assert done.withheld == {"unsubscribed": 1}
    assert sorted(message.customer for message in email.sent) == ["bea", "cid"]
