"""docs/language.md says all that can be written, and what can not be yet."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_args

import pytest

from flowrules.source import Source
from flowrules.syntax import hints, tree
from flowrules.syntax.indent import RESERVED
from flowrules.syntax.parser import parse
from tests.docs.flow import as_case
from tests.docs.markdown import ROOT, Block, blocks

PAGE = ROOT / "docs" / "language.md"
TYPES = ("text", "integer", "number", "money", "bool", "date", "datetime", "duration", "one of", "list of text")
WORDS: dict[str, tuple[str, ...]] = {
    "TypeName.kind": TYPES,
    "Duration.unit": get_args(tree.Unit),
    "Compare.op": get_args(tree.Comparison),
    "Reaction.word": get_args(tree.ReactionWord),
    "Aggregate.kind": ("total", "average", "count", "distinct"),
    "EventProperty.which": ("first", "last"),
    "EventAgo.which": ("first", "last"),
    "EventAgo.more": ("True", "False"),
    "Quantity.kind": ("at least", "at most", "fewer than", "exactly"),
    "DateIs.kind": ("today", "away", "next"),
    "Schedule.every": ("day", "week", "month", "None"),
    "Again.after_exit": ("True", "False"),
    "Exclude.kind": ("list", "segment", "campaign"),
    "Purpose.consent": ("ask first", "unless refused"),
    "Zone.of_customer": ("True", "False"),
    "WaitFor.new": ("True", "False"),
    "WaitUntil.tomorrow": ("True", "False"),
    "Goal.stay": ("True",),
}


def rules() -> list[Block]:
    return [block for block in blocks(PAGE) if block.info.split()[:1] == ["flow"]]


def walk(node: object, found: set[str]) -> None:
    if isinstance(node, tuple):
        for item in node:
            walk(item, found)
    elif is_dataclass(node):
        name = type(node).__name__
        found.add(name)
        for field in fields(node):
            value = getattr(node, field.name)
            if isinstance(value, str | bool | None):
                found.add(f"{name}.{field.name} {value}")
            if field.name not in {"span", "head", "source"}:
                walk(value, found)


@pytest.fixture(scope="module")
def shown() -> set[str]:
    found: set[str] = set()
    for block in rules():
        walk(parse(Source(PAGE.name, as_case(PAGE, block).text))[0], found)
    return found


def test_every_construct_is_shown(shown: set[str]) -> None:
    classes = {kind.__name__ for kind in vars(tree).values() if isinstance(kind, type) and is_dataclass(kind)}
    missing = classes - shown - {"Source", "Span"}
    missing |= {f"{name} {word}" for name, words in WORDS.items() for word in words if f"{name} {word}" not in shown}
    assert not missing


def test_every_construct_to_come_is_named() -> None:
    text = PAGE.read_text(encoding="utf-8").partition("## Not available yet")[2]
    assert [known.what for known in hints.FUTURES if known.what not in text] == []


def test_every_reserved_word_is_named() -> None:
    text = Path(PAGE).read_text(encoding="utf-8")
    assert [word for word in sorted(RESERVED) if f"`{word}`" not in text] == []
