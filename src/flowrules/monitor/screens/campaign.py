"""One campaign, close: its funnel, who waits at which step, what became of its messages, and what was decided last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.text import Text
from sqlalchemy import Connection
from textual import on
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from flowrules.monitor.look import number, title, words
from flowrules.monitor.screens.customer import CustomerScreen
from flowrules.monitor.screens.live import Live
from flowrules.monitor.screens.numbers import numbers_text
from flowrules.monitor.screens.ordering import ask_pause
from flowrules.monitor.telling import ago, as_of_words, entered_words
from flowrules.monitor.widgets.decisions import DECISION_COLUMNS, customer_of, decision_lines
from flowrules.monitor.widgets.listing import Column, Line, Listing
from flowrules.report.campaign import CampaignFigures, StageFigures, campaign
from flowrules.report.funnel import Stage
from flowrules.report.funnel_text import bar, reasons
from flowrules.report.print import safe
from flowrules.report.words import count, length, percent

_BAR = 24
_MINUTE = 60_000_000
_PARTS = ("funnel", "steps", "numbers", "decisions")


@dataclass(frozen=True, slots=True)
class Seen:
    figures: CampaignFigures
    now: int


class CampaignScreen(Live[Seen]):
    TITLE = "a campaign"
    TOLD = (
        "A journey counts once in a stage, by its last stay there. █ moved on or reached the goal, ▓ is there now, "
        "░ left otherwise. conv.: the part that moved on or reached the goal; of all: the part of all who entered. "
        "The median is of the last 1,000 stays of the campaign that ended lately; `flowrules funnel` takes all there "
        "ever were. The control group is held out: nothing is sent to it."
    )
    FIRST = "#funnel Rows"
    KEYS = (
        ("↑ ↓", "a stage: its steps are shown below"),
        ("s m d", "steps, messages, decisions"),
        ("Enter", "of a decision: the customer"),
        ("p", "pause or resume the campaign"),
    )
    BINDINGS = [
        Binding("escape,backspace", "app.pop_screen", "Back"),
        Binding("s", "part('steps')", "Steps"),
        Binding("m", "part('numbers')", "Messages"),
        Binding("d", "part('decisions')", "Decisions"),
        Binding("p", "pause", "Pause"),
    ]

    def __init__(self, campaign: str) -> None:
        super().__init__()
        self.campaign = campaign

    # --- read and laid out ----------------------------------------------------------------------------

    def read(self, connection: Connection, now: int) -> Seen:
        found = campaign(connection, self.campaign, self.reader.clock(), known=self.reader.known)
        return Seen(found, now // _MINUTE * _MINUTE)

    def body(self) -> Iterator[Widget]:
        self.add_class("-steps")
        yield Static(id="head")
        yield Listing(
            (
                Column("stage"),
                Column("", spare=1),
                Column("entered", right=True),
                Column("now", right=True),
                Column("moved on", right=True, spare=5),
                Column("left", right=True, spare=3),
                Column("conv.", right=True),
                Column("of all", right=True, spare=4),
                Column("control", right=True, spare=3),
                Column("median", right=True, spare=2, file="median seconds"),
                Column("left because", wide=True, spare=6),
            ),
            id="funnel",
            title="Funnel",
            empty="this campaign has no stage",
            hint="median: how long the last 1,000 stays took",
        )
        with Horizontal(id="middle"):
            yield Listing(
                (
                    Column("step", wide=True),
                    Column("waiting", right=True),
                    Column("next"),
                    Column("held", spare=1),
                    Column("rule", spare=2),
                ),
                id="steps",
                title="Steps",
                empty="nobody is or was in this stage",
            )
            with VerticalScroll(id="numbers") as box:
                box.border_title = "Messages, treated and control"
                yield Static()
        yield Listing(
            DECISION_COLUMNS[:-1],
            id="decisions",
            title="Last decisions",
            empty="nothing was decided lately in this campaign",
            hint="Enter: the customer",
        )

    # --- shown ----------------------------------------------------------------------------------------

    def show(self, figures: Seen) -> None:
        found, zone = figures.figures, self.zone
        self.query_one("#head", Static).update(_head(found, figures.now, zone))
        funnel = self.query_one("#funnel", Listing)
        funnel.set(_stages(found))
        self._show_steps()
        self.query_one("#numbers", VerticalScroll).query_one(Static).update(numbers_text(found))
        decisions = self.query_one("#decisions", Listing)
        decisions.set(decision_lines(found.decisions, zone))
        decisions.in_zone(zone)

    @on(Listing.Moved, "#funnel")
    def _show_steps(self) -> None:
        if self.figures is None:
            return
        key = self.query_one("#funnel", Listing).current_key
        steps = self.query_one("#steps", Listing)
        for stage in self.figures.figures.stages:
            if stage.name == key:
                steps.border_title = title(f"Steps of {stage.name}")
                steps.set(_steps(stage, self.figures.now))
                return
        steps.set(())

    @on(Listing.Chosen, "#decisions")
    def _customer(self, event: Listing.Chosen) -> None:
        self.app.push_screen(CustomerScreen(customer_of(event.key)))

    def action_part(self, name: str) -> None:
        """Where there is room for one only, it takes the place of another."""
        for each in _PARTS:
            self.set_class(each == name, f"-{each}")
        part = self.query_one(f"#{name}")
        (part.rows if isinstance(part, Listing) and part.rows.display else part).focus()

    def action_pause(self) -> None:
        if self.figures is not None:
            found = self.figures.figures
            now = "removed" if found.removed else "live" if found.paused_since is None else "paused"
            ask_pause(self, self.campaign, now, found.funnel.treated.in_journey)


def _head(found: CampaignFigures, now: int, zone: str) -> Text:
    funnel = found.funnel
    treated, control = funnel.treated, funnel.control
    text = Text().append(safe(funnel.title or funnel.campaign), "bold")
    if funnel.title:
        text.append(f"  {safe(funnel.campaign)}", "dim")
    if found.removed:
        text.append("  ○ removed", "dim")
    elif found.paused_since is None:
        text.append("  ● live", "green")
    else:
        text.append(f"  ‖ paused {ago(found.paused_since, now)} ago", "yellow")
    if found.canary is None:
        text.append(f"  version {funnel.version}", "dim")
    else:
        text.append(f"  {entered_words(found.canary)}, version {found.canary.base} for the others", "yellow")
    text.append("\n")
    ended = treated.entered - treated.in_journey
    parts = [(treated.entered, "entered"), (treated.in_journey, "in journey"), (ended, "ended")]
    if control.entered:
        parts.append((control.entered, "held out"))
    for amount, noun in parts:
        text.append(count(amount), "bold").append(f" {noun}   ")
    if found.canary is not None:
        text.append(count(found.tried), "bold yellow").append(f" entered version {funnel.version}   ")
    if treated.goal_rate is not None and treated.goals:
        text.append(percent(treated.goal_rate), "bold green").append(" goal   ")
    if found.as_of is not None:
        text.append(as_of_words(found.as_of, zone), "yellow")
    return text


def _stages(found: CampaignFigures) -> Iterator[Line]:
    treated, control = found.funnel.treated, found.funnel.control
    beside = {stage.name: stage for stage in control.stages} if control.entered else {}
    most = max((stage.entered for stage in treated.stages), default=0)
    for stage in treated.stages:
        yield _stage(stage, beside.get(stage.name), max(1, most), treated.entered)


def _stage(stage: Stage, control: Stage | None, most: int, entered: int) -> Line:
    left = sum(stage.left.values())
    because = " · ".join(f"{count(amount)} {word}" for word, amount in reasons(stage.left, stage.words))
    of_all = round(stage.entered / entered, 6) if entered else None
    other = None if control is None else control.conversion
    return Line(
        stage.name,
        (
            words(stage.name, "bold"),
            bar(stage, most, _BAR),
            number(count(stage.entered)),
            number(count(stage.now), "cyan" if stage.now else "dim"),
            number(count(stage.moved_on)),
            number(count(left), "" if left else "dim"),
            number(percent(stage.conversion), "bold"),
            number(percent(of_all)),
            number(percent(other), "dim"),
            number(length(stage.median_s)),
            words(because, "dim"),
        ),
        plain=(
            stage.name, "", stage.entered, stage.now, stage.moved_on, left, stage.conversion, of_all, other,
            stage.median_s, because,
        ),
    )  # fmt: skip


def _steps(stage: StageFigures, now: int) -> Iterator[Line]:
    """As they stand in the file, one row a line."""
    before = ""
    for place, on_line in groupby(stage.steps, lambda step: step.place):
        steps = tuple(on_line)
        waiting = sum(step.waiting for step in steps)
        held: Counter[str] = Counter()
        for step in steps:
            held.update(dict(step.held))
        if steps[0].under and not before:
            yield _only(f"{steps[0].key}-else", " " * max(0, steps[0].indent // 2 - 2) + steps[0].under)
        before = steps[0].under
        yield Line(
            steps[0].key,
            (
                words(" " * (steps[0].indent // 2) + (steps[0].words or steps[0].key), "" if waiting else "dim"),
                number(count(waiting) if waiting else "·", "bold cyan" if waiting else "dim"),
                _due([step.next_due for step in steps if step.next_due is not None], waiting, now),
                words(", ".join(f"{count(each)} {word.replace('_', ' ')}" for word, each in held.items()), "yellow"),
                words(place, "dim"),
            ),
            place,
        )
    if stage.older:
        yield Line(
            "-older",
            (
                words("at steps of older versions", "dim"),
                number(count(stage.older), "cyan"),
                words(""),
                words(""),
                words(""),
            ),
        )


def _only(key: str, text: str) -> Line:
    """A line at which nobody waits."""
    return Line(key, (words(text, "dim"), *(words("") for _ in range(4))))


def _due(next_due: Sequence[int], waiting: int, now: int) -> Text:
    if not waiting:
        return words("")
    if not next_due:
        return words("not by a timer soon", "dim")
    return words("now", "green") if min(next_due) <= now else words(f"in {ago(now, min(next_due))}")
