"""What conditions found, told of who entered, left, and came to an `if`: at the very step, never guessed."""

from __future__ import annotations

from datetime import date

import pytest

from flowrules.channels.base import Accepted
from flowrules.model.schema import Stored
from flowrules.report.clauses import Clause
from flowrules.report.explain import Explanation, explain
from flowrules.report.explain_text import explanation_lines
from flowrules.report.print import printed
from flowrules.report.segment import Members
from flowrules.runtime.answers import silent
from flowrules.runtime.deliver import deliver
from flowrules.store.database import Database
from flowrules.store.journal import NewChange, add_changes
from flowrules.store.zones import END
from flowrules.whatif.answer import suppose
from tests.delivery.test_deliver import Scripted
from tests.support.world import START, World, world

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

DECLARED = """\
attribute first_name: text
attribute plan: one of "free", "pro" = "free"
attribute birthday: date
event signup:
    amount: money
    seats: integer
event visit
event complaint

list staff from "data/staff.csv" by id

segment fans: has visit at least 2 times in last 30 days and in segment payers
segment payers: plan is "pro" or total of signup.amount > 100 EUR

policy:
    time zone "UTC"
    purpose marketing: unless refused
    class marketing: purpose marketing, limited, counted

"""
TEMPLATES = {"email/one.txt": "---\nsubject: x\n---\nHello\n"}
Told = list[tuple[str, object, bool]]


def made(url: str, *campaigns: str) -> World:
    found = world(url, DECLARED + "\n".join(campaigns), TEMPLATES, {"staff": [("id", "zoe")]})
    found.customers(["ana"])
    return found


def club(trigger: str, *steps: str) -> str:
    lines = "".join(f"        {step}\n" for step in steps or ["wait 90 days"])
    return f"campaign club:\n    class marketing\n    enter when {trigger}\n    stage s:\n{lines}\n"


def change(world: World, at: int, attribute: str, value: Stored | None) -> None:
    with world.database.intake() as connection:
        add_changes(connection, [NewChange("ana", at, attribute, value)])


def whole(database: Database, campaign: str | None = None) -> Explanation:
    with database.read() as connection:
        found = explain(connection, "ana", campaign, END)
        return found.supposing(suppose(connection, "ana", campaign, "UTC", END, {}))


def told(world: World, what: str) -> list[Told]:
    found = [list(map(plain, each.evaluated)) for each in whole(world.database).timeline if each.what == what]
    world.database.close()
    return found


def plain(clause: Clause) -> tuple[str, object, bool]:
    return clause.text, None if clause.value is None else str(clause.value), clause.holds


def test_who_entered_by_a_schedule(database_url: str) -> None:
    """With what the segments named in it ask, down to single comparisons."""
    shop = made(database_url, club("every day at 12:00 for segment fans"))
    shop.event(["ana"], "signup", START + MINUTE, amount="150")
    for hour in (1, 2, 26):
        shop.event(["ana"], "visit", START + hour * HOUR)
    shop.tick(START + 2 * DAY, silent)
    (entered,) = (each for each in whole(shop.database).timeline if each.what == "entered")
    assert [plain(each) for each in entered.evaluated] == [
        ("has visit at least 2 times in last 30 days", "2", True), ("in segment payers", None, True),
    ]  # fmt: skip
    (either,) = entered.evaluated[1].parts
    assert [plain(each) for each in either.parts] == [
        ('plan is "pro"', "free", False), ("total of signup.amount > 100 EUR", "150.00 EUR", True),
    ]  # fmt: skip
    story = " ".join(printed(explanation_lines(whole(shop.database)), colour=False).split())
    assert "evaluated: has visit at least 2 times in last 30 days (is 2): yes" in story
    assert "total of signup.amount > 100 EUR (is 150.00 EUR): yes" in story
    shop.database.close()


SAME_INSTANT = """\
campaign club:
    class marketing
    enter when signup
    exit when tagged marked and plan is "pro"
    stage s:
        tag fresh
        if tagged fresh and plan is "free":
            set plan to "pro"
        untag fresh
        set plan to "free"
        set plan to "pro"
        tag marked
        set plan to "free"
        if not (tagged fresh or plan is "pro") exit "as it was"
        wait 1 day
"""


def test_what_changes_within_one_instant(database_url: str) -> None:
    """At its end she has no such tag, and another plan."""
    shop = made(database_url, SAME_INSTANT)
    shop.event(["ana"], "signup", START + MINUTE, amount="1")
    shop.tick(START + HOUR, silent)
    assert told(shop, "branch") == [
        [("tagged fresh", None, True), ('plan is "free"', "free", True)],
        [('not (tagged fresh or plan is "pro")', None, True)],
    ]


