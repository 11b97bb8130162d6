"""Styled lines to the text a terminal or a file gets.

Takes rich texts; gives a string: colours for a terminal, none elsewhere.
"""

from __future__ import annotations

import io
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

WIDTH = 80

_PLAIN = str.maketrans(
    {"█": "#", "▓": "+", "░": ".", "·": ",", "└": "`", "…": "~", "─": "-", "│": "|", "✓": "+", "✗": "x"}
)


def printed(lines: Iterable[Text], *, colour: bool, plain: bool = False) -> str:
    """`plain`: for terminals that know only ASCII."""
    out = io.StringIO()
    console = Console(
        file=out, width=WIDTH, force_terminal=colour, color_system="standard" if colour else None, highlight=False
    )
    for line in lines:
        console.print(line, soft_wrap=True)
    text = "\n".join(line.rstrip() for line in out.getvalue().split("\n")).rstrip("\n")
    return text.translate(_PLAIN) if plain else text


def safe(text: object) -> str:
    """One line without control characters, whoever wrote the data."""
    return "".join(char if char.isprintable() else " " for char in str(text))


def cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def folded(line: Text, indent: int) -> list[Text]:
    """A line on as many as it needs, those behind the first one indented."""
    lines = []
    while len(line) > WIDTH:
        blank = line.plain.rfind(" ", indent + 1, WIDTH + 1)
        first, rest = line.divide([blank if blank > 0 else WIDTH])
        first.rstrip()
        lines.append(first)
        line = Text(" " * indent).append_text(rest[len(rest) - len(rest.plain.lstrip()) :])
    return [*lines, line]


def wrapped(head: Text, items: Iterable[str], style: str = "dim") -> list[Text]:
    """Items after a head, on as many lines as they need, none of them broken."""
    lines, line = [], head.copy()
    indent, fresh = len(head), True
    for item in items:
        piece = item if fresh else f" · {item}"
        if not fresh and len(line) + len(piece) > WIDTH:
            lines.append(line)
            line, piece = Text(" " * indent), item
        line.append(cut(piece, WIDTH - indent), style)
        fresh = False
    return [*lines, line]
