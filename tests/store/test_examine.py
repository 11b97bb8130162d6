"""Everything that `db check` can say, said when it is so, and never else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import text

from flowrules.channels.file import FileChannel
from flowrules.runtime.deliver import deliver
from flowrules.store import examine
from flowrules.store.database import Database
from flowrules.store.examine import damage, faults
from tests.support.world import START, World, world

HOUR = 3_600_000_000

# What makes it so, in a sound world.
SPOILT: Mapping[str, tuple[str, ...]] = {
    "the clock's row is not there, or not alone": ("DELETE FROM clock",),
    "the clock goes backwards": ("UPDATE clock SET target = last_tick - 1",),
    "the journal's row is not there, or not alone": ("INSERT INTO journal VALUES (1, 1000000)",),
    "facts with a number that is still to be given": ("UPDATE journal SET next_seq = 1",),
    "the salt is lost: nobody could be held out as before": ("DELETE FROM workspace WHERE key = 'salt'",),
    "journeys neither under way nor ended": ("UPDATE enrollment SET exit = 40 WHERE customer_id = 2",),
    "journeys that entered without a decision": ("DELETE FROM decision WHERE decision = 1 AND customer_id = 1",),
    "journeys that ended without a decision": ("DELETE FROM decision WHERE decision = 16 AND customer_id = 1",),
    "decisions to enter without a journey": (
        """
        INSERT INTO decision (customer_id, at, turn, campaign_id, instance, decision, step_id, version_id, place_id)
        SELECT customer_id, at, turn, campaign_id, 9, 1, 0, version_id, place_id FROM decision
        WHERE decision = 1 AND customer_id = 1
        """,
    ),
    "journeys of nobody": ("DELETE FROM identity WHERE customer_id = 2", "DELETE FROM customer WHERE id = 2"),
    "journeys at a step that no version has": ("UPDATE enrollment SET node = 900 WHERE customer_id = 2",),
    "messages of no journey": (
        "DELETE FROM decision WHERE customer_id = 2",
        "DELETE FROM enrollment WHERE customer_id = 2",
    ),
    "attempts to hand over a message that is not there": ("UPDATE attempt SET pass = 5 WHERE customer_id = 2",),
    "outcomes of a message that is not there": ("UPDATE outcome SET pass = 5 WHERE customer_id = 2",),
    "counted contacts without a message": ("UPDATE contact SET pass = 5 WHERE customer_id = 2",),
    "decisions of a version that is not there": (
        "UPDATE decision SET version_id = 99 WHERE decision = 1 AND customer_id = 2",
    ),
    "decisions without the place of their rule": (
        "UPDATE decision SET place_id = 9999 WHERE decision = 1 AND customer_id = 2",
    ),
    "decisions that nobody finds by their customer": (
        "INSERT INTO visit (customer_id, at) SELECT DISTINCT customer_id, at FROM decision WHERE customer_id <> 2",
        "UPDATE clock SET visited_at = last_tick",
    ),
    "identities of nobody": ("INSERT INTO identity VALUES ('id', 'ghost', 99, 0)",),
}


@pytest.fixture
def sound(database_url: str, tmp_path: Path) -> Iterator[World]:
    made = world(database_url)
    made.customers(["ana", "bea", "cleo"])
    made.event(["ana", "bea"], "signup", START + HOUR, source="fair")
    for hours in (2, 3):
        made.tick(START + hours * HOUR)
        channels = {name: FileChannel(tmp_path, name) for name in ("email", "sms")}
        deliver(made.database, channels, START + hours * HOUR)
    made.event(["ana"], "purchase", START + 4 * HOUR, amount="9.50")
    made.tick(START + 5 * HOUR)
    assert list(faults(made.database)) == []
    yield made
    made.database.close()


def spoil(database: Database, statements: tuple[str, ...]) -> None:
    with database.write() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_every_fault_is_found_alone(sound: World) -> None:
    """In turn, each undone before the next."""
    assert SPOILT.keys() == examine._SOUND.keys()
    for sentence, statements in SPOILT.items():
        with sound.database.session() as session, session.connection.begin() as transaction:
            for statement in statements:
                session.connection.execute(text(statement))
            numbers = {each: session.connection.execute(text(query)).scalar() for each, query in examine._SOUND.items()}
            transaction.rollback()
        assert [each for each, number in numbers.items() if number] == [sentence]
    assert list(faults(sound.database)) == []


def test_the_sentences(sound: World) -> None:
    spoil(sound.database, ("DELETE FROM customer", "UPDATE clock SET target = 0"))
    assert list(faults(sound.database)) == [
        "the clock goes backwards",
        "journeys of nobody (2)",
        "identities of nobody (9)",
    ]


def test_what_is_lost(sound: World) -> None:
    spoil(sound.database, ("DROP TABLE attempt", "DROP INDEX event_due", "ALTER TABLE message DROP COLUMN sent_at"))
    assert sorted(faults(sound.database)) == [
        "the column `sent_at` of `message` is lost",
        "the index `event_due` is lost",
        "the table `attempt` is lost",
    ]


def test_an_index_that_lies(sqlite_url: str) -> None:
    """SQLite would answer from it, and wrongly."""
    database = Database.create(sqlite_url)
    spoil(
        database,
        (
            "PRAGMA writable_schema=ON",
            "UPDATE sqlite_master SET sql = replace(sql, 'zone_id)', 'known_at)') WHERE name = 'customer_zone'",
        ),
    )
    spoil(database, ("INSERT INTO customer (id, external_id, known_at) VALUES (1, 'a', 5)",))
    with database.write() as connection:
        connection.execute(text("PRAGMA writable_schema=ON"))
        connection.execute(
            text("UPDATE sqlite_master SET sql = replace(sql, 'known_at)', 'zone_id)') WHERE name = 'customer_zone'")
        )
    assert list(damage(database)) != []