def test_a_step_that_is_come_to_twice_at_one_instant(database_url: str) -> None:
    """By two journeys, one of which another campaign starts a little later."""
    trial = club("signup", "tag warm", "tag hot", "start campaign club").replace("campaign club:", "campaign trial:")
    shop = made(database_url, club("signup, every time", "if tagged seen exit", "tag seen"), trial)
    shop.event(["ana"], "signup", START + HOUR, amount="1")
    shop.tick(START + DAY, silent)
    assert told(shop, "branch") == [[("tagged seen", None, False)], [("tagged seen", None, True)]]


@pytest.mark.parametrize(
    ("condition", "clause"),
    [
        ("average of signup.amount > 20 EUR", ("average of signup.amount > 20 EUR", "33.34 EUR", True)),
        ("average of signup.seats > 2", ("average of signup.seats > 2", "2.333333", True)),
        ("average of signup.amount in last 1 hour > 20 EUR", (
            "average of signup.amount in last 1 hour > 20 EUR", None, False
        )),
        ("consents to email", ("consents to email", "withdrawn", False)),
        ("consents to sms for marketing", ("consents to sms for marketing", "granted", True)),
    ],
)  # fmt: skip
def test_of_an_average_and_of_a_consent_the_value_too(
    database_url: str, condition: str, clause: tuple[str, object, bool]
) -> None:
    shop = made(database_url, club("visit", f"if {condition} exit"))
    for minute, (amount, seats) in enumerate([("1", 1), ("0.01", 1), ("99", 5)]):
        shop.event(["ana"], "signup", START + minute * MINUTE, amount=amount, seats=seats)
    shop.consent(["ana"], "email", "withdrawn", START + HOUR)
    shop.event(["ana"], "visit", START + 2 * HOUR)
    shop.tick(START + DAY, silent)
    assert told(shop, "branch") == [[clause]]


def test_an_average_is_told_of_a_segment_too(database_url: str) -> None:
    segment = "segment buyers: average of signup.amount > 20 EUR and average of signup.seats < 3\n\n"
    shop = made(database_url, segment, club("every day at 12:00 for segment buyers"))
    for minute, (amount, seats) in enumerate([("1", 1), ("0.01", 1), ("99", 5)]):
        shop.event(["ana"], "signup", START + minute * MINUTE, amount=amount, seats=seats)
    shop.tick(START + HOUR, silent)
    with shop.database.read() as connection:
        found = list(map(plain, Members(connection, "buyers", START + HOUR).explain("ana")))
    assert [value for _, value, _ in found] == ["33.34 EUR", "2.333333"]
    shop.database.close()


LEAVES = """\
campaign club:
    class marketing
    enter when signup
    exit when plan is "pro" and has visit in last 2 days
    exit when fans
    exit when complaint
    stage s:
        wait 30 days
"""


def test_who_left_by_a_condition(database_url: str) -> None:
    shop = made(database_url, LEAVES)
    change(shop, START + MINUTE, "plan", "free")
    shop.event(["ana"], "signup", START + HOUR, amount="1")
    shop.event(["ana"], "visit", START + 2 * HOUR)
    change(shop, START + 3 * HOUR, "plan", "pro")
    change(shop, START + 4 * HOUR, "plan", "free")
    shop.tick(START + DAY, silent)
    assert told(shop, "exit") == [[('plan is "pro"', "pro", True), ("has visit in last 2 days", "1", True)]]


def test_who_left_by_a_segment(database_url: str) -> None:
    shop = made(database_url, LEAVES)
    shop.event(["ana"], "signup", START + HOUR, amount="150")
    for hour in (2, 3):
        shop.event(["ana"], "visit", START + hour * HOUR)
    shop.tick(START + DAY, silent)
    (left,) = (each for each in whole(shop.database).timeline if each.what == "exit")
    (segment,) = left.evaluated
    assert (segment.text, segment.holds) == ("fans", True)
    assert [plain(each) for each in segment.parts] == [
        ("has visit at least 2 times in last 30 days", "2", True), ("in segment payers", None, True),
    ]  # fmt: skip
    shop.database.close()


