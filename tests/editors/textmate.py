"""Just enough of TextMate to colour a line: flat `match` patterns, at each place the earliest, then the first."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "editors" / "vscode"
GRAMMAR: dict[str, Any] = json.loads((FOLDER / "syntaxes" / "flowrules.tmLanguage.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Rule:
    """`scopes`: by group; 0 is the whole match."""

    pattern: re.Pattern[str]
    scopes: dict[int, str]


def _rules(patterns: list[dict[str, Any]]) -> Iterator[Rule]:
    for each in patterns:
        if include := each.get("include"):
            yield from _rules(GRAMMAR["repository"][include.removeprefix("#")]["patterns"])
            continue
        assert set(each) <= {"name", "match", "captures"}, "the reader of these tests knows no more"
        scopes = {int(group): what["name"] for group, what in each.get("captures", {}).items()}
        yield Rule(re.compile(each["match"]), scopes | ({0: each["name"]} if "name" in each else {}))


RULES = tuple(_rules(GRAMMAR["patterns"]))


def coloured(line: str) -> list[str]:
    """The scope of every character; empty where it stays plain."""
    found = [""] * len(line)
    at = 0
    while at < len(line):
        matches = [(match.start(), rule, match) for rule in RULES if (match := rule.pattern.search(line, at))]
        if not matches:
            break
        _, rule, match = min(matches, key=lambda each: each[0])
        for group, scope in sorted(rule.scopes.items()):
            start, end = match.span(group)
            found[max(start, 0) : max(end, 0)] = [scope] * (end - start)
        assert match.end() > at, f"{rule.pattern.pattern} matches nothing"
        at = match.end()
    return found
