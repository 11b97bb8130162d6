"""How the monitor looks: two themes of its own, and the words and signs of states.

Colour never stands alone: what it says, a word or a sign beside it says too.
"""

from __future__ import annotations

import os

from rich.terminal_theme import TerminalTheme
from rich.text import Text
from textual.content import Content
from textual.theme import Theme

from flowrules.report.print import safe

DARK = Theme(
    name="flowrules-dark",
    primary="#6c9ef8",
    secondary="#7d8bb0",
    accent="#e3b34f",
    success="#7fc77f",
    warning="#e3b34f",
    error="#ef7f79",
    foreground="#d8dce6",
    background="#14161c",
    surface="#14161c",
    panel="#20242e",
    dark=True,
    variables={
        "block-cursor-background": "#2c4a80",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#252a36",
        "border": "#6c9ef8",
        "border-blurred": "#363c4a",
        "footer-background": "#20242e",
        "footer-key-foreground": "#e3b34f",
        "input-selection-background": "#6c9ef8 35%",
    },
)
LIGHT = Theme(
    name="flowrules-light",
    primary="#2457b3",
    secondary="#57627d",
    accent="#8a5a00",
    success="#1f7a34",
    warning="#8a5a00",
    error="#b3261e",
    foreground="#22262e",
    background="#fbfbf9",
    surface="#fbfbf9",
    panel="#ebecee",
    dark=False,
    variables={
        "block-cursor-background": "#c9dafb",
        "block-cursor-foreground": "#11141a",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#e4e8ef",
        "border": "#2457b3",
        "border-blurred": "#c6cad2",
        "footer-background": "#ebecee",
        "footer-key-foreground": "#8a5a00",
        "input-selection-background": "#2457b3 25%",
    },
)


def _terminal(background: str, foreground: str, colours: str) -> TerminalTheme:
    """What the plain colour names of texts become: black, red, green, yellow, blue, magenta, cyan, white; and bright
    black, which lies under a line that matters.
    """

    def rgb(text: str) -> tuple[int, int, int]:
        return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)

    *named, mark = [rgb(each) for each in colours.split()]
    return TerminalTheme(rgb(background), rgb(foreground), named, [mark, *named[1:]])


PLAIN_DARK = _terminal("#14161c", "#d8dce6", "#14161c #ef7f79 #7fc77f #e3b34f #6c9ef8 #c79bf0 #63c3cc #d8dce6 #33405e")
PLAIN_LIGHT = _terminal("#fbfbf9", "#22262e", "#22262e #b3261e #1f7a34 #8a5a00 #2457b3 #7b3fb0 #0f6f7a #57627d #dbe6fb")

STATES = {"live": ("●", "green"), "paused": ("‖", "yellow"), "removed": ("○", "dim")}
"""Of a campaign: a sign and a colour."""

LOUD = {
    "withheld": "red",
    "not_entered": "dim",
    "refused": "red",
    "bounced": "red",
    "unknown": "red",
    "expired": "red",
    "goal": "green",
    "send": "green",
    "sent": "green",
    "entered": "blue",
    "exit": "yellow",
}
"""What draws the eye in a list of what happened."""


def suits(environment: dict[str, str] | os._Environ[str] = os.environ) -> Theme:
    """The theme for this terminal: some say what their background is."""
    _, _, background = environment.get("COLORFGBG", "").rpartition(";")
    return LIGHT if background in {"7", "15"} else DARK


def title(text: object) -> Content:
    """Of a frame: somebody's words are no markup there either."""
    return Content(safe(text))


def words(text: object, style: str = "") -> Text:
    """Somebody's text in one line, never read as markup or control."""
    return Text(safe(text), style, no_wrap=True, overflow="ellipsis")


def number(text: object, style: str = "") -> Text:
    return Text(safe(text), style, justify="right", no_wrap=True)


def state(name: str) -> Text:
    sign, style = STATES[name]
    return Text(f"{sign} {name}", style)


def sparkline(values: list[int] | tuple[int, ...]) -> str:
    """One sign a value, from nothing to the most there is; any at all is seen."""
    most = max(values, default=0)
    bars = "▁▂▃▄▅▆▇"  # the full block would touch the row above
    return "".join("·" if not value else bars[max(0, (value * 7 + most - 1) // most - 1)] for value in values)
