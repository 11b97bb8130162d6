"""A Markdown page as tests see it: fenced blocks, commands, links.

Takes the path of a page; gives its parts with their lines. In a page two comments speak to the tests:
`<!-- setup` with a command a line, run before what follows; `<!-- file: NAME -->`, which puts the block below it into
that file. `<!-- not run: WHY -->` in front of a block of commands leaves it out; `<!-- demo -->` stands in front of a
part of what the demo prints.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = tuple(
    sorted(
        [
            *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md")),
            ROOT / "rules" / "README.md",
            *(ROOT / "docs").glob("*.md"),
        ]
    )
)

_FENCE = re.compile(r"^```([^`]*)$")
_HEADING = re.compile(r"^(#+) +(.*)$")
_COMMENT = re.compile(r"<!-- *(setup|file|not run|demo)\b:?\s*(.*?)\s*-->", re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Block:
    """`info` is what stands behind the fence; `heading` the nearest above; `note` a comment for the tests before it."""

    line: int
    info: str
    text: str
    heading: str
    note: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Command:
    """`output` is None where none is shown."""

    line: int
    text: str
    output: str | None


def blocks(path: Path) -> Iterator[Block]:
    heading, start, info = "", 0, ""
    note: tuple[str, str] | None = None
    held: list[str] = []
    inside = False
    comment: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fence = _FENCE.match(line)
        if inside:
            if fence and not fence[1]:
                yield Block(start, info, "\n".join(held) + "\n", heading, note)
                inside, note, held = False, None, []
            else:
                held.append(line)
        elif comment or line.startswith("<!--"):
            comment.append(line)
            if "-->" in line:
                found = _COMMENT.match("\n".join(comment))
                comment = []
                if found and found[1] == "setup":
                    text = "".join(f"$ {command}\n" for command in found[2].splitlines())
                    yield Block(number, "console", text, heading, None)
                elif found:
                    note = found[1], found[2]
        elif fence:
            inside, info, start = True, fence[1].strip(), number
        elif title := _HEADING.match(line):
            heading = title[2]
    assert not inside, f"{path.name}:{start}: this block is never closed"


def commands(block: Block) -> Iterator[Command]:
    """`$ ` begins one, `> ` goes on with it, what stands below is its output."""
    start, words, output = 0, "", list[str]()
    for number, line in enumerate(block.text.splitlines(), block.line + 1):
        if line.startswith("$ "):
            if words:
                yield _command(start, words, output)
            start, words, output = number, line[2:], []
        elif line.startswith("> ") and not output:
            words += "\n" + line[2:]
        else:
            output.append(line)
    if words:
        yield _command(start, words, output)


def _command(line: int, words: str, output: list[str]) -> Command:
    shown = "\n".join(output).rstrip("\n")
    return Command(line, words, shown if shown.strip() else None)


def like(shown: str, real: str) -> bool:
    """`...` stands for anything: on a line of its own for any lines, within a line for any words."""
    pattern = ""
    for line in shown.splitlines():
        if line.strip() == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*?".join(re.escape(part) for part in line.rstrip().split("...")) + r"[ ]*\n"
    return re.fullmatch(pattern, real.rstrip("\n") + "\n") is not None


# --- links --------------------------------------------------------------------------------------------


def links(path: Path) -> Iterator[tuple[int, str]]:
    inside = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            inside = not inside
        elif not inside:
            yield from ((number, target) for target in _LINK.findall(re.sub(r"`[^`]*`", "", line)))


def anchors(path: Path) -> set[str]:
    """As GitHub makes them of headings."""
    found, inside = set(), False
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            inside = not inside
        elif not inside and (title := _HEADING.match(line)):
            words = re.sub(r"[^\w\- ]", "", title[2].lower())
            found.add(words.replace(" ", "-"))
    return found
