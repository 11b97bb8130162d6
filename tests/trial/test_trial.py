"""Tests of the language do what docs/language.md says: each expectation comes true, and fails, where it should."""

from __future__ import annotations

import re
from inspect import cleandoc
from textwrap import indent

import pytest

from flowrules.content.deployed import write_snapshot
from flowrules.model import trial
from flowrules.runtime.deploy import _without_tests
from flowrules.sql.codes import Reason
from tests.docs.markdown import ROOT, blocks
from tests.trial.trials import play, workspace

RULES = """\
attribute plan: one of "free", "pro" = "free"
attribute balance: money
event signed_up
event visit:
    pages: integer
event purchase:
    amount: money

list staff from "data/staff.csv" by email, phone_sha256
segment payers: plan is "pro"

campaign welcome:
    enter when signed_up, again after 30 days
    goal purchase within 30 days
    exclude list staff
    hold out 10%
    stage hello:
        on visit (pages > 9) go to keen
        send email welcome
        if email unopened after 2 days send sms reminder
        wait 3 days
        if in segment payers exit "pays"
        send email offer
        exit "not bought"
    stage keen:
        tag keen
        set balance to 5 EUR
        send push thanks
        wait 1 month

campaign news:
    enter when every monday at 09:00 for segment payers, again after 1 day
    stage first:
        send email news

policy:
    time zone of customer, else "Europe/Madrid"
    purpose marketing: ask first
    purpose service: unless refused
    class marketing: purpose marketing, limited, counted
    class service: purpose service, limited, counted
    cap 1 contact per 7 days by email
    suppress list staff for sms
    hold out 5% of customers from class marketing
"""
GIVEN = """\
given ana:
    email "ana@example.com"
    phone "+34600000001"
    consents to email, sms, push
given ben:
    email "ben@example.com"
    refuses email
given carl:
    consents to email
    in list staff
    phone "+34600000002"
given dora:
    email "dora@example.com"
    consents to email, push
    held out
given eve:
    email "eve@example.com"
    plan "pro"
    tagged keen
"""


def story(*lines: str) -> str:
    text = "\n".join(cleandoc(line) for line in lines)
    return f'test "a story":\n{indent(GIVEN + text, "    ")}\n'


START = "at 2026-03-02 10:00 ana does signed_up"
BEN, CARL, DORA = (START.replace("ana", name) for name in ("ben", "carl", "dora"))

