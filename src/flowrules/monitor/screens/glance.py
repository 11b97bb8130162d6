"""The small panels of the first screen, as texts; the screen and `--once` show the same.

Takes figures; computes nothing.
"""

from __future__ import annotations

from rich.text import Text

from flowrules.monitor.telling import ago
from flowrules.report.home import ChannelRow, Home
from flowrules.report.print import safe
from flowrules.report.words import count, counted, percent

_WORDS = {
    "intended": "to be sent",
    "claimed": "being sent",
    "retrying": "to be tried again",
    "held": "held back for now",
    "unknown": "of unknown outcome",
}


def outbox(found: Home, now: int) -> Text:
    lines = []
    for queue in found.outbox:
        more = "+" if queue.more else ""
        line = Text().append(f"{count(queue.number)}{more}", "bold red" if queue.status == "unknown" else "bold")
        line.append(f" {_WORDS.get(queue.status, queue.status)}", "red" if queue.status == "unknown" else "")
        lines.append(line.append(f", oldest {ago(queue.oldest, now)}", "dim"))
    if not lines:
        lines.append(Text().append("empty: nothing waits to be sent", "dim"))
    due = f"{count(found.due)}{'+' if found.due_more else ''}"
    if found.due:
        lines.append(Text().append(due, "bold").append(" timers due now"))
    return Text("\n").join(lines)


def channels(found: Home) -> Text:
    if not found.channels:
        return Text().append("no channel has been used yet", "dim")
    width = max(len(each.name) for each in found.channels)
    return Text("\n").join(_channel(each, width) for each in found.channels)


def _channel(row: ChannelRow, width: int) -> Text:
    bad = row.day.refused + row.day.unknown
    sign, style = ("✗", "red") if bad * 5 > row.day.sent and bad else ("!", "yellow") if bad else ("✓", "green")
    line = (
        Text()
        .append(f"{sign} ", style)
        .append(f"{safe(row.name):<{width}}  ")
        .append(count(row.day.sent), "bold")
        .append(" sent")
    )
    for number, word, colour in (
        (row.day.refused, "refused", "yellow"),
        (row.day.unknown, "unknown", "red"),
        (row.day.expired, "too late", "dim"),
        (row.waiting, "waiting", ""),
        (row.retrying, "retrying", "yellow"),
    ):
        if number:
            line.append(f", {count(number)} {word}", colour)
    if row.limit is not None:
        line.append(f", today {count(row.today)} of {count(row.limit)}", "red" if row.today >= row.limit else "dim")
    return line


def policy(found: Home) -> Text:
    lines: list[Text] = []
    for cap in found.caps:
        whose = "" if cap.campaign is None else f"{safe(cap.campaign)}: "
        withheld = Text().append(count(cap.withheld_24h), "bold yellow" if cap.withheld_24h else "dim")
        lines.append(withheld.append(f" {whose}{safe(cap.words)}", ""))
    if not found.caps:
        lines.append(Text().append("no cap: nothing limits how often customers are written to", "yellow"))
    holdout = found.holdout
    if holdout.millionths:
        lines.append(Text().append(f"hold out {percent(holdout.millionths / 1_000_000)} of all"))
    if holdout.held_out:
        of = counted(holdout.entered, "journey")
        lines.append(Text().append(f"{count(holdout.held_out)} of {of} held out", "dim"))
    elif not holdout.millionths and not holdout.held_out:
        lines.append(Text().append("nobody is held out", "dim"))
    return Text("\n").join(lines)
