"""Schedulers, dispatchers and intake at once, as processes of their own: nothing twice, nothing lost."""

from __future__ import annotations

import json
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from flowrules.content.outgoing import KEY
from flowrules.runtime.tick import tick
from flowrules.sql import tables
from flowrules.store.database import Database
from tests.reference.scenario import LedgerRow
from tests.schedule.runs import Shop, shop, until
from tests.support.engine import ledger

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CUSTOMERS = 30
PARTS = 3


def test_two_schedulers_and_four_dispatchers(tmp_path: Path, database_url: str) -> None:
    """On SQLite the dispatchers wait for the one writer; that is all there is to see."""
    made = shop(tmp_path, database_url, CUSTOMERS)
    names = [f"c{number}" for number in range(CUSTOMERS)]
    with ExitStack() as all_:
        runs = [all_.enter_context(made.process("run")) for _ in range(2)]
        until(lambda: any("leading" in run.said for run in runs))
        for part in range(PARTS):
            made.signups(names[part::PARTS])
            dispatchers = [all_.enter_context(made.process("deliver")) for _ in range(4)]
            if part == PARTS // 2:
                next(run for run in runs if "leading" in run.said).kill()
            for each in dispatchers:
                # Ones that find the file locked for too long say so; the next takes over.
                assert each.popen.wait(timeout=240) == 0 or "is locked" in each.said, each.said
        until(lambda: len(made.sent()) >= 2 * CUSTOMERS, seconds=300)
        time.sleep(3)  # for what should not come
        for run in runs:
            if run.popen.poll() is None:
                assert run.stop() == 0, run.said
    lines = [json.loads(line) for line in made.sent()]
    counted = Counter((line["customer"], line["template"]) for line in lines)
    assert counted == Counter((name, template) for name in names for template in ("welcome", "second"))
    assert len({line["idempotency_key"] for line in lines}) == 2 * CUSTOMERS
    made.done("run", "--once")
    alone(made)


def alone(made: Shop) -> None:
    """One process over the same journal decides the same."""
    database = Database.open(made.url)
    found, again = [], []
    with database.read() as connection:
        found = ledger(connection)
        last = connection.execute(select(tables.clock.c.last_tick)).scalar_one()
        began = connection.execute(select(tables.deployment.c.at)).scalar_one() - 1
        outcomes = sorted(connection.execute(select(tables.outcome)).all(), key=lambda row: row.at)
        sent = {tuple(row._mapping[name] for name in KEY): row for row in connection.execute(select(tables.message))}
    # Back to the deployment: what was decided is forgotten, what happened stays.
    with database.write() as connection:
        for table in (tables.decision, tables.visit, tables.message, tables.contact, tables.enrollment, tables.tagging,
                      tables.consumption, tables.outcome, tables.attempt):  # fmt: skip
            connection.execute(delete(table))
        connection.execute(tables.clock.update().values(last_tick=began, target=began, cursor=0))
    for at in sorted({row.at for row in outcomes}):
        tick(database, at - 1)
        with database.write() as connection:
            for row in outcomes:
                if row.at == at:
                    key = tuple(row._mapping[name] for name in KEY)
                    this = [tables.message.c[name] == value for name, value in zip(KEY, key, strict=True)]
                    written = {"status": row.status, "reason": row.reason, "sent_at": sent[key].sent_at}
                    assert connection.execute(tables.message.update().where(*this).values(written)).rowcount == 1
                    connection.execute(tables.outcome.insert(), [row._asdict()])
    tick(database, last)
    with database.read() as connection:
        again = ledger(connection)
    database.close()
    assert first_difference(found, again) is None


def first_difference(one: list[LedgerRow], other: list[LedgerRow]) -> tuple[LedgerRow | None, LedgerRow | None] | None:
    for place in range(max(len(one), len(other))):
        pair = (next(iter(one[place : place + 1]), None), next(iter(other[place : place + 1]), None))
        if pair[0] != pair[1]:
            return pair
    return None