# Lines that come true; behind `!` one that must not, with what is so instead.
STORIES = {
    "a message": (START, "expect email welcome to ana", "expect email to ana", "expect message to ana",
                  "expect no sms to ana", "expect no email offer to ana", "! expect sms reminder to ana",
                  "email welcome was sent on Mon 2026-03-02 10:00"),
    "no message": (START, "! expect no email to ana", "email welcome was sent to ana on Mon 2026-03-02 10:00"),
    "no such message": (START, "expect no email offer to ana", "! expect no message to ana", "email welcome was sent"),
    "nobody did anything": (START, "! expect email to ben", "no message to ben was decided"),
    "only since the step before": (START, "expect email welcome to ana", "after 1 day",
                                   "! expect email welcome to ana", "no message to ana was decided"),
    "the step has its beginning outside, its end inside": (
        START, "after 47 hours expect no sms to ana", "after 1 hour expect sms reminder to ana",
        "after 1 hour expect no sms to ana", "! expect sms reminder to ana", "no message"),
    "lines of one time are one step": (START, BEN, "at 2026-03-02 10:00", "expect email welcome to ana",
                                       "at 2026-03-02 10:00 expect email welcome to ana",
                                       "! expect email to ben", "email welcome was withheld (unsubscribed)"),
    "what happens at a time that was looked at": (
        START, "expect email to ana", "at 2026-03-02 10:00 ana does visit (pages 10)", "expect push thanks to ana",
        "expect no email to ana", "! expect ana in stage welcome.hello", "ana is in stage welcome.keen"),
    "opened": (START, "after 1 day ana opens email welcome", "after 2 days expect no sms to ana",
               "! expect ana left welcome", "ana entered, is inside"),
    "clicked": (START, "after 1 day ana clicks email welcome", "after 2 days", "! expect sms to ana", "no message"),
    "nothing to open": (START, "after 1 day", "! ana opens email offer", "no email offer had been sent to ana"),
    "nothing to open yet": ("! ana opens email welcome", "no email welcome had been sent to ana"),
    "left by words": (START, 'after 1 day set plan of ana to "pro"', 'expect plan of ana is "pro"', "after 4 days",
                      'expect ana left welcome because "pays"', "expect ana left welcome because exit",
                      "expect ana not in stage welcome",
                      '! expect ana left welcome because "not bought"', 'ana entered, left: "pays"'),
    "left by the goal": (START, "after 1 day ana does purchase (amount 12.50 EUR)", "expect ana left welcome",
                         "! expect ana left welcome because completed", "ana entered, left: goal"),
    "not left": ("at 2026-03-02 10:00", "! expect ana left welcome", "`signed_up` never happened"),
    "tags": (START, "after 1 day ana does visit (pages 10)", "expect ana tagged keen", "expect eve tagged keen",
             "expect ben not tagged keen", "! expect ana not tagged keen", "ana is tagged keen"),
    "not tagged": (START, "! expect ana tagged keen", "ana is not tagged keen"),
    "values": (START, 'expect plan of ana is "free"', "after 1 day ana does visit (pages 10)",
               "expect balance of ana is 5 EUR", "! expect balance of ana is 5.01 EUR", "balance of ana is 5.00 EUR"),
    "no value": (START, "! expect balance of ana is 5 EUR", "balance of ana is unknown"),
    "a text": (START, '! expect email of ana is "x@example.com"', 'email of ana is "ana@example.com"'),
    "unsubscribed": (BEN, "expect no email to ben because unsubscribed", "! expect no email to ben because no_consent",
                     "email welcome was withheld (unsubscribed) on Mon 2026-03-02 10:00"),
    "no consent": (BEN.replace("ben", "eve"), "expect no message to eve because no_consent", "! expect email to eve",
                   "email welcome was withheld (no consent)"),
    "in a list": (CARL, "expect no email to carl because excluded", "! expect carl in stage welcome",
                  "carl did not enter: excluded by list staff"),
    "held out": (DORA, "expect no email welcome to dora because held_out", "expect dora in stage welcome.hello",
                 "! expect email welcome to dora", "email welcome was not sent (held out)"),
    "too soon": (START, "after 5 days", "after 1 day ana does signed_up", "expect no message to ana because too_soon",
                 "! expect email welcome to ana", "welcome was not entered (too soon)"),
    "capped": (START, "after 5 days expect no email offer to ana because capped", "! expect email offer to ana",
               "email offer was withheld (capped)"),
    "no reason": ("at 2026-03-02 10:00", "expect no email to ana", "! expect no email to ana because capped",
                  "none was sent, and none was held back"),
    "refuses in between": (START, "after 1 day ana refuses sms",
                           "after 1 day expect no sms to ana because unsubscribed",
                           "after 1 hour ana consents to sms", "after 30 days ana does signed_up",
                           "after 2 days expect sms reminder to ana", "! expect no sms to ana",
                           "sms reminder was sent"),
    "a schedule": ("at 2026-03-01 12:00 eve consents to email", "at 2026-03-02 09:00 expect email news to eve",
                   "after 1 week expect email news to eve", "! expect no email news to eve", "Mon 2026-03-09 09:00"),
    "days keep the clock time": ("at 2026-03-28 10:00 ana does signed_up", "after 1 day ana does visit (pages 10)",
                                 "at 2026-03-29 10:00 expect push to ana", "after 1 month",
                                 "! expect ana in stage welcome", "left: completed"),
}  # fmt: skip


@pytest.fixture(scope="module")
def results() -> dict[str, tuple[str | None, str | None]]:
    """All in one run, as in a workspace."""
    texts = []
    for name, (*lines, wrong, _) in STORIES.items():
        first = wrong.removeprefix("! ")
        happens = (
            first if first.startswith("expect") else f"after 1 second {first}" if lines else f"{START[:19]} {first}"
        )
        body = story(*lines, happens, "expect ana not in stage news")
        texts.append(body.replace('"a story"', f'"{name}"', 1))
    return {result.title: (result.line, result.got) for result in play(RULES, "\n".join(texts))}


