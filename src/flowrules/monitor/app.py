"""The monitor: its screens, keys and themes, and how the engine is.

Takes a workspace. Reads only; what an operator orders goes the way of the commands (`orders`).
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.text import Text
from textual import on, work
from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.screen import Screen

from flowrules import __version__
from flowrules.errors import DatabaseMissingError, FlowRulesError
from flowrules.monitor import look
from flowrules.monitor.background import in_background
from flowrules.monitor.reader import Reader
from flowrules.monitor.screens.customers import Customers
from flowrules.monitor.screens.help import Help
from flowrules.monitor.screens.home import Home
from flowrules.monitor.screens.live import Live
from flowrules.monitor.screens.rules import Rules
from flowrules.monitor.telling import engine_words
from flowrules.monitor.widgets.listing import Listing
from flowrules.report.heartbeat import Heartbeat, heartbeat
from flowrules.report.print import safe
from flowrules.report.words import length
from flowrules.store.spreadsheet import write_csv
from flowrules.workspace import Workspace

_BEAT = 1.0


class Monitor(App[None]):
    TITLE = "FlowRules"
    CSS_PATH = "monitor.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide"), (150, "-broad")]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (30, "-high")]
    MODES = {"home": Home, "customers": Customers, "rules": Rules}
    BINDINGS = [
        Binding("1", "go('home')", "Home", show=False),
        Binding("2", "go('customers')", "Customers", show=False),
        Binding("3", "go('rules')", "Rules", show=False),
        Binding("f", "find", "Find customer", show=False),
        Binding("t", "toggle_theme", "Light or dark", show=False),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q", "quit", "Quit"),
    ]

    def __init__(self, workspace: Workspace, *, debug: bool = False) -> None:
        """`debug`: a mistake of ours ends it, so that the command can tell where it happened."""
        super().__init__()
        self._ends_with_a_mistake = debug
        self.workspace = workspace
        self.reader = Reader(workspace.database, virtual=workspace.virtual_clock)
        self.heartbeat: Heartbeat | None = None
        self.failure: Exception | None = None
        self._troubles: dict[str, Exception] = {}
        self.ansi_theme_dark, self.ansi_theme_light = look.PLAIN_DARK, look.PLAIN_LIGHT

    def on_mount(self) -> None:
        self.register_theme(look.DARK)
        self.register_theme(look.LIGHT)
        self.theme = look.suits().name
        self.switch_mode("home")
        self.beat()

    # --- how things are -------------------------------------------------------------------------------

    @work(exclusive=True, group="beat")
    async def beat(self) -> None:
        def feel() -> Heartbeat:
            with self.reader.read() as connection:
                return heartbeat(connection, self.reader.clock())

        while True:
            before = self.heartbeat
            try:
                self.heartbeat = await in_background(feel)
            except Exception as failure:  # noqa: BLE001 -- it is said, and tried again: nothing ends the monitor
                self.trouble("beat", failure)
            else:
                self.trouble("beat", None)
            for screen in self.screen_stack:
                if isinstance(screen, Live):
                    screen.tell()
                    if self.heartbeat != before:
                        screen.action_refresh()
            await asyncio.sleep(_BEAT)

    def trouble(self, where: str, failure: Exception | None) -> None:
        """What went wrong at the last try; None: nothing any more."""
        self._troubles.pop(where, None)
        if failure is not None:
            self._troubles[where] = failure
            if self._ends_with_a_mistake and not isinstance(failure, FlowRulesError):
                self.failure = failure
                self.exit(return_code=1)

    @property
    def lost(self) -> bool:
        """No contact with the database: how the engine is by now, nobody knows."""
        return "beat" in self._troubles

    def engine_words(self) -> Text:
        found = None if self.lost else self.heartbeat
        return engine_words(found, _wall(), virtual=self.workspace.virtual_clock)

    def trouble_words(self, seen_at: float | None) -> Text | None:
        """What went wrong last, or that the engine does not run. seen_at: when what is shown was read."""
        failure = next(reversed(self._troubles.values()), None)
        if failure is not None:
            return self._sentence(failure, seen_at)
        found = self.heartbeat
        if found is None or self.workspace.virtual_clock or found.leader is not None or not found.stands(_wall()):
            return None
        return (
            Text()
            .append("the engine is not running: ", "yellow")
            .append("nothing is decided or sent until `flowrules run` starts it")
        )

    def _sentence(self, failure: Exception, seen_at: float | None) -> Text:
        hint: str | None
        if isinstance(failure, DatabaseMissingError) and self.heartbeat is not None:
            # Who read "`apply` makes it" would begin anew, without the data that are somewhere.
            said = re.sub(" yet$", " any more", failure.message)
            hint = "it was moved or deleted: bring it back to where it was, or restore a backup"
        elif isinstance(failure, FlowRulesError):
            said, hint = failure.message, failure.hint
        else:
            said = f"this is a mistake in FlowRules {__version__} itself ({type(failure).__name__})"
            hint = "please report it; `flowrules --debug monitor` ends with where it happened"
        text = Text().append(safe(said), "bold red")
        if hint:
            text.append(f"\n{safe(hint)}")
        old = "" if seen_at is None else f"; what you see is {length(time.monotonic() - seen_at)} old"
        return text.append(f"\ntrying again by itself{old}", "dim")

    def _handle_exception(self, error: Exception) -> None:
        """A mistake of ours ends it with a sentence, as everywhere, instead of Textual's traceback."""
        self.failure = error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        self._close_messages_no_wait()

    # --- where to go ----------------------------------------------------------------------------------

    def action_go(self, place: str) -> None:
        """To the place, and there to its first screen."""
        if self.current_mode == place:
            while len(self.screen_stack) > 1:
                self.pop_screen()
        else:
            self.switch_mode(place)

    async def action_find(self) -> None:
        await self.switch_mode("customers")
        self.action_go("customers")
        screen = self.screen
        if isinstance(screen, Customers):
            screen.begin()

    def action_help(self) -> None:
        if not isinstance(self.screen, Help):
            self.push_screen(Help(self.screen))

    def action_toggle_theme(self) -> None:
        self.theme = (look.LIGHT if self.current_theme.dark else look.DARK).name

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        yield SystemCommand("Home", "All campaigns, the outbox, the channels", lambda: self.action_go("home"))
        yield SystemCommand("Find a customer", "By an id, email or phone, or a part of it", self.action_find)
        yield SystemCommand("Rules", "The workspace's files as they are on disk", lambda: self.action_go("rules"))
        yield SystemCommand("Light or dark", "The other of the two themes", self.action_toggle_theme)
        yield SystemCommand("Help", "What every key does here", self.action_help)
        yield from self._commands_of(screen)
        for each in super().get_system_commands(screen):
            if each.title != "Keys":  # `?` tells them
                yield each

    def _commands_of(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What its keys do, and those of the table that has them."""
        told: set[str] = set()
        words = dict(screen.KEYS) if isinstance(screen, Live) else {}
        for key, each in screen.active_bindings.items():
            binding = each.binding
            ours = isinstance(each.node, Live | Listing) and not binding.action.startswith(("app.", "screen."))
            if ours and each.enabled and binding.action not in told:
                told.add(binding.action)
                do = partial(self.run_action, binding.action, each.node)
                shown = self.get_key_display(binding) if key == binding.key else key
                yield SystemCommand(binding.description, f"{shown}: {words.get(shown, 'on this screen')}", do)

    # --- to take away ---------------------------------------------------------------------------------

    @on(Listing.Exported)
    def _export(self, event: Listing.Exported) -> None:
        """A file beside where the monitor was started, never over another."""
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        path = Path(f"flowrules-{event.name}-{stamp}.csv")
        try:
            with path.open("x", encoding="utf-8", newline="") as file:
                write_csv(file, event.columns, event.rows)
        except OSError as failure:
            self.notify(f"{path.name}: {failure.strerror}", title="not written", severity="error", markup=False)
            return
        self.notify(f"{path.name}, {len(event.rows)} rows", title="written", markup=False)


def _wall() -> int:
    return time.time_ns() // 1000
