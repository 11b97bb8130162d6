"""What is told of the words of the language."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrules.editor.about import ABOUT, about
from flowrules.syntax.parser import accepted

DOCS = Path(__file__).parents[2] / "docs"
HEAD = "campaign welcome:\n    enter when signed_up\n    "


@pytest.mark.parametrize(
    ("line", "under", "told"),
    [
        ("    cap 4 contacts per 30 days", "cap", "cap"),
        ("    when capped wait up to 3 days, else skip", "capped", "when capped"),
        ("    when capped wait up to 3 days, else skip", "to", "up to"),
        ("        if email unopened after 2 days send sms voucher", "after", "unopened after"),
        ("        send first of: email a, sms b", "of", "send first of"),
        ("        wait 3 days", "days", None),
        ('campaign welcome "cap":', '"cap"', None),
        ("    # the policy and its cap", "cap", None),
        ("    exclude campaign captain", "captain", None),
    ],
)
def test_the_longest_phrase_under_the_cursor(line: str, under: str, told: str | None) -> None:
    said = about(line, line.index(under) + 1)
    assert (said is None) == (told is None)
    assert said is None or said.startswith(f"`{told}`: {ABOUT[told or '']}")


def test_only_words_that_the_language_has() -> None:
    reference = (DOCS / "language.md").read_text()
    assert [phrase for phrase in ABOUT if phrase not in reference] == []


@pytest.mark.parametrize("before", ["", HEAD, f"{HEAD}stage hello:\n        ", "policy:\n    "])
def test_whatever_a_line_may_begin_with_is_told(before: str) -> None:
    begins = {word for word in accepted(before) if word.isalpha() and word.islower()}
    known = {phrase.partition(" ")[0] for phrase in ABOUT}
    assert begins
    assert begins - known - {"on", "up"} == set()
