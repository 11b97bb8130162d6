"""A database that is missing, newer, gone, or locked: a sentence with the way out, and it recovers by itself."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import threading
import time
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import insert, make_url, text
from textual.app import ComposeResult
from textual.containers import Container

from flowrules.errors import DatabaseReadOnlyError, StoreError
from flowrules.monitor.app import Monitor
from flowrules.monitor.screens.campaign import CampaignScreen
from flowrules.monitor.screens.customer import CustomerScreen
from flowrules.monitor.screens.home import Home
from flowrules.monitor.widgets.listing import Listing
from flowrules.monitor.widgets.top import Top
from flowrules.sql import tables
from flowrules.store import revisions
from flowrules.store.database import Database
from tests.monitor.conftest import Shop, monitor, open_shop, run, write_workspace
from tests.support.postgres import driver_url


def test_nothing_can_be_written_through_it(shop: Shop) -> None:
    database = Database.open(shop.url, read_only=True)
    with pytest.raises(StoreError), database.write() as connection:
        connection.execute(tables.customer.delete())
    database.close()


def test_a_file_opened_to_read_only_may_have_any_name(tmp_path: Path) -> None:
    made = Database.create(f"sqlite:///{tmp_path / 'a %20#b.db'}")
    made.close()
    database = Database.open(f"sqlite:///{tmp_path / 'a %20#b.db'}", read_only=True)
    with database.read() as connection:
        assert connection.execute(tables.clock.select()).one().id == 0
    with pytest.raises(DatabaseReadOnlyError), database.write() as connection:
        connection.execute(tables.clock.delete())
    database.close()


def test_a_missing_database_is_said_and_found_when_it_comes(tmp_path: Path) -> None:
    root, url = tmp_path / "shop", f"sqlite:///{tmp_path / 'late.sqlite'}"

    async def look() -> None:
        write_workspace(root)
        shop = Shop(root, url, None)  # type: ignore[arg-type]  # there is none yet
        async with monitor(shop.workspace, 100, 30) as look:
            await look.sees(
                "there is no database", "`flowrules apply` makes it", "trying again by itself", "no contact"
            )
            made = open_shop(tmp_path / "other", url)
            await look.sees("● live")
            await look.misses("trying again")
            made.world.database.close()

    run(look)


def test_gone_for_a_minute(tmp_path: Path, sqlite_shop: Shop) -> None:
    async def look() -> None:
        file, away = tmp_path / "flowrules.sqlite", tmp_path / "away"
        async with monitor(sqlite_shop.workspace) as look:
            await look.sees("Welcome, new customer")
            file.rename(away)
            await look.sees("there is no database", "any more", "bring it back", "what you see is", "Welcome, new")
            await look.misses("`flowrules apply`")
            away.rename(file)
            await look.misses("there is no database")
            await look.sees("Welcome, new customer", "◷ virtual")

    run(look)


def test_a_newer_database(shop: Shop) -> None:
    async def look() -> None:
        async with monitor(shop.workspace) as look:
            await look.sees("Welcome, new customer")
            with shop.world.database.write() as connection:
                connection.execute(text(f"UPDATE {revisions.VERSION_TABLE} SET version_num = '9999'"))  # noqa: S608
            await look.sees("was made by a newer FlowRules", "install the newer version")
            with shop.world.database.write() as connection:
                head = revisions.head()
                connection.execute(text(f"UPDATE {revisions.VERSION_TABLE} SET version_num = '{head}'"))  # noqa: S608
            await look.misses("was made by a newer FlowRules")

    run(look)


def test_another_database_under_the_same_name(tmp_path: Path, sqlite_shop: Shop) -> None:
    """As `make demo` makes it anew: nothing of the old one may be remembered."""

    async def look() -> None:
        file = tmp_path / "flowrules.sqlite"
        async with monitor(sqlite_shop.workspace) as look:
            await look.sees("Welcome, new customer")
            other = Database.create(f"sqlite:///{tmp_path / 'other.sqlite'}")
            other.close()
            file.rename(tmp_path / "old")
            (tmp_path / "other.sqlite").rename(file)
            await look.sees("no rules are in force yet")

    run(look)


def test_a_server_that_takes_no_connection(postgres_url: str, postgres_server: str, tmp_path: Path) -> None:
    allowing = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    shop = open_shop(tmp_path / "shop", postgres_url)

    async def look() -> None:
        async with monitor(shop.workspace) as look:
            await look.sees("Welcome, new customer")
            name = sql.Identifier(make_url(postgres_url).database or "")
            with psycopg.connect(driver_url(postgres_server), autocommit=True) as admin:
                admin.execute(allowing.format(name, sql.SQL("false")))
                await look.sees("trying again by itself", "Welcome, new customer")
                admin.execute(allowing.format(name, sql.SQL("true")))
            await look.misses("trying again by itself")

    run(look)
    shop.world.database.close()


def test_a_long_writer_keeps_nobody_waiting(sqlite_shop: Shop) -> None:
    async def look() -> None:
        with sqlite_shop.world.database.write() as connection:
            connection.exec_driver_sql("UPDATE clock SET cursor = cursor")
            async with monitor(sqlite_shop.workspace) as look:
                await look.sees("Welcome, new customer")

    run(look)


def test_a_locked_database_is_said_and_found_again_soon(sqlite_shop: Shop) -> None:
    """However long it waited in vain: what burdened nobody is tried again soon, and figures are as old as it says."""

    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.sees("Welcome, new customer")
            other = sqlite3.connect(sqlite_shop.url.removeprefix("sqlite:///"), isolation_level=None, timeout=20)
            for statement in ("PRAGMA locking_mode=EXCLUSIVE", "BEGIN IMMEDIATE", "UPDATE clock SET cursor = cursor"):
                other.execute(statement)
            await look.sees("is locked: another program", "trying again by itself; what you see is")
            await look.until(lambda: re.search(r"what you see is [1-9]\d*s old", look.text))
            assert "what you see is 0s old" not in look.text
            other.close()
            ended = time.monotonic()
            await look.misses("is locked")
            assert time.monotonic() - ended < 15

    run(look)


def test_an_engine_that_does_not_run(tmp_path: Path, sqlite_url: str) -> None:
    """By the machine's clock: the last tick was long ago, and nobody leads."""
    shop = open_shop(tmp_path / "shop", sqlite_url)
    settings = shop.root / "flowrules.toml"
    settings.write_text(settings.read_text().replace("virtual_clock = true", "virtual_clock = false"))
    now = time.time_ns() // 1000

    async def look() -> None:
        async with monitor(shop.workspace) as look:
            await look.sees("the engine is not running: nothing is decided or sent", "`flowrules run` starts it")
            await look.sees("○ not running · tick")
            with shop.world.database.write() as connection:
                row = {"owner": "here 1 x", "leads": 1, "since": now, "expires_at": now + 3_600_000_000}
                connection.execute(insert(tables.scheduler).values(**row))
            await look.sees("● runs · tick", "no standby")
            await look.misses("the engine is not running")

    run(look)
    shop.world.database.close()


