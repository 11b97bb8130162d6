"""What leaves, what does not, and what is written down about it; on both databases."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, select

from flowrules.channels.base import Accepted, Channel, Outcome, OutgoingMessage, Refused, Retry, Unknown
from flowrules.channels.file import FileChannel
from flowrules.channels.registry import make_channels
from flowrules.model import schema
from flowrules.runtime.deliver import Delivered, deliver
from flowrules.sql import tables
from flowrules.sql.codes import Decision, Reason, Status
from tests.support.world import EMAIL, FLOW, SMS, START, TEMPLATES, World, at, signed_up, world

TICK = at("2026-03-02 10:00")
NOW = at("2026-03-02 10:05")
MINUTE = 60_000_000
DAY = 86_400_000_000


@dataclass
class Scripted:
    """Answers as it is told, and remembers what it was given."""

    answer: Outcome = field(default_factory=Accepted)
    together: int = 500
    sent: list[OutgoingMessage] = field(default_factory=list)

    def send(self, message: OutgoingMessage) -> Outcome:
        self.sent.append(message)
        return self.answer

    def flush(self) -> None:
        pass

    def settle(self, keys: Collection[str]) -> Mapping[str, Outcome]:
        del keys
        return {}


@pytest.fixture
def welcome(database_url: str) -> Iterator[World]:
    made = signed_up(database_url, ["ana", "bea"], TICK)
    yield made
    made.database.close()


def rows(made: World, table: Table = tables.message) -> list[Any]:
    with made.database.read() as connection:
        return list(connection.execute(select(table).order_by(*table.primary_key.columns)))


def statuses(made: World) -> list[tuple[str, str | None]]:
    return [(Status(row.status).word, None if row.reason is None else Reason(row.reason).word) for row in rows(made)]


def run(made: World, email: Channel, now: int = NOW, limit: int | None = None) -> Delivered:
    return deliver(made.database, {"email": email, "sms": Scripted()}, now, limit)


def test_a_message_leaves_whole_and_the_journey_goes_on(welcome: World, tmp_path: Path) -> None:
    done = deliver(welcome.database, make_channels({"email": "file", "sms": "file"}, tmp_path), NOW)
    assert (done.sent, done.claimed, done.withheld) == (2, 2, {})
    first, second = map(json.loads, (tmp_path / "email.jsonl").read_text().splitlines())
    assert first["to"] == "ana@example.com"
    assert first["message_id"] == "welcome.ana.1.lead/send+email+hello.1"
    assert first["subject"] == "Hello Ana"
    assert first["text"] == "From Music Shop, you came by fair.\n"
    assert first["html"] == "<p>Ana</p>\n"
    assert (first["stage"], first["step"], first["class"]) == ("lead", "lead/send email hello", "marketing")
    assert first["rule"] == "rules/welcome.flow:15"
    assert (first["decided_at"], first["sent_at"]) == ("2026-03-02T09:01:00Z", "2026-03-02T10:05:00Z")
    assert first["idempotency_key"] != second["idempotency_key"]
    assert statuses(welcome) == [("sent", None), ("sent", None)]
    assert {row.sent_at for row in rows(welcome)} == {NOW}
    assert {(row.number, row.outcome) for row in rows(welcome, tables.attempt)} == {(1, "accepted")}
    welcome.tick(NOW + MINUTE)
    assert {row.at for row in rows(welcome, tables.contact)} == {NOW}
    with welcome.database.read() as connection:
        outcomes = connection.execute(
            select(tables.decision.c.at, tables.decision.c.reason).where(tables.decision.c.decision == Decision.OUTCOME)
        ).all()
    assert [tuple(row) for row in outcomes] == [(NOW, Reason.ACCEPTED)] * 2


def test_nothing_is_sent_twice(welcome: World) -> None:
    email = Scripted()
    run(welcome, email)
    assert run(welcome, email, NOW + DAY).claimed == 0
    assert len(email.sent) == 2


def test_a_limit_is_kept(welcome: World) -> None:
    assert run(welcome, Scripted(), limit=1).sent == 1
    assert run(welcome, Scripted(), limit=1).sent == 1
    assert run(welcome, Scripted(), limit=1).sent == 0


def test_refused_gives_the_slot_back(welcome: World) -> None:
    done = run(welcome, Scripted(Refused("no such mailbox")))
    assert (done.refused, done.sent) == (2, 0)
    assert statuses(welcome) == [("refused", "refused")] * 2
    welcome.tick(NOW)
    assert rows(welcome, tables.contact) == []
    assert {row.outcome for row in rows(welcome, tables.attempt)} == {"refused: no such mailbox"}


def test_a_channel_that_is_out_for_days_loses_nothing(welcome: World) -> None:
    """A mail server that nobody mends for days: then all messages leave, and none has used up its attempts."""
    down = Scripted(Retry("connection refused", out=True), together=1)
    for hours in range(0, 5 * 24, 8):
        done = run(welcome, down, NOW + hours * 60 * MINUTE)
        assert (done.retried, done.withheld) == (1, {})
    monday = NOW + 5 * DAY
    assert run(welcome, Scripted(Retry("busy")), monday).retried == 2
    assert run(welcome, Scripted(), monday + MINUTE - 1).claimed == 0
    assert run(welcome, Scripted(), monday + MINUTE).sent == 2


def test_a_channel_that_can_not_be_used_stops_no_other(database_url: str, tmp_path: Path) -> None:
    """Its disk is full; then it is taken out of flowrules.toml while messages wait for it."""
    both = FLOW.replace("        send email hello", "        send sms nudge\n        send email hello")
    flow = both.replace("stage lead:", "stage lead:\n        start campaign calls")
    flow += """
