"""Measures W: engine, floor, hand, and an ORM with a state machine, in one run on each database.

`python -m bench.run --json --n 100000` prints a table on standard error and one JSON object as its last line.
"""

from __future__ import annotations

import argparse
import json
import platform
import signal
import sqlite3
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from bench import engine
from bench.databases import Place, UnavailableError, place
from bench.profile import Profile

ROOT = Path(__file__).parents[1]
DATABASES = ("sqlite", "postgresql")
CONTESTANTS = ("engine", "floor", "hand", "orm")
ORM_MOST = 10_000
"""The ORM program is slow and grows with n, nothing else: more customers tell nothing more."""

Result = dict[str, Any]


def main() -> None:
    options = _options()
    signal.signal(signal.SIGTERM, _stopped)  # so that no server is left behind
    if options.profile:
        for kind in options.databases:
            with place(kind) as where:
                profile = Profile(kind)
                engine.run(where.empty("profile"), options.n, profile)
                print(profile.report(options.n))
        return
    found: dict[str, Result | None] = dict.fromkeys(DATABASES)
    server: str | None = None
    for kind in options.databases:
        try:
            with place(kind) as where:
                server = where.version() or server
                results = [_round(where, options.n, number) for number in range(options.repeat)]
        except UnavailableError as failure:
            print(f"{kind} is not measured: {failure}", file=sys.stderr)
            continue
        print(_table(kind, options.n, results), file=sys.stderr)
        found[kind] = _summary(results)
    if options.json:
        print(json.dumps({"n": options.n, **found, "versions": _versions(server)}))


def _stopped(_signal: int, _frame: object) -> None:
    raise SystemExit("stopped")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--n", type=_customers, default=10_000, help="customers, a multiple of 100")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--databases", type=_databases, default=DATABASES, help="sqlite,postgresql")
    parser.add_argument("--repeat", type=int, default=1, help="runs, of which the median counts")
    parser.add_argument("--profile", action="store_true", help="the engine's statements by total time, nothing else")
    return parser.parse_args()


def _customers(given: str) -> int:
    n = int(given)
    if n <= 0 or n % 100:
        raise argparse.ArgumentTypeError("a multiple of 100, so that exactly 40 % open and 10 % buy")
    return n


def _databases(given: str) -> tuple[str, ...]:
    names = tuple(given.split(","))
    if set(names) - set(DATABASES):
        raise argparse.ArgumentTypeError(f"some of {','.join(DATABASES)}")
    return names


def _round(where: Place, n: int, number: int) -> dict[str, Result]:
    url = where.empty(f"engine{number}")
    ours = _contend(name="engine", url=url, n=n)
    other = where.empty(f"floor{number}") if where.kind == "sqlite" else url
    return {
        "engine": ours,
        "floor": _contend(name="floor", url=other, n=n, source=url, written=ours["written"]),
        "hand": _contend(name="hand", url=where.empty(f"hand{number}"), n=n),
        "orm": _contend(name="orm", url=where.empty(f"orm{number}"), n=min(n, ORM_MOST)),
    }


def _contend(**job: object) -> Result:
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


def _median(results: list[dict[str, Result]], name: str, what: str) -> float:
    return float(median(result[name][what] for result in results))


def _summary(results: list[dict[str, Result]]) -> Result:
    ours, floor, hand = (_median(results, name, "cpu_s") for name in ("engine", "floor", "hand"))
    return {
        "cpu_s": round(ours, 3),
        "floor_cpu_s": round(floor, 3),
        "hand_cpu_s": round(hand, 3),
        "ratio_to_floor": round(ours / floor, 2),
        "ratio_to_hand": round(ours / hand, 2),
        "peak_rss_mb": round(_median(results, "engine", "peak_rss_mb"), 1),
        "steps": results[0]["engine"]["steps"],
    }


def _table(kind: str, n: int, results: list[dict[str, Result]]) -> str:
    lines = [
        f"W on {kind}, n = {n}, {len(results)} run{'s' * (len(results) > 1)}",
        (
            f"{'':8} {'customers':>9} {'CPU s':>8} {'server':>8} {'wall s':>8} {'CPU s/1,000':>12} {'engine/':>8} "
            f"{'RSS MB':>7}"
        ),
    ]
    ours = _median(results, "engine", "cpu_s") / n
    for name in CONTESTANTS:
        customers = results[0][name]["n"]
        cpu, server, wall, memory = (
            _median(results, name, what) for what in ("cpu_s", "server_cpu_s", "wall_s", "peak_rss_mb")
        )
        lines.append(
            f"{name:8} {customers:9} {cpu:8.3f} {server:8.3f} {wall:8.2f} {cpu / customers * 1000:12.4f} "
            f"{ours / (cpu / customers):8.2f} {memory:7.1f}"
        )
    return "\n".join(lines) + "\n"


def _versions(server: str | None) -> dict[str, str | None]:
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "postgresql": server,
        **{name: version(name) for name in ("flowrules", "sqlalchemy", "psycopg", "transitions")},
    }


if __name__ == "__main__":
    main()
