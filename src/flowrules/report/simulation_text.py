"""A simulation's counts for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flowrules.report.words import count, counted, told


def simulation_text(facts: Mapping[str, Any], zone: str) -> str:
    return "\n".join(_lines(facts, zone))


def _lines(facts: Mapping[str, Any], zone: str) -> Iterator[str]:
    stretch = f"{told(facts['from'], zone)} to {told(facts['until'], zone)}"
    yield f"{stretch}, {counted(facts['customers'], 'customer')}, seed {facts['seed']}"
    campaigns = facts["campaigns"]
    if not campaigns:
        yield "there are no campaigns"
        return
    head = ("campaign", "entered", "in journey", "ended", "sent", "withheld", "held out")
    rows = [
        (
            campaign["name"],
            count(campaign["entered"]),
            count(campaign["in_journey"]),
            count(campaign["entered"] - campaign["in_journey"]),
            count(campaign["sent"]),
            count(sum(campaign["withheld"].values())),
            count(campaign["held_out"]),
        )
        for campaign in campaigns
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    yield ""
    for row in (head, *rows):
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join([first.strip().ljust(widths[0]), *others])
        if row is not head:
            campaign = campaigns[rows.index(row)]
            for word, key in (("ended", "exits"), ("withheld", "withheld"), ("had to wait", "held")):
                if counts := campaign[key]:
                    said = ", ".join(f"{count(number)} {reason}" for reason, number in counts.items())
                    yield f"  {word}: {said}".replace("_", " ")
    yield ""
    yield f"{facts['cpu_s']} seconds of CPU, {counted(facts['ticks'], 'tick')}"
