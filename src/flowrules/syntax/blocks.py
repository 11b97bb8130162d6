"""A file split where a line begins in column 1: the unit of recovery.

Takes the text, gives ranges of it in order; every character of code is in exactly one. Parses nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flowrules.source import BOM

DECLARATIONS = frozenset({"attribute", "event", "list", "segment", "campaign", "policy", "customer", "test"})
INNER = frozenset(
    [
        "owner",
        "class",
        "priority",
        "enter",
        "goal",
        "exit",
        "exclude",
        "cap",
        "hold",
        "stage",
        "time",
        "purpose",
        "suppress",
        "send",
        "wait",
        "if",
        "else",
        "tag",
        "untag",
        "set",
        "go",
        "on",
        "and",
        "or",
        "given",
        "at",
        "after",
        "expect",
        "cases",
    ]
)
"""Words that begin a line inside a block, never a block."""

_COLUMN_1 = re.compile(r"^(?=[^\s#])", re.MULTILINE)
_LEAD = re.compile(r"(?:\s|#[^\n]*)*")
_WORD = re.compile(r"[A-Za-z_]\w*")
_TEST = re.compile(r"(?:test|customer)\b")
_OPEN_END = re.compile(r":\s*(?:#.*)?\Z")
_DECLARED = re.compile(r"^(?:attribute|event|list|segment|campaign)[ \t]+([A-Za-z_]\w*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """`start` is its first character of code, `end` the last one's end (line ends and blanks excluded)."""

    start: int
    end: int


def split(text: str) -> list[Block]:
    """The blocks of a file; a line that can only be the forgotten indentation of a block stays with it."""
    plain = text.replace(BOM, "\n", 1) if text.startswith(BOM) else text
    starts = [match.start() for match in _COLUMN_1.finditer(plain)]
    lead = _LEAD.match(plain)
    first = lead.end() if lead else 0
    if first < (starts[0] if starts else len(text)):
        starts.insert(0, first)
    blocks: list[Block] = []
    broken = False
    for start, after in zip(starts, [*starts[1:], len(text)], strict=False):
        end = _last_code(text, start, after)
        word = _WORD.match(text, start)
        head = word[0] if word else ""
        if blocks and head not in DECLARATIONS:
            last = blocks[-1]
            if broken or head in INNER or not head or _open(text, last):
                blocks[-1] = Block(last.start, end)
                broken = True
                continue
        broken = False
        blocks.append(Block(start, end))
    return blocks


def _last_code(text: str, start: int, end: int) -> int:
    """The end without the blank and comment lines that lead to the next block."""
    while True:
        while end > start and text[end - 1].isspace():
            end -= 1
        line = text.rfind("\n", start, end) + 1
        if line <= start or not text[line:end].lstrip().startswith("#"):
            return end
        end = line


def _open(text: str, block: Block) -> bool:
    """Whether a block is a head line with nothing below it."""
    code = [line for line in text[block.start : block.end].split("\n") if not line.lstrip().startswith("#")]
    return len(code) == 1 and _OPEN_END.search(code[0]) is not None


def without_tests(text: str) -> str:
    """What a file says of real customers: its tests are blank lines, so that every other line keeps its number."""
    tests = [block for block in split(text) if _TEST.match(text, block.start)]
    if not tests:
        return text
    parts, at = [], 0
    for block in tests:
        parts += [text[at : block.start], "\n" * text.count("\n", block.start, block.end)]
        at = block.end
    rest = "".join([*parts, text[at:]]).rstrip()
    return f"{rest}\n" if rest else ""


def declared_names(text: str) -> frozenset[str]:
    """Every name a file declares, also in blocks that do not parse: so that one mistake is not reported again
    wherever the name is used.
    """
    return frozenset(_DECLARED.findall(text))
