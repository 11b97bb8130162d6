"""What the page of a line says: the same as `flowrules explain`, and of which lines more can be asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowrules.monitor.screens.why import kept_back, may_ask, of_moment, of_standing
from flowrules.monitor.widgets.decisions import decision_lines
from flowrules.report.clauses import Clause
from flowrules.report.explain import Moment
from flowrules.report.recent import Decided
from flowrules.report.standing import Standing
from flowrules.report.supposed import Supposed
from flowrules.report.withheld import Counted
from tests.monitor.conftest import DAY, START

CAPPED = Moment(
    START, (2, 1), "decision", "withheld", "send email offer", "welcome", 1, "capped", "rules/welcome.flow:20",
    counter=2, limit=2, window=7 * DAY, contacts=(Counted("email hello", "welcome", START - DAY),),
)  # fmt: skip


def test_a_cap_says_what_it_counted_and_what_would_have_let_it_out() -> None:
    text = of_moment(CAPPED, "Europe/Madrid").text().plain
    assert "2 of 2 contacts in the 7 days before" in text
    assert "counted: email hello Sun 2026-03-01 10:00" in text
    supposed = Moment(START, (2, 1), "decision", "withheld", what_if=Supposed("cap", "had the cap been 3", START, 3))
    assert (
        of_moment(supposed, "Europe/Madrid").text().plain.endswith("would have been sent at 10:00 had the cap been 3")
    )


def test_why_not_part_by_part() -> None:
    parts = (
        Clause('plan is "pro"', "rules/a.flow:3", "free", holds=False),
        Clause("tagged news", "", None, holds=True),
    )
    standing = Standing("pro", False, None, "rules/a.flow:3", None, "did not enter", None, parts)
    assert of_standing(standing, "UTC").text().plain.splitlines()[-2:] == [
        'plan is "pro" (is free): no',
        "tagged news: yes",
    ]


@pytest.mark.parametrize(
    ("what", "reason", "asked"),
    [
        ("withheld", "capped", True),
        ("send", None, False),
        ("send", "held_out", True),
        ("not_entered", "too_soon", False),
        ("not_entered", "excluded", True),
        ("exit", "goal", False),
        ("wait", None, False),
    ],
)
def test_only_what_was_kept_back_is_asked_for(what: str, reason: str | None, *, asked: bool) -> None:
    assert may_ask(Moment(START, (2, 1), "decision", what, reason=reason)) is asked


def test_so_is_what_a_condition_decided() -> None:
    branch = Moment(START, (2, 1), "decision", "branch", reason="no", asks=True)
    assert may_ask(branch)
    assert not kept_back(branch)
    assert not may_ask(replace(branch, asks=False)), "an arm of a split"


def test_what_a_branch_says_itself_is_not_said_again() -> None:
    alone, compared = Clause("tagged vip", "", None, holds=True), Clause("n > 1", "", 2, holds=True)
    branch = Moment(START, (2, 1), "decision", "branch", "if tagged vip", reason="yes", evaluated=(alone,))
    assert branch.found == ()
    assert replace(branch, evaluated=(alone, compared)).found == (alone, compared)
    assert replace(branch, evaluated=(compared,)).found == (compared,)


@pytest.mark.parametrize("reason", ["unsubscribed", "capped", "journey_ended"])
def test_so_is_what_was_kept_back_when_it_was_handed_over(reason: str) -> None:
    decision = (START, 3, "welcome", 1, "outcome", "")
    message = Moment(START, (1, 0), "message", "skipped", reason=reason, outcome=decision)
    assert may_ask(message)
    assert message.where == decision
    assert not may_ask(Moment(START, (1, 0), "message", "expired", reason="expired")), "a channel was busy"


def test_a_condition_is_told_with_what_it_found() -> None:
    part = Clause('plan is "pro"', "rules/a.flow:3", "pro", holds=True)
    supposed = Supposed("hold", "without this `hold while`", START)
    moment = Moment(START, (2, 1), "decision", "withheld", evaluated=(part,), what_if=supposed)
    text = of_moment(moment, "UTC").text().plain
    assert text.splitlines()[-2:] == [
        'plan is "pro" (is pro): yes', "would have been sent at 09:00 without this `hold while`",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("decision", "until", "said"),
    [
        ("timed_out", None, ["timed out", "if email unopened after 2 days"]),
        ("wait", START + DAY, ["waits", "if email unopened after 2 days, until Tue 2026-03-03 09:00"]),
    ],
)
def test_a_decision_says_what_was_asked_as_it_is_written(decision: str, until: int | None, said: list[str]) -> None:
    decided = Decided(
        START, "ana", "welcome", 1, 1, "lead/if #2", decision, None, "rules/welcome.flow:16", None, None, until,
        "if email unopened after 2 days:  # patience",
    )  # fmt: skip
    (line,) = decision_lines([decided], "UTC")
    assert [cell.plain for cell in line.cells[2:4]] == said
