"""Tests that were played, as continuous-integration servers read them: JUnit's XML, GitHub's remarks, TAP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from flowrules.diagnostics import github
from flowrules.report.coverage import Coverage
from flowrules.report.print import safe
from flowrules.report.trials import Tested, failure


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


def remarks(tested: Sequence[Tested], covered: Coverage | None = None) -> Iterator[str]:
    """One for each test that failed, at the line that did not come true, and for each gap."""
    for each in tested:
        if each.failed is not None:
            yield github.annotation("error", each.failed.line.span, each.trial.title, f"instead: {each.got}")
    if covered is None:
        return
    sources = {source.name: source for source in covered.sources}
    for gap in covered.gaps:
        source = sources[gap.file]
        yield github.annotation("notice", source.whole(gap.line), "not covered by tests", gap.gap)


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


def _quoted(value: str) -> str:
    """A text of YAML."""
    return "'" + safe(value).replace("'", "''") + "'"


def _line(each: Tested) -> str:
    return str((each.trial.case or each.trial.span).line)


def _words(each: Tested) -> str:
    """The line that did not come true."""
    if each.failed is None:
        return ""
    return f"{each.failed.line.span.place}: {each.failed.line.span.words}; instead: {each.got}"


def _counts(tested: Sequence[Tested]) -> dict[str, Any]:
    failed = sum(each.failed is not None for each in tested)
    return {"tests": str(len(tested)), "failures": str(failed)}