campaign calls:
    class marketing
    enter when visit
    stage only:
        send call_centre ring
"""
    call = schema.Channel("call_centre", "phone")
    made = world(database_url, flow, {**TEMPLATES, "call_centre/ring.txt": "Ring\n"}, channels=(call, EMAIL, SMS))
    made.customers(["ana"])
    made.consent(["ana"], "call_centre", "granted", START)
    made.event(["ana"], "signup", START + MINUTE, source="fair")
    made.tick(TICK)
    sms = Scripted()
    (tmp_path / "outbox").touch()
    full = FileChannel(tmp_path / "outbox", "call_centre")
    for _ in range(2):
        done = deliver(made.database, {"email": Scripted(), "sms": sms, "call_centre": full}, NOW)
        assert done.out["call_centre"].endswith("check the folder's rights and the room on its disk")
    assert [message.template for message in sms.sent] == ["nudge"]
    (tmp_path / "outbox").unlink()
    deliver(made.database, {"call_centre": full, "email": Scripted()}, NOW, 0)  # takes it back
    done = deliver(made.database, {"email": Scripted(), "sms": sms}, NOW)
    assert done.out == {"call_centre": "is no channel of flowrules.toml; messages wait for [channels.call_centre]"}
    back = Scripted(Unknown("silent"))
    assert deliver(made.database, {"email": Scripted(), "sms": sms, "call_centre": back}, NOW).unknown == 1
    # What is in doubt waits for a person, not for a channel.
    assert deliver(made.database, {"email": Scripted(), "sms": sms}, NOW).out == {}
    made.database.close()


def test_retries_wait_longer_each_time_and_end(welcome: World) -> None:
    email = Scripted(Retry("busy"))
    assert run(welcome, email).retried == 2
    assert run(welcome, email, NOW + 30_000_000).claimed == 0
    assert run(welcome, email, NOW + MINUTE).retried == 2
    assert run(welcome, email, NOW + 2 * MINUTE).claimed == 0
    now = NOW
    while not (done := run(welcome, email, now)).withheld:
        now += 3 * 60 * MINUTE
        assert now < NOW + 3 * DAY
    assert done.withheld == {"expired": 2}
    assert statuses(welcome) == [("expired", "expired")] * 2
    welcome.tick(now)
    assert rows(welcome, tables.contact) == []


def test_unknown_counts_and_is_never_sent_again(welcome: World) -> None:
    email = Scripted(Unknown("timeout"))
    assert run(welcome, email).unknown == 2
    assert statuses(welcome) == [("unknown", "outcome_unknown")] * 2
    assert len(rows(welcome, tables.contact)) == 2
    assert run(welcome, email, NOW + DAY).claimed == 0


def test_consent_is_that_of_the_real_instant(welcome: World) -> None:
    welcome.consent(["ana"], "email", "withdrawn", TICK + MINUTE)
    done = run(welcome, Scripted())
    assert (done.sent, done.withheld) == (1, {"unsubscribed": 1})
    assert statuses(welcome) == [("skipped", "unsubscribed"), ("sent", None)]
    welcome.tick(NOW)
    assert [row.customer_id for row in rows(welcome, tables.contact)] == [2]
    assert [Reason(row.reason) for row in rows(welcome, tables.outcome) if row.reason] == [Reason.UNSUBSCRIBED]


def test_no_message_after_the_journey_ended(welcome: World) -> None:
    welcome.event(["ana"], "purchase", TICK + MINUTE, amount="5")
    waiting = run(welcome, Scripted())
    assert (waiting.sent, waiting.withheld) == (1, {})  # ana's waits for the planner to see the purchase
    assert statuses(welcome)[0] == ("intended", None)
    welcome.tick(NOW)
    done = run(welcome, Scripted())
    assert done.withheld == {"journey_ended": 1}
    assert statuses(welcome)[0] == ("cancelled", "journey_ended")


def test_what_became_of_a_message_is_told_when_nobody_of_the_tick_is_inside_any_more(welcome: World) -> None:
    """Nor would its contact ever be given back: caps would count what was never sent."""
    welcome.event(["ana", "bea"], "purchase", TICK + MINUTE, amount="5")
    welcome.tick(NOW)
    assert len(rows(welcome, tables.contact)) == 2
    assert run(welcome, Scripted(), NOW + MINUTE).withheld == {"journey_ended": 2}
    welcome.tick(NOW + 2 * MINUTE)
    with welcome.database.read() as connection:
        outcomes = connection.execute(
            select(tables.decision.c.at, tables.decision.c.reason).where(tables.decision.c.decision == Decision.OUTCOME)
        ).all()
    assert [tuple(row) for row in outcomes] == [(NOW + MINUTE, Reason.JOURNEY_ENDED)] * 2
    assert rows(welcome, tables.contact) == []


def test_no_address_any_more(welcome: World) -> None:
    with welcome.database.write() as connection:
        gone = {"kind": "email", "value": "", "customer_id": 1, "since": TICK}
        connection.execute(tables.identity.insert().values(gone))
    assert run(welcome, Scripted()).withheld == {"no_address": 1}


def test_caps_hold_at_the_real_instant(database_url: str) -> None:
    flow = """\
