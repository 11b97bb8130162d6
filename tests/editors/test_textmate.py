"""The colours of the editor against the language itself: its words, and the words of the samples as they are parsed."""

from __future__ import annotations

import json
import re

import pytest

from flowrules.source import Source
from flowrules.syntax.indent import RESERVED
from flowrules.syntax.parser import Lexeme, grammar, keywords, parse
from tests.docs.flow import whole
from tests.docs.markdown import ROOT, blocks
from tests.editors.textmate import FOLDER, RULES, coloured
from tests.language.literate import cases

LANGUAGE = ROOT / "tests" / "language"
WORDS = sorted(word for word in keywords() if word.isalpha())
FLOWS = [path.read_text(encoding="utf-8") for top in ("examples", "rules") for path in (ROOT / top).rglob("*.flow")]
SAMPLES = [
    *(case.text for path in sorted(LANGUAGE.glob("*.md")) for case in cases(path)),
    *(whole(each)[0] for each in blocks(ROOT / "docs" / "language.md") if each.info.startswith("flow")),
    *FLOWS,
]
IS_WORD = ("keyword.", "storage.", "support.function", "variable.language", "constant.language")
SCOPES = {
    "STRING": "string.",
    "PLACE": "variable.parameter",
    "DATETIME": "constant.other.datetime",
    "DATE": "constant.other.datetime",
    "CLOCK": "constant.other.time",
    "DURATION": "constant.numeric.duration",
    "MONEY": "constant.numeric.money",
    "PERCENT": "constant.numeric.percent",
    "DECIMAL": "constant.numeric",
    "INT": "constant.numeric",
}


def written() -> set[str]:
    """All words that the patterns spell out."""
    found: set[str] = set()
    for rule in RULES:
        plain = re.sub(r"\[[^\]]*\]|\\.", " ", rule.pattern.pattern).replace("(?<!", " ").replace("s?", " ")
        found |= set(re.findall(r"[A-Za-z]+", plain))
    return found


def test_every_word_of_the_language_is_in_the_patterns() -> None:
    assert [word for word in WORDS if word not in written()] == []


def test_no_pattern_names_a_word_that_the_language_does_not_know() -> None:
    shapes = set(re.findall(r"[a-z]+", next(line for line in grammar().splitlines() if line.startswith("DURATION."))))
    assert written() - set(WORDS) - shapes == set()


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_a_reserved_word_is_coloured_wherever_it_stands(word: str) -> None:
    line = f"    {word}, {word}"
    assert all(scope.startswith(IS_WORD) for scope in coloured(line)[4 : 4 + len(word)])
    assert all(scope.startswith(IS_WORD) for scope in coloured(line)[-len(word) :])
    assert coloured(f"    x{word}_x")[4:] == [""] * (len(word) + 3)


def lexemes(text: str) -> list[Lexeme]:
    found: list[Lexeme] = []
    parse(Source("sample.flow", text), found)
    return found


def scopes(text: str, lexeme: Lexeme) -> set[str]:
    begin = text.rfind("\n", 0, lexeme.start) + 1
    end = text.find("\n", lexeme.start)
    line = text[begin : len(text) if end < 0 else end]
    return set(coloured(line)[lexeme.start - begin : lexeme.end - begin])


def test_no_word_of_a_sample_stays_plain() -> None:
    wrong, seen = [], set()
    for text in SAMPLES:
        for each in lexemes(text):
            said = text[each.start : each.end]
            if each.kind == "NAME" or each.kind.startswith("_"):
                continue
            if said in WORDS:
                seen.add(said)
                right = all(scope.startswith(IS_WORD) for scope in scopes(text, each))
            else:
                right = all(scope.startswith(SCOPES.get(each.kind, "")) for scope in scopes(text, each))
            if not right:
                wrong.append((each.kind, said, scopes(text, each)))
    assert wrong == []
    assert len(seen) > 0.9 * len(WORDS), sorted(set(WORDS) - seen)  # else the samples would prove little


def test_names_that_are_declared_are_no_keywords() -> None:
    for line, name in [
        ("attribute day: date", "day"),
        ("segment known: plan is known", "known"),
        ("    stage first:", "first"),
        ("        go to last", "last"),
        ("    exclude campaign all, list every_one", "every_one"),
    ]:
        at = re.search(rf"\b{name}\b", line)
        assert at is not None
        assert set(coloured(line)[at.start() : at.end()]) == {"entity.name.flowrules"}, line


def test_comments_and_texts_hold_nothing() -> None:
    assert set(coloured('"if # 5 days"')) == {"string.quoted.double.flowrules"}
    assert set(coloured('# send "x"')) == {"comment.line.number-sign.flowrules"}


def test_the_extension_is_whole() -> None:
    package = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))["contributes"]
    (language,), (colours,) = package["languages"], package["grammars"]
    assert language["extensions"] == [".flow"]
    assert (language["id"], colours["scopeName"]) == (colours["language"], "source.flowrules")
    for path in (language["configuration"], colours["path"]):
        assert json.loads((FOLDER / path).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("line", "deeper"),
    [
        ('    stage hello "A: b":', True),
        ("        if tagged warm:  # why", True),
        ("    class marketing", False),
        ("    # so:", False),
        ('    owner "a:"', False),
    ],
)
def test_indentation(line: str, *, deeper: bool) -> None:
    rules = json.loads((FOLDER / "language-configuration.json").read_text(encoding="utf-8"))["indentationRules"]
    assert (re.search(rules["increaseIndentPattern"], line) is not None) == deeper
