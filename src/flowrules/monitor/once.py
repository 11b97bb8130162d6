"""The first screen as lines of text: for scripts, mail from cron, and terminals that can do no more.

Takes a workspace; reads the database once, or raises the error that says why not.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from flowrules.monitor.look import state
from flowrules.monitor.reader import Reader
from flowrules.monitor.screens import glance
from flowrules.monitor.telling import ago, alert_words, as_of_words
from flowrules.report.heartbeat import Heartbeat
from flowrules.report.home import CampaignRow, Home, home
from flowrules.report.print import safe
from flowrules.report.words import count, counted, moment, percent
from flowrules.sql.canary import percent as exact
from flowrules.workspace import Workspace

_HEAD = ("campaign", "state", "v", "entered", "in journey", "sent 24 h", "withheld 24 h", "goal", "control")


def once_lines(workspace: Workspace) -> Iterator[Text]:
    reader = Reader(workspace.database, virtual=workspace.virtual_clock)
    with reader.read() as connection:
        now = reader.now(connection)
        found = home(connection, reader.clock(), known=reader.known, limits=workspace.daily_limits)
    yield from _lines(found, now, virtual=workspace.virtual_clock)


def _lines(found: Home, now: int, *, virtual: bool) -> Iterator[Text]:
    yield _engine(found.heartbeat, now, virtual=virtual)
    if not found.heartbeat.deployment:
        return
    if found.as_of is not None:
        yield Text(as_of_words(found.as_of, found.heartbeat.zone), "yellow")
    for alert in found.alerts:
        yield alert_words(alert, now)
    yield Text()
    yield from _campaigns(found.campaigns)
    for title, rows in (
        ("outbox", glance.outbox(found, now)),
        ("channels, last 24 hours", glance.channels(found)),
        ("withheld by caps, last 24 hours; holdout", glance.policy(found)),
    ):
        yield Text()
        yield Text(title, "bold")
        for line in glance.lines(rows):
            yield Text("  ").append_text(line)


def _engine(beat: Heartbeat, now: int, *, virtual: bool) -> Text:
    if not beat.deployment:
        return Text("nothing is deployed yet; `flowrules apply` puts the rules in force")
    last = "no tick yet" if beat.last_tick is None else f"last tick {moment(beat.last_tick, beat.zone)} {beat.zone}"
    if virtual:
        return Text(f"deployment {beat.deployment}; {last}; virtual clock")
    since = "" if beat.last_tick is None else f", {ago(beat.last_tick, now)} ago"
    runs = f"{beat.leader} leads, {counted(len(beat.standby), 'standby')}" if beat.leader else "engine not running"
    return Text(f"deployment {beat.deployment}; {last}{since}; {runs}")


def _campaigns(rows: tuple[CampaignRow, ...]) -> Iterator[Text]:
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEAD))]
    for number, line in enumerate(cells):
        text = "  ".join(
            f"{cell:<{width}}" if column < 2 else f"{cell:>{width}}"  # noqa: PLR2004 -- words, then numbers
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        yield Text(text, "" if number else "dim")


def _cells(row: CampaignRow) -> tuple[str, ...]:
    control = row.control_goals / row.control if row.has_goal and row.control else None
    return (
        safe(row.name),
        state(row.state).plain.partition(" ")[2],
        f"{row.version}{'' if row.canary is None else f' for {exact(row.canary.millionths)}'}",
        count(row.entered),
        count(row.in_journey),
        count(row.sent_24h),
        count(sum(number for _, number in row.withheld_24h)),
        percent(row.conversion),
        percent(control),
    )
