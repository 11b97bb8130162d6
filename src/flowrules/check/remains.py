"""What else is wrong with campaigns that do not parse: names and values in the lines that can be read.

Takes the files with mistakes and all that parsed; gives only what is certain whatever the unreadable lines say.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING

from flowrules.diagnostics.model import Edit, Fix, Label
from flowrules.model.build import resolve
from flowrules.source import Source, Span
from flowrules.syntax.parser import remains

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flowrules.diagnostics.model import Diagnostic
    from flowrules.model.snapshot import Snapshot
    from flowrules.syntax import tree

_UNTRUSTED = frozenset({"FR002", "FR006", "FR007", "FR016", "FR017", "FR018"})
"""Of a file that is not what it seems nothing more is said."""
_CERTAIN = frozenset(
    {"FR101", "FR102", "FR104", "FR105", "FR106", "FR108", "FR109", "FR113", "FR114", "FR116", "FR117", "FR118"}
)


def check_remains(
    files: Sequence[tree.File], broken: Sequence[tuple[Source, Sequence[Diagnostic]]], snapshot: Snapshot
) -> list[Diagnostic]:
    left = [
        (source, each)
        for source, problems in broken
        if not any(problem.code in _UNTRUSTED for problem in problems)
        for each in remains(source)
    ]
    if not left:
        return []
    names, _ = resolve([*files, *(each.file for _, each in left)], snapshot)
    found = []
    for source, each in left:
        shadow, place = each.file.source, _places(source)
        found += [
            _moved(diagnostic, shadow, place)
            for diagnostic in names.diagnostics
            if diagnostic.span.source is shadow
            and diagnostic.code in _CERTAIN
            and each.replaced.isdisjoint(range(diagnostic.span.line, diagnostic.span.end_line + 1))
        ]
    return found


def _places(source: Source) -> Callable[[Span], Span]:
    """By line and column, which are the same in both."""
    starts = [0, *accumulate(len(line) + 1 for line in source.text.split("\n"))]

    def place(span: Span) -> Span:
        start = starts[span.line - 1] + span.column - 1
        return Span(source, start, starts[span.end_line - 1] + span.end_column - 1)

    return place


def _moved(diagnostic: Diagnostic, shadow: Source, place: Callable[[Span], Span]) -> Diagnostic:
    def there(span: Span) -> Span:
        return place(span) if span.source is shadow else span

    return replace(
        diagnostic,
        span=there(diagnostic.span),
        labels=tuple(Label(there(label.span), label.text) for label in diagnostic.labels),
        fixes=tuple(
            Fix(fix.title, fix.safe, tuple(Edit(there(edit.span), edit.text) for edit in fix.edits))
            for fix in diagnostic.fixes
        ),
    )
