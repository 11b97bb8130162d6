"""What the parser knew when it stopped, and what could have stood there, in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lark.parsers.lalr_analysis import Shift

from flowrules.source import Source, Span
from flowrules.syntax import hints

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lark.lexer import Token

VALUES = frozenset({"STRING", "INT", "DECIMAL", "MONEY", "DATE", "DATETIME", "CLOCK", "DURATION", "TRUE", "FALSE"})
_TYPES = frozenset({"DATE_TYPE", "DATETIME_TYPE", "DURATION_TYPE", "MONEY_TYPE", "BOOL", "INTEGER", "NUMBER", "TEXT"})
WORDED = {
    "NAME": "a name",
    "STRING": "a text in quotes",
    "INT": "a whole number",
    "DECIMAL": "a number",
    "MONEY": "an amount such as `12.50 EUR`",
    "DATE": "a date such as `2026-03-02`",
    "DATETIME": "a date and time such as `2026-03-02 10:00`",
    "CLOCK": "a time such as `09:00`",
    "DURATION": "a length of time such as `5 days`",
    "PERCENT": "a percentage such as `10%`",
    "PLACE": "a column of the cases such as `<plan>`",
    "_NL": "the end of the line",
    "_INDENT": "an indented line below",
}
LAYOUT = frozenset({"_NL", "_INDENT", "_DEDENT", "$END"})
_GROUPS: tuple[tuple[str, frozenset[str]], ...] = (
    ("a condition", frozenset({"TAGGED", "NO", "HAS", "IN", "NAME", "LPAR", "CONSENTS", "ENTRY", "COUNT", "TOTAL",
                               "AVERAGE", "DISTINCT", "FIRST", "LAST", "NOT"})),
    ("a condition", frozenset({"TAGGED", "NO", "HAS", "IN", "NAME", "LPAR", "CONSENTS", "ENTRY", "COUNT", "TOTAL",
                               "AVERAGE", "DISTINCT", "FIRST", "LAST"})),
    ("a value", VALUES),
    ("a step", frozenset({"SEND", "WAIT", "TAG", "UNTAG", "SET", "GO", "EXIT"})),
    ("a comparison such as `is`", frozenset({"IS", "LT", "LE", "GT", "GE", "BETWEEN", "HAS"})),
    ("a reaction such as `opened`", frozenset({"OPENED", "UNOPENED", "CLICKED", "UNCLICKED", "DELIVERED", "BOUNCED"})),
    ("a weekday", frozenset({"MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"})),
    ("a type such as `text`", _TYPES),
)  # fmt: skip
_LISTED = 7


@dataclass(frozen=True)
class Failure:
    """Where and in what state the parser stopped; `text` is the block as it was parsed.

    `kind` is the token's type, "" for a character no token begins with.
    """

    text: str
    kind: str
    start: int
    end: int
    stack: list[Any]
    states: Mapping[Any, Mapping[str, Any]]
    previous: Token | None
    bracket: Token | None
    keywords: Mapping[str, tuple[str, ...]]

    @cached_property
    def source(self) -> Source:
        return Source("", self.text)

    @property
    def word(self) -> str:
        return self.text[self.start : self.end]

    @cached_property
    def line_start(self) -> int:
        return self.text.rfind("\n", 0, self.start) + 1

    @cached_property
    def line(self) -> str:
        """The failing line without its texts in quotes and comments."""
        end = self.text.find("\n", self.line_start)
        return hints.masked(self.text[self.line_start : end if end >= 0 else len(self.text)].rstrip("\r"))

    @cached_property
    def begins_line(self) -> bool:
        return not self.text[self.line_start : self.start].strip()

    def takes(self, *kinds: str) -> bool:
        """Whether the parser could go on with these tokens."""
        stack = list(self.stack)
        for kind in kinds:
            while True:
                found = self.states[stack[-1]].get(kind)
                if found is None:
                    return False
                action, target = found
                if action is Shift:
                    stack.append(target)
                    break
                if target.expansion:
                    del stack[-len(target.expansion) :]
                stack.append(self.states[stack[-1]][target.origin.name][1])
        return True

    @cached_property
    def expected(self) -> frozenset[str]:
        kinds = self.states[self.stack[-1]]
        return frozenset(kind for kind in kinds if kind.strip("_$").isupper() and self.takes(kind))

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)

    @property
    def here(self) -> Span:
        return self.span(self.start, self.end)


def describe(failure: Failure) -> str | None:
    """What could stand here, in words."""
    rest = set(failure.expected) - {"_DEDENT", "$END"}
    listed: list[str] = []
    for name, group in _GROUPS:
        if group <= rest:
            listed.append(name)
            rest -= group
    words = [WORDED[kind] for kind in WORDED if kind in rest]
    signs = sorted(f"`{text}`" for text, kinds in failure.keywords.items() if rest & set(kinds))
    listed += words + signs
    if not listed:
        return None
    if len(listed) > _LISTED:
        return "expected " + ", ".join(listed[:_LISTED]) + ", ..."
    return "expected " + (" or ".join(filter(None, (", ".join(listed[:-1]), listed[-1]))))


def shown(word: str) -> str:
    return word if len(word) <= 40 else word[:39] + "…"  # noqa: PLR2004  # longer names make no message clearer


def end_of_line(text: str, at: int) -> int:
    """Where the code of a line ends, before blanks and a comment."""
    end = text.find("\n", at)
    start = text.rfind("\n", 0, at) + 1
    line = hints.masked(text[start : end if end >= 0 else len(text)]).rstrip()
    return max(at + 1, start + len(line))


def next_code(text: str, at: int) -> int:
    """The beginning of the next line that holds code."""
    match = re.compile(r"[^\n]*\n(?:[ \t]*(?:#[^\n]*)?\r?\n)*").match(text, at)
    return match.end() if match else len(text)


def depth_of(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def around(f: Failure, inside: str) -> Span:
    """The whole run of such characters around the place."""
    start, end = f.start, f.start
    while start > 0 and re.match(inside, f.text[start - 1]):
        start -= 1
    while end < len(f.text) and re.match(inside, f.text[end]):
        end += 1
    return f.span(start, end)
