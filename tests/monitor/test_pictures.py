"""What the screens look like, to the letter: kept as text, compared, renewed with FLOWRULES_RENEW=1.

A few are kept as pictures too, for colours and weights: requirements.lock pins the library that draws them.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flowrules.monitor.screens.live import Live
from tests.monitor.conftest import DAY, START, Shop, monitor, run
from tests.monitor.test_screens import open_customer
from tools.pictures import picture

KEPT = Path(__file__).parent / "pictures"
SIZES = ((80, 24), (160, 50))
KEYS = {"home": (), "campaign": ("enter",), "rules": ("3",), "graph": ("3", "tab"), "help": ("question_mark",)}

PAINTED = {"home", "campaign", "customer", "rules"}


def same(name: str, text: str) -> None:
    file = KEPT / name
    if os.environ.get("FLOWRULES_RENEW"):
        KEPT.mkdir(exist_ok=True)
        file.write_text(f"{text}\n", encoding="utf-8")
    assert f"{text}\n" == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize("name", [*KEYS, "customer"])
def test_a_screen_looks_as_it_did(sqlite_shop: Shop, name: str, size: tuple[int, int]) -> None:
    sqlite_shop.world.event(["ana"], "visit", START + DAY)
    sqlite_shop.world.tick(START + 3 * DAY)

    async def look() -> None:
        async with monitor(sqlite_shop.workspace, *size) as look:
            await look.sees("● live")
            await look.press(*KEYS.get(name, ()))
            if name == "customer":
                await open_customer(look, "cid")
            screen = look.app.screen
            await look.until(lambda: not isinstance(screen, Live) or screen.figures is not None)
            # Read, laid out, and nothing moves any more.
            before = ""
            while before != look.text:
                before = look.text
                await look.pilot.pause(0.5)
            same(f"{name}-{size[0]}x{size[1]}.txt", look.text)
            if size == SIZES[0] and name in PAINTED:
                same(f"{name}.svg", picture(look.app))

    run(look)