attribute first_name: text
event asked

campaign daily:
    class marketing
    enter when asked, again after exit
    stage only:
        send email hello

policy:
    time zone "UTC"
    purpose marketing: unless refused
    class marketing: purpose marketing, limited, counted
    cap 1 contact per 1 day
"""
    made = world(database_url, flow, {"email/hello.txt": "---\nsubject: x\n---\n"})
    made.customers(["ana"], consent=False)
    made.event(["ana"], "asked", START + MINUTE)
    made.tick(TICK)
    run(made, Scripted(Refused("first of all")), TICK)
    made.tick(TICK + MINUTE)
    made.event(["ana"], "asked", TICK + 2 * MINUTE)
    made.tick(TICK + 3 * MINUTE)
    # Held back by a pause of a day; by then another contact fills the slot.
    late = TICK + DAY
    with made.database.write() as connection:
        connection.execute(
            tables.contact.insert().values(
                {"customer_id": 1, "at": late - MINUTE, "campaign_id": 99, "instance": 1, "step_id": 1, "pass": 1,
                 "channel_id": 1, "counted": 1, "ghost": 0}
            )
        )  # fmt: skip
    assert run(made, Scripted(), late).withheld == {"capped": 1}
    made.database.close()


def test_a_template_that_fails_holds_the_message_until_it_is_repaired(database_url: str) -> None:
    made = world(database_url)
    made.customers(["ana"], first_name=None)
    made.templates["email/hello.txt"] = "---\nsubject: Hello {{ customer.first_name }}\n---\n"
    made.apply(START)
    made.event(["ana"], "signup", START + MINUTE, source="fair")
    made.tick(TICK)
    assert run(made, Scripted()).withheld == {"template_error": 1}
    assert statuses(made) == [("held", "template_error")]
    (attempt,) = rows(made, tables.attempt)
    assert "customer.first_name has no value" in attempt.outcome
    assert run(made, Scripted(), NOW + MINUTE).claimed == 0
    made.templates["email/hello.txt"] = "---\nsubject: Hello\n---\n"
    made.templates["email/hello.html"] = "<p>Hello</p>"
    made.apply(NOW + 2 * MINUTE)
    assert run(made, Scripted(), NOW + 3 * MINUTE).sent == 1
    assert len(rows(made, tables.contact)) == 1
    made.database.close()


@pytest.mark.parametrize("text", ["{{ 'x' * 10 ** 10 }}", "{{ 'a'" + " | replace('a', 'aaaaaaaaaa')" * 30 + " }}"])
def test_a_template_that_would_fill_the_memory_holds_its_message(database_url: str, text: str) -> None:
    # It can be read, so that check, which computes nothing, lets it through.
    made = world(database_url, templates={**TEMPLATES, "email/hello.html": text})
    made.customers(["ana"])
    made.event(["ana"], "signup", START + MINUTE, source="fair")
    made.tick(TICK)
    assert run(made, Scripted()).withheld == {"template_error": 1}
    assert statuses(made) == [("held", "template_error")]
    made.database.close()
