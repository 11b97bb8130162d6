"""100 segments that campaigns wait for: 1,000 customers whose facts changed, against all N asked anew.

`python -m bench.segments --n 100000 --json`. All are asked when the campaigns are applied; then some buy once more,
a tick asks these again, and who has joined a segment enters its campaign.
"""

from __future__ import annotations

import random
from argparse import Namespace
from collections.abc import Iterable

from sqlalchemy import func, select

from bench.campaign import HOUR, START, customer_name, model, prepare, snapshot
from bench.command import Result, on_each, parser, table
from bench.databases import Place
from bench.engine import Intake
from bench.measure import Used, measured
from flowrules.runtime.answers import silent
from flowrules.runtime.deploy import apply
from flowrules.runtime.tick import Planner, planner
from flowrules.sql import tables as t
from flowrules.store.database import Database
from flowrules.store.journal import NewEvent

SEGMENTS, CHANGED = 100, 1000
AMOUNTS = 1000
"""Customer k has bought for k % 1,000; who has bought for more than 899, 900, ... is in a segment: one in twenty."""
FIRST = AMOUNTS - SEGMENTS - 1

_EVENT = """\
policy:
    time zone of customer, else "UTC"
    purpose marketing: unless refused
    class marketing: purpose marketing, limited, counted

event purchase:
    amount: money
"""
_SEGMENT = """
segment above_{0}: total of purchase.amount in last 365 days > {0} EUR
campaign reward_{0}:
    class marketing
    enter when joins segment above_{0}
    stage thanks:
        wait 1 day
        send email offer
"""
RULES = _EVENT + "".join(_SEGMENT.format(FIRST + number) for number in range(SEGMENTS))


def main() -> None:
    options = parser("segments", __doc__).parse_args()
    on_each(options, lambda where: _measure(where, options))


def _measure(where: Place, options: Namespace) -> tuple[Result, str]:
    url, n = where.empty("segments"), options.n
    database = prepare(url, n, _EVENT)
    try:
        known = model(RULES)
        with planner(database) as planning:
            _buy(database, planning, START, ((number, number % AMOUNTS) for number in range(n)))
            planning.tick(START, answer=silent)
            with measured(url) as all_:
                apply(database, snapshot(RULES), known, START + HOUR)
            _members(database, [number % AMOUNTS for number in range(n)])
            planning.tick(START + 2 * HOUR, answer=silent)  # loads the new program
            again = random.Random(7).sample(range(n), min(n, CHANGED))
            _buy(database, planning, START + 3 * HOUR, ((number, 1) for number in again))
            with measured(url) as few:
                done = planning.tick(START + 3 * HOUR, answer=silent)
        chosen = frozenset(again)
        _members(database, [number % AMOUNTS + (number in chosen) for number in range(n)])
        joined = sum(FIRST <= number % AMOUNTS < FIRST + SEGMENTS for number in again)
        if done.entered != joined:
            raise SystemExit(f"{done.entered} entered, {joined} joined a segment")
    finally:
        database.close()
    found = {
        "segments": SEGMENTS,
        "all_cpu_s": round(all_.cpu_s, 3),
        "changed": len(again),
        "changed_cpu_s": round(few.cpu_s, 3),
        "ratio": round(few.cpu_s / all_.cpu_s, 4),
    }
    shown = table(
        f"{SEGMENTS} segments on {where.kind}, {joined} customers join one",
        ("customers asked", "CPU s", "wall s"),
        (n, all_.cpu_s, all_.wall_s),
        (len(again), few.cpu_s, few.wall_s),
        ("ratio", few.cpu_s / all_.cpu_s, few.wall_s / all_.wall_s),
    )
    return found, shown


def _buy(database: Database, planning: Planner, at: int, purchases: Iterable[tuple[int, int]]) -> None:
    Intake(database, planning.session, model(_EVENT), Used()).all(
        NewEvent("purchase", customer_name(number), at, at, f"{at}-{number}", {"amount": amount * 100})
        for number, amount in purchases
    )


def _members(database: Database, totals: Iterable[int]) -> None:
    with database.read() as connection:
        query = select(func.count()).select_from(t.membership).where(t.membership.c.member == 1)
        found = connection.execute(query).scalar_one()
    expected = sum(max(0, min(total - FIRST, SEGMENTS)) for total in totals)
    if found != expected:
        raise SystemExit(f"{found} memberships, expected {expected}")


if __name__ == "__main__":
    main()
