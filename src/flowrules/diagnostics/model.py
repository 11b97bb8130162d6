"""One diagnostic: a mistake in an author's file, with its place and the way out.

Style of messages: a marketer's words, lower-case start, no final period, the author's text in
backticks, never a name of the implementation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flowrules.source import Span

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Edit:
    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that repairs the mistake; `safe` keeps what the author meant without doubt."""

    title: str
    safe: bool
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """A second place that matters (`first declared here`)."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """`code` is one of diagnostics.codes."""

    code: str
    message: str
    span: Span
    hint: str | None = None
    labels: tuple[Label, ...] = ()
    fixes: tuple[Fix, ...] = ()
    severity: Severity = "error"
