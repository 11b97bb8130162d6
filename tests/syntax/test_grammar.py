"""The grammar itself: no doubt in it, whole words, and our lexer reads what Lark's reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lark import Lark
from lark.lexer import PatternRE

from flowrules.source import Source
from flowrules.syntax.indent import RESERVED, BlockIndenter
from flowrules.syntax.parser import _parser, grammar, parse

CORPUS = Path(__file__).parent / "corpus"


@pytest.fixture(scope="module")
def plain() -> Lark:
    """Lark's own lexer; strict: any conflict or collision of terminals raises."""
    return Lark(
        grammar(), parser="lalr", lexer="contextual", postlex=BlockIndenter(), keep_all_tokens=True, strict=True
    )


def test_strict_finds_a_collision() -> None:
    with pytest.raises(Exception, match="Collision"):
        Lark("start: A | B\nA: /a+/\nB: /[ab]+/", parser="lalr", strict=True)


def test_same_tree_with_larks_own_lexer(plain: Lark) -> None:
    ours = Lark(
        grammar(),
        parser="lalr",
        lexer="contextual",
        postlex=BlockIndenter(),
        keep_all_tokens=True,
        _plugins=_parser().lark.options.options["_plugins"],
    )
    for path in CORPUS.glob("*.flow"):
        for block in re.split(r"\n(?=[a-z])", path.read_text()):
            a, b = plain.parse(block), ours.parse(block)
            assert a == b
            assert [(t.type, t.start_pos) for t in a.scan_values(bool)] == [
                (t.type, t.start_pos) for t in b.scan_values(bool)
            ]


def test_the_grammar_is_the_one_of_the_checkout() -> None:
    assert grammar() == (Path(__file__).parents[2] / "grammar" / "flowrules.lark").read_text(encoding="utf-8")


def test_every_reserved_word_is_a_terminal_in_every_state() -> None:
    parser = _parser()
    assert set(parser.keywords) >= RESERVED
    for word in RESERVED:
        assert parser.keywords[word] == (word.upper(),)
        assert word.upper() in BlockIndenter.always_accept


def test_no_keyword_is_a_pattern(plain: Lark) -> None:
    """A keyword as a pattern would not be read as a whole word."""
    patterns = {t.name for t in plain.terminals if isinstance(t.pattern, PatternRE)}
    assert patterns == {
        "NAME", "STRING", "DATETIME", "DATE", "CLOCK", "DURATION", "MONEY", "PERCENT", "DECIMAL", "INT", "BAD_NUMBER",
        "PLACE", "_NL", "COMMENT", "SPACE",
    }  # fmt: skip


CAMPAIGN = """campaign c:
    owner "a@example.com"
    class marketing
    priority 60
    enter when login, again after 30 days
    goal purchase within 30 days and stay
    exit when in segment x
    exclude list staff
    cap 4 contacts per 7 days across email
    hold out 10%
    stage s:
        on login go to s
        send email hello
        wait 2 days
        wait until 09:00 tomorrow
        wait for login up to 2 days, else exit
        if email unopened after 2 days send sms x
        else untag cold
        tag warm
        set plan to "pro"
        go to s
"""
PAIRS = [
    (match.start(), f"{match[1]} {match[2]}")
    for match in re.finditer(r"(?<![\w\"@.%])([a-z]+) +(?=([a-z]+))", CAMPAIGN)
    if match[1] in _parser().keywords or match[2] in _parser().keywords
]


@pytest.mark.parametrize(("start", "pair"), PAIRS, ids=[f"{start} {pair}" for start, pair in PAIRS])
def test_words_do_not_run_together(start: int, pair: str) -> None:
    """`tagwarm` is never `tag warm`, nor is any other pair: left out, the space changes the meaning or is a mistake."""
    assert not parse(Source("a.flow", CAMPAIGN))[1]
    damaged = CAMPAIGN[:start] + pair.replace(" ", "", 1) + CAMPAIGN[start + len(pair) :]
    file, found = parse(Source("a.flow", damaged))
    assert len(found) == 1 or file != parse(Source("a.flow", CAMPAIGN))[0]
    assert found, "every pair here holds a keyword, so gluing it can not parse"


def test_words_not_reserved_stay_names() -> None:
    """Every keyword that is not reserved may be declared and used."""
    for word in sorted(_parser().keywords):
        if word.isalpha() and word not in RESERVED:
            text = (
                f"attribute {word}: text\nevent {word}:\n    {word}: text\nsegment {word}: has {word}"
                f' ({word} is "x") and {word} is "y" and tagged {word}\nlist {word} from "x" by {word}\n'
                f"campaign {word}:\n    enter when {word}\n    exit when {word}\n    stage {word}:\n"
                f"        send {word} hello\n        tag {word}\n        go to {word}\n"
            )
            assert parse(Source("a.flow", text))[1] == (), word
