"""Whoever unsubscribes gets no message more: from the file to the outbox, and in a simulation; on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import select

from flowrules.report.explain import explain
from flowrules.report.lookup import find_customer
from flowrules.runtime.answers import silent
from flowrules.runtime.copy import copy_to
from flowrules.runtime.erase import erase
from flowrules.runtime.simulate import simulate
from flowrules.sql import tables
from flowrules.sql.codes import Decision, Reason, Status
from flowrules.store.imports.records import Options
from flowrules.store.imports.run import Imported, import_file
from flowrules.store.imports.times import Times
from tests.delivery.test_deliver import Scripted, run
from tests.support.engine import ledger
from tests.support.world import EMAIL, SMS, START, TEMPLATES, World, at, signed_up, world

MINUTE = 60_000_000
TICK = START + 60 * MINUTE
TOLD = "2026-03-02T09:30:00Z"


@pytest.fixture
def welcome(database_url: str) -> Iterator[World]:
    """Ana and bea are about to get their first email."""
    made = signed_up(database_url, ["ana", "bea"], TICK)
    yield made
    made.database.close()


def imported(made: World, folder: Path, content: str, kind: Literal["events", "consents"] = "events") -> Imported:
    path = folder / f"{kind}.csv"
    path.write_text(content, encoding="utf-8")
    return import_file(made.database, made.model(), kind, path, Options(Times("UTC", time(12), None)), now=START)


def statuses(made: World) -> list[tuple[str, str | None]]:
    message = tables.message.c
    with made.database.read() as connection:
        found = connection.execute(select(message.status, message.reason).order_by(message.customer_id)).all()
    return [(Status(row.status).word, None if row.reason is None else Reason(row.reason).word) for row in found]


@pytest.mark.parametrize(
    "row",
    [
        f"unsubscribed,ana,{TOLD},email,",
        f"unsubscribed,ANA@example.com,{TOLD},,",
        f"unsubscribed,ana,{TOLD},,marketing",
        f"unsubscribed,ana,{TOLD},emial,",
        "unsubscribed,ana,2026-03-02T10:00:00Z,email,",  # the very instant of the tick
    ],
)
def test_a_message_that_waits_is_withheld(welcome: World, tmp_path: Path, row: str) -> None:
    assert imported(welcome, tmp_path, f"event,customer,time,channel,purpose\n{row}\n").added == 1
    # At the instant of the last tick, which a virtual clock stands at: the fact is raised behind it, and holds.
    done = run(welcome, Scripted(), TICK)
    assert (done.sent, done.withheld) == (1, {"unsubscribed": 1})
    assert statuses(welcome) == [("skipped", "unsubscribed"), ("sent", None)]


def test_another_channel_leaves_it_alone(welcome: World, tmp_path: Path) -> None:
    imported(welcome, tmp_path, f"event,customer,time,channel\nunsubscribed,ana,{TOLD},sms\n")
    assert run(welcome, Scripted(), TICK).sent == 2


def test_by_the_message_itself_the_next_one_is_withheld_by_the_planner(welcome: World, tmp_path: Path) -> None:
    email = Scripted()
    assert run(welcome, email, TICK).sent == 2
    ana = next(message.message_id for message in email.sent if message.customer == "ana")
    content = f"event,time,message_id\nunsubscribed,2026-03-02T12:00:00Z,{ana}\n"
    assert imported(welcome, tmp_path, content).added == 1
    # The text message after two days still leaves; who then visits would get the second email.
    welcome.tick(at("2026-03-04 12:00"))
    assert run(welcome, email, at("2026-03-04 12:00")).sent == 2
    welcome.event(["ana", "bea"], "visit", at("2026-03-04 13:00"))
    welcome.tick(at("2026-03-05 00:00"))
    decision, step = tables.decision.c, tables.step.c
    with welcome.database.read() as connection:
        query = select(decision.customer_id, step.key, decision.reason).join_from(
            tables.decision, tables.step, step.id == decision.step_id
        )
        withheld = connection.execute(query.where(decision.decision == Decision.WITHHELD)).all()
    assert {(row.customer_id, row.key, row.reason) for row in withheld} == {
        (1, "visited/send email thanks", Reason.UNSUBSCRIBED),
        (2, "visited/send email thanks", Reason.CAPPED),
    }


def test_what_lies_ahead_on_a_virtual_clock_does_not_count_yet(welcome: World, tmp_path: Path) -> None:
    imported(welcome, tmp_path, "event,customer,time,channel\nunsubscribed,ana,2026-03-09T00:00:00Z,email\n")
    assert run(welcome, Scripted(), TICK).sent == 2


def test_a_purchase_that_comes_late_holds_the_message_back(welcome: World, tmp_path: Path) -> None:
    imported(welcome, tmp_path, f"event,customer,time,amount\npurchase,ana,{TOLD},5\n")
    done = run(welcome, Scripted(), TICK)
    assert (done.sent, done.withheld) == (1, {})
    assert statuses(welcome)[0] == ("intended", None)
    welcome.tick(TICK + MINUTE)
    assert run(welcome, Scripted(), TICK + MINUTE).withheld == {"journey_ended": 1}


def test_a_simulation_withholds_too(database_url: str, tmp_path: Path) -> None:
    made = world(database_url)
    made.customers(["ana", "bea"])
    copy = copy_to(made.database, tmp_path / "copy.db")
    path = tmp_path / "events.csv"
    path.write_text(
        "event,customer,time,channel,source\n"
        "unsubscribed,ana,2026-03-02T12:00:00Z,email,\n"
        "signup,ana,2026-03-02T13:00:00Z,,fair\n"
        "signup,bea,2026-03-02T13:00:00Z,,fair\n"
    )
    import_file(copy, made.model(), "events", path, Options(Times("UTC", time(12), None)), now=START)
    done = simulate(
        copy,
        made.snapshot(),
        made.model(),
        START,
        at("2026-03-03 00:00"),
        answer=lambda _sent: [],
        out=tmp_path / "out",
    )
    (campaign,) = done.campaigns
    assert (campaign.entered, campaign.sent, campaign.withheld) == (2, 1, {"unsubscribed": 1})
    copy.close()
    made.database.close()


# --- what comes later ---------------------------------------------------------------------------------

BEFORE = """\
attribute first_name: text
event asked
campaign offers:
    class marketing
    enter when asked, again after exit
    stage only:
        send email hello
