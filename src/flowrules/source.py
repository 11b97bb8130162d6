"""A rule file as text, and places in it.

Takes text and byte-free offsets; gives lines and columns. Never touches the disk.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

BOM = "\ufeff"
_COMMENT = re.compile(r'("(?:[^"\\\n]|\\.)*")|#[^\n]*')


@dataclass(frozen=True, slots=True)
class Source:
    """One rule file: `name` is what people see in messages (a path relative to the workspace)."""

    name: str
    text: str
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        starts = [0]
        at = self.text.find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = self.text.find("\n", at + 1)
        object.__setattr__(self, "_starts", tuple(starts))

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of a character offset, both counted from 1, in code points."""
        line = bisect_right(self._starts, offset)
        return line, max(0, offset - self._start(line)) + 1

    def _start(self, line: int) -> int:
        """Where a line begins; a byte order mark is no part of the first one."""
        start = self._starts[line - 1]
        return start + 1 if start == 0 and self.text.startswith(BOM) else start

    def line(self, number: int) -> str:
        """The text of a line (from 1), without its line end."""
        start = self._start(number)
        end = self._starts[number] - 1 if number < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip("\r")

    def whole(self, number: int) -> Span:
        """A line (from 1), without the blanks around it."""
        text, start = self.line(number), self._start(number)
        before = len(text) - len(text.lstrip())
        return Span(self, start + before, start + max(before + 1, len(text.rstrip())))


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of character offsets in a source."""

    source: Source
    start: int
    end: int

    @property
    def line(self) -> int:
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.position(self.start)[1]

    @property
    def end_line(self) -> int:
        return self.source.position(max(self.start, self.end - 1))[0]

    @property
    def end_column(self) -> int:
        """Column just behind the last character."""
        return self.source.position(max(self.start, self.end - 1))[1] + 1

    @property
    def place(self) -> str:
        """`file:line`, as rules are named everywhere."""
        return f"{self.source.name}:{self.line}"

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    @property
    def words(self) -> str:
        """The text on one line, without comments."""
        return " ".join(_COMMENT.sub(r"\1", self.text).split())