def test_a_mistake_of_ours_ends_nothing(sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.sees("Welcome, new customer")

            def broken(*_: object) -> object:
                raise ZeroDivisionError

            good = Home.read
            monkeypatch.setattr(Home, "read", broken)
            await look.press("r")
            await look.sees("this is a mistake in FlowRules", "ZeroDivisionError", "please report it")
            monkeypatch.setattr(Home, "read", good)
            await look.misses("this is a mistake in FlowRules")

    run(look)


def test_with_debug_a_mistake_of_ours_is_handed_on(sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> object:
        raise ZeroDivisionError

    monkeypatch.setattr(Home, "read", broken)

    async def look() -> None:
        app = Monitor(sqlite_shop.workspace, debug=True)
        async with app.run_test() as pilot:
            while app.failure is None:
                await pilot.pause(0.05)
        assert isinstance(app.failure, ZeroDivisionError)

    run(look)


def test_quitting_waits_for_nobody(sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is silent may be: whoever wants to leave, leaves."""
    monkeypatch.setattr(Home, "look", lambda _: time.sleep(30))

    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.until(lambda: look.app.heartbeat is not None)
            await look.press("q")

    began = time.monotonic()
    run(look)
    assert time.monotonic() - began < 25


def test_an_answer_that_comes_while_it_closes(sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts of a screen go one by one, and an answer may come in between."""
    asked, closing = threading.Event(), threading.Event()

    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.sees("● live")
            at_once = Home.look

            def late(home: Home) -> object:
                asked.set()
                closing.wait(20)
                return replace(at_once(home), now=0)

            monkeypatch.setattr(Home, "look", late)
            await look.press("r")
            await look.until(asked.is_set)

            async def goes(part: Container) -> None:
                if part.id == "body":
                    closing.set()
                    await asyncio.sleep(0.5)

            monkeypatch.setattr(Container, "on_unmount", goes, raising=False)

    run(look)
    assert closing.is_set()


def test_a_screen_that_is_closed_before_it_is_there(sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enter, and Escape at once: what is put together just then is given no parts, and told that it is mounted."""
    whole = Listing.compose

    def closing(self: Listing) -> ComposeResult:
        self.screen._pruning = self._pruning = True  # as Textual marks what it removes
        yield from whole(self)

    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.sees("Welcome, new customer")
            monkeypatch.setattr(Listing, "compose", closing)
            look.app.push_screen(CustomerScreen("ana"))
            await look.pilot.pause(1)

    run(look)


def test_a_screen_that_is_being_closed_shows_nothing_more(sqlite_shop: Shop) -> None:
    """What is on it goes bit by bit, while somebody still waits for an answer to show there."""

    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.sees("Welcome, new customer")
            await look.press("enter")
            await look.until(lambda: isinstance(look.app.screen, CampaignScreen) and not look.app.screen.gone)
            closing = look.app.screen
            assert isinstance(closing, CampaignScreen)
            closing.query_one(Top).call_later(asyncio.sleep, 0.2)  # so it goes last
            look.app.pop_screen()
            while closing.children:
                closing.tell()
                await asyncio.sleep(0)
            assert closing.gone

    run(look)
