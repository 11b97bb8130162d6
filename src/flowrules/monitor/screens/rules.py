"""The workspace's files as they are on disk: their mistakes as they come and go, the campaigns drawn, and what differs
from what is deployed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from flowrules.check import check
from flowrules.content.deployed import Library
from flowrules.diagnostics.model import Diagnostic
from flowrules.errors import FlowRulesError
from flowrules.files import FILE, text
from flowrules.model.campaign import Model
from flowrules.model.snapshot import Snapshot
from flowrules.monitor.colours import coloured
from flowrules.monitor.look import number, title, words
from flowrules.monitor.screens.live import Live
from flowrules.monitor.telling import entered_words
from flowrules.monitor.widgets.listing import Column, Line, Listing
from flowrules.monitor.widgets.source import SourceView
from flowrules.report.graph_text import campaign_lines, legend
from flowrules.report.words import counted
from flowrules.runtime.plan import campaign_changes
from flowrules.source import Source
from flowrules.store.canaries import Canary, canaries
from flowrules.syntax import blocks, tree
from flowrules.syntax.reading import read
from flowrules.workspace import load, snapshot

_STATES = {
    "unchanged": ("as deployed", "green"),
    "changed": ("changed: `apply` makes a new version", "yellow"),
    "added": ("not deployed: `apply` puts it in force", "yellow"),
    "removed": ("gone from disk: `apply` ends it", "red"),
    "mistaken": ("has mistakes", "red"),
    "": ("not compared: mistakes elsewhere", "dim"),
}
"""What `apply` would make of a campaign."""


@dataclass(frozen=True, slots=True)
class RuleFile:
    """state: same, changed, new, gone, or unknown where there is no database to ask."""

    source: Source
    diagnostics: tuple[Diagnostic, ...]
    state: str


@dataclass(frozen=True, slots=True)
class Files:
    """campaigns: as written, with what `apply` would make of them, one of _STATES; canaries: of those deployed."""

    files: tuple[RuleFile, ...]
    campaigns: tuple[tuple[str, str, tree.CampaignDecl | None], ...]
    canaries: Mapping[str, Canary] = field(default_factory=dict)


class Rules(Live[Files]):
    TITLE = "Rules"
    PLACE = "rules"
    TOLD = "The files are read again as they change on disk; nothing here changes them."
    KEYS = (("Tab", "files, campaigns, and what is shown of them"), ("↑ ↓", "shows the file, or the campaign drawn"))

    def __init__(self) -> None:
        super().__init__()
        self._checked: tuple[Snapshot, tuple[Diagnostic, ...], Model | None] | None = None

    # --- read, beside the screen ----------------------------------------------------------------------

    def look(self) -> Files:
        root = self.monitor.workspace.root
        workspace, wrong = load(root)
        if workspace is None:
            return Files((RuleFile(Source(FILE, text(root / FILE)), wrong, "unknown"),), ())
        on_disk = snapshot(workspace)
        if self._checked is None or self._checked[0] != on_disk:
            checked = check(on_disk)
            self._checked = (on_disk, checked.diagnostics, checked.model)
        _, diagnostics, model = self._checked
        deployed: dict[str, str] | None = None
        known: dict[str, str] = {}
        tried: Mapping[str, Canary] = {}
        try:
            with self.reader.read() as connection:
                newest = Library(connection, self.reader.known).newest
                deployed = {} if newest is None else {name: each.text for name, each in newest.sources.items()}
                changes = [] if model is None else campaign_changes(connection, model)
                known = {each.name: each.change for each in changes}
                tried = canaries(connection)
        except FlowRulesError:
            pass  # the files can be seen without it; the line above says what is wrong
        return Files(tuple(_files(on_disk, diagnostics, deployed)), tuple(_campaigns(on_disk, model, known)), tried)

    # --- laid out and shown ---------------------------------------------------------------------------

    def body(self) -> Iterator[Widget]:
        with Vertical(id="lists"):
            yield Listing(
                (Column("file", wide=True), Column("on disk", spare=1), Column("mistakes", right=True)),
                id="files",
                title="Files",
                empty=f"no rule files yet\n\nwrite one into {self.monitor.workspace.root.name}/rules/",
            )
            yield Listing(
                (Column("campaign"), Column("against what is deployed", wide=True)),
                id="campaigns",
                title="Campaigns",
                empty="no campaign is written in these files",
                hint="Tab, ↑ ↓: the campaign drawn",
            )
        yield SourceView(id="file")
        yield Drawing(id="drawing")

    def show(self, figures: Files) -> None:
        files = self.query_one("#files", Listing)
        files.set(_line(each) for each in figures.files)
        mistakes = sum(len(each.diagnostics) for each in figures.files)
        files.border_title = f"Files: {counted(mistakes, 'mistake')}" if mistakes else "Files: no mistakes"
        self.query_one("#campaigns", Listing).set(
            Line(name, (words(name), _state(state, figures.canaries.get(name)))) for name, state, _ in figures.campaigns
        )
        if self.query_one("#drawing").display:
            self._draw()
        else:
            self._open()

    @on(Listing.Moved, "#files")
    def _open(self) -> None:
        """The file under the cursor."""
        self._turn(drawing=False)
        key = self.query_one("#files", Listing).current_key
        for each in self.figures.files if self.figures is not None else ():
            if each.source.name == key:
                first = next((mark.span.line for mark in each.diagnostics), None)
                self.query_one("#file", SourceView).set(each.source, first, each.diagnostics)

    @on(Listing.Moved, "#campaigns")
    def _draw(self) -> None:
        key = self.query_one("#campaigns", Listing).current_key
        if not self.query_one("#campaigns", Listing).rows.has_focus and not self.query_one("#drawing").display:
            return  # it came to its first row by itself
        for name, _, campaign in self.figures.campaigns if self.figures is not None else ():
            if name == key and campaign is not None:
                self._turn(drawing=True)
                self.query_one(Drawing).set(campaign)

    def on_descendant_focus(self) -> None:
        """Whoever comes into a list sees what is under its cursor."""
        if self.figures is None:
            return
        if self.query_one("#campaigns", Listing).rows.has_focus:
            self._draw()
        elif self.query_one("#files", Listing).rows.has_focus:
            self._open()

    def _turn(self, *, drawing: bool) -> None:
        self.query_one("#file").display = not drawing
        self.query_one("#drawing").display = drawing


class Drawing(VerticalScroll):
    """A campaign as boxes and branches."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 -- Textual's word
        super().__init__(id=id, classes="source")
        self._text = Static()
        self.display = False

    def compose(self) -> ComposeResult:
        yield self._text

    def set(self, campaign: tree.CampaignDecl) -> None:
        self.border_title = title(campaign.name.text)
        self._text.update(Text("\n").join([*campaign_lines(campaign), Text(), legend()]))


