"""What was tested last: which tests passed, and on what.

Takes the folder of a workspace; keeps one small file in it. Lost or damaged, it only means that every test runs again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flowrules.errors import FlowRulesError
from flowrules.model.involved import Parts
from flowrules.model.trial import Trial

_FOLDER = ".flowrules"
_FILE = "tested.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Chosen:
    """why: what has changed, in words; empty where the test may be left out."""

    trial: Trial
    parts: Parts
    why: str


def choose(root: Path, version: str, trials: Iterable[tuple[Trial, Parts]]) -> list[Chosen]:
    """version: of the program, whose change is one of everything."""
    known = _read(root, version)
    return [Chosen(trial, parts, _why(known.get(trial.title), parts)) for trial, parts in trials]


def remember(root: Path, version: str, chosen: Sequence[Chosen], failed: Iterable[str]) -> None:
    """Of the tests that are gone nothing is kept; those that failed are run again."""
    titles = set(failed)
    passed = {each.trial.title: each.parts for each in chosen if each.trial.title not in titles}
    folder = root / _FOLDER
    try:
        folder.mkdir(exist_ok=True)
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
        content = {"format": _FORMAT, "version": version, "passed": passed}
        (folder / _FILE).write_text(json.dumps(content, indent=1), encoding="utf-8")
    except OSError as failure:
        raise FlowRulesError(
            f"{folder} can not be written: {failure.strerror}", "without --changed nothing is remembered"
        ) from failure


def _read(root: Path, version: str) -> Mapping[str, Parts]:
    try:
        content = json.loads((root / _FOLDER / _FILE).read_text(encoding="utf-8"))
        if (content["format"], content["version"]) != (_FORMAT, version):
            return {}
        return {str(title): {str(k): str(v) for k, v in parts.items()} for title, parts in content["passed"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _why(before: Parts | None, now: Parts) -> str:
    if before is None:
        return "new, or failed before"
    changed = [part for part in now if part in before and now[part] != before[part]]
    new = [part for part in now if part not in before]
    gone = [part for part in before if part not in now]
    told = [
        *([f"{_joined(changed)} changed"] if changed else []),
        *([f"{_joined(new)} now concerns it"] if new else []),
        *([f"{_joined(gone)} no longer concerns it"] if gone else []),
    ]
    return ", ".join(told)


def _joined(parts: Sequence[str]) -> str:
    return " and ".join(parts)
