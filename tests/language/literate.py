"""Markdown as tests of the language.

Takes a Markdown file, gives one case for each fenced block that begins with ```flow, named by the headings above it.
A line that ends in `# error: [FR012]` expects exactly that diagnostic on it (several codes: several marks in the
brackets, `[FR012, FR013]`; a text in quotes behind must be part of one of their messages); `# warning: [...]` alike.
Every diagnostic must be expected. The marks are cut off before the text is looked at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowrules.diagnostics.text import render
from flowrules.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from flowrules.diagnostics.model import Diagnostic

    Look = Callable[[Source], Iterable[Diagnostic]]

_MARK = re.compile(r'[ \t]*# (error|warning): \[([^\]\n]*)\](?: "([^"\n]*)")?[ \t]*$', re.MULTILINE)
_FENCE = re.compile(r"^```(.*)$")
_HEADING = re.compile(r"^(#+) +(.*)$")


@dataclass(frozen=True)
class Expected:
    line: int
    severity: str
    code: str


@dataclass(frozen=True)
class Case:
    """`line` is where the block begins in its Markdown file; `texts` are what messages must say, by line."""

    name: str
    file: str
    line: int
    text: str
    expected: tuple[Expected, ...]
    texts: tuple[tuple[int, str], ...]


def cases(path: Path) -> Iterator[Case]:
    headings: list[str] = []
    block: list[str] | None = None
    flow, start, ordinal = False, 0, 0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fence = _FENCE.match(line)
        if fence and block is None:
            block, flow, start = [], fence[1].strip() == "flow", number
        elif fence and block is not None:
            if flow:
                ordinal += 1
                name = " / ".join([*headings[1:], str(ordinal)])
                yield _case(name, path.name, start, "\n".join(block) + "\n")
            block = None
        elif block is not None:
            block.append(line)
        elif heading := _HEADING.match(line):
            headings = [*headings[: len(heading[1]) - 1], heading[2]]
            ordinal = 0


def _case(name: str, file: str, line: int, text: str) -> Case:
    expected: list[Expected] = []
    texts: list[tuple[int, str]] = []
    for number, row in enumerate(text.split("\n"), 1):
        if mark := _MARK.search(row):
            expected += [Expected(number, mark[1], code.strip()) for code in mark[2].split(",")]
            if mark[3]:
                texts.append((number, mark[3]))
    return Case(name, file, line, _MARK.sub("", text), tuple(expected), tuple(texts))


def check(case: Case, looks: Sequence[Look]) -> None:
    """Fails unless the diagnostics of all `looks` together are exactly the expected ones."""
    source = Source(case.file, case.text)
    found = [diagnostic for look in looks for diagnostic in look(source)]
    got = sorted((d.span.line, d.severity, d.code) for d in found)
    want = sorted((e.line, e.severity, e.code) for e in case.expected)
    shown = "\n\n".join(map(render, found))
    assert got == want, f"{case.file}:{case.line} expected {want}, got {got}\n\n{shown}"
    for line, text in case.texts:
        messages = [f"{d.message} {d.hint or ''}" for d in found if d.span.line == line]
        assert any(text in message for message in messages), f"{case.file}:{case.line + line}: no `{text}`\n\n{shown}"
