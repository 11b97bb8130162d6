"""Tests played side by side, in processes that share the rules made ready.

Takes a theatre; gives what was played in the order of the tests, whoever was done first.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from multiprocessing import get_all_start_methods, get_context
from typing import Any

from flowrules.content import writer
from flowrules.model.trial import Trial
from flowrules.runtime.trial import G, Played, T, Theatre

FEWEST = 16
"""Tests for which it is worth while to start one more process."""


def processes() -> int:
    """That may work at the same time; 1 where one can not be made of another."""
    if "fork" not in get_all_start_methods():
        return 1
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def play_all(theatre: Theatre[T, G], trials: Sequence[Trial], jobs: int | None = None) -> Iterator[Played[T, G]]:
    """jobs: so many processes; None: as many as are worth while."""
    number = min(processes(), len(trials) // FEWEST) if jobs is None else min(jobs, len(trials), processes())
    if number < 2:  # noqa: PLR2004  # alone
        yield from map(theatre.play, trials)
        return
    theatre.prepare()  # before there are several of us
    writer.rest()
    _working.append((theatre, trials))
    try:
        with get_context("fork").Pool(number, theatre.alone) as pool:
            yield from pool.imap(_play, range(len(trials)))
    finally:
        _working.pop()


_working: list[tuple[Theatre[Any, Any], Sequence[Trial]]] = []
"""What a process has of the one that it was made of."""


def _play(number: int) -> Played[Any, Any]:
    theatre, trials = _working[-1]
    return theatre.play(trials[number])
