"""A remark on a line of a code review at GitHub. https://docs.github.com: workflow commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowrules.source import Span


def annotation(severity: str, span: Span, title: str, message: str) -> str:
    place = f"file={_escaped(span.source.name)},line={span.line},endLine={span.end_line},col={span.column}"
    if span.line == span.end_line:
        place += f",endColumn={span.end_column}"
    return f"::{severity} {place},title={_escaped(title)}::{_escaped(message, data=True)}"


def _escaped(text: str, *, data: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text if data else text.replace(":", "%3A").replace(",", "%2C")
