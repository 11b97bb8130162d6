"""What every key does on the screen below."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from flowrules.report.print import safe

_EVERYWHERE = (
    ("1 2 3", "home, customers, rules"),
    ("f", "find a customer, from anywhere"),
    ("↑ ↓  j k", "move; g G: first, last; Ctrl-U Ctrl-D: by pages"),
    ("Enter", "open what is under the cursor"),
    ("Esc", "back"),
    ("Tab", "the next part of the screen"),
    ("/", "search in the table; Esc shows all again"),
    ("y", "copy the id under the cursor"),
    ("e", "write the table shown as a CSV file"),
    ("r", "read now, not in a second"),
    ("t", "light or dark"),
    ("Ctrl-P", "all commands, by name"),
    ("q", "quit"),
)


class Help(ModalScreen[None]):
    BINDINGS = [
        ("escape,q,question_mark,enter", "dismiss", "Close"),
        ("j", "scroll('down')", "Down"),
        ("k", "scroll('up')", "Up"),
    ]

    def __init__(self, below: Screen[object]) -> None:
        super().__init__()
        self.title_below = getattr(below, "TITLE", None) or "this screen"
        self.keys = tuple(getattr(below, "KEYS", ()))
        self.told = getattr(below, "TOLD", "")

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help") as scroll:
            scroll.border_title = "Help"
            scroll.border_subtitle = "Esc closes"
            yield Static(self._text())

    def _text(self) -> Text:
        text = Text()
        if self.told:
            text.append(f"{safe(self.told)}\n\n")
        for title, keys in ((f"On {self.title_below}", self.keys), ("Everywhere", _EVERYWHERE)):
            if keys:
                text.append(f"{title}\n", "bold")
                for key, what in keys:
                    text.append(f"  {key:<10}", "yellow").append(f"{what}\n")
                text.append("\n")
        return text.append(
            "Reads only. What can be ordered asks first, and names the command that does the same.", "dim"
        )

    def action_scroll(self, way: str) -> None:
        scroll = self.query_one(VerticalScroll)
        (scroll.scroll_down if way == "down" else scroll.scroll_up)(animate=False)
