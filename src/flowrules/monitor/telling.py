"""What the figures say, in words: the engine, what wants attention, how long ago.

Takes figures; gives styled texts.
"""

from __future__ import annotations

from rich.text import Text

from flowrules.report.alerts import Alert, AlertKind
from flowrules.report.heartbeat import Heartbeat
from flowrules.report.print import safe
from flowrules.report.words import SECOND, count, counted, length, moment
from flowrules.sql.canary import percent
from flowrules.store.canaries import Canary

_LATE = 60
"""Seconds without a tick after which a running engine is said to be late."""


def entered_words(found: Canary) -> str:
    """Which version a share enters."""
    return f"version {found.number} for {percent(found.millionths)}"


def ago(at: int, now: int) -> str:
    return length(max(0, (now - at) // SECOND))


def engine_words(found: Heartbeat | None, wall: int, *, virtual: bool) -> Text:
    """For the end of the first line."""
    if found is None:
        return Text().append("○ no contact with the database", "red")
    if not found.deployment:
        return Text().append("○ nothing is deployed", "yellow")
    under_way = found.target is not None
    if virtual:
        at = "not set yet" if found.last_tick is None else moment(found.last_tick, found.zone)
        text = Text().append(f"{'◐' if under_way else '◷'} virtual ", "cyan").append(at, "bold")
        return text.append(f" {found.zone}", "dim")
    # Short, so that there is room for the zone at 80 columns.
    said = "no tick yet" if found.last_tick is None else f"tick {ago(found.last_tick, wall)} ago"
    if found.leader is None:
        return Text().append(f"○ not running · {said}", "yellow").append(f" · {found.zone}", "dim")
    lag = found.lag(wall)
    late = lag is not None and lag > _LATE * SECOND
    behind = f" · {counted(len(found.standby), 'standby')}" if found.standby else " · no standby"
    return (
        Text()
        .append(f"{'◐' if under_way else '●'} runs · {said}", "yellow" if late else "green")
        .append(f"{behind} · {found.zone}", "dim")
    )


def as_of_words(at: int, zone: str) -> str:
    """Why figures lag behind."""
    return f"counted up to {moment(at, zone)}: a long tick goes on"


_GRAVE = frozenset({AlertKind.ENGINE_STANDS, AlertKind.UNKNOWN_DELIVERY, AlertKind.CHANNEL_FAILING})


def alert_words(alert: Alert, now: int) -> Text:
    """One line: what is wrong, and what helps."""
    said, helps = _said(alert, now)
    text = Text(no_wrap=True, overflow="ellipsis").append(f"! {said}", "red" if alert.kind in _GRAVE else "yellow")
    return text.append(f"  {helps}", "dim")


def _said(alert: Alert, now: int) -> tuple[str, str]:
    number = f"{count(alert.number)}{'+' if alert.more else ''}"
    of = f"{number} of {count(alert.of)}"
    since = "" if alert.since is None else ago(alert.since, now)
    oldest = f", the oldest {since} old" if since else ""
    campaign, channel = safe(alert.campaign or ""), safe(alert.channel or "")
    why = safe(alert.reason or "").replace("_", " ")
    words: dict[AlertKind, tuple[str, str]] = {
        AlertKind.ENGINE_STANDS: (
            f"nobody has decided anything{f' for {since}' if since else ''}",
            "`flowrules run` starts the engine",
        ),
        AlertKind.UNKNOWN_DELIVERY: (f"{campaign}: {number} of unknown outcome{oldest}", "u: say what became of them"),
        AlertKind.CHANNEL_FAILING: (f"{channel}: {of} failed in the last hour", "look at the channel's log"),
        AlertKind.DELIVERY_STANDS: (
            f"{number} messages wait to be sent{oldest}",
            "`flowrules run` sends them",
        ),
        AlertKind.TEMPLATE_FAILING: (f"{campaign}: {number} wait for a template that fails", "repair it, then `apply`"),
        AlertKind.PAUSED_OVERDUE: (f"{campaign} is paused, {number} journeys wait", "p: resume it"),
        AlertKind.MOSTLY_WITHHELD: (f"{campaign}: {of} messages withheld in 24 h: {why}", "Enter: look closer"),
        AlertKind.DAILY_LIMIT: (f"{channel}: {of} of today are used", "the others leave tomorrow"),
    }
    return words[alert.kind]
