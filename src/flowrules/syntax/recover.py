"""All mistakes of a block, one each.

Takes the lines of a block that does not parse; explains the failure, puts a harmless line in place of the failing
one, and parses again, until the block is through or what follows could be an echo. What is left of such a block runs
nowhere: it is looked at for further mistakes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING

from flowrules.diagnostics.model import Edit, Fix, Label
from flowrules.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowrules.diagnostics.model import Diagnostic

_MOST = 50  # mistakes shown of one block
_WORK = 1_000_000  # characters parsed again to find them
_FIRST = re.compile(r" *([A-Za-z_]\w*)?")
_CODE = re.compile(r"[ \t]*[^\s#]")
_FINAL = frozenset({"FR003", "FR005", "FR008", "FR009"})  # behind these nothing certain can be said of the block
_STEPS = (
    {"if": "if tagged x exit", "else": "else if tagged x exit"},
    {"if": "if tagged x:", "else": "else if tagged x:", "wait": "wait for x up to 1 day, else:"},
)  # of one line, and with a block below it
_LINES = {"policy": 'time zone "UTC"', "event": "x: text", "customer": "held out"}
_HEADS = {
    "campaign": "campaign x:",
    "event": "event x:",
    "policy": "policy:",
    "customer": "customer x:",
    "test": 'test "x":',
}


@dataclass(frozen=True, slots=True)
class Recovered:
    """rest: the block with the lines that stand in, where all of it parses now; replaced: which lines those are."""

    found: list[Diagnostic]
    rest: str | None
    replaced: frozenset[int]


def recover(
    text: str, origin: Source, base: int, attempt: Callable[[str], tuple[Diagnostic | None, list[Diagnostic]]]
) -> Recovered:
    """`attempt` parses a text: the failure, or None and what is wrong with its values."""
    lines = text.split("\n")
    rest: str | None = None
    starts = [base, *accumulate((len(line) + 1 for line in lines), initial=base)][1:]
    found: list[Diagnostic] = []
    reached = -1
    for _ in range(min(_MOST, 2 + _WORK // (len(text) + 1))):
        failure, values = attempt("\n".join(lines))
        if failure is None:
            found += [_moved(diagnostic, origin, starts) for diagnostic in values]
            rest = None if values else "\n".join(lines)
            break
        at = failure.span.line - 1
        if at <= reached or (failure.code == "FR003" and at == _next(lines, reached)):
            break  # an echo of the line replaced before
        found.append(_moved(failure, origin, starts))
        reached = at
        if failure.code in _FINAL or not _stand_in(lines, at, failure.code):
            break
    written = text.split("\n")
    return Recovered(found, rest, frozenset(i for i, line in enumerate(lines) if line != written[i]))


def _stand_in(lines: list[str], at: int, code: str) -> bool:
    """Replace a line by one that is right in its place; False where none is known."""
    match = _FIRST.match(lines[at])
    word = match[1] if match and match[1] else ""
    indent = " " * _depth(lines[at])
    body = _body(lines, at)
    block = _FIRST.match(lines[0])
    kind = block[1] if block else None
    if at == 0:
        if not body or word not in _HEADS:
            return False
        lines[0] = _HEADS[word]
        return True
    keeps = False
    if kind in _LINES:
        line = _LINES[kind]
    elif kind == "test":
        line, keeps = _of_test(lines, at, body)
    elif kind != "campaign" or word in ("time", "purpose"):  # the latter: `policy:` itself is missing
        return False
    elif not _in_stage(lines, at):
        keeps = bool(body)
        line = "stage x:" if body else "" if _stages_above(lines, at) else "priority 0"
    else:
        if code == "FR014" or _else_follows(lines, at, body):
            word = "if" if word == "else" or _else_follows(lines, at, body) else word
        line = _STEPS[bool(body)].get(word, "exit")
        keeps = line != "exit"
    lines[at] = indent + line
    if not keeps:
        for i in body:
            lines[i] = ""
    return True


def _of_test(lines: list[str], at: int, body: list[int]) -> tuple[str, bool]:
    """And whether it keeps what stands below it."""
    heads = [line for line in lines[1:at] if _depth(line) < _depth(lines[at])]
    if heads and heads[-1].lstrip().startswith("cases"):
        return "x", False
    if heads and heads[-1].lstrip().startswith("given policy"):
        return 'time zone "UTC"', False
    if any(line.lstrip().startswith("given ") and _depth(line) < _depth(lines[at]) for line in lines[1:at]):
        return "held out", False
    happened = any(line.lstrip().startswith(("at ", "after ", "expect ")) for line in lines[1:at])
    return ("given x:", True) if body and not happened else ("after 1 day", False)


def _body(lines: list[str], at: int) -> list[int]:
    """The lines of code below a line that stand deeper than it."""
    depth = _depth(lines[at])
    found = []
    for i in range(at + 1, len(lines)):
        if not _CODE.match(lines[i]):
            continue
        if _depth(lines[i]) <= depth:
            break
        found.append(i)
    return found


def _next(lines: list[str], at: int) -> int:
    """The first line of code below."""
    return next((i for i in range(at + 1, len(lines)) if _CODE.match(lines[i])), len(lines))


def _else_follows(lines: list[str], at: int, body: list[int]) -> bool:
    follower = _next(lines, body[-1] if body else at)
    words = _FIRST.match(lines[follower]) if follower < len(lines) else None
    return words is not None and words[1] == "else" and _depth(lines[follower]) == _depth(lines[at])


def _stages_above(lines: list[str], at: int) -> bool:
    return any(line.lstrip().startswith("stage ") for line in lines[1:at])


def _in_stage(lines: list[str], at: int) -> bool:
    depth = _depth(lines[at])
    return any(line.lstrip().startswith("stage ") and _depth(line) < depth for line in lines[1:at])


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _moved(diagnostic: Diagnostic, origin: Source, starts: list[int]) -> Diagnostic:
    """The same diagnostic in the author's file: lines kept their order, whatever their text became."""

    def place(span: Span) -> Span:
        source = span.source
        start_line, start_column = source.position(span.start)
        end_line, end_column = source.position(span.end)
        return Span(origin, starts[start_line - 1] + start_column - 1, starts[end_line - 1] + end_column - 1)

    return replace(
        diagnostic,
        span=place(diagnostic.span),
        labels=tuple(Label(place(label.span), label.text) for label in diagnostic.labels),
        fixes=tuple(
            Fix(fix.title, fix.safe, tuple(Edit(place(edit.span), edit.text) for edit in fix.edits))
            for fix in diagnostic.fixes
        ),
    )