@pytest.mark.parametrize(
    ("trigger", "clauses"),
    [
        ("joins segment payers", [('plan is "pro" or total of signup.amount > 100 EUR', None, True)]),
        ('plan changes from "free" to "pro"', [('plan changes from "free" to "pro"', "pro", True)]),
        ("on birthday at 09:00", [("on birthday at 09:00", "1990-03-03", True)]),
        ("signup (amount > 10 EUR, amount < 200 EUR)",
         [("amount > 10 EUR", "150.00 EUR", True), ("amount < 200 EUR", "150.00 EUR", True)]),
    ],
)  # fmt: skip
def test_by_other_triggers(database_url: str, trigger: str, clauses: Told) -> None:
    shop = made(database_url, club(trigger))
    change(shop, START + MINUTE, "plan", "free")
    change(shop, START + MINUTE, "birthday", (date(1990, 3, 3) - date(1970, 1, 1)).days)
    shop.event(["ana"], "signup", START + HOUR, amount="5")
    change(shop, START + 2 * HOUR, "plan", "pro")
    shop.event(["ana"], "signup", START + 3 * HOUR, amount="150")
    shop.tick(START + 3 * DAY, silent)
    assert told(shop, "entered") == [clauses]


def test_who_left_a_segment(database_url: str) -> None:
    """What was asked holds no more: that lets them in."""
    shop = made(database_url, 'segment free: plan is "free"\n\n', club("leaves segment free"))
    change(shop, START + MINUTE, "plan", "free")
    change(shop, START + 2 * HOUR, "plan", "pro")
    shop.tick(START + DAY, silent)
    assert told(shop, "entered") == [[('plan is "free"', "pro", False)]]


def test_whom_another_campaign_started(database_url: str) -> None:
    """Its own trigger asked nothing."""
    trial = club("every day at 12:00 for segment fans").replace("club", "trial")
    shop = made(database_url, club("signup", "start campaign trial"), trial)
    shop.event(["ana"], "signup", START + HOUR, amount="5")
    shop.tick(START + DAY, silent)
    assert told(shop, "entered") == [[], []]


def test_what_nobody_wrote_down_is_not_guessed(database_url: str) -> None:
    """Of a plan that changes later nobody knows what it was; what asks for no plan is told."""
    steps = 'if plan is "free" wait 1 hour', "if has visit in last 1 day wait 1 hour"
    shop = made(database_url, club("signup", *steps))
    shop.event(["ana"], "signup", START + HOUR, amount="1")
    change(shop, START + 20 * HOUR, "plan", "free")
    shop.tick(START + DAY, silent)
    assert told(shop, "branch") == [[], [("has visit in last 1 day", "0", False)]]


@pytest.mark.parametrize(
    ("condition", "clauses"),
    [
        ("in list staff", [("in list staff", None, False)]),
        ("in list staff and tagged vip", []),
        ("tagged vip or in list staff", []),
        ('tagged vip and plan is "free"', [("tagged vip", None, False), ('plan is "free"', "free", True)]),
    ],
)  # fmt: skip
def test_who_was_in_a_list_is_not_on_record(database_url: str, condition: str, clauses: Told) -> None:
    """So it is told where it follows from what was decided, and only there."""
    shop = made(database_url, club("signup", f"if {condition} exit"))
    shop.event(["ana"], "signup", START + HOUR, amount="1")
    shop.tick(START + DAY, silent)
    assert told(shop, "branch") == [clauses]


def test_what_a_schedule_finds_again_is_told_once(database_url: str) -> None:
    shop = made(database_url, club("every day at 12:00 for segment payers, again after exit", "wait 1 hour"))
    shop.event(["ana"], "signup", START + MINUTE, amount="150")
    shop.event(["ana"], "signup", START + 80 * HOUR, amount="10")
    shop.tick(START + 6 * DAY, silent)
    found = whole(shop.database)
    assert [len(each.evaluated) for each in found.timeline if each.what == "entered"] == [1] * 6
    story = printed(explanation_lines(found), colour=False)
    assert [story.count(f"(is {amount} EUR)") for amount in ("150.00", "160.00")] == [1, 1]
    shop.database.close()


@pytest.mark.parametrize("clause", ["hold while", "exit when"])
def test_what_the_gate_found(database_url: str, clause: str) -> None:
    """Before the planner has seen it."""
    written = f'{clause} has complaint in last 2 hours and plan is "free"'
    shop = made(database_url, club(f"signup\n    {written}", "send email one", "wait 9 days"))
    shop.event(["ana"], "signup", START + HOUR, amount="1")
    shop.tick(START + HOUR + MINUTE)
    shop.event(["ana"], "complaint", START + HOUR + 2 * MINUTE)
    deliver(shop.database, {"email": Scripted(Accepted()), "sms": Scripted()}, START + 2 * HOUR)
    shop.tick(START + 3 * HOUR)
    found = [("has complaint in last 2 hours", "1", True), ('plan is "free"', "free", True)]
    lines = [each for each in whole(shop.database).timeline if each.what != "outcome" and each.evaluated]
    assert lines
    assert all(list(map(plain, each.evaluated)) == found for each in lines)
    assert told(shop, "outcome") == [found]
