"""What `flowrules test` prints, whole: each golden was read aloud once, as somebody who writes campaigns would."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flowrules.check import check
from flowrules.report.coverage import Coverage, spots
from flowrules.report.expectations import judge
from flowrules.report.mutation import Mutated
from flowrules.report.trials import Choice, Result
from flowrules.report.trials_ci import junit, remarks, tap
from flowrules.runtime.mutation import Tried, mutate
from tests.trial.trials import TEMPLATE, played, workspace

GOLDEN = Path(__file__).parent / "golden"
RULES = """\
attribute plan: one of "free", "pro" = "free"
event signed_up
campaign welcome "Welcome":
    enter when signed_up
    exclude campaign offers
    stage hello:
        send email welcome
        split length:
            50% short:
                send sms short_one
            50% long:
                wait 1 day
                send sms long_one
        exit "done"
campaign offers:
    enter when once at 2026-03-03 09:00 for segment pros
    stage first:
        if plan is "pro" and tagged keen send email offer
        else send email upgrade
segment pros: plan is "pro"
policy:
    time zone "Europe/Madrid"
    purpose marketing: ask first
    class marketing: purpose marketing, limited, counted
    cap 1 contact per 2 days across email

customer ana:
    email "ana@example.com"
    phone "+34600000001"
    consents to email, sms
"""
WRONG = """\
test "the short text follows at once":
    given ana
    at 2026-03-02 10:00 ana does signed_up
    expect sms short_one to ana

test "a customer with plan <plan> is sent <message>":
    given ana like ana:
        plan <plan>
    at 2026-03-03 09:00 expect email <message> to ana
    cases:
        plan, message
        "pro", upgrade
        "pro", offer

test "the subject has the plan":
    given ana
    at 2026-03-02 10:00 ana does signed_up
    expect email welcome to ana, subject is "Hello pro"

test "two are welcomed":
    given ana
    given ben:
        email "ben@example.com"
    at 2026-03-02 10:00 ana does signed_up
    at 2026-03-02 10:00 ben does signed_up
    expect email welcome to 2 customers

test "no more than one message a day":
    given ana like ana:
        in arm short of split welcome.length
    at 2026-03-02 10:00 ana does signed_up
    after 1 day expect message to ana at most 1 time in last 2 days
"""
RIGHT = """\
test "all is well":
    given ana
    at 2026-03-02 10:00 ana does signed_up
    after 2 days expect ana left welcome because "done"
"""


def result(tests: str, *, more: bool = False) -> Result:
    snapshot = workspace(RULES, tests, template=TEMPLATE)
    tested = played(snapshot)
    if not more:
        return Result(tested)
    checked = check(snapshot)
    assert checked.model is not None
    ends = list(mutate(snapshot, checked.model, checked.trials, judge, jobs=1, budget=None))
    tried = [each for each in ends if isinstance(each, Tried)]
    survived = [each.mutant for each in tried if each.end == "survived"]
    covered = Coverage(spots(checked.model, snapshot.sources), (), snapshot.sources)
    choices = [Choice(each.trial, "campaign welcome changed", ("the test", "campaign welcome")) for each in tested]
    return Result(tested, choices, covered, Mutated(len(tried) - len(survived), survived, 3))


@pytest.fixture(scope="module")
def wrong() -> Result:
    return result(WRONG)


@pytest.fixture(scope="module")
def right() -> Result:
    return result(RIGHT, more=True)


def golden(name: str, shown: str) -> None:
    """FLOWRULES_UPDATE=1 writes the goldens again; read the difference before you commit it."""
    path = GOLDEN / name
    if os.environ.get("FLOWRULES_UPDATE"):
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")


def test_failures(wrong: Result) -> None:
    golden("failures.txt", wrong.text(colour=False, plain=False) + "\n")


def test_for_servers(wrong: Result, right: Result) -> None:
    golden("junit.xml", junit(wrong.tested) + "\n")
    golden("tap.txt", "\n".join(tap(wrong.tested)) + "\n")
    golden("github.txt", "\n".join([*remarks(wrong), *remarks(right)]) + "\n")


def test_what_is_missing(right: Result) -> None:
    golden("missing.txt", right.text(colour=False, plain=False, annotate=True) + "\n")
