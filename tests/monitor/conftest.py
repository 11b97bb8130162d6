"""A small shop with a story that can be told by hand, and the monitor that looks at it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from textual.pilot import Pilot

from flowrules.monitor.app import Monitor
from flowrules.workspace import DATABASE_VARIABLE, Workspace, load
from tests.support.prepared import prepared
from tests.support.world import FLOW, START, TEMPLATES, World, at, world

MINUTE, DAY = 60_000_000, 86_400_000_000
SETTINGS = """\
zone = "Europe/Madrid"
currency = "EUR"
virtual_clock = {virtual}

[channels.email]
type = "file"

[channels.sms]
type = "file"
"""


@dataclass(frozen=True)
class Shop:
    """`root`: the workspace on disk; `world`: what is deployed of it, and its customers."""

    root: Path
    url: str
    world: World

    @property
    def workspace(self) -> Workspace:
        found, wrong = load(self.root, {DATABASE_VARIABLE: self.url})
        assert found is not None, wrong
        return found

    @property
    def rules(self) -> Path:
        return self.root / "rules" / "welcome.flow"


def write_workspace(root: Path, flow: str = FLOW, *, virtual: bool = True) -> None:
    (root / "rules").mkdir(parents=True)
    (root / "rules" / "welcome.flow").write_text(flow, encoding="utf-8")
    (root / "flowrules.toml").write_text(SETTINGS.format(virtual=str(virtual).lower()), encoding="utf-8")
    for path, text in TEMPLATES.items():
        file = root / "templates" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def open_shop(root: Path, url: str) -> Shop:
    """Ana, bea and cid (who gave no consent) sign up; dan does not. Ana visits and buys; bea waits."""
    write_workspace(root)

    def fill() -> None:
        made = world(url)
        made.customers(["ana", "bea", "dan"])
        made.customers(["cid"], consent=False)
        made.event(["ana", "bea", "cid"], "signup", START + MINUTE, source="fair")
        made.tick(START + 2 * MINUTE)
        made.database.close()

    return Shop(root, url, World(prepared(url, "the monitor's shop", fill), FLOW, dict(TEMPLATES), _events=3))


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Iterator[Shop]:
    """On either database."""
    made = open_shop(tmp_path / "shop", database_url)
    yield made
    made.world.database.close()


@pytest.fixture
def sqlite_shop(tmp_path: Path, sqlite_url: str) -> Iterator[Shop]:
    """Where the database makes no difference."""
    made = open_shop(tmp_path / "shop", sqlite_url)
    yield made
    made.world.database.close()


@dataclass(frozen=True)
class Look:
    """The monitor, and what is on its screen."""

    app: Monitor
    pilot: Pilot[None]

    @property
    def lines(self) -> list[str]:
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def said(self) -> str:
        """In the corner: what came of an order."""
        return "\n".join(f"{each.title}\n{each.message}" for each in self.app._notifications)

    async def until(self, done: Callable[[], object], *, seconds: float = 60) -> None:
        """Wait for it; what was on the screen is part of the failure."""
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f"{self.text}\n{self.said}"
            await self.pilot.pause(0.02)

    async def sees(self, *wanted: str) -> None:
        await self.until(lambda: all(each in self.text for each in wanted))

    async def hears(self, *wanted: str) -> None:
        await self.until(lambda: all(each in self.said for each in wanted))

    async def misses(self, *unwanted: str) -> None:
        await self.until(lambda: not any(each in self.text for each in unwanted))

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    def line(self, start: str) -> str:
        """The first line that has this in it."""
        return next(line for line in self.lines if start in line)


@asynccontextmanager
async def monitor(workspace: Workspace, width: int = 160, height: int = 50) -> AsyncIterator[Look]:
    app = Monitor(workspace)
    async with app.run_test(size=(width, height)) as pilot:
        yield Look(app, pilot)
    assert app.failure is None


def run(look: Callable[[], object]) -> None:
    """An asynchronous test, from beginning to end."""
    asyncio.run(look())  # type: ignore[arg-type]  # a coroutine function


__all__ = ["DAY", "MINUTE", "START", "Look", "Shop", "at", "monitor", "open_shop", "run", "write_workspace"]
