"""What happened at one instant is told in one order, however the rows lie in the database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Table, delete, insert, select

from flowrules.report.customer import show
from flowrules.report.explain import explain
from flowrules.report.lookup import find_customer
from flowrules.sql import tables
from flowrules.store.journal import NewConsent, add_consents
from tests.support.world import START, World, world

NAMES = ("zebra", "apple", "mango")
FLOW = "".join(
    f"campaign {name}:\n    class marketing\n    enter when visit\n    stage only:\n        send sms nudge\n"
    for name in NAMES
)
FLOW = f"attribute first_name: text\nevent visit\n{FLOW}"


@pytest.fixture
def made(database_url: str) -> Iterator[World]:
    found = world(database_url, FLOW)
    found.customers(["ana"])
    also = (("email", "news"), ("sms", "news"), ("email", "offers"))
    with found.database.intake() as connection:
        consent = NewConsent("ana", "sms", "offers", "refused", START, "import", START, also=also)
        add_consents(connection, found.model(), [consent])
    found.event(["ana"], "visit", START + 1)
    found.tick(START + 2)
    yield found
    found.database.close()


def test_however_the_rows_lie(made: World) -> None:
    told = []
    for backwards in (False, True):
        for table in (tables.decision, tables.message, tables.consent):
            lay(made, table, backwards=backwards)
        with made.database.read() as connection:
            number = find_customer(connection, "ana")
            told.append((explain(connection, "ana", None, START + 2).facts(), show(connection, number, START + 2)))
    timeline = told[0][0]["timeline"]
    assert isinstance(timeline, list)
    assert [each["campaign"] for each in timeline if each["what"] == "entered"] == sorted(NAMES)
    assert told[0] == told[1]


def lay(made: World, table: Table, *, backwards: bool) -> None:
    with made.database.write() as connection:
        rows = [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]
        connection.execute(delete(table))
        connection.execute(insert(table), rows[::-1] if backwards else rows)
