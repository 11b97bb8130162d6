"""A rule file, with its colours and line numbers; one line stands out, mistakes are said below theirs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from flowrules.diagnostics.model import Diagnostic
from flowrules.monitor.colours import coloured
from flowrules.monitor.look import title
from flowrules.source import Source

_BEFORE = 3
"""Lines to see above the one that matters."""


class SourceView(VerticalScroll):
    """`set` shows a file; nothing is read from disk here."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 -- Textual's word
        super().__init__(id=id, classes="source")
        self.source: Source | None = None
        self.line: int | None = None
        self._marks: tuple[Diagnostic, ...] = ()
        self._text = Static()

    def compose(self) -> ComposeResult:
        yield self._text

    def set(self, source: Source | None, line: int | None = None, marks: Sequence[Diagnostic] = ()) -> None:
        """`marks`: what is wrong in this file."""
        if (source, line, tuple(marks)) == (self.source, self.line, self._marks):
            return
        moved = source is None or self.source is None or (source.name, line) != (self.source.name, self.line)
        self.source, self.line, self._marks = source, line, tuple(marks)
        self.border_title = None if source is None else title(source.name)
        text, row = drawn(source, line, self._marks)
        self._text.update(text)
        if moved:
            self.call_after_refresh(self.scroll_to, y=max(0, (row or 0) - _BEFORE), animate=False)


def drawn(source: Source | None, line: int | None, marks: Sequence[Diagnostic]) -> tuple[Text, int | None]:
    """The whole file, and in which of the rows drawn the line is."""
    if source is None:
        return Text(""), None
    lines = coloured(source).split("\n", allow_blank=True)
    width = len(str(len(lines)))
    out, row, number_of_rows = Text(no_wrap=True), None, 0
    for number, words in enumerate(lines, 1):
        here = number == line
        mine = [mark for mark in marks if mark.span.line == number]
        sign, style = ("▶", "bold yellow") if here else ("✗", "bold red") if mine else (" ", "dim")
        if here:
            row = number_of_rows
            words = words.copy()  # noqa: PLW2901 -- the coloured one is kept for others
            words.stylize("bold on bright_black")
        out.append(f"{sign} {number:>{width}} ", style).append_text(words).append("\n")
        number_of_rows += 1
        for mark in mine:
            style = "red" if mark.severity == "error" else "yellow"
            for said in (f"{mark.code} {mark.message}", *([mark.hint] if mark.hint else [])):
                out.append(" " * (width + 3 + mark.span.column - 1)).append(f"└ {said}\n", style)
                number_of_rows += 1
    return out, row
