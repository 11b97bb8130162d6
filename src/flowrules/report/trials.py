"""Tests that were played, for people and for a continuous-integration server.

Takes results; gives the facts of `flowrules test`, its text, and JUnit's XML.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from rich.text import Text

from flowrules.diagnostics.text import pointed
from flowrules.model.trial import Line, Trial
from flowrules.report.explain import Explanation
from flowrules.report.explain_text import explanation_lines
from flowrules.report.print import printed, safe
from flowrules.report.words import counted


@dataclass(frozen=True, slots=True)
class Failed:
    """`line` did not come true, `got` was so instead; the story is that of the customer it is about."""

    line: Line
    got: str
    story: Explanation


@dataclass(frozen=True, slots=True)
class Tested:
    trial: Trial
    failed: Failed | None

    @property
    def file(self) -> str:
        return self.trial.span.source.name

    def facts(self) -> dict[str, object]:
        failed = self.failed
        return {
            "name": self.trial.title,
            "file": self.file,
            "line": self.trial.span.line,
            "ok": failed is None,
            "expected": None if failed is None else failed.line.span.words,
            "expected_line": None if failed is None else failed.line.span.line,
            "got": None if failed is None else failed.got,
            "timeline": [] if failed is None else [moment.facts() for moment in failed.story.timeline],
        }


def facts(tested: Sequence[Tested]) -> dict[str, object]:
    failed = sum(each.failed is not None for each in tested)
    return {"passed": len(tested) - failed, "failed": failed, "tests": [each.facts() for each in tested]}


def text(tested: Sequence[Tested], *, colour: bool, plain: bool) -> str:
    parts = [_failure(each, each.failed, colour=colour, plain=plain) for each in tested if each.failed is not None]
    passed = len(tested) - len(parts)
    summary = f"{counted(passed, 'test')} passed" + (f", {len(parts)} failed" if parts else "")
    return "\n\n".join([*parts, summary])


def _failure(tested: Tested, failed: Failed, *, colour: bool, plain: bool) -> str:
    place = pointed(failed.line.span, colour=colour)
    story = printed(_story(failed.story), colour=colour, plain=plain)
    head = printed([Text("failed", "bold red").append(f": {safe(tested.trial.title)}", "not red")], colour=colour)
    got = printed([Text("   = ").append("instead", "bold").append(f": {safe(failed.got)}", "not bold")], colour=colour)
    return f"{head}\n{place}\n   |\n{got}\n\n{story}"


def _story(story: Explanation) -> Iterator[Text]:
    yield from explanation_lines(story)


def junit(tested: Sequence[Tested]) -> str:
    """The form that continuous-integration servers read; a file is a suite."""
    root = ET.Element("testsuites", name="flowrules", **_counts(tested))
    for file in dict.fromkeys(each.file for each in tested):
        of_file = [each for each in tested if each.file == file]
        suite = ET.SubElement(root, "testsuite", name=file, **_counts(of_file))
        for each in of_file:
            case = ET.SubElement(
                suite, "testcase", name=each.trial.title, classname=file, file=file, line=str(each.trial.span.line)
            )
            if each.failed is not None:
                words = f"{each.failed.line.span.place}: {each.failed.line.span.words}; instead: {each.failed.got}"
                failure = ET.SubElement(case, "failure", message=words)
                failure.text = _failure(each, each.failed, colour=False, plain=False)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")


def _counts(tested: Sequence[Tested]) -> dict[str, Any]:
    failed = sum(each.failed is not None for each in tested)
    return {"tests": str(len(tested)), "failures": str(failed)}
