"""The first line of every screen: where one can go, and how the engine is. Below it, what is wrong."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

PLACES = (("home", "Home"), ("customers", "Customers"), ("rules", "Rules"))


class Top(Horizontal):
    """`here`: which of PLACES the screen belongs to."""

    def __init__(self, here: str) -> None:
        super().__init__(id="top")
        self.here = here
        self._engine = Static(id="engine")

    def compose(self) -> ComposeResult:
        for number, (place, name) in enumerate(PLACES, 1):
            label = f"[@click=app.go('{place}')] {number} {name} [/]"
            yield Static(label, classes="place -here" if place == self.here else "place")
        yield self._engine

    def show(self, engine: Text) -> None:
        self._engine.update(engine)


class Notice(Static):
    """What keeps the monitor from showing the truth, in a sentence, with the way out; hidden when all is well."""

    def __init__(self) -> None:
        super().__init__(id="notice")
        self.display = False

    def show(self, said: Text | None) -> None:
        self.display = said is not None
        if said is not None:
            self.update(said)
