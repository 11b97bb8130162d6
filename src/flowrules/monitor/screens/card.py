"""Who a customer is, as a text that is read from above."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from rich.text import Text

from flowrules.report.allowance import Allowance
from flowrules.report.print import safe
from flowrules.report.words import moment

_NARROW = 10
_WIDTH = 41
"""Cells of a line: of the panel beside the timeline."""


def card_text(facts: dict[str, Any], caps: Sequence[Allowance], zone: str) -> Text:
    text = Text()
    _part(text, "", [(each["kind"], each["value"], "") for each in facts["identities"]])
    _part(text, "", [(name, _value(value), "") for name, value in facts["attributes"].items() if name not in _NAMES])
    consents = {(each["channel"], each["purpose"]): each for each in facts["consents"]}.values()
    _part(
        text,
        "consents",
        [
            (
                each["channel"],
                " ".join(filter(None, (each["purpose"], each["state"], (each["at"] or "")[:10]))),
                "green" if each["state"] == "granted" else "red",
            )
            for each in consents
        ],
        "none given: what needs one is withheld",
    )
    _part(text, "caps", [_cap(each, zone) for each in caps], "none")
    for name in ("tags", "segments"):
        _part(text, name, [("", each, "") for each in facts[name]], "none")
    return text


_NAMES = ("email", "phone")
"""They stand above, among the identities."""


def _part(text: Text, title: str, rows: Iterable[tuple[str, object, str]], empty: str | None = None) -> None:
    rows = list(rows)
    if not rows and empty is None:
        return
    if text.plain:
        text.append("\n")
    if title:
        text.append(f"{title}\n", "bold")
    if not rows:
        text.append(f"  {empty}\n", "dim")
    width = max((len(name) for name, _, _ in rows), default=0)
    width = min(max(width, _NARROW if title != "tags" else 0), 16) if width else 0
    room = _WIDTH - 3 - width
    for name, value, style in rows:
        text.append(f"  {safe(name):<{width}}{' ' if width else ''}", "dim")
        lines = textwrap.wrap(safe(value), room) or [""]
        text.append(f"\n{'':<{3 + width}}".join(lines), style).append("\n")


def _cap(cap: Allowance, zone: str) -> tuple[str, str, str]:
    whose = "" if cap.campaign is None else f" in {cap.campaign}"
    left = f"{cap.left} left" if cap.left else "none left"
    free = f", next free {moment(cap.frees_at, zone)}" if cap.frees_at is not None and not cap.left else ""
    return (
        f"{cap.used} used",
        f"{left} of {cap.words.removeprefix('cap ')}{whose}{free}",
        "red" if not cap.left else "",
    )


def _value(value: object) -> str:
    """Money with its currency."""
    if isinstance(value, dict):
        return " ".join(map(str, value.values()))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
