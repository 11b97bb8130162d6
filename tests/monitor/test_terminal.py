"""The monitor as users start it: in a terminal, with keys, sizes, and a database that goes away under it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.demo.conftest import EXAMPLE, Demo, default_demo
from tests.monitor.conftest import Shop
from tests.monitor.terminal import terminal

__all__ = ["default_demo"]

FLOWRULES = str(Path(sys.executable).parent / "flowrules")


def monitoring(shop: Shop, *more: str) -> list[str]:
    return [FLOWRULES, "-C", str(shop.root), "monitor", *more]


def test_in_a_terminal(sqlite_shop: Shop, tmp_path: Path) -> None:
    """Start, keys, resize, the database gone and back, quit; the terminal is as it was."""
    file, away = tmp_path / "flowrules.sqlite", tmp_path / "away"
    with terminal(monitoring(sqlite_shop), tmp_path, environment={"FLOWRULES_DATABASE_URL": sqlite_shop.url}) as shown:
        shown.sees("1 Home", "welcome", "● live", "Outbox")
        shown.press("enter")
        shown.sees("Steps of lead")
        shown.resize(80, 24)
        shown.sees("Steps of lead", "Search")
        shown.press("f")
        shown.sees("type an id")
        shown.press("a", "n", "a")
        shown.sees("1 found")
        shown.press("enter")
        shown.sees("Timeline, times of")
        file.rename(away)
        shown.sees("there is no database")
        away.rename(file)
        shown.misses("there is no database")
        shown.press("q")
        assert shown.ends() == 0
        assert b"\x1b[?1049h" in shown.raw  # the other screen was taken
        assert b"\x1b[?1049l" in shown.raw  # and given back
        assert b"Traceback" not in shown.raw


def test_a_terminal_without_colours(sqlite_shop: Shop, tmp_path: Path) -> None:
    environment = {"FLOWRULES_DATABASE_URL": sqlite_shop.url, "NO_COLOR": "1", "TERM": "xterm"}
    with terminal(monitoring(sqlite_shop), tmp_path, columns=80, rows=24, environment=environment) as shown:
        shown.sees("● live", "welcome")
        shown.press("q")
        assert shown.ends() == 0


def once(shop: Shop, url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        monitoring(shop, "--once"),
        env={"PATH": os.environ["PATH"], "FLOWRULES_DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )


def test_once_prints_the_first_screen(shop: Shop) -> None:
    said = once(shop, shop.url)
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith("deployment 1; last tick Mon 2026-03-02 10:02 Europe/Madrid; virtual clock\n")
    assert "welcome   live   1        3           3          0              1    0%        -" in said.stdout
    assert "  2 to be sent, oldest 1min" in said.stdout
    assert all(character.isprintable() or character == "\n" for character in said.stdout)


def test_once_without_a_database_exits_with_1(sqlite_shop: Shop, tmp_path: Path) -> None:
    said = once(sqlite_shop, f"sqlite:///{tmp_path / 'none.db'}")
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.startswith("error: there is no database")
    with sqlite_shop.world.database.write() as connection:
        connection.exec_driver_sql("UPDATE flowrules_revision SET version_num = '9999'")
    said = once(sqlite_shop, sqlite_shop.url)
    assert (said.returncode, said.stdout) == (1, "")
    assert "was made by a newer FlowRules" in said.stderr


def test_without_a_terminal_it_says_what_there_is(sqlite_shop: Shop) -> None:
    command = monitoring(sqlite_shop)
    said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr == (
        "error: the monitor needs a terminal\n  hint: `flowrules monitor --once` prints its first screen as text\n"
    )


@pytest.mark.slow
def test_the_demo_goes_on_while_one_watches(default_demo: Demo) -> None:
    """`make monitor`: new people come, and the funnels move within a minute."""

    def entered() -> int:
        found = default_demo.facts("funnel", "welcome")["entered"]
        assert isinstance(found, int), json.dumps(found)
        return found

    before = entered()
    live = default_demo.folder / "examples" / "music_shop" / "live.py"
    assert live.read_text() == (EXAMPLE / "live.py").read_text()
    command = [sys.executable, str(live), "--speed", "120", "--build", str(default_demo.shop)]
    with terminal(command, default_demo.folder, columns=120, rows=40) as shown:
        shown.sees("win_back", "◷ virtual")
        first = shown.text
        shown.until(lambda: re.search(r" N\d{5} ", shown.text) and shown.text != first)
        shown.press("q")
        assert shown.ends() == 0, shown.text
    assert entered() > before
