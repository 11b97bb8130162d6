"""A screen that keeps itself fresh.

Asks the database beside the screen, about each second while something changes and slower while nothing does; goes on
after every failure. What it asks costs at most a tenth of the time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from rich.text import Text
from sqlalchemy import Connection
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer

from flowrules.errors import DatabaseLockedError, DatabaseMissingError, FlowRulesError, ServerUnreachableError
from flowrules.monitor.background import in_background
from flowrules.monitor.reader import Reader
from flowrules.monitor.widgets.top import Notice, Top

if TYPE_CHECKING:
    from flowrules.monitor.app import Monitor

Figures = TypeVar("Figures")
T = TypeVar("T")

SOONEST, LATEST, SLOWER = 1.0, 5.0, 0.5
"""Seconds between two questions, and by how much it grows each time the answer was the same."""
_SHARE = 10
_NOT_REACHED = (DatabaseLockedError, DatabaseMissingError, ServerUnreachableError)
"""Of such a failure nothing is to be spared: it is tried again soon."""
_NARROW = 90
"""Columns in which the keys of the screen itself need all the room there is."""


class Live(Screen[None], Generic[Figures]):
    """A subclass says what it reads, how it is laid out, and how it shows what was read."""

    PLACE = "home"
    FIRST = "Rows"
    """What has the keys at first."""
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = ()
    """For the help: what is pressed, and what that does."""
    AUTO_FOCUS = ""
    BINDINGS = [Binding("r", "refresh", "Read now", show=False)]

    def __init__(self) -> None:
        super().__init__()
        self.figures: Figures | None = None
        self._seen_at: float | None = None
        self._reached = True
        self._top, self._notice, self._footer = Top(self.PLACE), Notice(), Footer(compact=True)
        self._body = Container(id="body")
        self._body.display = False
        self._wanted = asyncio.Event()

    # --- of the subclass ------------------------------------------------------------------------------

    def look(self) -> Figures:
        """In another thread: nothing of the screen may be touched."""
        with self.reader.read() as connection:
            return self.read(connection, self.reader.now(connection))

    def read(self, connection: Connection, now: int) -> Figures:
        """As `look`, of a database."""
        raise NotImplementedError

    def body(self) -> Iterator[Widget]:
        raise NotImplementedError

    def show(self, figures: Figures) -> None:
        raise NotImplementedError

    # --- the frame ------------------------------------------------------------------------------------

    @property
    def reader(self) -> Reader:
        return self.monitor.reader

    @property
    def monitor(self) -> Monitor:
        return cast("Monitor", self.app)

    @property
    def zone(self) -> str:
        return self.monitor.workspace.zone

    def compose(self) -> ComposeResult:
        yield self._top
        yield self._notice
        with self._body:
            yield from self.body()
        yield self._footer

    def on_mount(self) -> None:
        self.keep_fresh()

    def on_resize(self) -> None:
        self._footer.show_command_palette = self.size.width > _NARROW

    def on_screen_resume(self) -> None:
        self.tell()
        self._wanted.set()

    @property
    def gone(self) -> bool:
        """It was closed, or the program ends: its parts go one by one, or were never put together."""
        return not (self.display and self.app.is_running)

    async def beside(self, look: Callable[[], T]) -> T:
        """What `look` gives or raises, in the background; for a screen that is gone by then, the work ends here."""
        try:
            return await in_background(look)
        finally:
            if self.gone:
                raise asyncio.CancelledError

    def tell(self) -> None:
        """Say how the engine is, and what is wrong."""
        if self.gone or not self.is_mounted:
            return
        self._top.show(self.monitor.engine_words())
        reading = Text("reading …", "dim") if self.figures is None else None
        self._notice.show(self.monitor.trouble_words(self._seen_at) or reading)
        self.set_class(self.figures is None, "-nothing")

    def action_refresh(self) -> None:
        self._wanted.set()

    @work(group="order")
    async def order(self, give: Callable[[], str]) -> None:
        """Do it beside the screen, say what came of it, and look again."""
        try:
            came = await in_background(give)
        except FlowRulesError as failure:
            self.notify(failure.hint or "", title=failure.message, severity="error", markup=False)
        else:
            self.notify(came, markup=False)
        self._wanted.set()

    @work(exclusive=True, group="fresh")
    async def keep_fresh(self) -> None:
        pause = SOONEST
        while True:
            self._wanted.clear()
            began = time.monotonic()
            found = await self._ask()
            took = time.monotonic() - began if self._reached else 0.0  # else nobody was burdened
            if found is not None and found != self.figures:
                self.figures = found
                self._put(found)
                pause = SOONEST
            else:
                pause = min(LATEST, pause + SLOWER)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), max(pause, took * _SHARE))
            await self._seen()

    def _put(self, found: Figures) -> None:
        """Onto the screen. All its parts are there: `beside` has let nothing through to one that is gone, and nothing
        is awaited since.
        """
        self._body.display = True
        self.show(found)
        if self.focused is None:
            self.query(self.FIRST).first().focus()
        self.tell()

    async def _ask(self) -> Figures | None:
        try:
            found = await self.beside(self.look)
        except Exception as failure:  # noqa: BLE001 -- it is said, and asked again: nothing ends the monitor
            self._reached = not isinstance(failure, _NOT_REACHED)
            self.monitor.trouble(type(self).__name__, failure)
            return None
        self._reached, self._seen_at = True, time.monotonic()
        self.monitor.trouble(type(self).__name__, None)
        return found

    async def _seen(self) -> None:
        """Until somebody looks at this screen, it asks nothing."""
        while self not in self.app.screen_stack[-2:]:
            self._wanted.clear()
            await self._wanted.wait()
