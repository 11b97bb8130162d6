"""Measures W: engine, floor, hand, and an ORM with a state machine, in one run on each database.

`python -m bench.run --json --n 100000` prints a table on standard error and one JSON object as its last line.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from statistics import median
from typing import Any

from bench import engine
from bench.command import Result, contend, heed_signals, on_each, parser
from bench.databases import Place, place
from bench.profile import Profile

CONTESTANTS = ("engine", "floor", "hand", "orm")
ORM_MOST = 10_000
"""The ORM program is slow and grows with n, nothing else: more customers tell nothing more."""
SHORT = 3
"""So often is measured what takes SQLite two seconds of a hundred thousand customers, and scatters most: the middle
counts.
"""


def main() -> None:
    options = _options()
    if options.profile:
        heed_signals()
        for kind in options.databases:
            with place(kind) as where:
                profile = Profile(kind)
                engine.run(where.empty("profile"), options.n, profile)
                print(profile.report(options.n))
        return

    def work(where: Place) -> tuple[Result, str]:
        results = [_round(where, options.n, number) for number in range(options.repeat)]
        return _summary(results), _table(where.kind, options.n, results)

    on_each(options, work)


def _options() -> argparse.Namespace:
    found = parser("run", __doc__)
    found.add_argument("--repeat", type=int, default=1, help="runs, of which the middle one counts")
    found.add_argument("--profile", action="store_true", help="the engine's statements by total time, nothing else")
    return found.parse_args()


def _round(where: Place, n: int, number: int) -> dict[str, Result]:
    url = where.empty(f"engine{number}")
    ours = contend(name="engine", url=url, n=n)
    copied: dict[str, Any] = {"n": n, "source": url, "written": ours["written"]}
    if where.kind == "sqlite":
        floors = [_in_a_new_one(where, "floor", **copied) for _ in range(SHORT)]
        hands = [_in_a_new_one(where, "hand", n=n) for _ in range(SHORT)]
    else:  # a server's tables of another database can not be read
        floors = [contend(name="floor", url=url, **copied)]
        hands = [_in_a_new_one(where, "hand", n=n)]
    results = {
        "engine": ours,
        "floor": _middle(floors),
        "hand": _middle(hands),
        "orm": _in_a_new_one(where, "orm", n=min(n, ORM_MOST)),
    }
    where.forget(url)
    return results


def _middle(runs: Sequence[Result]) -> Result:
    return sorted(runs, key=lambda run: run["cpu_s"])[len(runs) // 2]


def _in_a_new_one(where: Place, name: str, **job: object) -> Result:
    url = where.empty(name)
    result = contend(name=name, url=url, **job)
    where.forget(url)
    return result


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


if __name__ == "__main__":
    main()
