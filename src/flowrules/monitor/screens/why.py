"""Why: what decided a line, in words, and the rule in its file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from flowrules.content.deployed import Deployed
from flowrules.monitor.look import LOUD, title
from flowrules.monitor.widgets.source import SourceView
from flowrules.report.clauses import Clause
from flowrules.report.explain import Moment
from flowrules.report.explain_text import said
from flowrules.report.print import safe
from flowrules.report.standing import Standing
from flowrules.report.words import moment, window
from flowrules.source import Source


@dataclass(frozen=True, slots=True)
class Reasons:
    """`rule`: `file:line`; source, line: the file as it was in force then."""

    title: str
    words: Text
    rule: str | None = None
    source: Source | None = None
    line: int | None = None

    def within(self, deployed: Deployed | None) -> Reasons:
        """With the file that the rule stands in."""
        if deployed is None or self.rule is None:
            return self
        name, _, number = self.rule.rpartition(":")
        source = deployed.sources.get(name)
        return self if source is None else replace(self, source=source, line=int(number))

    def text(self) -> Text:
        return self.words


def may_ask(each: Moment) -> bool:
    """A condition about the customer decided, or something was kept from them."""
    return each.asks or kept_back(each)


def kept_back(each: Moment) -> bool:
    """What would have let it out can be asked."""
    match each.what:
        case "withheld":
            return True
        case "send":
            return each.reason == "held_out"
        case "not_entered" | "exit":
            return each.reason == "excluded"
        case "skipped" | "expired" | "cancelled":
            return each.outcome is not None
        case _:
            return False


def of_moment(each: Moment, zone: str) -> Reasons:
    verb, about = said(each, zone)
    text = Text().append(safe(verb), f"bold {LOUD.get(each.what, '')}").append(f" {safe(about)}", "bold")
    when = moment(each.at, zone) if each.at > 0 else "from the start"
    text.append(f"\n{when}", "dim")
    if each.campaign is not None:
        text.append(f"  {safe(each.campaign)}", "dim")
    if each.rule is not None:
        text.append(f"  {safe(each.rule)}", "dim")
    if each.counter is not None and each.window is not None:
        text.append(f"\n{each.counter} of {each.limit} contacts in the {window(each.window)} before")
    for contact in each.contacts:
        text.append(f"\ncounted: {safe(contact.message)} {moment(contact.at, zone)}", "dim")
    for note in each.notes:
        text.append(f"\n{safe(note)}")
    if each.next_possible is not None:
        text.append("\nnext possible ").append(moment(each.next_possible, zone), "bold")
    for clause in each.found:
        _evaluated(text, clause)
    if each.what_if is not None:
        text.append(f"\n{safe(each.what_if.words(zone, each.at))}", "bold" if each.what_if.at is not None else "")
    return Reasons("Why", text, each.rule)


def of_standing(each: Standing, zone: str) -> Reasons:
    text = (
        Text().append(safe(each.campaign), "bold").append(f"  {safe(each.words)}", "green" if each.entered else "red")
    )
    if each.rule is not None:
        text.append(f"\n{safe(each.rule)}", "dim")
    for clause in each.evaluated:
        _evaluated(text, clause)
    if each.next_eligible is not None:
        text.append("\nmay enter again from ").append(moment(each.next_eligible, zone), "bold")
    return Reasons("Why" if each.entered else "Why not", text, each.rule)


class WhyScreen(ModalScreen[None]):
    """The same on a page of its own. asks: what `w` does there."""

    BINDINGS = [
        ("escape,q,enter", "dismiss", "Close"),
        ("j,down", "scroll(1)", "Down"),
        ("k,up", "scroll(-1)", "Up"),
        ("w", "ask", "What if"),
    ]

    def __init__(self, reasons: Reasons, asks: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self.reasons, self.asks = reasons, asks
        self._reason, self._rule = Static(id="reason"), SourceView(id="rule")

    def compose(self) -> ComposeResult:
        with Vertical(id="page") as page:
            page.border_title = title(self.reasons.title)
            page.border_subtitle = "Esc closes"
            yield self._reason
            yield self._rule

    def on_mount(self) -> None:
        self.show(self.reasons)

    def show(self, reasons: Reasons) -> None:
        self.reasons = reasons
        self._reason.update(reasons.text())
        self._rule.display = self.reasons.source is not None
        self._rule.set(self.reasons.source, self.reasons.line)

    def action_ask(self) -> None:
        self.asks()

    def action_scroll(self, way: int) -> None:
        self._rule.scroll_relative(y=way, animate=False)


def _evaluated(text: Text, clause: Clause, indent: int = 0) -> None:
    value = "" if clause.value is None else f" (is {safe(clause.value)})"
    text.append(f"\n{' ' * indent}{safe(clause.text)}{value}: ")
    text.append("yes" if clause.holds else "no", "green" if clause.holds else "red")
    for part in clause.parts:
        _evaluated(text, part, indent + 2)
