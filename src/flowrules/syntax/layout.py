"""The one layout of a rule file.

Takes a source; gives its text laid out, or the diagnostics of a file that does not parse. Only spaces, blank lines and
the writing of single values change, never the order, the line an author began, or a comment; so a new production of
the grammar needs nothing here. The result is parsed again, and what can not be proven to mean the same is not given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowrules.diagnostics.model import Diagnostic
from flowrules.source import BOM, Source, Span
from flowrules.syntax.parser import Lexeme, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_STEP = 4
_COMPACT = frozenset({"EVENT", "SEGMENT"})  # may follow each other without a blank line
_TIGHT_BEFORE = frozenset({"COMMA", "RPAR", "COLON", "DOT"})
_TIGHT_AFTER = frozenset({"LPAR", "DOT"})
_LAYOUT = frozenset({"_NL", "_INDENT", "_DEDENT"})
_NUMBERED = {"CONTACT": "contact", "CONTACTS": "contact", "TIME": "time", "TIMES": "time"}
_BLANK = (0, "")
_COMMENT = re.compile(r"#[^\n]*")


@dataclass(slots=True)
class _Line:
    """What the grammar takes as one line; broken inside brackets, `parts` hold line ends.

    `above`: the comments before it, each with the column it stood in; None is a blank line. `kind` of its first word.
    """

    kind: str
    depth: int
    column: int
    above: list[tuple[int, str] | None]
    parts: list[str] = field(default_factory=list)
    comment: str = ""


def lay_out(source: Source) -> str | tuple[Diagnostic, ...]:
    lexemes: list[Lexeme] = []
    file, found = parse(source, lexemes)
    if found:
        return found
    text = _written(source.text, lexemes)
    if text == source.text:
        return text
    again: list[Lexeme] = []
    after, wrong = parse(Source(source.name, text), again)
    same = not wrong and after.declarations == file.declarations
    if same and list(_comments(source.text, lexemes)) == list(_comments(text, again)):
        return text
    message = "laid out, this file would not say the same; it stays as it is"
    return (Diagnostic("FR900", message, Span(source, 0, 0), "this is a mistake in FlowRules: please report it"),)


def _written(text: str, lexemes: Iterable[Lexeme]) -> str:
    first_end = text.find("\n")
    line_end = "\r\n" if first_end > 0 and text[first_end - 1] == "\r" else "\n"
    rows = _rows(_Reading(text).lines(lexemes))
    return "".join(f"{row}\n" for row in rows).replace("\n", line_end)


def _comments(text: str, lexemes: Iterable[Lexeme]) -> Iterator[str]:
    end = 0
    for lexeme in (*lexemes, Lexeme("_END", len(text), len(text))):
        if lexeme.kind not in _LAYOUT:
            yield from (comment.rstrip() for comment in _COMMENT.findall(text[end : lexeme.start]))
            end = lexeme.end


# --- words to lines ---------------------------------------------------------------------------


@dataclass(slots=True)
class _Reading:
    """One walk over the words of a file."""

    text: str
    found: list[_Line] = field(default_factory=list)
    opened: list[int] = field(default_factory=list)  # for each open bracket, how far the line it stands on is indented
    margin: int = 0  # how far the current line is indented
    depth: int = 0

    def lines(self, lexemes: Iterable[Lexeme]) -> list[_Line]:
        """The last one is empty, and holds what stands behind all others."""
        end = len(BOM) if self.text.startswith(BOM) else 0
        before = last = ""
        for kind, start, stop in lexemes:
            if kind in _LAYOUT:
                self.depth += (kind == "_INDENT") - (kind == "_DEDENT")
                continue
            gap = self.text[end:start]
            if not self.found or ("\n" in gap and not self.opened):
                self.begin(kind, start - (self.text.rfind("\n", 0, start) + 1), gap)
            elif "\n" in gap:
                self.go_on(kind, gap)
            elif kind not in _TIGHT_BEFORE and before not in _TIGHT_AFTER:
                self.found[-1].parts.append(" ")
            last = _word(kind, self.text[start:stop], last)
            self.found[-1].parts.append(last)
            if kind == "LPAR":
                self.opened.append(self.margin)
            elif kind == "RPAR":
                self.opened.pop()
            end, before = stop, kind
        self.depth = 0
        self.begin("", 0, self.text[end:])
        return self.found

    def begin(self, kind: str, column: int, gap: str) -> None:
        head, *rows = gap.split("\n") if self.found else ("", *gap.split("\n"))
        if self.found:
            self.found[-1].comment = head.strip()
        above = [(len(row) - len(row.lstrip()), row.strip()) if row.strip() else None for row in rows[:-1]]
        if not kind and rows and rows[-1].strip():  # a comment that ends the file without a line end
            above.append((len(rows[-1]) - len(rows[-1].lstrip()), rows[-1].strip()))
        self.found.append(_Line(kind, self.depth, column, above))
        self.margin = self.depth * _STEP

    def go_on(self, kind: str, gap: str) -> None:
        """The next line inside brackets."""
        line = self.found[-1]
        head, *rows = (row.strip() for row in gap.split("\n"))
        inner = self.opened[-1] + _STEP
        self.margin = self.opened[-1] if kind == "RPAR" else inner
        line.parts += [f"  {head}" if head else "", *(f"\n{' ' * inner}{row}" for row in rows if row)]
        line.parts.append("\n" + " " * self.margin)


def _word(kind: str, word: str, before: str) -> str:
    """A value in its one form; every other word as it is."""
    if kind == "DURATION":
        number, unit = word.split()
        return f"{int(number)} {_counted(unit.removesuffix('s'), number)}"
    if kind in _NUMBERED and before.isdigit():
        return _counted(_NUMBERED[kind], before)
    if kind in ("CLOCK", "DATETIME"):
        *day, clock = word.split()
        return " ".join((*day, clock.zfill(5)))
    if kind in ("MONEY", "PERCENT"):
        return " ".join(word.removesuffix("%").split()) + ("%" if kind == "PERCENT" else "")
    return word


def _counted(noun: str, number: str) -> str:
    return noun if int(number) == 1 else f"{noun}s"


# --- lines to rows ----------------------------------------------------------------------------


def _rows(lines: list[_Line]) -> list[str]:
    out: list[str] = []
    columns: list[int] = []  # where the lines around the current one began, outermost first
    tall = False  # whether the block at the left margin above is one of several lines
    for line, after in zip(lines, [*lines[1:], None], strict=True):
        notes = [_placed(note, line, columns) for note in line.above]
        inner = line.depth == len(columns)  # the first line of a block
        if not line.depth:
            was, tall = tall, after is not None and after.depth > 0 and line.kind not in _COMPACT
            if was:
                notes.insert(
                    next((i for i, (depth, text) in enumerate(notes) if text and not depth), len(notes)), _BLANK
                )
            if tall:
                _part(notes, line.depth)
        elif line.kind == "STAGE" and not inner:
            _part(notes, line.depth)
        for depth, text in notes:
            if text or (out and out[-1] and not inner):
                out.append(" " * (depth * _STEP if text else 0) + text)
                inner = False
        if line.kind:
            comment = f"  {line.comment}" if line.comment else ""
            out.append(" " * (line.depth * _STEP) + "".join(line.parts) + comment)
            del columns[line.depth :]
            columns.append(line.column)
    while out and not out[-1]:
        out.pop()
    return out


def _placed(note: tuple[int, str] | None, line: _Line, columns: list[int]) -> tuple[int, str]:
    """How deep a comment belongs: that of the next line, or of a block that ends here, if it stood as deep."""
    if note is None:
        return _BLANK
    column, text = note
    return max((d for d in range(line.depth, len(columns)) if columns[d] <= column), default=line.depth), text


def _part(notes: list[tuple[int, str]], depth: int) -> None:
    """A blank line before a line, and before the comments right above it."""
    at = len(notes)
    while at and notes[at - 1][1] and notes[at - 1][0] == depth:
        at -= 1
    notes.insert(at, _BLANK)
