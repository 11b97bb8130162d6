"""No use of a declared name is overlooked: every lexeme that is its name is known as one."""

from __future__ import annotations

import re

import pytest

from flowrules.editor.words import words
from flowrules.source import Source
from flowrules.syntax.parser import Lexeme, parse
from tests.docs.flow import whole
from tests.docs.markdown import ROOT, blocks
from tests.editors.test_textmate import FLOWS, LANGUAGE
from tests.language.literate import cases

RIGHT = [
    *(case.text for path in sorted(LANGUAGE.glob("*.md")) for case in cases(path) if not case.expected),
    *(whole(each)[0] for each in blocks(ROOT / "docs" / "language.md") if each.info.startswith("flow")),
    *FLOWS,
]


_CAMPAIGN = re.compile(r"\b(?:campaign|left|goal of|in stage) +\Z")


def uses(text: str, kind: str) -> tuple[set[tuple[str, int]], set[tuple[str, int]]]:
    """Of declared names: all lexemes, and those that are known; names that also stand for something else left out."""
    lexemes: list[Lexeme] = []
    tree, _ = parse(Source("sample.flow", text), lexemes)
    found = words([tree])
    declared = {word.name for word in found if word.kind == kind and word.whole is not None}
    others = {word.name.rpartition(".")[2] for word in found if word.kind != kind}
    wanted = declared - others
    known = {(word.name, word.span.start) for word in found if word.kind == kind and word.name in wanted}
    said = {(text[each.start : each.end], each.start) for each in lexemes if each.kind == "NAME"}
    return {(name, at) for name, at in said if name in wanted}, known


@pytest.mark.parametrize("kind", ["segment", "event", "list", "campaign"])
def test_every_use_is_known(kind: str) -> None:
    seen = 0
    for text in RIGHT:
        every, known = uses(text, kind)
        if kind == "campaign":  # templates may have such a name, and `campaign.stage` is the stage's
            every = {(name, at) for name, at in every if _CAMPAIGN.search(text, 0, at) and text[at + len(name)] != "."}
        assert every == known, text
        seen += len(every)
    assert seen > 0
