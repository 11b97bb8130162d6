"""Replay 18 months of a music shop, and say what came of it.

Everything is done by commands that a user would give by hand; each is shown before it runs. Writes only into the
folder `--build` (build/demo).
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

import make_people  # noqa: E402 -- it lies beside this file, wherever that is

from flowrules.cli.main import run  # noqa: E402

CAMPAIGNS = ("welcome", "win_back", "thanks")
FROM, UNTIL = "1997-01-01T00:00:00Z", "1998-07-01T00:00:00Z"
OPENED = 0.35
WIDTH = 79


class Shop:
    """A workspace in the build folder, and the program that works on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = shown(Path(sys.executable).parent / "flowrules")

    def line(self, *arguments: str) -> str:
        words = [self.program, "-C", shown(self.folder), *arguments]
        return " ".join(f'"{word}"' if " " in word else word for word in words)

    def call(self, *arguments: str) -> None:
        """Show the command, run it as a user would, end if it fails."""
        print(f"$ {self.line(*arguments)}", flush=True)
        code = run(["-C", str(self.folder), *arguments])
        if code != 0:
            sys.exit(code)

    def ask(self, *arguments: str) -> str:
        """What the command prints."""
        out = io.StringIO()
        with redirect_stdout(out):
            code = run(["-C", str(self.folder), *arguments])
        if code != 0:
            sys.exit(code)
        return out.getvalue()

    def facts(self, *arguments: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ask(*arguments, "--format", "json"))
        return found

    def rows(self, *arguments: str) -> Iterable[dict[str, Any]]:
        return map(json.loads, self.ask(*arguments, "--format", "jsonl").splitlines())


def shown(path: Path) -> str:
    """As short as it can be typed here."""
    path = Path(os.path.abspath(path))  # noqa: PTH100 -- resolve() would follow the virtual environment's links
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def copy_workspace(folder: Path) -> None:
    """A fresh copy of this example; an older one makes room, anything else does not."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / "flowrules.toml").is_file():
            sys.exit(f"{folder} holds something that is not this demo's: give another folder with --build")
        shutil.rmtree(folder)
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("*.py", "README.md", "__pycache__"), dirs_exist_ok=True)


def heading(text: str) -> None:
    print(f"\n{text}\n{'=' * len(text)}\n")


def replay(shop: Shop, seed: int) -> None:
    heading("1. A shop: real purchases, invented people")
    print(
        f"$ {shown(Path(sys.executable))} {shown(HERE / 'make_people.py')} {shown(shop.folder / 'data')} --seed {seed}"
    )
    copy_workspace(shop.folder)
    make_people.make(seed, shop.folder / "data")
    shop.call("check")

    heading("2. Its customers, and the rules put in force on 1 January 1997")
    shop.call("apply", "--yes", "--now", FROM)
    shop.call("import", "customers", str(shop.folder / "data/customers.csv"))
    shop.call("import", "consents", str(shop.folder / "data/consents.csv"))

    heading("3. Eighteen months on virtual time")


def figures(shop: Shop) -> None:
    heading("4. The funnels")
    for campaign in CAMPAIGNS:
        print(shop.ask("funnel", campaign))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="which people are invented, and who opens (1)")
    parser.add_argument("--build", type=Path, default=ROOT / "build/demo", help="where everything is written")
    arguments = parser.parse_args()
    os.environ.pop("FLOWRULES_DATABASE_URL", None)  # the demo keeps to its folder
    shop = Shop(Path(arguments.build))
    replay(shop, arguments.seed)
    figures(shop)


if __name__ == "__main__":
    main()
