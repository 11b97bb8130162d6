"""One customer: who, where, what may still be sent, and all that happened; each line tells why, with its rule."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from rich.text import Text
from sqlalchemy import Connection
from textual import on, work
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from flowrules.content.deployed import Library
from flowrules.errors import FlowRulesError
from flowrules.monitor import orders
from flowrules.monitor.colours import coloured
from flowrules.monitor.look import LOUD, title, words
from flowrules.monitor.screens.card import card_text
from flowrules.monitor.screens.dialogs import Answer, Question
from flowrules.monitor.screens.live import Live
from flowrules.monitor.screens.why import Reasons, WhyScreen, kept_back, may_ask, of_moment, of_standing
from flowrules.monitor.widgets.listing import Column, Line, Listing
from flowrules.monitor.widgets.source import SourceView
from flowrules.report.allowance import Allowance, allowances
from flowrules.report.customer import card
from flowrules.report.explain import Explanation, Moment, explain
from flowrules.report.explain_text import said
from flowrules.report.lookup import find_customer
from flowrules.report.print import safe
from flowrules.report.standing import Standing
from flowrules.report.supposed import Answers
from flowrules.report.words import clock, count, day
from flowrules.whatif.answer import supposing

MOST = 1_000
"""Lines of the story shown, the newest."""
_ASK = "\nw: what would have let it out", "dim"
_ASK_FOUND = "\nw: what it found of the customer", "dim"
_COMPUTING = "\ncomputing …", "yellow"
_HELD_OUT = "\nin the control group: it would not have been sent anyway", "dim"
_NOTHING = "\nno single change that the planner can try would have let it out", "dim"
_NOT_ON_RECORD = "\nit is not on record what it found then", "dim"


@dataclass(frozen=True, slots=True)
class Customer:
    """card: as report.customer gives it."""

    card: dict[str, Any]
    caps: tuple[Allowance, ...]
    story: Explanation
    at: int = field(compare=False)
    """Moves on, and says nothing new by that."""


class CustomerScreen(Live[Customer]):
    TITLE = "a customer"
    PLACE = "customers"
    FIRST = "#timeline Rows"
    TOLD = "Times are the customer's own. Each line says which rule decided it, and why."
    KEYS = (
        ("Enter", "why: the rule that decided the line, in its file"),
        ("w", "what if: what would have let the message out; what a condition found"),
        ("i", "who this is: identity, consents, tags, segments, caps"),
        ("x", "take the customer out of a campaign"),
        ("y", "copy the customer's id"),
    )
    BINDINGS = [
        Binding("escape,backspace", "app.pop_screen", "Back"),
        Binding("w", "what_if", "What if"),
        Binding("i", "who", "Who"),
        Binding("x", "leave", "Take out"),
        Binding("y", "copy_id", "Copy id", show=False),
    ]

    def __init__(self, customer: str) -> None:
        super().__init__()
        self.customer = customer
        self._reasons: dict[str, Moment | Standing] = {}
        self._told: Explanation | None = None
        self._shown: str | None = None
        self._page: WhyScreen | None = None
        self._asking: str | None = None
        self._answers: dict[str, Answers | Exception] = {}

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
                        Column("when", time=True),
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
        if self._told is not None and self._told.timeline != story.timeline:
            self._answers.clear()
        self._told = story
        box = self.query_one("#card", VerticalScroll)
        box.border_title = title(story.customer)
        box.query_one(Static).update(card_text(figures.card, figures.caps, story.zone))
        self._reasons = {f"s{at}": each for at, each in enumerate(story.standings)}
        self.query_one("#standings", Listing).set(self._standings(figures))
        timeline = self.query_one("#timeline", Listing)
        timeline.set(self._timeline(story))
        timeline.in_zone(story.zone)
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
        self._shown = key  # at once: what is asked of a line meanwhile must not bring the one before back
        reasons = self._why(about, figures.story.zone)
        at = about.at if isinstance(about, Moment) else figures.at

        def find() -> Reasons:
            with self.reader.read() as connection:
                deployed = Library(connection, self.reader.known).in_force(at)
            found = reasons.within(deployed)
            if found.source is not None:
                coloured(found.source)
            return found

        try:
            found = await self.beside(find)
        except Exception:  # noqa: BLE001 -- the next look of the screen says what is wrong
            found = reasons
        if alone:
            self._page = WhyScreen(found, self.action_what_if)
            self.app.push_screen(self._page)
        elif self._page is not None and self._page.is_current:
            self._page.show(found)
        self.query_one("#reason", Static).update(found.text())
        self.query_one(SourceView).set(found.source, found.line)

    # --- what if --------------------------------------------------------------------------------------

    def _why(self, about: Moment | Standing, zone: str) -> Reasons:
        """With what would have let it out, as far as that is known by now."""
        if isinstance(about, Standing):
            return of_standing(about, zone)
        if about.campaign is None or not may_ask(about):
            return of_moment(about, zone)
        if about.what == "withheld" and self._held_out(about):
            reasons = of_moment(about, zone)
            reasons.words.append(*_HELD_OUT)
            return reasons
        answers = self._answers.get(about.campaign)
        if answers is None:
            reasons, asking = of_moment(about, zone), self._asking == about.campaign
            reasons.words.append(*(_COMPUTING if asking else _ASK if kept_back(about) else _ASK_FOUND))
        elif isinstance(answers, Exception):
            reasons, ours = of_moment(about, zone), f"a mistake in FlowRules itself ({type(answers).__name__})"
            said = answers.message if isinstance(answers, FlowRulesError) else ours
            reasons.words.append(f"\nthat can not be told: {safe(said)}", "red")
        else:
            reasons = of_moment(about.supposing(answers), zone)
            if kept_back(about) and about.where not in answers.supposed:
                reasons.words.append(*_NOTHING)
            elif about.asks and about.where not in answers.evaluated:
                reasons.words.append(*_NOT_ON_RECORD)
        return reasons

    def _held_out(self, about: Moment) -> bool:
        """Whether the journey is one of the control group."""
        journeys = [] if self.figures is None else self.figures.card["enrollments"]
        mine = (about.campaign, about.instance)
        return any(each["held_out"] for each in journeys if (each["campaign"], each["instance"]) == mine)

    def action_what_if(self) -> None:
        open_ = self._page is not None and self._page.is_current
        key = self._shown if open_ else self._under_cursor()
        about = self._reasons.get(key or "")
        if key is None or not isinstance(about, Moment) or about.campaign is None or not may_ask(about):
            self.notify("nothing to ask here: ask of what was withheld, or what a condition decided", markup=False)
        elif self._asking is not None:
            self.notify("still computing", markup=False)
        else:
            if not isinstance(self._answers.get(about.campaign), Answers):
                self._asking = about.campaign
                self._answers.pop(about.campaign, None)
                self.suppose(about.campaign)
            self.explain_line(key, alone=not (open_ or self.query_one("#why").display))

    def _under_cursor(self) -> str | None:
        return next((each.current_key for each in self.query(Listing) if each.rows.has_focus), self._shown)

    @work(group="what if")
    async def suppose(self, campaign: str) -> None:
        """The planner plays this customer's history once more, in memory, with one thing otherwise."""

        def play(figures: Customer) -> Answers:
            with ExitStack() as stack:
                with self.reader.read() as connection:
                    zone, known = figures.story.zone, self.reader.known
                    made = supposing(connection, self.customer, campaign, zone, figures.at, known)
                    answers = stack.enter_context(made)
                return answers()

        try:
            if self.figures is not None:
                self._answers[campaign] = await self.beside(partial(play, self.figures))
        except Exception as failure:  # noqa: BLE001 -- said where the answer would be
            self._answers[campaign] = failure
        finally:
            self._asking = None
        if self._shown is not None:
            self.explain_line(self._shown)

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
