"""Any text at all: parse never raises, and what it says has a place in the text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from flowrules.diagnostics.codes import CODES
from flowrules.diagnostics.json import as_dict
from flowrules.diagnostics.text import render
from flowrules.source import Source
from flowrules.syntax.parser import _parser, parse

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

SAMPLE = (Path(__file__).parent / "corpus" / "quote_follow_up.flow").read_text(encoding="utf-8")
PIECES = re.findall(r"\n *|\"[^\"\n]*\"|\w+|[^\w\s]| +", SAMPLE)
ODD = [
    *"()\":,.\n\t#=-\\'“\u00a0\u202e\r\0é",
    "\n    ",
    "0 days",
    "25:00",
    "5days",
    "99999999999999999999",
    "\ufeff",
    "\r\n",
]
WORDS = [
    *_parser().keywords,
    "x",
    "5",
    '"a"',
    "2 days",
    "09:00",
    "2026-03-02",
    "10%",
    "5 EUR",
    "\n",
    "\n    ",
    "\n        ",
]


def look(text: str) -> None:
    file, found = parse(Source("a.flow", text))
    starts = [d.span.start for d in found]
    assert starts == sorted(starts)
    for diagnostic in found:
        assert diagnostic.code in CODES
        assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text)
        assert diagnostic.code in render(diagnostic)
        assert as_dict(diagnostic)["line"] >= 1
        for edit in (edit for fix in diagnostic.fixes for edit in fix.edits):
            assert 0 <= edit.span.start <= edit.span.end <= len(text)
    if not found:
        assert re.sub(r"\s|#.*", "", text).strip("\ufeff") == "" or file.declarations


@given(st.text())
def test_any_text(text: str) -> None:
    look(text)


@given(st.lists(st.sampled_from(WORDS), max_size=40))
def test_any_words(words: list[str]) -> None:
    look(" ".join(words))


@st.composite
def damaged(draw: DrawFn) -> str:
    """The sample campaign with a few pieces lost, moved, or replaced."""
    pieces = list(PIECES)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(pieces) - 1))
        piece = draw(st.one_of(st.just(""), st.sampled_from(ODD), st.sampled_from(PIECES)))
        pieces[at] = piece if draw(st.booleans()) else pieces[at] + piece
    return "".join(pieces)


@settings(max_examples=150)
@given(damaged())
def test_damaged_programs(text: str) -> None:
    look(text)
