"""A customer's rows of the ledger are found all, however far its index by customer lies behind."""

from __future__ import annotations

from collections import Counter

import pytest
from sqlalchemy import func, select

from flowrules.runtime import tick
from flowrules.sql import tables, visits
from flowrules.sql.visits import of_customer
from flowrules.store.database import Database
from flowrules.store.examine import faults
from tests.proof.copies import Copies, opened
from tests.proof.everything import DEPLOYED, scenario
from tests.proof.story import answering, deploy, make
from tests.reference.scenario import HOUR
from tests.support.prepared import prepared

STORY = scenario(20, days=2, facts=2)


def all_are_found(database: Database) -> tuple[int, int]:
    """Gives how many rows the ledger has, and how many visits there are."""
    decision = tables.decision.c
    with database.read() as connection:
        there = select(decision.customer_id, func.count()).group_by(decision.customer_id)
        counts: dict[int, int] = dict(connection.execute(there).all())
        for number in connection.execute(select(tables.customer.c.id)).scalars():
            found = select(func.count()).select_from(tables.decision).where(of_customer(number))
            assert connection.execute(found).scalar_one() == counts.get(number, 0)
        written = connection.execute(select(func.count()).select_from(tables.visit)).scalar_one()
    assert list(faults(database)) == []
    return sum(counts.values()), written


@pytest.fixture
def url(copies: Copies) -> str:
    """Deployed."""
    url = copies.fresh()

    def begin() -> None:
        make(url, STORY)
        with opened(url) as database:
            deploy(database, STORY, DEPLOYED)

    prepared(url, "visits", begin).close()
    return url


@pytest.mark.parametrize("chunk", [2, 100_000])
@pytest.mark.parametrize("together", [True, False])
def test_every_row_is_found(url: str, monkeypatch: pytest.MonkeyPatch, chunk: int, *, together: bool) -> None:
    """By one planner for all ticks, or a new one for each: it does not know how far behind the index lies."""
    monkeypatch.setattr(visits, "CHUNK", chunk)
    monkeypatch.setattr(tick, "CHUNK", chunk)
    answer = answering(STORY).answer
    seen: Counter[str] = Counter()
    rows = 0
    with opened(url) as database, tick.planner(database) as planning:
        for hours in (5, 12, 30):
            now = DEPLOYED + hours * HOUR
            if together:
                planning.tick(now, answer=answer)
            else:
                tick.tick(database, now, answer=answer)
            rows, written = all_are_found(database)
            seen["behind" if not written else "written"] += 1
    assert rows > 100
    assert seen["behind" if chunk > rows else "written"] == 3


def test_what_nobody_would_find_is_a_fault(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "CHUNK", 40)
    monkeypatch.setattr(tick, "CHUNK", 40)
    with opened(url) as database:
        tick.tick(database, DEPLOYED + 30 * HOUR, answer=answering(STORY).answer)
        with database.write() as connection:
            connection.execute(tables.visit.delete())
        assert [sentence for sentence in faults(database) if "nobody finds" in sentence]
