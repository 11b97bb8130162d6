"""The small panels of the first screen, as rows of two cells; the screen and `--once` show the same.

Takes figures; computes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from flowrules.monitor.telling import ago, as_of_words
from flowrules.report.heartbeat import Heartbeat
from flowrules.report.home import ChannelRow, Home
from flowrules.report.print import safe
from flowrules.report.words import count, counted, moment, percent

Row = tuple[Text, Text]
"""What stands first is never broken; what is said of it may be."""

_WORDS = {
    "intended": "to be sent",
    "claimed": "being sent",
    "retrying": "to be tried again",
    "held": "held back for now",
    "unknown": "of unknown outcome",
}


def table(rows: Sequence[Row]) -> Table | Text:
    """For a panel: a line too long goes on below its beginning."""
    if not any(first.plain for first, _ in rows):
        return Text("\n").join(said for _, said in rows)
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, justify="right" if all(_counts(first) for first, _ in rows) else "left")
    grid.add_column()
    for row in rows:
        grid.add_row(*row)
    return grid


def lines(rows: Sequence[Row]) -> Iterator[Text]:
    """The same for a text of any width."""
    width = max((len(first) for first, _ in rows), default=0)
    right = all(_counts(first) for first, _ in rows)
    for first, said in rows:
        blank = Text(" " * (width - len(first)))
        yield Text(" " if width else "").join((blank + first if right else first + blank, said))


def _counts(first: Text) -> bool:
    return not first or first.plain[0].isdigit()


def outbox(found: Home, now: int) -> list[Row]:
    rows = []
    for queue in found.outbox:
        more = "+" if queue.more else ""
        number = Text(f"{count(queue.number)}{more}", "bold red" if queue.status == "unknown" else "bold")
        said = Text(_WORDS.get(queue.status, queue.status), "red" if queue.status == "unknown" else "")
        rows.append((number, said.append(f", oldest {ago(queue.oldest, now)}", "dim")))
    if not rows:
        rows.append((Text(), Text("empty: nothing waits to be sent", "dim")))
    if found.due:
        due = f"{count(found.due)}{'+' if found.due_more else ''}"
        rows.append((Text(due, "bold"), Text("timers due now")))
    return rows


def channels(found: Home) -> list[Row]:
    if not found.channels:
        return [(Text(), Text("no channel has been used yet", "dim"))]
    return [_channel(each) for each in found.channels]


def _channel(row: ChannelRow) -> Row:
    bad = row.day.refused + row.day.unknown
    sign, style = ("✗", "red") if bad * 5 > row.day.sent and bad else ("!", "yellow") if bad else ("✓", "green")
    said = Text().append(count(row.day.sent), "bold").append(" sent")
    for number, word, colour in (
        (row.day.refused, "refused", "yellow"),
        (row.day.unknown, "unknown", "red"),
        (row.day.expired, "too late", "dim"),
        (row.waiting, "waiting", ""),
        (row.retrying, "retrying", "yellow"),
    ):
        if number:
            said.append(f", {count(number)} {word}", colour)
    if row.limit is not None:
        said.append(f", today {count(row.today)} of {count(row.limit)}", "red" if row.today >= row.limit else "dim")
    return Text().append(f"{sign} ", style).append(safe(row.name)), said


def policy(found: Home) -> list[Row]:
    """The caps that kept most back stand first."""
    rows: list[Row] = []
    for cap in sorted(found.caps, key=lambda cap: -cap.withheld_24h):
        whose = "" if cap.campaign is None else f"{safe(cap.campaign)}: "
        number = Text(count(cap.withheld_24h), "bold yellow" if cap.withheld_24h else "dim")
        rows.append((number, Text(f"{whose}{safe(cap.words)}")))
    if not found.caps:
        rows.append((Text(), Text("no cap: nothing limits how often customers are written to", "yellow")))
    holdout = found.holdout
    if holdout.millionths:
        rows.append((Text(percent(holdout.millionths / 1_000_000)), Text("of all are held out by the policy")))
    if holdout.held_out:
        of = counted(holdout.entered, "journey")
        rows.append((Text(count(holdout.held_out), "dim"), Text(f"of {of} held out", "dim")))
    elif not holdout.millionths:
        rows.append((Text(), Text("nobody is held out", "dim")))
    return rows


def engine(beat: Heartbeat, now: int | None, as_of: int | None, *, virtual: bool) -> list[Row]:
    """as_of: of the figures beside it. now None: the database has been lost, and this is how it was."""
    zone = beat.zone
    rows: list[Row] = []
    if now is None:
        rows.append((Text("contact", "red"), Text("lost; this is how it was before", "red")))
    if as_of is not None:
        rows.append((Text("figures", "yellow"), Text(as_of_words(as_of, zone), "yellow")))
    if virtual:
        rows.append((Text("clock"), Text("virtual, set by commands", "cyan")))
    elif beat.leader is None:
        rows.append((Text("leader"), Text("nobody: `flowrules run` starts it", "yellow")))
    else:
        rows.append((Text("leader"), Text(safe(beat.leader), "bold")))
        rows.append((Text("standby"), Text(", ".join(map(safe, beat.standby)) or "none", "dim")))
    if beat.last_tick is None:
        rows.append((Text("last tick"), Text("none yet", "yellow")))
    else:
        lag = "" if virtual or now is None else f", {ago(beat.last_tick, now)} ago"
        rows.append((Text("last tick"), Text(moment(beat.last_tick, zone), "bold").append(lag, "dim")))
    if beat.target is not None:
        rows.append((Text("under way"), Text(f"a tick up to {moment(beat.target, zone)}", "cyan")))
    if beat.next_due is None:
        rows.append((Text("next timer"), Text("nobody waits for a time", "dim")))
    elif now is not None:
        rows.append((Text("next timer"), Text("due" if beat.next_due <= now else f"in {ago(now, beat.next_due)}")))
    return rows
