"""What must hold of any file at all, however wrong: `check`, `fmt` and `graph` go through, each mistake has its place.

`python -m tests.fuzz.look COUNT [FIRST]` tries many and counts.
"""

from __future__ import annotations

import json
import random
import sys
import time
import traceback
from pathlib import Path

from flowrules.check import check
from flowrules.cli.diagnosis import annotation
from flowrules.diagnostics.codes import CODES
from flowrules.diagnostics.json import as_dict
from flowrules.diagnostics.model import Diagnostic
from flowrules.diagnostics.text import render
from flowrules.model.schema import Channel
from flowrules.model.snapshot import Snapshot, Template
from flowrules.report.graph import dot, draw, mermaid
from flowrules.source import Source, Span
from flowrules.syntax import tree
from flowrules.syntax.layout import lay_out
from flowrules.syntax.parser import parse
from tests.docs.flow import as_case
from tests.docs.markdown import ROOT, blocks
from tests.fuzz.mutate import mutated
from tests.reference.generate_program import program
from tests.reference.generate_words import Dice

FOLDERS = ("examples", "rules", "src/flowrules/cli/starter", "tests/syntax", "tests/report/graph")
CHANNELS = (Channel("email", "email"), Channel("sms", "phone"), Channel("call", "phone"), Channel("push", None))
LETTER = "---\nsubject: Hello\n---\nHello {{ customer.first_name }}, {{ entry.quote_id }}"
TEMPLATES = tuple(
    Template(channel, name, f"templates/{channel}/{name}.txt", LETTER)
    for channel in ("email", "sms", "call")
    for name in ("welcome", "reminder", "quote_details", "appointment_offer", "hello")
)


def texts() -> list[str]:
    found = [path.read_text() for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.flow"))]
    page = ROOT / "docs" / "language.md"
    found += [as_case(page, block).text for block in blocks(page) if block.info.split()[:1] == ["flow"]]
    found += [text for code in CODES.values() for text in (code.wrong, code.right) if text]
    return found + [program(_Seeded(random.Random(seed))) for seed in range(20)]


class _Seeded(Dice):
    """Dice thrown without Hypothesis."""

    def __init__(self, chance: random.Random) -> None:
        self.chance_ = chance

    def number(self, least: int, most: int) -> int:
        return self.chance_.randint(least, most)


TEXTS = texts()
LONGEST = 10
"""Seconds; the slowest that is known takes less than one."""


def look(data: bytes) -> tuple[Diagnostic, ...]:
    """Read as a workspace reads it; fails where anything is raised, or has no place in the file."""
    source = Source("rules/a.flow", data.decode(errors="surrogateescape"))
    found = check(Snapshot((source,), TEMPLATES, frozenset({"data/robinson.csv"}), CHANNELS, "EUR", "UTC")).diagnostics
    places = [each.span.start for each in found if each.span.source.name == source.name]
    assert places == sorted(places)
    for each in found:
        assert each.code in CODES
        assert each.code != "FR900"
        said = [
            each.message,
            each.hint or "",
            *(label.text for label in each.labels),
            *(fix.title for fix in each.fixes),
        ]
        assert all("\n" not in words for words in said)
        spans = [each.span, *(label.span for label in each.labels)]
        for span in (*spans, *(edit.span for fix in each.fixes for edit in fix.edits)):
            _inside(span, source)
        assert not [sign for sign in render(each) if not (sign.isprintable() or sign.isspace())]
        assert not {"\r", "\x1b", "\u2028", "\u2029"} & set(render(each))
        assert each.code in render(each)
        assert len(annotation(each).splitlines()) == 1
        json.dumps(as_dict(each))
    _laid_out_and_drawn(source)
    for each in found[:2]:
        for fix in each.fixes:
            parse(Source("fixed.flow", _fixed(source, fix.edits)))
    return found


def _inside(span: Span, source: Source) -> None:
    if span.source.name == source.name:
        # A file that is no text is known up to the first byte that is none.
        assert source.text.startswith(span.source.text)
    assert 0 <= span.start <= span.end <= len(span.source.text)
    assert span.line >= 1
    assert span.column >= 1
    assert (span.end_line, span.end_column) >= (span.line, span.column)


def _fixed(source: Source, edits: tuple[object, ...]) -> str:
    text = source.text
    for edit in sorted(edits, key=lambda edit: -edit.span.start):  # type: ignore[attr-defined]
        if edit.span.source.name == source.name:  # type: ignore[attr-defined]
            text = text[: edit.span.start] + edit.text + text[edit.span.end :]  # type: ignore[attr-defined]
    return text


def _laid_out_and_drawn(source: Source) -> None:
    laid = lay_out(source)
    if isinstance(laid, str):
        assert lay_out(Source(source.name, laid)) == laid
    else:
        assert all(each.code != "FR900" for each in laid)
    for item in parse(source)[0].declarations:
        if isinstance(item, tree.CampaignDecl):
            graph = draw(item)
            assert mermaid(graph)
            assert dot(graph)


def main(count: int, first: int = 0) -> int:
    """Failures are printed with their seed, and kept as files in build/fuzz/."""
    failed = clean = 0
    slowest = (0.0, 0)
    codes: dict[str, int] = {}
    for seed in range(first, first + count):
        data = mutated(seed, TEXTS)
        began = time.process_time()
        try:
            found = look(data)
        except Exception:  # noqa: BLE001  # whatever it is
            failed += 1
            folder = ROOT / "build" / "fuzz"
            folder.mkdir(parents=True, exist_ok=True)
            Path(folder, f"{seed}.flow").write_bytes(data)
            print(f"seed {seed}\n{traceback.format_exc()}", flush=True)  # noqa: T201
        else:
            clean += not found
            for each in found:
                codes[each.code] = codes.get(each.code, 0) + 1
        took = time.process_time() - began
        if took > LONGEST:
            failed += 1
            print(f"seed {seed} took {took:.1f} s", flush=True)  # noqa: T201
        slowest = max(slowest, (took, seed))
    print(f"{count} files, {failed} failed, {clean} without a mistake, slowest {slowest[0]:.2f} s (seed {slowest[1]})")  # noqa: T201
    print(" ".join(f"{code}:{number}" for code, number in sorted(codes.items())))  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
