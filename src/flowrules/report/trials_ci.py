"""Tests that were played, as continuous-integration servers read them: JUnit's XML, GitHub's remarks, TAP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from flowrules.diagnostics import github
from flowrules.report.print import safe
from flowrules.report.trials import Result, Tested, failure


def junit(tested: Sequence[Tested]) -> str:
    """A file is a suite."""
    root = ET.Element("testsuites", name="flowrules", **_counts(tested))
    for file in dict.fromkeys(each.file for each in tested):
        of_file = [each for each in tested if each.file == file]
        suite = ET.SubElement(root, "testsuite", name=file, **_counts(of_file))
        for each in of_file:
            case = ET.SubElement(suite, "testcase", name=each.trial.title, classname=file, file=file, line=_line(each))
            if each.failed is not None:
                told = ET.SubElement(case, "failure", message=_words(each))
                told.text = failure(each)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")


def remarks(result: Result) -> Iterator[str]:
    """One for each test that failed, at the line that did not come true; for each gap, and each change unnoticed."""
    for each in result.tested:
        if each.failed is not None:
            yield github.annotation(
                "error", each.failed.line.span, each.trial.title, f"instead: {each.got}{_case(each)}"
            )
    if result.covered is not None:
        sources = {source.name: source for source in result.covered.sources}
        for gap in result.covered.told:
            yield github.annotation("notice", sources[gap.file].whole(gap.line), "not covered by tests", gap.gap)
    for mutant in [] if result.mutated is None else result.mutated.survived:
        yield github.annotation("notice", mutant.span, "no test notices", mutant.words)


def tap(tested: Sequence[Tested]) -> Iterator[str]:
    """https://testanything.org, version 14."""
    yield "TAP version 14"
    yield f"1..{len(tested)}"
    for number, each in enumerate(tested, 1):
        title = safe(each.trial.title).replace("\\", "\\\\").replace("#", "\\#")
        yield f"{'ok' if each.failed is None else 'not ok'} {number} - {title}"
        if each.failed is not None:
            yield "  ---"
            yield from (f"  {key}: {_quoted(value)}" for key, value in _diagnosis(each))
            yield "  ..."


def _diagnosis(each: Tested) -> Iterator[tuple[str, str]]:
    if each.failed is not None:
        yield "at", each.failed.line.span.place
        yield "expected", each.failed.line.span.words
        yield "got", each.got or ""
        if each.trial.case is not None:
            yield "case", f"{each.trial.case.words} ({each.trial.case.place})"


def _quoted(value: str) -> str:
    """A text of YAML."""
    return "'" + safe(value).replace("'", "''") + "'"


def _line(each: Tested) -> str:
    return str((each.trial.case or each.trial.span).line)


def _words(each: Tested) -> str:
    """The line that did not come true."""
    if each.failed is None:
        return ""
    return f"{each.failed.line.span.place}: {each.failed.line.span.words}; instead: {each.got}{_case(each)}"


def _case(each: Tested) -> str:
    """Its row in a table of cases."""
    case = each.trial.case
    return "" if case is None else f"; case: {case.words} ({case.place})"


def _counts(tested: Sequence[Tested]) -> dict[str, Any]:
    failed = sum(each.failed is not None for each in tested)
    return {"tests": str(len(tested)), "failures": str(failed)}
