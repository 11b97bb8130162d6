"""What became of a campaign's messages, why others were withheld, and whether it does any good."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from flowrules.report.campaign import CampaignFigures
from flowrules.report.comparison import Comparison, Verdict
from flowrules.report.words import count, percent

_BAR = 14
_STYLES = {"sent": "green", "refused": "red", "unknown": "red", "expired": "yellow"}
_VERDICTS = {
    Verdict.NOT_ENOUGH: ("not enough data to say", "dim"),
    Verdict.CHANCE: ("may be chance", "yellow"),
    Verdict.BETTER: ("more than chance", "bold green"),
    Verdict.WORSE: ("worse than without", "bold red"),
}


def numbers_text(found: CampaignFigures) -> Text:
    text = Text()
    ghosts = dict(found.messages).get("ghost", 0)
    became = [(word, number) for word, number in (*found.messages, *found.open) if word != "ghost"]
    _part(text, "messages", became, "none yet")
    _part(text, "withheld", found.withheld, "none", dict(found.withheld_24h))
    text.append("\ntreated and control\n", "bold")
    if found.comparison is None:
        text.append("  nobody is held out: what would have happened without\n  this campaign can not be told\n", "dim")
    else:
        _compare(text, found.comparison)
    if ghosts:
        text.append(f"  {count(ghosts)} messages not sent to the control group\n", "dim")
    return text


def _part(
    text: Text, title: str, rows: Sequence[tuple[str, int]], empty: str, lately: dict[str, int] | None = None
) -> None:
    text.append("\n" if text.plain else "").append(f"{title}\n", "bold")
    if not rows:
        text.append(f"  {empty}\n", "dim")
        return
    most = max(number for _, number in rows)
    width = max(len(count(number)) for _, number in rows)
    names = max(len(word) for word, _ in rows)
    for word, number in rows:
        size = max(1, round(_BAR * number / most))
        style = _STYLES.get(word, "yellow" if lately is not None else "cyan")
        text.append(f"  {count(number):>{width}} ").append(f"{word.replace('_', ' '):<{names}} ")
        text.append("█" * size, style).append(" " * (_BAR - size))
        if lately and lately.get(word):
            text.append(f" {count(lately[word])} in 24 h", "dim")
        text.append("\n")


def _compare(text: Text, found: Comparison) -> None:
    """The honest word is part of the number."""
    for name, goals, of in (
        ("treated", found.treated_goals, found.treated),
        ("control", found.control_goals, found.control),
    ):
        text.append(f"  {name}  ").append(f"{percent(goals / of):>6}", "bold")
        text.append(f" reached the goal, {count(goals)} of {count(of)}\n", "dim")
    said, style = _VERDICTS[found.verdict]
    text.append("  effect    ")
    if found.verdict is not Verdict.NOT_ENOUGH:
        text.append(f"{found.gained * 100:+.1f} points ", "bold").append(
            f"(95 %: {found.low * 100:+.1f} to {found.high * 100:+.1f})\n", "dim"
        )
        text.append(" " * 12)
    text.append(f"{said}\n", style)
