"""A question before something is done, with the command that would do the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from flowrules.monitor.look import title, words


@dataclass(frozen=True, slots=True)
class Answer:
    """`value` is handed back; `command`: what a terminal would be told; `words`: what follows."""

    value: str
    words: str
    command: str = ""


class Question(ModalScreen[str | None]):
    """Gives the value of the answer chosen; None: nothing is to be done, which is what Enter means at first."""

    BINDINGS = [
        Binding("escape,n,q", "dismiss(None)", "Do nothing"),
        Binding("j", "down", "Down", show=False),
        Binding("k", "up", "Up", show=False),
        Binding("y", "yes", "Yes", show=False),
    ]

    def __init__(self, asked: str, said: str, answers: Sequence[Answer]) -> None:
        super().__init__()
        self.asked, self.said, self.answers = asked, said, tuple(answers)
        self._options = OptionList(
            Option("No, leave it as it is", id="-"),
            *(Option(words(answer.words), id=answer.value) for answer in self.answers),
            compact=True,
        )

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as dialog:
            dialog.border_title = title(self.asked)
            dialog.border_subtitle = "Enter chooses, Esc changes nothing"
            yield Static(words(self.said).plain, id="said", markup=False)
            yield self._options
            yield Static("", id="command", markup=False)

    def on_mount(self) -> None:
        self._options.focus()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        command = next((each.command for each in self.answers if each.value == event.option_id), "")
        self.query_one("#command", Static).update(f"as: {command}" if command else "nothing is changed")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(None if event.option_id == "-" else event.option_id)

    def action_down(self) -> None:
        self._options.action_cursor_down()

    def action_up(self) -> None:
        self._options.action_cursor_up()

    def action_yes(self) -> None:
        """Where there is one way only."""
        if len(self.answers) == 1:
            self.dismiss(self.answers[0].value)
