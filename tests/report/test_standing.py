"""Of who never entered, what each part of the entry says, with its value."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flowrules.report.explain import Explanation, explain
from flowrules.report.explain_text import explanation_lines
from flowrules.report.print import printed
from tests.support.world import START, World, world

HOUR = 3_600_000_000
LATER = START + 2 * HOUR

FLOW = """\
attribute first_name: text
attribute plan: one of "free", "pro" = "free"
attribute contract_end: date
event form:
    kind: text
    amount: money
event visit

segment loyal: has visit at least 2 times and plan is "pro"

campaign quotes:
    class marketing
    enter when form (kind is "quote", amount > 100 EUR)
    stage only:
        send sms hello
campaign weekly:
    class marketing
    enter when every day at 12:00 for segment loyal
    stage only:
        send sms hello
campaign joining:
    class marketing
    enter when joins segment loyal
    stage only:
        send sms hello
campaign upgraded:
    class marketing
    enter when plan changes from "free" to "pro"
    stage only:
        send sms hello
campaign ending:
    class marketing
    enter when 30 days before contract_end at 09:00
    stage only:
        send sms hello
campaign past:
    class marketing
    enter when once at 2026-03-01 09:00 for segment loyal
    stage only:
        send sms hello
campaign coming:
    class marketing
    enter when once at 2027-03-01 09:00 for segment loyal
    stage only:
        send sms hello
campaign waiting:
    class marketing
    enter when visit
    stage only:
        send sms hello
        wait 1 hour
        wait 2 days
        if sms unclicked after 9 days exit "no"
        wait for form up to 5 days
        wait for form up to 5 days

policy:
    time zone "Europe/Madrid"
    purpose marketing: unless refused
    class marketing: purpose marketing, limited, counted
"""


@pytest.fixture
def made(database_url: str) -> Iterator[World]:
    made = world(database_url, FLOW, {"sms/hello.txt": "Hello\n"})
    made.customers(["ana"], consent=False)
    made.event(["ana"], "visit", START + HOUR)
    made.event(["ana"], "form", START + HOUR, kind="quote", amount="12.50")
    made.tick(LATER)
    yield made
    made.database.close()


def of(made: World, campaign: str, at: int = LATER) -> Explanation:
    with made.database.read() as connection:
        return explain(connection, "ana", campaign, at)


@pytest.mark.parametrize(
    ("campaign", "expected"),
    [
        ("quotes", [('kind is "quote"', "quote", True), ("amount > 100 EUR", "12.50 EUR", False)]),
        ("weekly", [("has visit at least 2 times", "1", False), ('plan is "pro"', "free", False)]),
        ("joining", [("has visit at least 2 times", "1", False), ('plan is "pro"', "free", False)]),
        ("upgraded", [('plan changes from "free" to "pro"', "free", False)]),
        ("ending", [("30 days before contract_end at 09:00", None, False)]),
    ],
)
def test_each_part_says_its_value(made: World, campaign: str, expected: list[tuple[str, str | None, bool]]) -> None:
    (standing,) = of(made, campaign).standings
    assert not standing.entered
    told = [(each.text, None if each.value is None else str(each.value), each.holds) for each in standing.evaluated]
    assert told == expected
    assert all(each.rule.startswith("rules/welcome.flow:") for each in standing.evaluated)
    assert [each["holds"] for each in standing.facts()["evaluated"]] == [holds for *_, holds in expected]  # type: ignore[attr-defined]  # a list of objects


def test_people_read_it(made: World) -> None:
    text = printed(explanation_lines(of(made, "quotes")), colour=False)
    assert '  evaluated: kind is "quote" (is quote): yes\n' in text
    assert "  evaluated: amount > 100 EUR (is 12.50 EUR): no\n" in text
    assert "`form` happened once, last Mon 2026-03-02 11:00, but did not match the filter" in text.replace("\n  ", " ")


@pytest.mark.parametrize(
    ("campaign", "why"),
    [
        ("past", "Sun 2026-03-01 09:00 lay before the campaign was in force (in force since Mon 2026-03-02"),
        ("coming", "Mon 2027-03-01 09:00 has not come yet"),
        ("weekly", "not in the segment at any occurrence"),
    ],
)
def test_a_schedule_says_when_it_comes_round(made: World, campaign: str, why: str) -> None:
    (standing,) = of(made, campaign).standings
    assert why in standing.words


def test_who_was_let_in_is_not_evaluated(made: World) -> None:
    assert of(made, "waiting").standings[0].evaluated == ()


def test_a_wait_says_what_is_waited_for(database_url: str) -> None:
    made = world(database_url, FLOW, {"sms/hello.txt": "Hello\n"})
    made.customers(["ana"], consent=False)
    made.event(["ana"], "visit", START + HOUR)
    now = START + 30 * 24 * HOUR
    made.tick(now, answer=lambda _: [])
    lines = printed(explanation_lines(of(made, "waiting", now)), colour=False).split("\n")
    waits = [line.partition("  waits     ")[2].partition("  ")[0] for line in lines if "  waits  " in line]
    assert waits == [
        "until Mon 2026-03-02 12:00",
        "until Wed 2026-03-04 12:00",
        "for sms clicked, until Wed 2026-03-11 11:00",
    ]
    made.database.close()


def test_no_line_is_wider_than_a_terminal(made: World) -> None:
    with made.database.read() as connection:
        whole = explain(connection, "ana", None, LATER)
    lines = printed(explanation_lines(whole), colour=False).split("\n")
    assert max(map(len, lines)) <= 80
    said = " ".join(line.strip() for line in lines)
    assert "never joined segment `loyal` (in force since Mon 2026-03-02 10:00)" in said


def test_what_was_refused_for_the_same_reason_before_is_told_in_short(made: World) -> None:
    """As of a schedule that comes round every week."""
    made.event(["ana"], "visit", LATER + HOUR)
    made.event(["ana"], "visit", LATER + 2 * HOUR)
    made.tick(LATER + 3 * HOUR)
    text = printed(explanation_lines(of(made, "waiting", LATER + 3 * HOUR)), colour=False)
    assert text.count("not entered already inside") == 2
    assert text.count("inside since Mon 2026-03-02 11:00") == 1
