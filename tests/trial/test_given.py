"""Customers shared or from a file, tables of cases, other policies, what messages say, what would be chance."""

from __future__ import annotations

from inspect import cleandoc
from textwrap import indent

import pytest

from flowrules.source import Source
from tests.trial.trials import TEMPLATE, Result, play

RULES = """\
attribute plan: one of "free", "pro" = "free"
event signed_up
event bought
campaign welcome:
    enter when signed_up
    hold out 10%
    stage hello:
        send email welcome
        wait 1 day
        split length:
            50% short:
                send sms short_one
            50% long:
                wait 1 day
                send sms long_one
        wait 1 day
        exit "done"
campaign news:
    enter when bought, again after 1 day
    hold out 10%
    stage first:
        if plan is "pro" send email offer
        else send email upgrade
policy:
    purpose marketing: ask first
    class marketing: purpose marketing, limited, counted
    cap 3 contacts per 7 days
    hold out 5%

customer ana:
    email "ana@example.com"
    phone "+34600000001"
    consents to email, sms

customer pro:
    plan "pro"
    consents to email
    email "pro@example.com"
"""
START = "at 2026-03-02 10:00 ana does signed_up"


def one(*lines: str, given: str = "given ana", title: str = "x", customers: tuple[Source, ...] = ()) -> Result:
    text = "\n".join((given, *map(cleandoc, lines)))
    (found,) = play(RULES, f'test "{title}":\n{indent(text, "    ")}\n', customers=customers, template=TEMPLATE)
    return found


def test_a_shared_customer_as_it_is_and_with_more() -> None:
    assert one(START, "expect email welcome to ana").line is None
    given = 'given ana\ngiven ben like pro:\n    plan "free"\n    email "ben@example.com"\n    tagged x'
    found = one(
        "at 2026-03-02 10:00 ben does bought", "expect email upgrade to ben", 'expect email of ben is "x"', given=given
    )
    assert found.got == 'email of ben is "ben@example.com"'


def test_customers_of_a_file() -> None:
    people = Source("data/people.csv", "id,email,plan\nana,ana@example.com,pro\nben,ben@example.com,\ncleo,,pro\n")
    lines = [f"at 2026-03-02 10:00 {who} does bought" for who in ("ana", "ben", "cleo")]
    given = 'given customers from "data/people.csv":\n    consents to email'
    ask = [*lines, "expect email offer to ana", "expect email upgrade to ben"]
    assert (
        one(*ask, "expect email to 2 customers", "expect 3 customers left news", given=given, customers=(people,)).line
        is None
    )
    found = one(*ask, "expect email offer to 2 customers", given=given, customers=(people,))
    assert found.got == "so it is with 1 customer: ana"
    assert one(*ask, "expect 0 customers in stage welcome", "expect no email to cleo because no_address",
               given=given, customers=(people,)).line is None  # fmt: skip


CASES = """\
test "a buyer with <plan> is sent <message>":
    given ana like ana:
        plan <plan>
    at <when> ana does bought
    after <pause> expect email <message> to ana in last 30 days
    expect no email <message> to ana because <why>
    cases:
        plan, when, pause, message, why
        "free", 2026-03-02 10:00, 1 hour, upgrade, capped
        "pro", 2026-03-02 11:00, 1 day, offer, no_consent
        "pro", 2026-03-02 11:00, 2 days, upgrade, expired
"""


def test_each_case_is_a_test_of_its_own() -> None:
    first, second, third = play(RULES, CASES)
    assert [each.title for each in (first, second, third)] == [
        "a buyer with free is sent upgrade",
        "a buyer with pro is sent offer",
        "a buyer with pro is sent upgrade",
    ]
    assert [each.line for each in (first, second)] == ["expect no email <message> to ana because <why>"] * 2
    assert third.line == "expect email <message> to ana in last 30 days"


def test_how_often_and_since_when() -> None:
    buys = [f"at 2026-03-0{day} 10:00 ana does bought" for day in (2, 4, 6)]
    ask = [
        *buys,
        "after 1 hour",
        "expect email to ana exactly 3 times in last 7 days",
        "expect email to ana at most 1 time in last 1 day",
        "expect email upgrade to ana at least 2 times in last 7 days",
        "expect no sms to ana in last 30 days",
    ]
    assert one(*ask).line is None
    found = one(*ask, "expect email to ana fewer than 3 times in last 7 days")
    assert (found.got or "").startswith("sent 3 times: email upgrade on Mon 2026-03-02 10:00; ")


@pytest.mark.parametrize(
    ("content", "got"),
    [
        ('subject is "Hello free", body contains "is welcome"', None),
        ('subject contains "Hello", body does not contain "offer"', None),
        ('subject is "Hello"', 'email welcome has the subject "Hello free"'),
        ('body does not contain "welcome"', 'email welcome has the body "This is welcome."'),
    ],
)
def test_what_a_message_says(content: str, got: str | None) -> None:
    assert one(START, f"expect email welcome to ana, {content}").got == got


def test_another_policy_for_a_test_alone() -> None:
    buys = [f"at 2026-03-0{day} 10:00 ana does bought" for day in (2, 4)]
    given = "given ana\ngiven policy:\n    cap 1 contact per 7 days"
    assert one(*buys, "expect no email to ana because capped", given=given).line is None
    assert one(*buys, "expect email to ana").line is None
    # The kinds of lines that the test does not write stay as they are.
    held = "given ana like ana:\n    held out\ngiven policy:\n    cap 9 contacts per 1 day"
    assert one(buys[0], "expect no email to ana because held_out", given=held).line is None


def test_held_out_of_one_campaign_alone() -> None:
    given = "given ana like ana:\n    held out of campaign news"
    found = one(
        START,
        "expect email welcome to ana",
        "after 1 hour ana does bought",
        "expect no email to ana because held_out",
        given=given,
    )
    assert found.line is None


@pytest.mark.parametrize(("arm", "after"), [("short", 1), ("long", 2)])
def test_an_arm_that_is_said(arm: str, after: int) -> None:
    given = f"given ana like ana:\n    in arm {arm} of split welcome.length"
    assert one(START, f"after {after} days expect sms {arm}_one to ana", given=given).line is None


def test_an_arm_that_is_open_must_not_matter() -> None:
    assert one(START, "expect email welcome to ana", "after 4 days expect ana left welcome").line is None
    found = one(START, "after 1 day expect sms short_one to ana")
    assert (found.line, found.arms) == ("expect sms short_one to ana", (("split/welcome/length", "long"),))
    neither = one(START, "after 1 day expect sms to ana exactly 2 times")
    assert (neither.line, neither.arms) == ("expect sms to ana exactly 2 times", ())


def test_whoever_is_given_an_arm_leaves_it_open_for_nobody_else() -> None:
    given = (
        'given ana like ana:\n    in arm long of split welcome.length\ngiven ben like ana:\n    email "b@example.com"'
    )
    found = one(
        START,
        START.replace("ana", "ben"),
        "after 2 days expect sms long_one to ana",
        "expect sms long_one to ben",
        given=given,
    )
    assert found.line == "expect sms long_one to ben"
    assert found.arms == (("split/welcome/length", "short"),)
