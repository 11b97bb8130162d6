"""One customer: who, where, what may still be sent, and all that happened; each line tells why, with its rule."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.text import Text
from sqlalchemy import Connection
from textual import on, work
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from flowrules.content.deployed import Library
from flowrules.monitor import orders
from flowrules.monitor.background import in_background
from flowrules.monitor.colours import coloured
from flowrules.monitor.look import LOUD, title, words
from flowrules.monitor.screens.card import card_text
from flowrules.monitor.screens.dialogs import Answer, Question
from flowrules.monitor.screens.live import Live
from flowrules.monitor.screens.why import Reasons, WhyScreen, of_moment, of_standing
from flowrules.monitor.widgets.listing import Column, Line, Listing
from flowrules.monitor.widgets.source import SourceView
from flowrules.report.allowance import Allowance, allowances
from flowrules.report.customer import card
from flowrules.report.explain import Explanation, Moment, explain
from flowrules.report.explain_text import said
from flowrules.report.lookup import find_customer
from flowrules.report.standing import Standing
from flowrules.report.words import clock, count, day

MOST = 1_000
"""Lines of the story shown, the newest."""


@dataclass(frozen=True, slots=True)
class Customer:
    """card: as report.customer gives it."""

    card: dict[str, Any]
    caps: tuple[Allowance, ...]
    story: Explanation
    at: int


class CustomerScreen(Live[Customer]):
    TITLE = "a customer"
    PLACE = "customers"
    FIRST = "#timeline Rows"
    TOLD = "Times are the customer's own. Each line says which rule decided it, and why."
    KEYS = (
        ("Enter", "why: the rule that decided the line, in its file"),
        ("i", "who this is: identity, consents, tags, segments, caps"),
        ("x", "take the customer out of a campaign"),
        ("y", "copy the customer's id"),
    )
    BINDINGS = [
        Binding("escape,backspace", "app.pop_screen", "Back"),
        Binding("i", "who", "Who"),
        Binding("x", "leave", "Take out"),
        Binding("y", "copy_id", "Copy id", show=False),
    ]

    def __init__(self, customer: str) -> None:
        super().__init__()
        self.customer = customer
        self._reasons: dict[str, Moment | Standing] = {}

    # --- read -----------------------------------------------------------------------------------------

    def read(self, connection: Connection, now: int) -> Customer:
        story = explain(connection, self.customer, None, now, self.reader.known)
        number = find_customer(connection, self.customer)
        deployed = Library(connection, self.reader.known).newest
        caps = () if deployed is None else allowances(connection, deployed, number, story.zone, now)
        return Customer(card(connection, number, now, self.reader.known), caps, story, now)

    # --- laid out and shown ---------------------------------------------------------------------------

    def body(self) -> Iterator[Widget]:
        with Horizontal():
            with VerticalScroll(id="card") as box:
                box.border_title = "Who"
                yield Static()
            with Vertical(id="told"):
                yield Listing(
                    (Column("campaign"), Column("stage"), Column("how it stands", wide=True)),
                    id="standings",
                    title="Campaigns",
                    empty="no campaign is in force",
                    hint="Enter: why, or why not",
                )
                yield Listing(
                    (
                        Column("when"),
                        Column("what"),
                        Column("about", wide=True),
                        Column("campaign", spare=1),
                        Column("rule", spare=2),
                    ),
                    id="timeline",
                    title="Timeline",
                    empty="nothing is known to have happened to this customer",
                    hint="Enter: why",
                )
                with Vertical(id="why") as why:
                    why.border_title = "Why"
                    yield Static(id="reason")
                    yield SourceView(id="rule")

    def show(self, figures: Customer) -> None:
        story = figures.story
        box = self.query_one("#card", VerticalScroll)
        box.border_title = title(story.customer)
        box.query_one(Static).update(card_text(figures.card, figures.caps, story.zone))
        self._reasons = {f"s{at}": each for at, each in enumerate(story.standings)}
        self.query_one("#standings", Listing).set(self._standings(figures))
        timeline = self.query_one("#timeline", Listing)
        timeline.set(self._timeline(story))
        timeline.border_title = f"Timeline, times of {story.zone}"
        if len(story.timeline) > MOST:
            timeline.border_subtitle = f"the last {count(MOST)} of {count(len(story.timeline))}"

    def _standings(self, figures: Customer) -> Iterator[Line]:
        inside = {each["campaign"]: each["stage"] for each in figures.card["enrollments"] if each["ended_at"] is None}
        for at, each in enumerate(figures.story.standings):
            stage = words(inside.get(each.campaign) or "", "bold")
            style = "green" if each.campaign in inside else "" if each.entered else "dim"
            yield Line(f"s{at}", (words(each.campaign), stage, words(each.words, style)), self.customer)

    def _timeline(self, story: Explanation) -> Iterator[Line]:
        shown = [each for each in story.timeline if each.what != "outcome"][-MOST:]
        today = None
        for at, each in reversed(list(enumerate(shown))):
            key = f"t{at}"
            self._reasons[key] = each
            verb, about = said(each, story.zone)
            this = day(each.at, story.zone) if each.at > 0 else "from the start"
            when = Text(this, "dim" if this == today else "", no_wrap=True)
            if each.at > 0:
                when.append(f" {clock(each.at, story.zone)}", "")
            today = this
            loud = LOUD.get(each.what, "cyan" if each.kind == "event" else "")
            yield Line(
                key,
                (
                    when,
                    words(verb, loud),
                    words(about),
                    words((each.campaign or "") if each.kind != "event" else "", "dim"),
                    words(each.rule or "", "dim"),
                ),
                self.customer,
            )

    # --- why ------------------------------------------------------------------------------------------

    @on(Listing.Moved)
    def _moved(self, event: Listing.Moved) -> None:
        if self.query_one("#why").display:
            self.explain_line(event.key)

    @on(Listing.Chosen)
    def _chosen(self, event: Listing.Chosen) -> None:
        self.explain_line(event.key, alone=True)

    @work(exclusive=True, group="why")
    async def explain_line(self, key: str, *, alone: bool = False) -> None:
        about, figures = self._reasons.get(key), self.figures
        if about is None or figures is None:
            return
        reasons = (
            of_moment(about, figures.story.zone)
            if isinstance(about, Moment)
            else of_standing(about, figures.story.zone)
        )
        at = about.at if isinstance(about, Moment) else figures.at

        def find() -> Reasons:
            with self.reader.read() as connection:
                deployed = Library(connection, self.reader.known).in_force(at)
            found = reasons.within(deployed)
            if found.source is not None:
                coloured(found.source)
            return found

        try:
            found = await in_background(find)
        except Exception:  # noqa: BLE001 -- the next look of the screen says what is wrong
            found = reasons
        if self.gone:
            return
        if alone:
            self.app.push_screen(WhyScreen(found))
            return
        self.query_one("#reason", Static).update(found.text())
        self.query_one(SourceView).set(found.source, found.line)

    # --- done -----------------------------------------------------------------------------------------

    def action_who(self) -> None:
        if self.figures is not None:
            text = card_text(self.figures.card, self.figures.caps, self.figures.story.zone)
            self.app.push_screen(WhyScreen(Reasons(self.customer, text)))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "who":  # it stands beside
            return not (self.is_mounted and self.query("#card") and self.query_one("#card").display)
        return super().check_action(action, parameters)

    def action_copy_id(self) -> None:
        self.app.copy_to_clipboard(self.customer)
        self.notify(f"copied {self.customer}", markup=False)

    def action_leave(self) -> None:
        if self.figures is None:
            return
        rows = self.figures.card["enrollments"]
        inside = sorted({each["campaign"] for each in rows if each["ended_at"] is None})
        if not inside:
            self.notify(f"{self.customer} is in no campaign", markup=False)
            return
        answers = [
            Answer(name, f"Take out of {name}", shlex.join(["flowrules", "exit", self.customer, name]))
            for name in inside
        ]
        said = "What waits to be sent is not sent any more. The customer may enter again as the campaign says."
        self.app.push_screen(Question(f"Take {self.customer} out?", said, answers), self._leave)

    def _leave(self, campaign: str | None) -> None:
        if campaign is not None:
            self.order(lambda: orders.leave(self.reader, self.customer, campaign))
