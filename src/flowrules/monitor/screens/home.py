"""All campaigns at a glance, beside the outbox, the channels and the policy; what wants attention stands on top."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.text import Text
from sqlalchemy import Connection
from textual import on
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from flowrules.monitor.look import number, sparkline, state, title, words
from flowrules.monitor.screens import glance
from flowrules.monitor.screens.campaign import CampaignScreen
from flowrules.monitor.screens.customer import CustomerScreen
from flowrules.monitor.screens.live import Live
from flowrules.monitor.screens.ordering import ask_pause
from flowrules.monitor.screens.unknown import UnknownScreen
from flowrules.monitor.telling import alert_words
from flowrules.monitor.widgets.decisions import DECISION_COLUMNS, customer_of, decision_lines
from flowrules.monitor.widgets.listing import Column, Line, Listing
from flowrules.report.alerts import Alert
from flowrules.report.home import CampaignRow, home
from flowrules.report.home import Home as Figures
from flowrules.report.recent import Decided, latest
from flowrules.report.words import count, percent
from flowrules.sql.canary import percent as exact

_DECISIONS = 40
_PANELS = (
    ("outbox", "Outbox"),
    ("channels", "Channels, 24 h"),
    ("policy", "Withheld by caps, 24 h; holdout"),
    ("heart", "Engine"),
)
_ALERTS = 5
"""Lines of them that have room."""
_NOTHING = (
    "no rules are in force yet\n\n"
    "`flowrules check` finds their mistakes, `flowrules apply` puts them in force\n"
    "3 shows the files of this workspace"
)


@dataclass(frozen=True, slots=True)
class Seen:
    home: Figures
    decisions: tuple[Decided, ...]
    now: int


class Home(Live[Seen]):
    TITLE = "Home"
    TOLD = "Every campaign that was ever deployed; figures of treated customers, not of the control groups."
    KEYS = (
        ("Enter", "the campaign: its funnel, steps and messages"),
        ("p", "pause or resume the campaign"),
        ("u", "deliveries of unknown outcome"),
    )
    BINDINGS = [
        Binding("p", "pause", "Pause"),
        Binding("u", "unknown", "Unknown sends"),
        Binding("f", "app.find", "Find"),
    ]

    def read(self, connection: Connection, now: int) -> Seen:
        found = home(
            connection, self.reader.clock(), known=self.reader.known, limits=self.monitor.workspace.daily_limits
        )
        return Seen(found, latest(connection, _DECISIONS, known=self.reader.known), now // 60_000_000 * 60_000_000)

    def body(self) -> Iterator[Widget]:
        yield Static(id="alerts")
        yield Listing(
            (
                Column("campaign"),
                Column("state"),
                Column("v", right=True, spare=2),
                Column("entered", right=True, spare=3),
                Column("in journey", right=True),
                Column("sent 24 h", right=True),
                Column("withheld 24 h", right=True, spare=4),
                Column("goal", right=True),
                Column("control", right=True, spare=5),
                Column("sent, 14 days", spare=1),
                Column("what for", wide=True, spare=6),
            ),
            id="campaigns",
            title="Campaigns",
            empty=_NOTHING,
            hint="Enter: the funnel",
        )
        with VerticalScroll(id="glance"):
            for name, called in _PANELS:
                panel = Static(id=name, classes="panel")
                panel.border_title = called
                yield panel
        yield Listing(DECISION_COLUMNS, id="decisions", title="Last decisions", empty="nothing has been decided yet")

    def show(self, figures: Seen) -> None:
        found = figures.home
        alerts = self.query_one("#alerts", Static)
        alerts.display = bool(found.alerts)
        alerts.update(_alerts(found.alerts, figures.now))
        self.query_one("#campaigns", Listing).set(_line(each) for each in found.campaigns)
        zone = found.heartbeat.zone
        self.query_one("#outbox", Static).update(glance.table(glance.outbox(found, figures.now)))
        self.query_one("#channels", Static).update(glance.table(glance.channels(found)))
        self.query_one("#policy", Static).update(glance.table(glance.policy(found)))
        self._beats()
        for name in ("#glance", "#decisions"):
            self.query_one(name).set_class(not found.heartbeat.deployment, "-hidden")
        decisions = self.query_one("#decisions", Listing)
        decisions.set(decision_lines(figures.decisions, zone))
        decisions.in_zone(zone)

    def tell(self) -> None:
        super().tell()
        self._beats()

    def _beats(self) -> None:
        """How long ago the last tick was moves on, whatever else does not."""
        beat, virtual = self.monitor.heartbeat, self.reader.virtual
        if self.figures is None or beat is None or self.gone:
            return
        now = beat.last_tick or 0 if virtual else time.time_ns() // 1000
        rows = glance.engine(beat, None if self.monitor.lost else now, self.figures.home.as_of, virtual=virtual)
        panel = self.query_one("#heart", Static)
        panel.border_title = title(f"Engine, times of {beat.zone}")
        panel.update(glance.table(rows))

    @on(Listing.Chosen, "#campaigns")
    def _open(self, event: Listing.Chosen) -> None:
        self.app.push_screen(CampaignScreen(event.key))

    @on(Listing.Chosen, "#decisions")
    def _customer(self, event: Listing.Chosen) -> None:
        self.app.push_screen(CustomerScreen(customer_of(event.key)))

    def action_pause(self) -> None:
        key = self.query_one("#campaigns", Listing).current_key
        for each in self.figures.home.campaigns if self.figures is not None else ():
            if each.name == key:
                ask_pause(self, each.name, each.state, each.in_journey)

    def action_unknown(self) -> None:
        self.app.push_screen(UnknownScreen())


def _alerts(alerts: Sequence[Alert], now: int) -> Text:
    """The gravest stand first; nothing is left out in silence."""
    shown = alerts if len(alerts) <= _ALERTS else alerts[: _ALERTS - 1]
    lines = [alert_words(alert, now) for alert in shown]
    if len(shown) < len(alerts):
        more = f"! {count(len(alerts) - len(shown))} more; `flowrules monitor --once` lists them all"
        lines.append(Text().append(more, "yellow"))
    return Text("\n").join(lines)


def _line(row: CampaignRow) -> Line:
    withheld = sum(each for _, each in row.withheld_24h)
    control = row.control_goals / row.control if row.has_goal and row.control else None
    alarm = f" !{count(row.unknown)} unknown" if row.unknown else ""
    share = "" if row.canary is None else f" for {exact(row.canary.millionths)}"
    return Line(
        row.name,
        (
            words(row.name, "bold" if row.state == "live" else "dim"),
            state(row.state).append(alarm, "red"),
            number(f"{row.version}{share}", "yellow" if share else "dim"),
            number(count(row.entered)),
            number(count(row.in_journey)),
            number(count(row.sent_24h)),
            number(count(withheld), "" if withheld else "dim"),
            number(percent(row.conversion), "bold"),
            number(percent(control), "dim"),
            words(sparkline(row.sends), "cyan"),
            words(row.title or "", "dim"),
        ),
        plain=(
            row.name, row.state, f"{row.version}{share}", row.entered, row.in_journey, row.sent_24h, withheld,
            row.conversion, control, " ".join(map(str, row.sends)), row.title,
        ),
    )  # fmt: skip
