"""A tick with nothing due: N customers waiting, against 1,000.

`python -m bench.idle --n 100000 --json`; both stand ready, and take turns.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from bench.command import Result, on_each, parser, table
from bench.databases import Place
from bench.measure import Used, measured
from bench.waiting import NOW, Waiting, waiting

FEW = 1000
TURNS, TICKS = 7, 30
"""Ticks are counted by the turn: the system counts a server's CPU time in hundredths of a second."""

_SECOND = 1_000_000


@dataclass(slots=True)
class _Idle:
    """One database, and what each of its turns used."""

    url: str
    waiting: Waiting
    now: int = NOW
    turns: list[Used] = field(default_factory=list)

    def turn(self) -> None:
        with measured(self.url) as used:
            for _ in range(TICKS):
                self.now += 10 * _SECOND
                done = self.waiting.planning.tick(self.now)
                if done.rounds:
                    raise SystemExit("somebody was due in a tick that should be idle")
        self.turns.append(used)

    def a_tick(self, figure: Callable[[Used], float]) -> float:
        """Milliseconds, the median of all turns but the first, which warms up."""
        return median(figure(used) for used in self.turns[1:]) / TICKS * 1000


def main() -> None:
    options = parser("idle", __doc__).parse_args()
    on_each(options, lambda where: _measure(where, options))


def _measure(where: Place, options: Namespace) -> tuple[Result, str]:
    few, many = where.empty("few"), where.empty("many")
    with waiting(few, FEW) as some, waiting(many, options.n) as all_:
        idle = _Idle(few, some), _Idle(many, all_)
        for _ in range(1 + TURNS):
            for each in idle:
                each.turn()
    (few_cpu, cpu), (few_wall, wall) = (
        [each.a_tick(figure) for each in idle] for figure in (lambda used: used.cpu_s, lambda used: used.wall_s)
    )
    found = {
        "cpu_ms": round(cpu, 3),
        "wall_ms": round(wall, 3),
        "few": FEW,
        "few_cpu_ms": round(few_cpu, 3),
        "few_wall_ms": round(few_wall, 3),
        "ratio": round(cpu / few_cpu, 2),
        "wall_ratio": round(wall / few_wall, 2),
    }
    shown = table(
        f"idle tick on {where.kind}, median of {TURNS} times {TICKS} ticks",
        ("waiting", "CPU ms", "wall ms"),
        (FEW, few_cpu, few_wall),
        (options.n, cpu, wall),
        ("ratio", cpu / few_cpu, wall / few_wall),
    )
    return found, shown


if __name__ == "__main__":
    main()
