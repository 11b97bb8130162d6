"""Rules shown in a page, checked like files of a workspace.

What stands behind ```flow says what the block is: nothing: whole declarations; `header`, `stages`, `steps`, `policy`:
lines of those, put where they belong; `condition`: one a line; `shared`: declarations that all blocks of the page may
use; `alone`: without those. Marks as in tests/language: `# error: [FR012]`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from textwrap import indent

from flowrules.check import check as check_all
from flowrules.diagnostics.model import Diagnostic
from flowrules.model.schema import Channel
from flowrules.model.snapshot import Snapshot, Template
from flowrules.source import Source
from tests.docs.markdown import Block
from tests.language.literate import Case, _case, check
from tests.support.sends import sends

KINDS = ("", "header", "stages", "steps", "policy", "condition", "shared", "alone")
CHANNELS = (
    Channel("email", "email"),
    Channel("sms", "phone"),
    Channel("call", "phone"),
    Channel("push", None),
)


def kind_of(block: Block) -> str:
    kind = block.info.removeprefix("flow").strip()
    assert kind in KINDS, f"line {block.line}: `{block.info}`"
    return kind


def whole(block: Block) -> tuple[str, int]:
    """The block as a file, and how many lines were put before it."""
    text = block.text
    enter = "    enter when signed_up\n"
    match kind_of(block):
        case "header":
            after = "" if "enter when" in text else enter
            return f"campaign example:\n{indent(text, ' ' * 4)}{after}    stage first:\n        tag example\n", 1
        case "stages":
            return f"campaign example:\n{enter}{indent(text, ' ' * 4)}", 2
        case "steps":
            here = f"campaign example:\n{enter}    stage first:\n{indent(text, ' ' * 8)}"
            targets = dict.fromkeys(re.findall(r"\bgo to (\w+)", text))
            return here + "".join(f"    stage {name}:\n        wait 1 day\n" for name in targets), 3
        case "policy":
            return f"policy:\n{indent(text, ' ' * 4)}", 1
        case "condition":
            numbered = enumerate(text.splitlines())
            lines = [f"segment example_{i}: {line}" if line.split("#")[0].strip() else line for i, line in numbered]
            return "\n".join(lines) + "\n", 0
        case _:
            return text, 0


def as_case(path: Path, block: Block) -> Case:
    text, before = whole(block)
    return _case(block.heading, path.name, block.line - before, text)


def check_block(path: Path, block: Block, shared: str) -> None:
    """Fails unless exactly the marked mistakes are found."""
    alone = kind_of(block) in {"shared", "alone"} or not shared
    check(as_case(path, block), (_looking(() if alone else (Source("shared.flow", shared),)),))


def _looking(others: tuple[Source, ...]) -> Callable[[Source], list[Diagnostic]]:
    def look(source: Source) -> list[Diagnostic]:
        texts = [each.text for each in (source, *others)]
        known = sends("\n".join(texts))
        snapshot = Snapshot(
            sources=(source, *others),
            templates=tuple(Template(c, n, f"templates/{c}/{n}.txt", "---\nsubject: Hello\n---\n") for c, n in known),
            lists=frozenset(
                path for text in texts for path in re.findall(r'^list.* from "([^"]*)"', text, re.MULTILINE)
            ),
            channels=CHANNELS,
            currency="EUR",
            zone="Europe/Madrid",
        )
        return list(check_all(snapshot).diagnostics)

    return look
