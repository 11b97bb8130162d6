"""Tests that were played, for people and for programs.

Takes results; gives the facts of `flowrules test` and its text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from sqlalchemy import Connection

from flowrules.content.deployed import Deployed
from flowrules.diagnostics.text import pointed
from flowrules.model.trial import Got, Line, Trial
from flowrules.report.coverage import Coverage
from flowrules.report.explain import Explanation, explain
from flowrules.report.explain_text import explanation_lines
from flowrules.report.mutation import Mutated
from flowrules.report.print import printed, safe
from flowrules.report.words import counted


def tell(connection: Connection, known: dict[int, Deployed], line: Line, got: Got) -> Explanation | None:
    """The story of the customer that it is about."""
    return explain(connection, got.who, None, line.at, known) if got.who else None


@dataclass(frozen=True, slots=True)
class Failed:
    """`line` did not come true, `got` was so instead; the story is that of the customer it is about.

    arms: those of splits that this was in, where the test leaves them open and others do otherwise.
    """

    line: Line
    got: Got
    story: Explanation | None
    arms: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Tested:
    trial: Trial
    failed: Failed | None

    @property
    def file(self) -> str:
        return self.trial.span.source.name

    @property
    def got(self) -> str | None:
        if self.failed is None:
            return None
        arms = [f"{arm} of split {split.removeprefix('split/').replace('/', '.')}" for split, arm in self.failed.arms]
        where = f" (in arm {' and '.join(arms)}; in others it is not so)" if arms else ""
        return f"{self.failed.got.words}{where}"

    def facts(self) -> dict[str, object]:
        failed, case = self.failed, self.trial.case
        story = None if failed is None else failed.story
        return {
            "name": self.trial.title,
            "file": self.file,
            "line": self.trial.span.line,
            "case_line": None if case is None else case.line,
            "ok": failed is None,
            "expected": None if failed is None else failed.line.span.words,
            "expected_line": None if failed is None else failed.line.span.line,
            "got": self.got,
            "timeline": [] if story is None else [moment.facts(story.zone) for moment in story.timeline],
        }


@dataclass(frozen=True, slots=True)
class Choice:
    """With `--changed`. why: what has changed, empty where the test was left out; parts: what it depends on."""

    trial: Trial
    why: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that one run found."""

    tested: Sequence[Tested]
    choices: Sequence[Choice] = ()
    covered: Coverage | None = None
    mutated: Mutated | None = None

    def facts(self) -> dict[str, object]:
        failed = sum(each.failed is not None for each in self.tested)
        return {
            "passed": len(self.tested) - failed,
            "failed": failed,
            "tests": [each.facts() for each in self.tested],
            "left_out": [
                {
                    "name": each.trial.title,
                    "file": each.trial.span.source.name,
                    "line": each.trial.span.line,
                    "why": f"unchanged: {', '.join(each.parts)}",
                }
                for each in self.choices
                if not each.why
            ],
            "coverage": None if self.covered is None else self.covered.facts(),
            "mutation": None if self.mutated is None else self.mutated.facts(),
        }

    def text(self, *, colour: bool, plain: bool, annotate: bool = False) -> str:
        blocks = [failure(each, colour=colour, plain=plain) for each in self.tested if each.failed is not None]
        passed = len(self.tested) - len(blocks)
        summary = f"{counted(passed, 'test')} passed" + (f", {len(blocks)} failed" if blocks else "")
        blocks.append("\n".join([summary, *self._choices()]))
        if self.covered is not None and annotate:
            blocks.append(self.covered.annotated(colour=colour))
        if self.covered is not None:
            blocks.append(self.covered.text(colour=colour))
        if self.mutated is not None:
            blocks.append(self.mutated.text(colour=colour))
        return "\n\n".join(blocks)

    def _choices(self) -> list[str]:
        """Why these and not the others."""
        whys = Counter(each.why for each in self.choices if each.why)
        told = [f"  {counted(number, 'test')} run: {why}" for why, number in whys.items()]
        out = sum(not each.why for each in self.choices)
        if out:
            told.append(f"  {counted(out, 'test')} left out: nothing has changed that they depend on since they passed")
        return told


def failure(tested: Tested, *, colour: bool = False, plain: bool = False) -> str:
    """What was expected where, what was instead, and how it came to that."""
    failed, case = tested.failed, tested.trial.case
    if failed is None:
        return ""
    lines = [Text("failed", "bold red").append(f": {safe(tested.trial.title)}", "not red")]
    notes = [("instead", safe(failed.got.words))]
    if case is not None:
        notes.append(("case", f"{safe(case.words)} ({case.place})"))
    for split, arm in failed.arms:
        name = split.removeprefix("split/").replace("/", ".")
        notes.append(("arm", f"so it is in arm {arm} of split {name}; in another arm the line comes true"))
        notes.append(("hint", f"say which is meant, below `given`: `in arm NAME of split {name}`"))
    place = pointed(failed.line.span, colour=colour)
    told = [Text("   = ").append(head, "bold").append(f": {words}", "not bold") for head, words in notes]
    head, below = (printed(each, colour=colour) for each in (lines, told))
    story = "" if failed.story is None else printed(explanation_lines(failed.story), colour=colour, plain=plain)
    return f"{head}\n{place}\n   |\n{below}\n\n{story}".rstrip()