policy:
    purpose marketing: unless refused
    class marketing: purpose marketing, limited, counted
"""
LATER = (
    BEFORE.replace("class marketing\n    enter", "class news\n    enter").replace(
        "send email hello", "send email hello\n        send sms hello"
    )
    + """\
    purpose news: unless refused
    class news: purpose news, limited, counted
"""
)
PEOPLE = ("ana", "bea", "carl", "dora", "emil")


@pytest.fixture
def grown(database_url: str, tmp_path: Path) -> Iterator[World]:
    """Since some of them refused all there is, a channel and a purpose have come."""
    made = world(database_url, BEFORE, {"email/hello.txt": TEMPLATES["email/thanks.txt"]}, channels=(EMAIL,))
    made.customers(PEOPLE[:4], consent=False)
    imported(made, tmp_path, f"event,customer,time\nunsubscribed,bea,{TOLD}\n")
    consents = "".join(f"{who},{TOLD},withdrawn,all,{purpose}\n" for who, purpose in REFUSED)
    imported(made, tmp_path, f"customer,time,state,channel,purpose\n{consents}", "consents")
    made.flow, made.channels = LATER, (EMAIL, SMS)
    made.templates["sms/hello.txt"] = "Hello\n"
    made.apply(TICK)
    yield made
    made.database.close()


REFUSED = (("ana", "all"), ("carl", "all"), ("emil@example.com", "all"), ("dora", "marketing"))


def test_who_has_refused_all_has_refused_what_comes_later(grown: World, tmp_path: Path) -> None:
    """Emil comes even later, carl says yes to one thing, and an old yes of ana's is told late."""
    grown.customers(PEOPLE[4:], consent=False)
    told = "carl,2026-03-02T10:30:00Z,granted,sms,news\nana,2026-03-01T10:30:00Z,granted,sms,news\n"
    imported(grown, tmp_path, f"customer,time,state,channel,purpose\n{told}", "consents")
    grown.event(PEOPLE, "asked", TICK + 60 * MINUTE)
    grown.tick(TICK + 60 * MINUTE, silent)
    with grown.database.read() as connection:
        rows = [row for row in ledger(connection) if row.decision in {"send", "withheld"}]
    found = {who: [row.reason for row in rows if row.customer == who] for who in PEOPLE}
    out = "unsubscribed"
    assert found == {
        "ana": [out, out], "bea": [out, out], "carl": [out, None], "dora": [None, None], "emil": [out, out],
    }  # fmt: skip
    with grown.database.read() as connection:
        story = explain(connection, "ana", None, TICK + 60 * MINUTE)
    withdrawn = {each.label for each in story.timeline if each.what == "withdrawn"}
    assert withdrawn == {"marketing by email", "news by email", "marketing by sms", "news by sms"}


def test_who_is_erased_has_refused_what_comes_later(database_url: str, tmp_path: Path) -> None:
    made = world(database_url, BEFORE, {"email/hello.txt": TEMPLATES["email/thanks.txt"]}, channels=(EMAIL,))
    made.customers(PEOPLE[:1], consent=False)
    imported(made, tmp_path, f"customer,time,state,channel,purpose\nana,{TOLD},withdrawn,all,all\n", "consents")
    with made.database.read() as connection:
        number = find_customer(connection, "ana")
    assert erase(made.database, number, TICK).refusals == 1
    made.flow, made.channels = LATER, (EMAIL, SMS)
    made.templates["sms/hello.txt"] = "Hello\n"
    made.apply(TICK)
    made.customers(PEOPLE[:1], consent=False)
    made.event(PEOPLE[:1], "asked", TICK + 60 * MINUTE)
    made.tick(TICK + 60 * MINUTE, silent)
    with made.database.read() as connection:
        assert [row.reason for row in ledger(connection) if row.decision == "withheld"] == ["unsubscribed"] * 2
    made.database.close()
