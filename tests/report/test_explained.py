"""What `explain` says, to the letter: for each reason that the engine gives, the story of somebody it happened to.

Kept as text in `explained/`; FLOWRULES_RENEW=1 writes it anew. Read it aloud: would you know what to do?
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from flowrules.channels.base import Accepted, Outcome, OutgoingMessage, Refused, Retry, Unknown
from flowrules.report.explain import Explanation, explain
from flowrules.report.explain_text import explanation_lines
from flowrules.report.lookup import find_customer
from flowrules.report.print import WIDTH, printed
from flowrules.runtime import operate
from flowrules.runtime.answers import silent
from flowrules.runtime.deliver import deliver
from flowrules.sql import tables
from flowrules.sql.codes import Reason
from flowrules.store.identity import IdentityKind
from flowrules.store.journal import NewEvent, add_events
from flowrules.store.zones import END
from flowrules.whatif.answer import suppose
from tests.delivery.test_deliver import Scripted
from tests.support.world import START, World, world

KEPT = Path(__file__).parent / "explained"
MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

FLOW = """\
attribute first_name: text
attribute plan: one of "free", "pro" = "free"

event signup
event visit
event order:
    order_id: text
    amount: money

list robinson from "data/robinson.csv" by email
list staff from "data/staff.csv" by id

segment big_spenders: total of order.amount in last 30 days > 400 EUR

policy:
    time zone of customer, else "Europe/Madrid"
    purpose marketing: ask first
    class marketing: purpose marketing, limited, counted
    quiet hours 21:00 to 09:00 for sms
    suppress list robinson
    cap 2 contacts per 7 days

campaign welcome "Welcome, new customer":
    class marketing
    priority 50
    enter when signup, once
    exclude list staff
    hold out 20%

    stage hello:
        send email hello
        wait 1 hour
        send email tips
        wait 1 hour
        send sms offer

campaign reminder:
    class marketing
    enter when visit, again after 3 days
    exclude campaign welcome, segment big_spenders
    exit when order (amount > 500 EUR)

    stage remind:
        on order (amount < 10 EUR) go to small
        send sms reminder
        wait 2 days
    stage small:
        exit "bought something small"

campaign delivery:
    class marketing
    enter when order, keyed by order_id, again after exit
    hold while has visit in last 6 hours
    cap 1 contact per 1 day
    when capped wait up to 2 days, else exit "too much at once"

    stage packed:
        send email packed, expires after 1 day
        send email tracking

campaign prices:
    class marketing
    enter when order (amount > 100 EUR)
    goal visit
    hold out 5%

    stage tell:
        start campaign extras, linked
        send first of: email prices, sms offer
        wait 1 day

campaign extras:
    class marketing
    enter again after exit

    stage offer:
        wait 30 days

campaign upgrade:
    class marketing
    enter when every day at 12:00 for segment big_spenders
    goal visit and stay

    stage propose:
        if plan is "pro" exit "has it already"
        send email upgrade

event review

segment regulars: in segment big_spenders or has review at least 2 times in last 7 days

campaign loyal:
    class marketing
    enter when joins segment regulars
    exit when not in segment regulars and plan is "free"
    goal signup

    stage greet:
        if no order in last 7 days and plan is "free":
            wait 2 days
        send sms offer
        wait 30 days
