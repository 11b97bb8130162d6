"""The one layout: it keeps the meaning and every comment, is stable, and refuses what it can not prove."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrules.source import Source
from flowrules.syntax import layout
from flowrules.syntax.layout import lay_out
from flowrules.syntax.parser import Lexeme, parse
from tests.docs.flow import as_case
from tests.docs.markdown import ROOT, blocks
from tests.reference.generate_program import program
from tests.reference.generate_words import Dice

if TYPE_CHECKING:
    from flowrules.syntax import tree

HERE = Path(__file__).parent / "layout"
SHIPPED = sorted(
    path for folder in ("examples", "rules", "src/flowrules/cli/starter") for path in (ROOT / folder).rglob("*.flow")
)
PAGE = ROOT / "docs" / "language.md"
SHOWN = [as_case(PAGE, block).text for block in blocks(PAGE) if block.info.split()[:1] == ["flow"]]
"""Every construct there is: tests/docs/test_language.py fails while one is missing."""


def laid(text: str) -> str:
    found = lay_out(Source("a.flow", text))
    assert isinstance(found, str), found
    return found


def declarations(text: str) -> tuple[tree.Declaration, ...]:
    file, found = parse(Source("a.flow", text))
    assert found == ()
    return file.declarations


def comments(text: str) -> list[str]:
    """Counted apart from the lexer: what stands behind a # outside of quotes."""
    return [match[1].rstrip() for match in re.finditer(r'"(?:[^"\\\n]|\\.)*"|(#[^\n]*)', text) if match[1]]


def disturbed(text: str, chance: random.Random) -> str:
    """The same rules with other spaces and another depth of blocks; also comments, blank lines, breaks in brackets."""
    lexemes: list[Lexeme] = []
    assert parse(Source("a.flow", text), lexemes)[1] == ()
    step, depth, opened = chance.randint(1, 7), 0, 0
    out: list[str] = []
    before = ""
    for lexeme in lexemes:
        word = text[lexeme.start : lexeme.end]
        if lexeme.kind in ("_INDENT", "_DEDENT"):
            depth += 1 if lexeme.kind == "_INDENT" else -1
        elif lexeme.kind == "_NL":
            out.append(chance.choice(("", "  ", "  # here", "#here")) + "\n")
            notes = ("\n", "   \n", f"{' ' * chance.randint(0, 9)}# note\n")
            out += [chance.choice(notes) for _ in range(chance.choice((0, 0, 0, 1, 3)))]
            before = "\n"
        else:
            if before == "\n" or not out:
                out.append(" " * (step * depth))
            elif opened and chance.random() < 0.1:
                out.append(chance.choice(("\n", " # why\n", "\n\n  # why\n")) + " " * chance.randint(1, 9))
            else:
                close = lexeme.kind in ("COMMA", "RPAR", "COLON", "DOT") or before in ("(", ".")
                out.append(" " * chance.choice((0, 0, 1) if close else (1, 1, 3)))
            value = lexeme.kind in ("DURATION", "MONEY", "DATETIME")
            out.append(re.sub(" +", " " * chance.randint(1, 3), word) if value else word)
            opened += (word == "(") - (word == ")")
            before = word
    return "".join(out)


def respaced(text: str, chance: random.Random) -> str:
    """The same lines, with wider spaces and other depths."""
    step = chance.randint(1, 7)
    words = re.sub(r'"[^"\n]*"|(?<=[^ \n])( )(?=[^ ])', lambda m: " " * chance.randint(1, 3) if m[1] else m[0], text)
    return re.sub(r"^ +", lambda m: " " * (len(m[0]) // 4 * step), words, flags=re.MULTILINE)


def test_an_example() -> None:
    assert laid((HERE / "untidy.flow").read_text()) == (HERE / "tidy.flow").read_text()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_we_ship_is_laid_out(path: Path) -> None:
    assert laid(path.read_text()) == path.read_text()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("text", SHOWN, ids=[str(number) for number in range(len(SHOWN))])
def test_every_construct(text: str, seed: int) -> None:
    if parse(Source("a.flow", text))[1]:
        return  # shown as a mistake
    tidy = laid(text)
    assert laid(tidy) == tidy
    untidy = disturbed(text, random.Random(seed))
    again = laid(untidy)
    assert declarations(again) == declarations(text)
    assert comments(again) == comments(untidy)
    assert laid(again) == again


@st.composite
def programs(draw: st.DrawFn) -> str:
    return program(Dice(draw))


@settings(max_examples=40)
@given(programs(), st.integers(0, 2**32))
def test_random_programs(text: str, noise: int) -> None:
    untidy = disturbed(text, random.Random(noise))
    again = laid(untidy)
    assert declarations(again) == declarations(text)
    assert comments(again) == comments(untidy)
    assert laid(again) == again


@settings(max_examples=30)
@given(programs(), st.integers(0, 2**32))
def test_two_spacings_end_in_one_file(text: str, noise: int) -> None:
    assert laid(respaced(text, random.Random(noise))) == laid(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("\n\n  \n", ""),
        ("# only\n\n\n# notes", "# only\n\n# notes\n"),
        ("\ufeffevent   x", "event x\n"),
        ("event x\r\n\r\n\r\nevent   y\n", "event x\r\n\r\nevent y\r\n"),
        ("event x\nevent y\r\n", "event x\nevent y\n"),
        ("event x\nsegment s:has x\npolicy:\n  time zone 'UTC'".replace("'", '"'),
         'event x\nsegment s: has x\n\npolicy:\n    time zone "UTC"\n'),
        ("segment s:  # why\n  # all\n\n\n\n  has x   at most 1 times # end",
         "segment s:  # why\n    # all\n\n    has x at most 1 time  # end\n"),
        ('attribute x: text = "a  # b"   # c', 'attribute x: text = "a  # b"  # c\n'),
        ("segment s: x<-5  or not( x  >=  2.50 )", "segment s: x < -5 or not (x >= 2.50)\n"),
        ("segment s: has x (b is one of (\n 1,\n 2\n ))", "segment s: has x (b is one of (\n    1,\n    2\n))\n"),
    ],
)  # fmt: skip
def test_details(text: str, expected: str) -> None:
    assert laid(text) == expected
    assert laid(expected) == expected


def test_a_file_with_a_mistake_is_not_laid_out() -> None:
    found = lay_out(Source("a.flow", "event  x\nevent :"))
    assert isinstance(found, tuple)
    assert [diagnostic.code for diagnostic in found] == ["FR013"]


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("_word", lambda _kind, word, _before: "6" if word == "5" else word),  # another meaning
        ("_placed", lambda _note, line, _columns: (line.depth, "")),  # a comment lost
        ("_rows", lambda _lines: ["event :"]),  # no rules at all
    ],
)
def test_what_can_not_be_proven_is_refused(name: str, broken: object, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "attribute x: integer = 5\n# note\nevent  y\n"
    assert laid(text) == "attribute x: integer = 5\n# note\nevent y\n"
    monkeypatch.setattr(layout, name, broken)
    found = lay_out(Source("a.flow", text))
    assert isinstance(found, tuple)
    assert [diagnostic.code for diagnostic in found] == ["FR900"]
