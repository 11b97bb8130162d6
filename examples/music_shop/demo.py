"""Replay 18 months of a music shop on virtual time, and say what came of it.

Everything is done by commands that you could give yourself; each is shown before it runs. Writes only into the folder
`--build`.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import date, timedelta
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True  # the demo writes into its build folder and nowhere else
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import make_people

from flowrules.cli.main import run
from flowrules.store.database import Database

CAMPAIGNS = ("welcome", "win_back", "thanks")
DATABASE_URL = "FLOWRULES_DATABASE_URL"
BEFORE = "sqlite:///before.db"
MARK = ".made-by-the-demo"
WIDTH = 80

REAL = """\
real      the 6,919 purchases of 2,357 customers (data/SOURCE.md)
assumed   the hour of each purchase: noon in New York
assumed   the people: names, addresses, phones, countries, zones, consents
assumed   the opens: 35 in 100 emails, half of them within 6 hours
Nobody was ever written to, so treated and control differ by chance alone."""


class Shop:
    """The workspace in the build folder, and the program that works on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = shown(Path(sys.executable).parent / "flowrules")

    def line(self, *arguments: str) -> str:
        return wrapped([self.program, "-C", shown(self.folder), *arguments])

    def call(self, *arguments: str) -> None:
        """Show the command, then run it as a shell would; end where it fails."""
        print(f"\n$ {self.line(*arguments)}", flush=True)
        self._run(*arguments)

    def ask(self, *arguments: str) -> str:
        out = io.StringIO()
        with redirect_stdout(out):
            self._run(*arguments)
        return out.getvalue()

    def ledger(self) -> Iterator[dict[str, Any]]:
        return map(json.loads, self.ask("ledger", "--format", "jsonl").splitlines())

    def funnel(self, campaign: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ask("funnel", campaign, "--format", "json"))
        return found

    def _run(self, *arguments: str) -> None:
        code = run(["-C", str(self.folder), *arguments])
        if code != 0:
            sys.exit(code)


def shown(path: Path) -> str:
    """As short as it can be typed from here."""
    path = Path(os.path.abspath(path))  # noqa: PTH100 -- resolve() would follow the virtual environment's links
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def wrapped(words: list[str]) -> str:
    """A command on as many lines as it needs, for a shell to read; an option stays with its value."""
    text = " ".join(f'"{word}"' if " " in word else word for word in words)
    lines = [""]
    for piece in re.findall(r"--\S+ (?!--)\S+|\S+", text):
        if len(lines[-1]) + len(piece) > WIDTH - 5:
            lines.append("   ")
        lines[-1] += f" {piece}" if lines[-1] else piece
    return " \\\n".join(lines)


def heading(text: str) -> None:
    print(f"\n\n{text}\n{'-' * len(text)}")


# --- the replay ------------------------------------------------------------------------------------------------


def make_room(folder: Path) -> None:
    """An older run makes room, anything else does not."""
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / MARK).is_file():
            sys.exit(f"{folder} holds something that is not this demo's; name another folder with --build")
        shutil.rmtree(folder)


def prepare(shop: Shop, seed: int) -> None:
    heading("1. A shop: real purchases, invented people")
    data = shop.folder / "data"
    shutil.copytree(HERE, shop.folder, ignore=shutil.ignore_patterns("*.py", "README.md", "__pycache__"))
    (shop.folder / MARK).touch()
    tempfile.tempdir = str(shop.folder)
    print(f"\n$ mkdir -p {shown(shop.folder)}")
    print(f"$ {wrapped(['cp', '-r', *map(shown, parts(HERE)), shown(shop.folder)])}")
    print(
        f"\n$ {wrapped([shown(Path(sys.executable)), shown(HERE / 'make_people.py'), shown(data), f'--seed={seed}'])}"
    )
    make_people.make(seed, data)
    shop.call("check")

    print(f"\n$ export {DATABASE_URL}={BEFORE}")
    os.environ[DATABASE_URL] = BEFORE
    # The salt decides who is held out; a new shop draws one, this one has the same each time.
    url = f"sqlite:///{shop.folder.absolute() / 'before.db'}"
    Database.create(url, zone="America/New_York", currency="USD", salt=f"music shop {seed}").close()
    shop.call("import", "customers", shown(data / "customers.csv"))
    shop.call("import", "consents", shown(data / "consents.csv"))
    purchases = ("--event", "purchase", "--customer", "customer_id", "--time", "date", "--map", "amount=usd")
    shop.call("import", "events", shown(data / "cdnow_sample_orders.csv"), *purchases)


