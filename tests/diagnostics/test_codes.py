"""Every code has a page, and its examples do what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flowrules.diagnostics.codes import CODES, RANGES
from flowrules.source import Source
from flowrules.syntax.parser import parse

SYNTAX = [code for code in CODES.values() if code.code.startswith("FR0")]
UNSHOWN = {"FR007", "FR016", "FR017"}  # a file too large, not text, or too wrong to print


@pytest.mark.parametrize("code", [c for c in SYNTAX if c.wrong], ids=lambda code: code.code)
def test_the_wrong_example_triggers_the_code_and_the_right_one_is_right(code: object) -> None:
    assert [d.code for d in parse(Source("a.flow", code.wrong))[1]] == [code.code]  # type: ignore[attr-defined]
    assert parse(Source("a.flow", code.right))[1] == ()  # type: ignore[attr-defined]


def test_only_what_can_not_be_shown_has_no_example() -> None:
    assert {code.code for code in SYNTAX if not code.wrong} == UNSHOWN


def test_pages() -> None:
    for code in CODES.values():
        assert re.fullmatch(r"FR\d{3}", code.code)
        assert not code.title.endswith(".")
        assert code.text.endswith(".")
        assert code.page.startswith(f"{code.code}: {code.title}\n\n{code.text}")
        assert bool(code.wrong) == bool(code.right) == ("Wrong:" in code.page)


def test_every_code_is_raised_somewhere_and_none_is_unregistered() -> None:
    root = Path(__file__).parents[2] / "src" / "flowrules"
    sources = [path for path in root.rglob("*.py") if path.parent.name != "codes"]
    assert set(re.findall(r"(?<=[\"\[])FR\d{3}(?=[\"\]])", "".join(map(Path.read_text, sources)))) == set(CODES)


def test_ranges() -> None:
    assert set(RANGES.values()) == {"FR0", "FR1", "FR2", "FR3", "FR4", "FR5", "FR9"}
    assert "FR900" in CODES
