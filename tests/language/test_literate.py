"""The Markdown files beside this one. A file's name up to the first `-` says what is looked at: see LEVELS."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowrules.check import check as check_all
from flowrules.model.schema import Channel
from flowrules.model.snapshot import Snapshot, Template
from flowrules.source import Source
from flowrules.syntax.parser import parse
from tests.language.literate import Case, cases, check
from tests.support.sends import sends

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowrules.diagnostics.model import Diagnostic
    from tests.language.literate import Look

HERE = Path(__file__).parent


def syntax(source: Source) -> Iterable[Diagnostic]:
    return parse(source)[1]


def whole(source: Source) -> Iterable[Diagnostic]:
    """A workspace of one file, with every template it sends and the usual channels."""
    snapshot = Snapshot(
        sources=(source,),
        templates=tuple(
            Template(c, n, f"templates/{c}/{n}.txt", "---\nsubject: Hello\n---\n") for c, n in sends(source.text)
        ),
        lists=frozenset(re.findall(r'^list.* from "([^"]*)"', source.text, re.MULTILINE)),
        channels=tuple(Channel(name, None) for name in ("call", "email", "push", "sms")),
        currency="EUR",
        zone="Europe/Madrid",
    )
    return check_all(snapshot).diagnostics


LEVELS: dict[str, tuple[Look, ...]] = {"syntax": (syntax,), "check": (whole,)}


def _all() -> list[Case]:
    return [case for path in sorted(HERE.glob("*.md")) for case in cases(path)]


@pytest.mark.parametrize("case", _all(), ids=lambda case: f"{case.file}:{case.line} {case.name}")
def test_markdown(case: Case) -> None:
    check(case, LEVELS[case.file.removesuffix(".md").split("-")[0]])


def test_unexpected_and_missing_diagnostics_both_fail(tmp_path: Path) -> None:
    file = tmp_path / "syntax.md"
    file.write_text("# x\n## y\n```flow\nsegment x: plan is pro\n```\n```flow\nevent login # error: [FR001]\n```\n")
    unexpected, missing = cases(file)
    for case in (unexpected, missing):
        with pytest.raises(AssertionError):
            check(case, (syntax,))


def test_a_message_that_says_something_else_fails(tmp_path: Path) -> None:
    file = tmp_path / "syntax.md"
    file.write_text('# x\n```flow\nsegment x: plan is pro # error: [FR015] "bananas"\n```\n')
    (case,) = cases(file)
    with pytest.raises(AssertionError, match="bananas"):
        check(case, (syntax,))
