"""Diagnostics as people read them.

Takes a diagnostic, gives lines for a terminal: code and message, place, the source line with the exact part
underlined, further places, hint, fixes. Plain text unless colour is asked for; reads no file.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowrules.diagnostics.model import Label

if TYPE_CHECKING:
    from flowrules.diagnostics.model import Diagnostic
    from flowrules.source import Span

_TAB = 4
_WIDEST = 160  # of a source line; what is further from the mistake is cut
_UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")
_COLOURS = {"error": "1;31", "warning": "1;33", "bold": "1", "frame": "34", "label": "36", "fix": "32"}


@dataclass(frozen=True, slots=True)
class _Paint:
    on: bool

    def __call__(self, style: str, text: str) -> str:
        return f"\x1b[{_COLOURS[style]}m{text}\x1b[0m" if self.on and text else text


def render(diagnostic: Diagnostic, *, colour: bool = False) -> str:
    """One diagnostic, without a line end behind it."""
    paint = _Paint(colour)
    own = diagnostic.span.source
    places = sorted(
        (Label(diagnostic.span, ""), *diagnostic.labels),
        key=lambda label: (label.span.source is not own, label.span.source.name, label.span.start, bool(label.text)),
    )
    gutter = max(2, len(str(max(label.span.line for label in places))))
    bar = paint("frame", " " * gutter + " |")
    head = paint(diagnostic.severity, f"{diagnostic.severity}[{diagnostic.code}]")
    out = [f"{head}{paint('bold', ': ' + _shown(diagnostic.message))}"]
    out.append(f"{paint('frame', ' ' * gutter + '-->')} {_place(diagnostic.span)}")
    shown = own
    for label in places:
        span = label.span
        if span.source is not shown:
            shown = span.source
            out.append(f"{paint('frame', ' ' * gutter + ':::')} {_place(span)}")
        line, before, width = _excerpt(span)
        mark, style = ("^", diagnostic.severity) if span == diagnostic.span and not label.text else ("-", "label")
        under = " " * before + paint(style, mark * width + (f" {_shown(label.text)}" if label.text else ""))
        number = paint("frame", f"{span.line:>{gutter}} |")
        row = f"{number} {line}".rstrip()
        if row not in out[-3:]:  # two places on one line share it
            out += [bar, row] if out[-1] != bar else [row]
        out.append(f"{bar} {under}")
    if diagnostic.hint or diagnostic.fixes:
        out.append(bar)
    if diagnostic.hint:
        out.append(f"{' ' * gutter} {paint('frame', '=')} {paint('bold', 'hint')}: {_shown(diagnostic.hint)}")
    for fix in diagnostic.fixes:
        out.append(f"{' ' * gutter} {paint('frame', '=')} {paint('fix', 'fix')}: {_shown(fix.title)}")
    return "\n".join(out)


def pointed(span: Span, *, colour: bool = False) -> str:
    """A place with its line, the exact part underlined."""
    paint = _Paint(colour)
    gutter = max(2, len(str(span.line)))
    bar = paint("frame", " " * gutter + " |")
    line, before, width = _excerpt(span)
    return "\n".join(
        [
            f"{paint('frame', ' ' * gutter + '-->')} {_place(span)}",
            bar,
            f"{paint('frame', f'{span.line:>{gutter}} |')} {line}",
            f"{bar} {' ' * before}{paint('error', '^' * width)}",
        ]
    )


def _place(span: Span) -> str:
    return f"{_shown(span.source.name)}:{span.line}:{span.column}"


def _excerpt(span: Span) -> tuple[str, int, int]:
    """The line as shown, the columns before the underlined part, and how wide that is."""
    text = span.source.line(span.line)
    start = span.column - 1
    end = span.end_column - 1 if span.end_line == span.line else len(text)
    first = max(0, start - _WIDEST // 2) if len(text) > _WIDEST else 0
    shown = text[first : first + _WIDEST]
    line = _shown(shown)
    lead, tail = "…" if first else "", "…" if first + _WIDEST < len(text) else ""
    before = len(lead) + _columns(text[first:start])
    width = _columns(text[start : min(end, first + _WIDEST)]) if span.end > span.start else 1
    return f"{lead}{line}{tail}", before, max(1, width)


def _shown(text: str) -> str:
    return text if text.isascii() and text.isprintable() else "".join(map(_seen, text))


def _seen(character: str) -> str:
    """A character as a terminal may show it: none that moves the cursor or turns the text around."""
    if character == "\t":
        return " " * _TAB
    return "\ufffd" if unicodedata.category(character) in _UNSEEN else character


def _columns(text: str) -> int:
    total = 0
    for character in text:
        if character == "\t":
            total += _TAB
        elif unicodedata.east_asian_width(character) in "WF":
            total += 2
        elif not unicodedata.combining(character):
            total += 1
    return total
