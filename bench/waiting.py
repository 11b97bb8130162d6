"""W two days on: everybody has got the SMS and waits up to 3 days for a purchase. For what is measured beside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from sqlalchemy import func, select

from bench import work
from bench.campaign import HOUR, RULES, START, model, prepare
from bench.engine import Intake, signup
from bench.measure import Used
from bench.settings import driver_url
from flowrules.model.campaign import Model
from flowrules.runtime.answers import silent
from flowrules.runtime.tick import Planner, planner
from flowrules.sql import tables as t
from flowrules.store.database import Database

NOW = START + work.WAIT_OPEN * HOUR
"""The instant of the last tick."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The planner is kept open, as by `flowrules run`."""

    database: Database
    planning: Planner
    known: Model


@contextmanager
def waiting(url: str, n: int, rules: str = RULES) -> Iterator[Waiting]:
    database = prepare(url, n, rules)
    try:
        known = model(rules)
        with planner(database) as planning:
            take = Intake(database, planning.session, known, Used())
            take.all(signup(number) for number in range(n))
            for at in (START, NOW):
                planning.tick(at, answer=silent)
            _settle(database, url)
            _all_wait(database, n)
            yield Waiting(database, planning, known)
    finally:
        database.close()


def _settle(database: Database, url: str) -> None:
    """What the database would do by itself in the days that these customers have waited."""
    if database.dialect == "sqlite":
        database.checkpoint()
        return
    with psycopg.connect(driver_url(url), autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


def _all_wait(database: Database, n: int) -> None:
    until = NOW + work.WAIT_BUY * HOUR
    with database.read() as connection:
        query = select(func.count()).select_from(t.enrollment).where(t.enrollment.c.due_at == until)
        found = connection.execute(query).scalar_one()
    if found != n:
        raise SystemExit(f"{found} of {n} wait for a purchase")
