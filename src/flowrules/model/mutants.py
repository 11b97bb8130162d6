"""Rules with one thing changed, to see whether a test notices.

Takes the trees of all files; gives for each thing that can be changed what it is and the file's text with it. Always
the same ones in the same order. A change stays on its line, so that every other line keeps its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from flowrules.source import Source, Span
from flowrules.syntax import tree

_CLOCK = re.compile(r"\b(\d{1,2}):(\d{2})\b")
_ORDERED = re.compile(r"<=|>=|<|>")
_STRICTER = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_CONDITIONS = (
    tree.Compare, tree.HasEvent, tree.InSegment, tree.InList, tree.InStage, tree.Tagged, tree.ConsentsTo, tree.EventAgo,
    tree.DateIs, tree.Reaction,
)  # fmt: skip
_LINES = (tree.ExitWhen, tree.HoldWhile, tree.On, tree.Suppress, tree.QuietHours)
"""What may be left out: a line of its own."""


_EIGHTH = 8
"""So much longer a time becomes, at least by one: what is due weekly must be able to see it."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """`after`: what stands there instead; empty: nothing. file: the whole text with it."""

    span: Span
    after: str
    file: Source

    @property
    def words(self) -> str:
        before = self.span.words
        return f"`{before}` as `{' '.join(self.after.split())}`" if self.after else f"without `{before}`"


def mutants(files: Sequence[tree.File]) -> list[Mutant]:
    """In order of files and text."""
    found = []
    for file in files:
        changes: dict[tuple[int, int, str], None] = {}
        for declaration in file.declarations:
            if isinstance(declaration, tree.CampaignDecl | tree.SegmentDecl | tree.PolicyDecl):
                for span, after in _changes(declaration):
                    changes.setdefault((span.start, span.end, after))
        for start, end, after in sorted(changes):
            text = file.source.text
            kept = after or " " * (end - start)
            changed = Source(file.source.name, f"{text[:start]}{kept}{text[end:]}")
            found.append(Mutant(Span(file.source, start, end), after, changed))
    return found


def _changes(node: Any) -> Iterator[tuple[Span, str]]:  # noqa: ANN401  # any part of the tree
    if isinstance(node, tuple):
        for item in node:
            yield from _changes(item)
    if not is_dataclass(node) or isinstance(node, Span):
        return
    yield from _of(node)
    for field in fields(node):
        if isinstance(node, tree.If) and node.after is not None and field.name == "branches":
            # The message is awaited: it can not be asked whether it is not unopened.
            yield from _changes(tuple(branch.steps for branch in node.branches))
        elif not isinstance(node, tree.Cap):  # its number says enough: few journeys outlast its window
            yield from _changes(getattr(node, field.name))


def _of(node: Any) -> Iterator[tuple[Span, str]]:  # noqa: ANN401  # any part of the tree
    match node:
        case tree.Duration():
            yield node.span, f"{node.amount + max(1, node.amount // _EIGHTH)} {node.unit}s"
        case tree.Cap() | tree.Quantity():
            yield from _one_more(node.span, node.number)
        case tree.QuietHours() | tree.WaitUntil() | tree.Schedule() | tree.DateTrigger():
            for clock in _CLOCK.finditer(node.span.text):
                yield _part(node.span, clock), f"{(int(clock[1]) + 1) % 24:02}:{clock[2]}"
        case tree.Compare() if (sign := _ORDERED.search(_masked(node.span.text))) is not None:
            said = node.span.text
            yield node.span, f"{said[: sign.start()]}{_STRICTER[sign[0]]}{said[sign.end() :]}"
        case tree.Exclude():
            yield _item(node.span), ""
        case _:
            pass
    if isinstance(node, _CONDITIONS):
        yield node.span, f"not {node.span.text}"
    if isinstance(node, _LINES):
        yield node.span, ""


def _one_more(span: Span, number: int) -> Iterator[tuple[Span, str]]:
    found = re.match(r"\D*\d+", span.text)
    if found is not None:
        yield _part(span, found), re.sub(r"\d+$", str(number + 1), found[0])


def _part(span: Span, found: re.Match[str]) -> Span:
    return Span(span.source, span.start + found.start(), span.start + found.end())


def _masked(text: str) -> str:
    """Without what stands in quotes."""
    return re.sub(r'"(?:[^"\\\n]|\\.)*"', lambda quoted: " " * len(quoted[0]), text)


def _item(span: Span) -> Span:
    """One of `exclude list a, segment b`, with its comma; of the only one the whole line."""
    text = span.source.text
    head = text.rfind("exclude", 0, span.end)
    before = text[head + len("exclude") : span.start].removesuffix("exclude")
    after = re.match(r"[ \t]*,[ \t]*", text[span.end :])
    start = span.start
    if "," in before:
        return Span(span.source, head + len("exclude") + before.rindex(","), span.end)
    if after is not None:
        return Span(span.source, start, span.end + after.end())
    return Span(span.source, min(head, start), span.end)