def _files(
    on_disk: Snapshot, diagnostics: tuple[Diagnostic, ...], deployed: dict[str, str] | None
) -> Iterator[RuleFile]:
    """Rules, and whatever else has a mistake in it."""
    sources = {source.name: source for source in on_disk.sources}
    for each in diagnostics:
        sources.setdefault(each.span.source.name, each.span.source)
    rules = {source.name for source in on_disk.sources}
    for name, source in sources.items():
        mine = tuple(each for each in diagnostics if each.span.source.name == name)
        state = "unknown"
        if deployed is not None and name in rules:
            in_force = blocks.without_tests(source.text)  # a deployment has no tests
            if not in_force.strip() or deployed.get(name) == in_force:
                state = "same"
            else:
                state = "changed" if name in deployed else "new"
        coloured(source)  # here, where nobody waits for it
        yield RuleFile(source, mine, state)
    for name in sorted(set(deployed or ()) - set(sources)):
        yield RuleFile(Source(name, (deployed or {})[name]), (), "gone")


def _campaigns(
    on_disk: Snapshot, model: Model | None, known: dict[str, str]
) -> Iterator[tuple[str, str, tree.CampaignDecl | None]]:
    written: dict[str, tree.CampaignDecl] = {}
    meant: set[str] = set()
    for source in on_disk.sources:
        file, _ = read(source)
        written |= {each.name.text: each for each in file.declarations if isinstance(each, tree.CampaignDecl)}
        meant |= set(_CAMPAIGN.findall(source.text))
    for name in sorted({*written, *known, *meant}):
        state = "mistaken" if name not in written and name in meant else "" if model is None else "added"
        yield name, known.get(name, state), written.get(name)


def _state(state: str, canary: Canary | None) -> Text:
    said, style = _STATES[state]
    if canary is None or state not in {"unchanged", "changed"}:
        return words(said, style)
    return words(f"{entered_words(canary)}; {said}", "yellow")


_CAMPAIGN = re.compile(r"^campaign +(\w+)", re.MULTILINE)
_WORDS = {"same": "", "changed": "changed", "new": "new", "gone": "gone", "unknown": ""}


def _line(file: RuleFile) -> Line:
    severities = Counter(each.severity for each in file.diagnostics)
    said = ", ".join(counted(severities[kind], kind) for kind in ("error", "warning") if severities[kind])
    style = "red" if severities["error"] else "yellow"
    name = words(file.source.name.removeprefix("rules/"), "dim" if file.state == "gone" else "")
    return Line(
        file.source.name, (name, words(_WORDS[file.state], "yellow"), number(said or "-", style if said else "dim"))
    )
