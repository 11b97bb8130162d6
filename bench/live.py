"""One live event to its committed message, with N customers waiting.

`python -m bench.live --n 100000 --json`. A campaign beside W answers a question with an email, in a class without
limits. Each event is one fact taken in on a connection of its own, then one tick of the planner that is kept open: the
work of `flowrules run` for it, without the wait for its next beat.
"""

from __future__ import annotations

import random
import time
from argparse import Namespace

from sqlalchemy import func, select

from bench.campaign import RULES, customer_name
from bench.command import Result, on_each, parser, table
from bench.databases import Place
from bench.measure import measured
from bench.spread import Spread, spread
from bench.waiting import NOW, Waiting, waiting
from flowrules.sql import tables as t
from flowrules.sql.codes import Status
from flowrules.store.journal import NewEvent, add_events

_SECOND = 1_000_000
_CLASS = "    class service: purpose marketing, not limited, not counted\n"
_ANSWER = """
event question

campaign answers:
    class service
    enter when question
    stage answer:
        send email offer
"""
_CAP = RULES.index("    cap ")
LIVE = RULES[:_CAP] + _CLASS + RULES[_CAP:] + _ANSWER


def main() -> None:
    wanted = parser("live", __doc__)
    wanted.add_argument("--events", type=int, default=300, help="one after the other")
    options = wanted.parse_args()
    on_each(options, lambda where: _measure(where, options))


def _measure(where: Place, options: Namespace) -> tuple[Result, str]:
    url = where.empty("live")
    customers = random.Random(7).sample(range(options.n), min(options.n, options.events))
    with waiting(url, options.n, LIVE) as ready:
        with measured(url) as used:
            whole, taken = _ask(ready, customers)
        _answered(ready, len(whole))
    found, intake = spread(whole), spread(taken)
    shown = table(
        f"one event to its message on {where.kind}, {options.n} waiting, {len(whole)} events, wall ms",
        ("", *Spread._fields),
        ("intake and tick", *found),
        ("of it intake", *intake),
    )
    cpu = used.cpu_s / len(whole) * 1000
    figures = {**found.figures(), "intake_p50_ms": round(intake.p50, 3), "cpu_ms": round(cpu, 3), "events": len(whole)}
    return figures, f"{shown}CPU ms an event: {cpu:.3f}\n"


def _ask(ready: Waiting, customers: list[int]) -> tuple[list[float], list[float]]:
    """Seconds to the message, and to the fact, of each."""
    whole, taken = [], []
    with ready.database.session() as session:
        for number, customer in enumerate(customers):
            at = NOW + (number + 1) * _SECOND
            fact = NewEvent("question", customer_name(customer), at, at, f"question-{number}", {})
            began = time.perf_counter()
            with ready.database.intake(session) as connection:
                add_events(connection, ready.known, [fact])
            taken.append(time.perf_counter() - began)
            done = ready.planning.tick(at)
            whole.append(time.perf_counter() - began)
            if done.intents != 1:
                raise SystemExit(f"{done.intents} messages for one question")
    return whole, taken


def _answered(ready: Waiting, events: int) -> None:
    """Everyone who asked has a message in the outbox; W sent its own long ago."""
    with ready.database.read() as connection:
        query = select(func.count()).select_from(t.message).where(t.message.c.status == Status.INTENDED)
        found = connection.execute(query).scalar_one()
    if found != events:
        raise SystemExit(f"{found} answers to {events} questions")


if __name__ == "__main__":
    main()
