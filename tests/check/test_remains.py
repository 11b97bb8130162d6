"""A line that can not be read hides no mistake in another line of its campaign."""

from __future__ import annotations

import pytest

from flowrules.check import check
from flowrules.model.schema import Channel
from flowrules.model.snapshot import Snapshot, Template
from flowrules.source import Source

RULES = """\
attribute plan: one of "free", "pro"
event asked:
    words: text

campaign broken:
    class marketing
    enter when askd (words is "x")
    exclude list nowhere
    stage one:
        sendd email welcome
        if plan is "gold":
            tag x
        if pln is "pro" go to two
        wait 3 dys
        send emial welcome
    stage two:
        exit

policy:
    purpose marketing: unless refused
    class marketing: purpose marketing, limited, counted
"""


def found(rules: str) -> list[tuple[str, int, str]]:
    templates = (Template("email", "welcome", "templates/email/welcome.txt", "---\nsubject: x\n---\n"),)
    channels = (Channel("email", "email"),)
    snapshot = Snapshot((Source("rules/a.flow", rules),), templates, frozenset(), channels, "EUR", "UTC")
    return [(each.code, each.span.line, each.span.text) for each in check(snapshot).diagnostics]


def test_each_mistake_is_told_once_at_its_place() -> None:
    assert found(RULES) == [
        ("FR102", 7, "askd"),
        ("FR105", 8, "nowhere"),
        ("FR012", 10, "sendd"),
        ("FR116", 11, '"gold"'),
        ("FR101", 13, "pln"),
        ("FR012", 14, "dys"),
        ("FR108", 15, "emial"),
    ]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("    class marketing", "    clas marketing"),
        ('    enter when askd (words is "x")', "    enter wen asked"),
        ("    stage two:", "    stag two:"),
        ("campaign broken:", "campaign broken"),
        ("campaign broken:", "campain broken:"),
        ("        if plan", "        iff plan"),
    ],
)
def test_what_stands_in_for_a_line_is_no_mistake(line: str, wrong: str) -> None:
    right = RULES
    for misspelt, meant in (
        ("askd", "asked"), ("    exclude list nowhere\n", ""), ("sendd", "send"), ('"gold"', '"pro"'),
        ("pln", "plan"), ("dys", "days"), ("emial", "email"),
    ):  # fmt: skip
        right = right.replace(misspelt, meant)
        line = line.replace(misspelt, meant)
    assert found(right) == []
    told = found(right.replace(line, wrong))
    assert told
    assert {code for code, *_ in told} <= {"FR003", "FR004", "FR005", "FR010", "FR011", "FR012", "FR013", "FR014"}, told


def test_what_a_broken_line_may_have_declared_is_not_missed() -> None:
    rules = RULES.replace("    words: text", "    words text").replace("askd", "asked")
    assert "asked" not in {text for _, _, text in found(rules)}
