"""An insert of one fact by another process, while a tick with N due customers runs and while none does.

`python -m bench.beside --n 100000 --json`. The other process takes in one fact after the other, each in a transaction
of its own, at most 50 a second; the tick is the one in which N customers enter W and are written to.
"""

from __future__ import annotations

import multiprocessing
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import NamedTuple

from bench import work
from bench.campaign import START, customer_name, model, prepare
from bench.command import Result, on_each, parser, table
from bench.databases import Place
from bench.engine import Intake, signup
from bench.measure import Used
from bench.spread import Spread, spread
from flowrules.errors import StoreError
from flowrules.runtime.answers import silent
from flowrules.runtime.tick import planner
from flowrules.store.database import Database
from flowrules.store.journal import NewEvent, add_events

PACE = 0.02


class Insert(NamedTuple):
    began: float
    """By the clock that all processes of a machine share."""
    seconds: float
    refused: bool


def main() -> None:
    wanted = parser("beside", __doc__)
    wanted.add_argument("--seconds", type=float, default=10, help="before the tick begins")
    options = wanted.parse_args()
    on_each(options, lambda where: _measure(where, options))


def _measure(where: Place, options: Namespace) -> tuple[Result, str]:
    url, n = where.empty("beside"), options.n
    database = prepare(url, n)
    try:
        with planner(database) as planning:
            planning.tick(START - 1)  # loads the program
            Intake(database, planning.session, model(), Used()).all(signup(number) for number in range(n))
            with _inserting(url, n) as inserts:
                time.sleep(options.seconds)
                began = time.monotonic()
                done = planning.tick(START, answer=silent)
                ended = time.monotonic()
            if done.entered != n:
                raise SystemExit(f"{done.entered} of {n} entered")
    finally:
        database.close()
    # One that waited for the tick has begun before its end.
    without = [each for each in inserts if each.began + each.seconds < began]
    during = [each for each in inserts if each.began < ended and each.began + each.seconds >= began]
    if not without or not during:
        raise SystemExit("no insert before the tick or none beside it: more customers or more seconds are needed")
    alone, beside = spread([each.seconds for each in without]), spread([each.seconds for each in during])
    refused = sum(each.refused for each in during)
    found = {
        "without": alone.figures(),
        "beside": beside.figures(),
        "more_ms": round(beside.p99 - alone.p99, 3),
        "inserts": len(during),
        "refused": refused,
        "tick_s": round(ended - began, 3),
    }
    shown = table(
        f"insert of one fact on {where.kind} beside a tick of {ended - began:.2f} s for {n} customers, wall ms",
        ("", *Spread._fields, "inserts", "refused"),
        ("without", *alone, len(without), sum(each.refused for each in without)),
        ("beside", *beside, len(during), refused),
    )
    return found, shown


@contextmanager
def _inserting(url: str, n: int) -> Iterator[list[Insert]]:
    """By another process, from when it is ready to the end of the block; what it did is then in the list."""
    spawning = multiprocessing.get_context("spawn")  # nothing of ours is inherited, as by a program of its own
    pipe, theirs = spawning.Pipe()
    process = spawning.Process(target=_insert, args=(url, n, theirs), daemon=True)
    process.start()
    theirs.close()  # so that its end is told
    pipe.recv()
    found: list[Insert] = []
    yield found
    pipe.send("stop")
    found += pipe.recv()
    process.join()


def _insert(url: str, n: int, pipe: Connection) -> None:
    database, known = Database.open(url), model()
    found: list[Insert] = []

    def insert(number: int) -> None:
        # Of another customer each, over all of them. It is told late: the tick has gone past its instant.
        fact = NewEvent(work.PURCHASE, customer_name(number * 7919 % n), START, START, f"beside-{number}", {})
        began, refused = time.monotonic(), False
        try:
            with database.intake(session) as connection:
                add_events(connection, known, [fact])
        except StoreError:
            refused = True
        found.append(Insert(began, time.monotonic() - began, refused))

    with database.session() as session:
        insert(0)  # the first compiles its statements
        found.clear()
        pipe.send("ready")
        number = 0
        while not pipe.poll():
            number += 1
            insert(number)
            time.sleep(max(0.0, PACE - found[-1].seconds))
    pipe.send(found)
    database.close()


if __name__ == "__main__":
    main()