def parts(folder: Path) -> list[Path]:
    return [folder / name for name in ("flowrules.toml", "rules", "templates", "data")]


def replay(shop: Shop, seed: int) -> None:
    heading("2. Eighteen months on virtual time")
    span = ("--from", "1997-01-01", "--until", "1998-07-01")
    out = ("--out", shown(shop.folder / "messages"), "--keep", shown(shop.folder / "music_shop.db"))
    shop.call("simulate", *span, "--assume", "email.opened=35%", "--seed", str(seed), *out)
    print(f"\n$ unset {DATABASE_URL}    # now it is 1 July 1998")
    del os.environ[DATABASE_URL]


# --- what came of it -------------------------------------------------------------------------------------------


def show_funnels(shop: Shop) -> None:
    heading("3. The funnels")
    for campaign in CAMPAIGNS:
        shop.call("funnel", campaign)
    print()
    for campaign in CAMPAIGNS:
        facts = shop.funnel(campaign)
        exits = [f"{number:,} {reason.replace('_', ' ')}" for reason, number in facts["exits"].items()]
        print(f"{campaign}: {facts['entered']:,} entered = " + " + ".join([f"{facts['in_journey']:,} inside", *exits]))


COUNTS = {
    "sent": "messages handed over",
    "capped": "messages withheld: the customer had had enough of them",
    "no consent": "messages withheld: the customer never agreed to the channel",
    "no address": "messages withheld: no phone number is known",
    "excluded": "entries refused: another campaign has the customer",
    "held out": "journeys of the control groups: nothing reaches them",
    "goal": "second purchases, returns, and purchases after thanks",
}


def what(row: dict[str, Any]) -> str:
    """Which of COUNTS a decision of the ledger belongs to, if any."""
    match row["decision"], row["reason"]:
        case "send", None:
            return "sent"
        case "withheld", reason:
            return str(reason).replace("_", " ")
        case "not_entered" | "exit", "excluded":
            return "excluded"
        case "entered", "held_out":
            return "held out"
        case "goal", _:
            return "goal"
        case _:
            return ""


def show_counts(shop: Shop) -> tuple[str, date]:
    """Count the decisions; the first customer whom the policy spared a message, and the day after."""
    heading("4. What was decided")
    found, spared = Counter[str](), []
    for row in shop.ledger():
        found[what(row)] += 1
        if row["reason"] == "capped" and row["rule"].startswith("rules/policy.flow"):
            spared.append((row["customer"], date.fromisoformat(row["at"][:10]) + timedelta(days=1)))
    print()
    for name, words in COUNTS.items():
        print(f"{name:<10} {found[name]:>7,}  {words}")
    return spared[0]


def show_end(shop: Shop, spared: str, day: date, seconds: float) -> None:
    heading("5. Why a message was withheld")
    shop.call("explain", spared, "welcome", "--at", str(day))

    heading("6. What lies where")
    print()
    for name, words in (
        ("messages/email.jsonl", "every email, as it would have left"),
        ("messages/sms.jsonl", "every text message"),
        ("music_shop.db", "customers, journeys, and all decisions"),
        ("rules/", "the campaigns; a copy, made anew at each run"),
    ):
        print(f"{shown(shop.folder / name):<34}  {words}")

    heading("7. What is real, and what is assumed")
    print(f"\n{REAL}\n\nDone in {seconds:.1f} seconds. Next, try:\n")
    print("  make monitor        the shop goes on: watch it in the terminal")
    print(f"  {shop.line('explain', spared)}")
    print(f"  {shop.line('messages', '--customer', spared)}")
    print(f"  {shop.line('simulate', '--from', '1998-07-01', '--until', '1998-10-01')}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="who the people are, who is held out, who opens (1)")
    parser.add_argument("--build", type=Path, default=HERE.parents[1] / "build" / "demo", help="the folder for it all")
    arguments = parser.parse_args()
    started = time.perf_counter()
    os.environ.pop(DATABASE_URL, None)
    make_room(arguments.build)
    shop = Shop(arguments.build)
    print(f"A music shop, its customers, and three campaigns (seed {arguments.seed})")
    prepare(shop, arguments.seed)
    replay(shop, arguments.seed)
    show_funnels(shop)
    spared, day = show_counts(shop)
    show_end(shop, spared, day, time.perf_counter() - started)


if __name__ == "__main__":
    main()
