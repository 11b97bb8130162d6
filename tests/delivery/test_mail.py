"""The outbox and a real mail server: what was taken is sent once, whatever dies in between."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import select

from flowrules.channels.redirect import redirect
from flowrules.model.schema import Channel
from flowrules.report.explain import explain
from flowrules.report.messages import Choice, messages
from flowrules.runtime.daily import DailyLimits
from flowrules.runtime.deliver import deliver
from flowrules.sql import tables
from flowrules.sql.codes import Reason, Status
from flowrules.sql.token import Unsubscribe, read_bounce, read_unsubscribe
from tests.delivery.mail import smtp
from tests.support.mailserver import HANG_UP, MailServer, free_port, mail_server
from tests.support.world import SMS, START, TEMPLATES, World, at, signed_up, world

TICK = at("2026-03-02 10:00")
NOW = at("2026-03-02 10:05")
MINUTE = 60_000_000
DAY = 86_400_000_000
PEOPLE = ["ana", "bea", "cid"]


@pytest.fixture
def shop(database_url: str) -> Iterator[World]:
    made = signed_up(database_url, PEOPLE, TICK)
    yield made
    made.database.close()


def statuses(made: World) -> dict[str, str]:
    with made.database.read() as connection:
        return {str(row["customer"]): str(row["status"]) for row in messages(connection, Choice())}


def rows(made: World, customer: str) -> list[dict[str, Any]]:
    with made.database.read() as connection:
        return list(messages(connection, Choice(customer)))


def test_each_message_arrives_once_and_names_itself(shop: World, server: MailServer) -> None:
    assert deliver(shop.database, {"email": smtp(server.port)}, NOW).sent == 3
    assert [mail.recipient for mail in server.received] == [f"{name}@example.com" for name in PEOPLE]
    assert len(server.sessions) == 1
    first = server.received[0]
    assert first.read["Subject"] == "Hello Ana"
    assert [part.get_content_type() for part in first.read.iter_parts()] == ["text/plain", "text/html"]
    token = first.sender.partition("+")[2].partition("@")[0]
    assert first.read["Message-ID"] == f"<{token}@bounces.example.com>"
    with shop.database.read() as connection:
        key = connection.execute(select(tables.message).order_by(tables.message.c.customer_id)).first()
    assert key is not None
    assert read_bounce("salt", token) == tuple(key)[:5]
    assert len({mail.read["Message-ID"] for mail in server.received}) == 3
    assert deliver(shop.database, {"email": smtp(server.port)}, NOW + DAY).claimed == 0
    assert len(server.received) == 3


def test_a_refused_recipient_between_two_good_ones(shop: World, server: MailServer) -> None:
    server.answers["RCPT bea@example.com"] = "550 5.1.1 No such user"
    done = deliver(shop.database, {"email": smtp(server.port)}, NOW)
    assert (done.sent, done.refused) == (2, 1)
    assert statuses(shop) == {"ana": "sent", "bea": "refused", "cid": "sent"}
    (row,) = rows(shop, "bea")
    assert (row["reason"], row["answer"]) == ("refused", "550 5.1.1 No such user")


def test_busy_is_tried_again(shop: World, server: MailServer) -> None:
    server.answers["RCPT bea@example.com"] = ["450 4.2.1 Busy"]
    assert deliver(shop.database, {"email": smtp(server.port)}, NOW).retried == 1
    assert statuses(shop)["bea"] == "retrying"
    assert deliver(shop.database, {"email": smtp(server.port)}, NOW + MINUTE - 1).claimed == 0
    assert deliver(shop.database, {"email": smtp(server.port)}, NOW + MINUTE).sent == 1
    assert [mail.recipient for mail in server.received].count("bea@example.com") == 1


def test_a_server_that_is_down_and_up_again(shop: World) -> None:
    port = free_port()
    channel = smtp(port)
    for beat in range(3):
        done = deliver(shop.database, {"email": channel}, NOW + beat * MINUTE)
        assert "connection refused" in done.out["email"]
        assert (done.claimed, done.retried) == (1, 1)  # the others are not tried in vain
    with mail_server(port=port) as running:
        done = deliver(shop.database, {"email": channel}, NOW + 5 * MINUTE)
        assert (done.sent, done.out) == (3, {})
        assert len(running.received) == 3
    assert set(statuses(shop).values()) == {"sent"}


def test_421_waits(shop: World, server: MailServer) -> None:
    server.answers["MAIL"] = "421 4.3.2 Not now"
    done = deliver(shop.database, {"email": smtp(server.port)}, NOW)
    assert (done.claimed, done.retried) == (1, 1)
    assert "421 4.3.2 Not now" in done.out["email"]
    del server.answers["MAIL"]
    assert deliver(shop.database, {"email": smtp(server.port)}, NOW + MINUTE).sent == 3


def test_a_server_that_dies_after_the_text_is_in_doubt(shop: World, server: MailServer) -> None:
    server.answers["DATA"] = [HANG_UP]
    done = deliver(shop.database, {"email": smtp(server.port)}, NOW)
    assert (done.unknown, done.sent) == (1, 2)
    assert statuses(shop) == {"ana": "unknown", "bea": "sent", "cid": "sent"}
    assert deliver(shop.database, {"email": smtp(server.port)}, NOW + DAY).claimed == 0
    assert [mail.recipient for mail in server.received].count("ana@example.com") == 1
    (row,) = rows(shop, "ana")
    assert row["reason"] == "outcome_unknown"
    assert str(row["answer"]).startswith("no answer after the message had been sent")


def test_a_login_that_fails_refuses_nobody(shop: World, server: MailServer) -> None:
    server.answers["MAIL"] = "530 5.7.0 Authentication required"
    done = deliver(shop.database, {"email": smtp(server.port)}, NOW)
    assert (done.refused, done.retried, done.claimed) == (0, 1, 1)
    assert sorted(statuses(shop).values()) == ["intended", "intended", "retrying"]


class Killer(MailServer):
    """Kills whoever sends, at a command of theirs."""

    victim = 0
    at = "DATA"

    async def _kill(self, command: str) -> None:
        if command == self.at and self.victim:
            os.kill(self.victim, signal.SIGKILL)
            self.victim = 0
            await asyncio.sleep(0.5)

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        await self._kill(f"RCPT {address}")
        return await super().handle_RCPT(server, session, envelope, address, options)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = await super().handle_DATA(server, session, envelope)
        await self._kill("DATA")
        return answer


@pytest.mark.slow
@pytest.mark.parametrize("command", ["RCPT ana@example.com", "RCPT bea@example.com", "DATA"])
def test_killed_while_it_sends(shop: World, database_url: str, command: str) -> None:
    """Nobody knows what a mail server took from a process that is gone: never a second time."""
    with mail_server(kind=Killer) as server:
        assert isinstance(server, Killer)
        server.at = command
        shop.database.close()
        call = [sys.executable, "-m", "tests.delivery.mail", database_url, str(server.port), str(NOW)]
        child = subprocess.Popen(call)
        server.victim = child.pid
        assert child.wait(120) == -signal.SIGKILL
        before = [mail.recipient for mail in server.received]
        again = smtp(server.port)
        done = deliver(shop.database, {"email": again}, NOW + MINUTE)
        received = [mail.recipient for mail in server.received]
    assert done.unknown == 1
    found = statuses(shop)
    assert sorted(found.values()) == ["sent", "sent", "unknown"]
    (doubtful,) = [f"{name}@example.com" for name, status in found.items() if status == "unknown"]
    assert received.count(doubtful) == before.count(doubtful) <= 1
    assert all(received.count(f"{name}@example.com") == 1 for name in PEOPLE if found[name] == "sent")


# --- limits and trials --------------------------------------------------------------------------------


def test_a_daily_limit_leaves_the_rest_for_tomorrow(shop: World, server: MailServer) -> None:
    limits = DailyLimits("Europe/Madrid", {"email": 2})
    channels = {"email": smtp(server.port)}
    first = deliver(shop.database, channels, NOW, None, limits)
    assert (first.sent, first.withheld) == (2, {"send_limit": 1})
    assert statuses(shop)["cid"] == "intended"
    assert [row["reason"] for row in rows(shop, "cid")] == ["send_limit"]
    with shop.database.read() as connection:
        last = explain(connection, "cid", None, NOW).timeline[-1]
    assert (last.reason, last.notes) == (
        "send_limit",
        ("the channel has sent as many as it may on one day; it leaves on the next",),
    )
    midnight = at("2026-03-02 23:00")  # in Madrid
    assert deliver(shop.database, channels, midnight - 1, None, limits).sent == 0
    done = deliver(shop.database, channels, midnight, None, limits)
    assert (done.sent, done.withheld) == (1, {})
    assert [(row["status"], row["reason"]) for row in rows(shop, "cid")] == [("sent", None)]


def test_what_was_not_taken_does_not_count_for_the_day(shop: World, server: MailServer) -> None:
    server.answers["RCPT ana@example.com"] = "550 5.1.1 No such user"
    done = deliver(shop.database, {"email": smtp(server.port)}, NOW, None, DailyLimits("UTC", {"email": 2}))
    assert (done.sent, done.refused, done.withheld) == (2, 1, {})


def test_a_limit_of_nothing(shop: World, server: MailServer) -> None:
    done = deliver(shop.database, {"email": smtp(server.port)}, NOW, None, DailyLimits("UTC", {"email": 0}))
    assert (done.sent, done.withheld) == (0, {"send_limit": 3})
    with shop.database.read() as connection:
        found = connection.execute(select(tables.message.c.status, tables.message.c.reason)).all()
    assert [tuple(row) for row in found] == [(Status.INTENDED, Reason.SEND_LIMIT)] * 3


def test_everything_to_one_address(shop: World, server: MailServer) -> None:
    channels = redirect({"email": smtp(server.port)}, ["email"], "me@example.com")
    assert deliver(shop.database, channels, NOW).sent == 3
    assert {mail.recipient for mail in server.received} == {"me@example.com"}
    first = server.received[0].read
    assert first["Subject"] == "[email for ana@example.com] Hello Ana"
    assert "List-Unsubscribe" not in first


def test_the_link_in_the_text_is_that_of_the_head_and_names_what_it_ends(database_url: str, server: MailServer) -> None:
    page = "<a href='{{ unsubscribe_url }}'>no more</a>"
    email = Channel("email", "email", unsubscribe_url="https://example.com/u/")
    made = world(database_url, templates={**TEMPLATES, "email/hello.html": page}, channels=(email, SMS))
    made.customers(["ana"])
    made.event(["ana"], "signup", START + MINUTE, source="fair")
    made.tick(TICK)
    assert deliver(made.database, {"email": smtp(server.port)}, NOW).sent == 1
    (mail,) = server.received
    url = mail.read["List-Unsubscribe"].strip("<>")
    html = mail.read.get_body(("html",))
    assert html is not None
    assert f"href='{url}'" in html.get_content()
    token = url.removeprefix("https://example.com/u/")
    bounced = read_bounce("salt", mail.sender.partition("+")[2].partition("@")[0])
    assert bounced is not None
    assert read_unsubscribe("salt", token) == Unsubscribe(bounced, "email", "marketing")
    assert read_unsubscribe("another", token) is None
    made.database.close()
