"""What all measures share: options, the databases one after the other, tables, JSON as the last line."""

from __future__ import annotations

import argparse
import json
import platform
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.databases import Place, UnavailableError, place

ROOT = Path(__file__).parents[1]
DATABASES = ("sqlite", "postgresql")

Result = dict[str, Any]


def parser(name: str, description: str | None, n: int = 10_000) -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog=f"python -m bench.{name}", description=(description or "").partition("\n")[0])
    found.add_argument("--n", type=customers, default=n, help="customers, a multiple of 100")
    found.add_argument("--json", action="store_true", help="one JSON object as the last line")
    found.add_argument("--databases", type=_databases, default=DATABASES, help="sqlite,postgresql")
    return found


def customers(given: str) -> int:
    n = int(given)
    if n <= 0 or n % 100:
        raise argparse.ArgumentTypeError("a multiple of 100, so that exactly 40 % open and 10 % buy")
    return n


def _databases(given: str) -> tuple[str, ...]:
    names = tuple(given.split(","))
    if set(names) - set(DATABASES):
        raise argparse.ArgumentTypeError(f"some of {','.join(DATABASES)}")
    return names


def on_each(options: argparse.Namespace, work: Callable[[Place], tuple[Result, str]]) -> None:
    """The work on each database that is asked for and there; it gives its figures, and a table of them to be read."""
    heed_signals()
    found: dict[str, Result | None] = dict.fromkeys(DATABASES)
    server: str | None = None
    for kind in options.databases:
        try:
            with place(kind) as where:
                server = where.version() or server
                found[kind], shown = work(where)
        except UnavailableError as failure:
            print(f"{kind} is not measured: {failure}", file=sys.stderr)
            continue
        print(shown, file=sys.stderr)
    if options.json:
        print(json.dumps({"n": options.n, **found, "versions": _versions(server)}))


def heed_signals() -> None:
    """Stopped from outside it leaves no server behind."""
    signal.signal(signal.SIGTERM, _stopped)


def _stopped(_signal: int, _frame: object) -> None:
    raise SystemExit("stopped")


def _versions(server: str | None) -> dict[str, str | None]:
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "postgresql": server,
        **{name: version(name) for name in ("flowrules", "sqlalchemy", "psycopg", "transitions")},
    }


def contend(**job: object) -> Result:
    """What one contestant used, in a process of its own."""
    process = subprocess.run(
        [sys.executable, "-m", "bench.contestant"],
        cwd=ROOT,
        input=json.dumps(job),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if process.returncode:
        raise SystemExit(f"{job['name']} failed, see above")
    result: Result = json.loads(process.stdout)
    return {**result, "n": job["n"]}


def table(title: str, *rows: Sequence[object]) -> str:
    """The first row is the head; what stands first in each is its name."""
    shown = [[f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in shown]
    return "\n".join([title, *lines]) + "\n"
