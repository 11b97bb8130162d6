"""Make the pictures of docs/monitor.md from the demo's database: `make pictures`, after `make demo`.

Takes the folder of the demo, gives SVG files. The same demo gives the same pictures, byte for byte.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import tempfile
from pathlib import Path

from textual.pilot import Pilot

from flowrules.monitor.app import Monitor
from flowrules.monitor.screens.live import Live
from flowrules.workspace import load

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
SIZE = (120, 36)
KEYS = {
    "home": (),
    "campaign": ("down", "down", "enter"),
    "customer": ("f", *"03558", "enter", "slash", *"withheld", "enter"),
    "rules": ("3", *("down",) * 5),
    "graph": ("3", "tab", "down"),
}
"""What is pressed before each picture."""
_FONTS = re.compile(r"\s*@font-face \{.*?\n\s*\}", re.DOTALL)
_ID = re.compile(r"terminal-\d+")


async def take(folder: Path, keys: tuple[str, ...]) -> str:
    workspace, wrong = load(folder, {})
    if workspace is None:
        sys.exit(f"{folder} is no workspace: {wrong[0].message}")
    app = Monitor(workspace)
    async with app.run_test(size=SIZE) as pilot:
        await _settled(app, pilot)
        for key in keys:
            await pilot.press(key)
            await _settled(app, pilot)
        return picture(app)


def picture(app: Monitor) -> str:
    """What it shows now, as SVG: no fonts from elsewhere, no name that changes from run to run."""
    return _ID.sub("terminal", _FONTS.sub("", app.export_screenshot(title="flowrules monitor")))


async def _settled(app: Monitor, pilot: Pilot[None]) -> None:
    """Until everything is read, and nothing moves any more."""
    while app.heartbeat is None or not isinstance(app.screen, Live) or app.screen.figures is None:
        await pilot.pause(0.1)
    await pilot.pause(1)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "demo"
    if not (folder / "music_shop.db").is_file():
        sys.exit(f"there is no {folder / 'music_shop.db'}: run `make demo` first")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        mistaken = Path(scratch) / folder.name
        shutil.copytree(folder, mistaken)
        rules = mistaken / "rules" / "welcome.flow"
        rules.write_text(rules.read_text(encoding="utf-8").replace("wait 45 days", "wait 45 dais"), encoding="utf-8")
        for name, keys in KEYS.items():
            svg = asyncio.run(take(mistaken if name == "rules" else folder, keys))
            (PICTURES / f"{name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