@pytest.mark.parametrize("name", STORIES)
def test_a_story_ends_where_it_must(name: str, results: dict[str, tuple[str | None, str | None]]) -> None:
    *_, wrong, instead = STORIES[name]
    line, got = results[name]
    assert line == wrong.removeprefix("! "), got
    assert got is not None
    assert instead in got


def test_what_the_documentation_shows_comes_true() -> None:
    page = ROOT / "docs" / "language.md"
    shown = [each.text for each in blocks(page) if each.info == "flow alone" and "\ntest " in each.text]
    assert len(shown) == 1
    assert [each.got for each in play(*shown)] == [None, None, None]


def test_tests_do_not_know_of_each_other() -> None:
    texts = [
        f'test "{n}":\n    given ana:\n        email "ana@example.com"\n        consents to email\n'
        f"    at 2026-03-0{9 - n} 10:00 ana does signed_up\n    expect email welcome to ana\n"
        for n in range(1, 9)
    ]
    assert [each.got for each in play(RULES, *texts)] == [None] * 8


def test_a_zone_of_a_test_alone() -> None:
    """The program is loaded once, before its customers are there."""
    text = (
        'test "there":\n    given ana:\n        email "ana@example.com"\n        timezone "Pacific/Auckland"\n'
        '        plan "pro"\n        consents to email\n'
        "    at 2026-03-01 10:00 expect no message to ana\n    at 2026-03-01 21:00 expect email news to ana\n"
    )
    assert [each.got for each in play(RULES, text)] == [None]


@pytest.mark.parametrize("kind", ["WITHHELD", "NOT_ENTERED", "LEFT"])
def test_every_reason_is_of_the_closed_list(kind: str) -> None:
    assert {*getattr(trial, kind)} <= {reason.word for reason in Reason}


# --- what is deployed ---------------------------------------------------------------------------------


def deployed(*texts: str) -> str:
    return write_snapshot(_without_tests(workspace(*texts)))


def test_a_deployment_is_the_same_with_any_tests() -> None:
    assert deployed(RULES, story(START, "expect email to ana")) == deployed(RULES)
    assert deployed(f"{RULES}\n{story(START, 'expect email to ana')}") == deployed(RULES)
    assert deployed(f"{RULES}\n{story(START, 'expect email to ana')}\n\n") == deployed(RULES)


def test_lines_keep_their_numbers() -> None:
    between = story(START, "expect email to ana")
    text = deployed(f"event a1\n{between}event a2\n")
    rest = re.search(r'"rules/0.flow","(.*?)"\]', text)
    assert rest is not None
    assert rest[1] == "event a1" + r"\n" * (between.count("\n") + 1) + r"event a2\n"


ENTRIES = """\
attribute plan: text
segment pros: plan is "pro"
event signed_up
campaign joined:
    enter when joins segment pros
    stage first:
        send push joined
campaign now:
    enter when once now for segment pros
    stage first:
        tag there
        send first of: email joined, push now
        wait 1 day
        send push later, expires after 1 day
policy:
    time zone "Europe/Madrid"
    purpose marketing: unless refused
    class marketing: purpose marketing, limited, counted
    quiet hours 21:00 to 09:00 for push
"""


def test_rules_come_into_force_when_a_test_begins() -> None:
    """Who is given in a segment has not joined it; `once now` is the first line's instant."""
    text = (
        'test "{0}":\n    given ana:\n        plan "pro"\n    given ben:\n        plan "free"\n'
        "    at 2026-03-0{0} {1} expect push now to ana\n    expect no push joined to ana\n"
        "    expect ben not tagged there\n"
        '    after 1 hour set plan of ben to "pro"\n    expect push joined to ben\n    expect ben not in stage now\n'
    )
    early = (
        'test "early":\n    given ana:\n        plan "pro"\n    at 2026-03-02 07:00 expect ana in stage now\n'
        "    expect no push to ana because quiet_until\n    at 2026-03-02 09:00 expect push now to ana\n"
    )
    results = play(ENTRIES, text.format(2, "10:00"), text.format(3, "11:30"), early)
    assert [each.got for each in results] == [None, None, None]
