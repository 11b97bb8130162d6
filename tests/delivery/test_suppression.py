"""Who is in a list of the policy, or whose address has come back for good, is sent nothing: by planner and gate."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import select

from flowrules.report.explain import explain
from flowrules.report.explain_text import explanation_lines
from flowrules.report.print import printed
from flowrules.runtime.deliver import deliver
from flowrules.sql import tables
from flowrules.store.customers import NewChange, add_changes
from flowrules.store.identity import IdentityKind, sha256_of
from flowrules.store.journal import NewEvent, Ref, add_events, replace_list
from tests.delivery.test_deliver import Scripted, run
from tests.support.engine import ledger, sends
from tests.support.world import FLOW, START, World, at, signed_up, world

MINUTE = 60_000_000
TICK = START + 60 * MINUTE
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LINE = "    suppress list robinson for email\n"


def suppressing(url: str, by: str, entries: Sequence[tuple[IdentityKind, str]], line: str = LINE) -> World:
    """Ana and bea sign up; what the list says is known before."""
    flow = f'list robinson from "data/robinson.csv" by {by}\n{FLOW}{line}'
    made = world(url, flow, lists={"robinson": entries})
    made.customers(["ana", "bea"])
    made.event(["ana", "bea"], "signup", START + MINUTE, source="fair")
    return made


def withheld(made: World) -> list[tuple[str, str | None, str | None, str | None]]:
    with made.database.read() as connection:
        rows = [row for row in ledger(connection) if row.decision == "withheld"]
    return [(row.customer, row.reason, row.by, row.rule) for row in rows]


@pytest.mark.parametrize(
    ("by", "kind", "value"),
    [
        ("email", "email", " ANA@Example.com "),
        ("id", "id", "ana"),
        ("phone, email", "phone", "+34 600 00 00 00"),
        ("email_sha256", "email_sha256", sha256_of("ana@example.com").upper()),
        ("phone_sha256", "phone_sha256", sha256_of("+34600000000")),
    ],
)
def test_the_planner_withholds(database_url: str, by: str, kind: IdentityKind, value: str) -> None:
    made = suppressing(database_url, by, [(kind, value)])
    made.tick(TICK)
    line = made.flow[: made.flow.index("    suppress")].count("\n") + 1
    assert withheld(made) == [("ana", "suppressed", "list robinson", f"rules/welcome.flow:{line}")]
    assert run(made, Scripted(), TICK).sent == 1
    made.database.close()


def test_customers_that_come_later_are_found_by_their_hash(database_url: str) -> None:
    made = suppressing(database_url, "email_sha256", [("email_sha256", sha256_of("cid@example.com"))])
    made.customers(["cid"])
    made.event(["cid"], "signup", START + MINUTE, source="fair")
    made.tick(TICK)
    assert [row[0] for row in withheld(made)] == ["cid"]
    made.database.close()


def test_another_channel_is_not_meant(database_url: str) -> None:
    made = suppressing(database_url, "id", [("id", "ana")], "    suppress list robinson for sms\n")
    made.tick(TICK)
    assert withheld(made) == []
    run(made, Scripted(), TICK)
    made.tick(TICK + 3 * DAY)  # the text message of who did not open
    assert [row[:3] for row in withheld(made)] == [("ana", "suppressed", "list robinson")]
    made.database.close()


def test_a_list_is_stronger_than_consent_and_its_absence_and_the_first_line_counts(database_url: str) -> None:
    lines = "    suppress list robinson\n    suppress list robinson for email\n"
    made = suppressing(database_url, "id", [("id", "ana"), ("id", "bea")], lines)
    made.consent(["bea"], "email", "withdrawn", START)
    made.tick(TICK)
    first = made.flow[: made.flow.index("    suppress")].count("\n") + 1
    place = f"rules/welcome.flow:{first}"
    assert withheld(made) == [(name, "suppressed", "list robinson", place) for name in ("ana", "bea")]
    made.database.close()


def test_the_gate_asks_again(database_url: str) -> None:
    made = suppressing(database_url, "email", [])
    made.tick(TICK)
    with made.database.intake() as connection:
        replace_list(connection, "robinson", [("email", "ana@example.com")])
    done = run(made, Scripted(), TICK)
    assert (done.sent, done.withheld) == (1, {"suppressed": 1})
    made.tick(TICK + MINUTE)
    line = made.flow[: made.flow.index("    suppress")].count("\n") + 1
    assert told(made) == [("suppressed", "list robinson", f"rules/welcome.flow:{line}"), ("accepted", None, STEP)]
    made.database.close()


def test_the_gate_says_that_the_address_is_closed(database_url: str) -> None:
    made = suppressing(database_url, "email", [])
    made.tick(TICK)
    bounce(made, "ana", TICK + 1)
    assert run(made, Scripted(), TICK + MINUTE).withheld == {"suppressed": 1}
    made.tick(TICK + 2 * MINUTE)
    assert told(made) == [("suppressed", "hard bounce", STEP), ("accepted", None, STEP)]
    made.database.close()


STEP = f"rules/welcome.flow:{FLOW[: FLOW.index('send email hello')].count(chr(10)) + 2}"  # below the list's line


def told(made: World) -> list[tuple[str | None, str | None, str | None]]:
    """Of each outcome: the reason, what decided and where."""
    with made.database.read() as connection:
        return [(row.reason, row.by, row.rule) for row in ledger(connection) if row.decision == "outcome"]


def bounce(made: World, customer: str, when: int, ref: Ref | None = None, *, permanent: bool = True) -> None:
    with made.database.intake() as connection:
        fact = NewEvent("email_bounced", customer, when, when, f"b{customer}{when}", {}, ref=ref, permanent=permanent)
        add_events(connection, made.model(), [fact])


def change(made: World, customer: str, when: int, email: str) -> None:
    with made.database.intake() as connection:
        add_changes(connection, [NewChange(customer, when, "email", email)])


def test_a_bounce_for_good_closes_the_address_until_it_changes(database_url: str) -> None:
    made = world(database_url)
    made.customers(["ana", "bea", "cid"])
    for name, permanent in (("ana", True), ("bea", False), ("cid", True)):
        bounce(made, name, START + MINUTE, permanent=permanent)
    change(made, "cid", START + 2 * MINUTE, "new@example.com")
    made.event(["ana", "bea", "cid"], "signup", START + 5 * MINUTE, source="fair")
    made.tick(TICK)
    assert [row[:3] for row in withheld(made)] == [("ana", "suppressed", "hard bounce")]
    with made.database.read() as connection:
        told = printed(explanation_lines(explain(connection, "ana", None, TICK)), colour=False)
    assert "email hello: suppressed" in told
    assert "a message to the same address came back for good" in told
    made.database.close()


def test_bounces_that_are_not_for_good_may_be_waited_for(database_url: str) -> None:
    """As docs/data.md has it: one closes nothing, and after three of them this campaign waits until mail arrives."""
    full = "has email_bounced at least 3 times in last 30 days and no email_delivered in last 30 days"
    flow = FLOW.replace("    stage lead:", "    hold while in segment mailbox_full\n\n    stage lead:", 1)
    made = world(database_url, f"segment mailbox_full: {full}\n\n{flow}")
    made.customers(["ana", "bea"])
    for minutes, names in ((1, ("ana", "bea")), (2, ("ana", "bea")), (3, ("ana",))):
        for name in names:
            bounce(made, name, START + minutes * MINUTE, permanent=False)
    made.event(["ana", "bea"], "signup", START + 5 * MINUTE, source="fair")
    made.tick(TICK)
    assert sent_to(made) == ["bea"]
    made.event(["ana"], "email_delivered", TICK + HOUR)
    made.tick(TICK + 2 * HOUR)
    assert sent_to(made) == ["bea", "ana"]
    made.database.close()


def sent_to(made: World) -> list[str]:
    with made.database.read() as connection:
        return [row.customer for row in sends(ledger(connection))]


def test_a_bounce_that_comes_late_is_of_the_address_it_was_sent_to(database_url: str) -> None:
    made = signed_up(database_url, ["ana"], TICK)
    email = Scripted()
    assert run(made, email, TICK).sent == 1
    made.tick(TICK + MINUTE)
    change(made, "ana", TICK + DAY, "new@example.com")
    bounce(made, "ana", TICK + DAY + MINUTE, ("ana", "welcome", 1, "lead/send email hello", 1))
    made.event(["ana"], "visit", TICK + 4 * DAY)  # the second email, to the new address
    made.tick(TICK + 5 * DAY)
    with made.database.read() as connection:
        message = tables.message.c
        sent = connection.execute(select(message.status).order_by(message.decided_at)).scalars().all()
    assert withheld(made) == []
    assert len(sent) >= 2
    made.database.close()


def test_a_bounce_after_the_decision_is_seen_by_the_gate(database_url: str) -> None:
    made = signed_up(database_url, ["ana", "bea"], TICK)
    bounce(made, "ana", START + 2 * MINUTE)
    done = run(made, Scripted(), TICK)
    assert (done.sent, done.withheld) == (1, {"suppressed": 1})
    made.database.close()


def test_a_number_goes_out_in_one_form(database_url: str) -> None:
    flow = FLOW.replace('send email hello (from_us "Music Shop", came_by entry.source)', "send sms nudge").replace(
        "        if email unopened after 2 days send sms nudge\n", ""
    )
    made = world(database_url, flow)
    made.customers(["ana"], phone="600 11 12-22", country="ES")
    made.customers(["bea"], phone="600 11 12 33")  # nobody knows where
    made.event(["ana", "bea"], "signup", at("2026-03-02 09:01"), source="fair")
    made.tick(TICK)
    assert [row[:2] for row in withheld(made)] == [("bea", "no_address")]
    sms = Scripted()
    assert deliver(made.database, {"sms": sms}, TICK).sent == 1
    assert [message.to for message in sms.sent] == ["+34600111222"]
    made.database.close()
