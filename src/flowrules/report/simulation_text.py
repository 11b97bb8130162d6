"""A simulation's counts for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any

from flowrules.report.print import WIDTH
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
    widths[0] = min(widths[0], WIDTH - sum(width + 2 for width in widths[1:]))
    yield ""
    for row in (head, *rows):
        name, *figures = row
        if len(name) > widths[0]:
            yield name
            name = ""
        yield "  ".join([name.ljust(widths[0]), *(map(str.rjust, figures, widths[1:]))])
        if row is not head:
            campaign = campaigns[rows.index(row)]
            for word, key in (("ended", "exits"), ("withheld", "withheld"), ("had to wait", "held")):
                if counts := campaign[key]:
                    said = ", ".join(f"{count(number)} {reason}" for reason, number in counts.items())
                    line = f"  {word}: {said}".replace("_", " ")
                    yield from wrap(line, WIDTH, subsequent_indent="    ")
    yield ""
    yield f"{facts['cpu_s']} seconds of CPU, {counted(facts['ticks'], 'tick')}"