"""
TEMPLATES = {
    **{
        f"email/{name}.txt": f"---\nsubject: {name}\n---\nHello\n"
        for name in ("hello", "tips", "packed", "tracking", "prices")
    },
    "email/upgrade.txt": "---\nsubject: Upgrade\n---\nHello\n",
    "sms/offer.txt": "Hello\n",
    "sms/reminder.txt": "Hello\n",
}
LISTS: dict[str, list[tuple[IdentityKind, str]]] = {
    "robinson": [("email", "cid@example.com")],
    "staff": [("id", "zoe")],
}

STORIES = {
    # file: (who, in which campaign)
    "capped": ("ana", None),
    "capped and left": ("jan", "delivery"),
    "no consent": ("ben", "welcome"),
    "unsubscribed": ("tom", "welcome"),
    "suppressed": ("cid", "welcome"),
    "bounced": ("dan", "welcome"),
    "no address": ("joe", "welcome"),
    "quiet hours": ("fay", "reminder"),
    "moved on": ("fred", "reminder"),
    "journey ended": ("gil", "reminder"),
    "on hold": ("hal", "delivery"),
    "expired": ("ida", "delivery"),
    "held out": ("bea", "welcome"),
    "entered before": ("lia", "welcome"),
    "too soon": ("mia", "reminder"),
    "excluded by a list": ("zoe", "welcome"),
    "excluded by a campaign": ("nat", "reminder"),
    "taken out by an exclusion": ("ola", "reminder"),
    "no key": ("pia", "delivery"),
    "goal": ("quin", "prices"),
    "linked": ("quin", "extras"),
    "never matched": ("rex", "prices"),
    "never in the segment": ("rex", "upgrade"),
    "in the segment": ("gil", "upgrade"),
    "left by a condition": ("uma", "loyal"),
    "left before it was sent": ("vic", "loyal"),
    "nothing at all": ("ray", None),
    "paused": ("sam", "welcome"),
    "not entered in a pause": ("tia", "reminder"),
    "operator": ("ned", "welcome"),
}


def shop(url: str) -> World:
    made = world(url, FLOW, TEMPLATES, LISTS)
    people = {who for who, _ in STORIES.values()} - {"ben", "joe"}
    made.customers(sorted(people))
    made.customers(["ben"], consent=False)
    made.customers(["joe"], phone=None)
    s = START + MINUTE
    made.event(["ana", "ben", "bea", "tom", "cid", "dan", "joe", "jan", "lia", "nat", "zoe"], "signup", s)
    made.consent(["tom"], "email", "withdrawn", s + 30 * MINUTE)
    made.event(["lia"], "signup", s + 30 * MINUTE)
    made.event(["lia"], "signup", s + 5 * DAY)
    made.event(["nat"], "visit", s + 30 * MINUTE)
    made.event(["ola", "mia", "hal", "ida"], "visit", s)
    made.event(["ola"], "signup", s + HOUR)
    made.event(["mia"], "visit", s + 2 * DAY + HOUR)
    made.event(["fay", "fred", "gil"], "visit", START + 12 * HOUR + 30 * MINUTE)
    made.event(["fred"], "order", START + 13 * HOUR, order_id="F1", amount="5")
    made.event(["gil"], "order", START + 13 * HOUR, order_id="G1", amount="600")
    made.event(["hal", "ida"], "order", s + HOUR, order_id="A17", amount="20")
    for hours in range(5, 30, 5):
        made.event(["ida"], "visit", s + hours * HOUR)
    made.event(["jan"], "order", s + 2 * HOUR, order_id="J1", amount="30")
    made.event(["pia"], "order", s, amount="30")
    made.event(["quin"], "order", s, order_id="Q1", amount="150")
    made.event(["quin"], "visit", s + 3 * HOUR)
    made.event(["rex"], "order", s, order_id="R1", amount="50")
    with made.database.intake() as connection:
        bounced = NewEvent("email_bounced", "dan", s + 20 * MINUTE, s + 20 * MINUTE, "bounce", {}, permanent=True)
        add_events(connection, made.model(), [bounced])
    made.event(["uma"], "review", s + 2 * DAY)
    made.event(["uma"], "review", s + 4 * DAY)
    made.event(["vic"], "order", START + 13 * HOUR, order_id="V1", amount="600")
    made.event(["vic"], "signup", START + 14 * HOUR)
    made.event(["sam"], "signup", START + 10 * DAY - 30 * MINUTE)
    made.event(["tia"], "visit", START + 10 * DAY + HOUR)
    made.event(["ned"], "signup", START + 12 * DAY)
    made.tick(START + 10 * DAY - MINUTE, answer=silent)
    with made.database.read() as connection:
        ids = {row.name: row.id for row in connection.execute(select(tables.campaign.c.name, tables.campaign.c.id))}
        ned = find_customer(connection, "ned")
    for name in ("welcome", "reminder"):
        operate.pause(made.database, ids[name], START + 10 * DAY)
    made.tick(START + 11 * DAY - MINUTE, answer=silent)
    for name in ("welcome", "reminder"):
        operate.resume(made.database, ids[name], START + 11 * DAY, "skip")
    made.tick(START + 12 * DAY + MINUTE, answer=silent)
    operate.leave(made.database, ned, ids["welcome"], START + 12 * DAY + 30 * MINUTE)
    made.tick(START + 14 * DAY, answer=silent)
    return made


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = shop(f"sqlite:///{tmp_path_factory.mktemp('explained') / 'shop.db'}")
    yield made
    made.database.close()


def whole(made: World, who: str, campaign: str | None, at: int = END) -> Explanation:
    with made.database.read() as connection:
        known: dict[int, object] = {}
        found = explain(connection, who, campaign, at, known)  # type: ignore[arg-type]  # filled by it
        return found.supposing(suppose(connection, who, campaign, found.zone, at, known))  # type: ignore[arg-type]  # as above


def told(made: World, who: str, campaign: str | None, at: int = END) -> str:
    return printed(explanation_lines(whole(made, who, campaign, at)), colour=False)


def same(name: str, text: str) -> None:
    file, text = KEPT / f"{name}.txt", f"{text}\n"
    if os.environ.get("FLOWRULES_RENEW"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= WIDTH


@pytest.mark.parametrize("name", STORIES)
def test_a_story_is_told_as_it_was(lived: World, name: str) -> None:
    same(name, told(lived, *STORIES[name]))


# --- what the outbox made of it -----------------------------------------------------------------------

POSTED: dict[str, tuple[Outcome, str]] = {
    # file: (the channel's answer, the template)
    "refused": (Refused("mailbox full"), "Hello"),
    "outcome unknown": (Unknown("the connection broke off"), "Hello"),
    "tried again": (Retry("greylisted"), "Hello"),
    "template error": (Accepted(), "{{ 'x' * 10 ** 10 }}"),
    "skipped at the hand-over": (Accepted(), "Hello"),
}


@pytest.mark.parametrize("name", POSTED)
def test_what_the_outbox_made_of_it(sqlite_url: str, name: str) -> None:
    answer, text = POSTED[name]
    made = world(sqlite_url, FLOW, TEMPLATES | {"email/hello.txt": f"---\nsubject: hello\n---\n{text}\n"}, LISTS)
    made.customers(["ana"])
    made.event(["ana"], "signup", START + MINUTE)
    made.tick(START + 5 * MINUTE)
    if name == "skipped at the hand-over":
        made.consent(["ana"], "email", "withdrawn", START + 6 * MINUTE)
    deliver(made.database, {"email": Scripted(answer), "sms": Scripted()}, START + 10 * MINUTE)
    made.tick(START + 20 * MINUTE)
    same(name, told(made, "ana", "welcome"))
    made.database.close()


def test_what_is_being_handed_over(sqlite_url: str) -> None:
    """By which process is no matter of theirs who ask."""
    made = world(sqlite_url, FLOW, TEMPLATES, LISTS)
    made.customers(["ana"])
    made.event(["ana"], "signup", START + MINUTE)
    made.tick(START + 5 * MINUTE)
    said: list[str] = []

    class Asking(Scripted):
        def send(self, message: OutgoingMessage) -> Outcome:
            said.append(told(made, "ana", "welcome"))
            return super().send(message)

    deliver(made.database, {"email": Asking(), "sms": Scripted()}, START + 10 * MINUTE)
    [story] = said
    tail = story.partition("email hello  ")[2].partition("\n")[2]
    assert [" ".join(line.split()) for line in tail.split("\n") if line] == [
        "10:01 intended email hello rules/welcome.flow:31",
        "it is being handed over",
    ]
    made.database.close()


ELSEWHERE = {
    "unwanted_channel", "outranked", "late", "no_capacity", "no_budget", "send_limit", "already_sent", "migrated",
    "loop", "not_deployed", "exit_when", "erased", "accepted", "yes", "no",
}  # fmt: skip
"""Reasons that nothing gives yet, or whose stories are told in tests of their own."""


def test_each_reason_has_its_story() -> None:
    stories = "\n".join(file.read_text(encoding="utf-8") for file in KEPT.iterdir())
    assert {file.stem for file in KEPT.iterdir()} == STORIES.keys() | POSTED.keys()
    for reason in Reason:
        if reason.word not in ELSEWHERE:
            words = {"quiet_until": "quiet hours"}.get(reason.word, reason.word.replace("_", " "))
            assert words in stories, f"no story tells of {reason.word}"
