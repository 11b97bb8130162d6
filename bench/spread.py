"""How long each of many took: the usual, the hundredth and the longest, in milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Spread(NamedTuple):
    p50: float
    p99: float
    longest: float

    def figures(self) -> dict[str, float]:
        return {"p50_ms": round(self.p50, 3), "p99_ms": round(self.p99, 3), "max_ms": round(self.longest, 3)}


def spread(seconds: Sequence[float]) -> Spread:
    """p99: the smallest that 99 of 100 do not exceed."""
    ordered = [each * 1000 for each in sorted(seconds)]
    return Spread(ordered[_rank(50, len(ordered))], ordered[_rank(99, len(ordered))], ordered[-1])


def _rank(percent: int, number: int) -> int:
    return -(-percent * number // 100) - 1
