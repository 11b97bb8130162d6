"""What is wrong in a database, as sentences.

Takes an open database. Reads everything once; changes nothing, and never names a customer.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, inspect, text

from flowrules.sql import tables
from flowrules.sql.codes import Decision
from flowrules.store.database import Database

_ONE_MESSAGE = (
    "m.customer_id = x.customer_id AND m.campaign_id = x.campaign_id AND m.instance = x.instance "
    "AND m.step_id = x.step_id AND m.pass = x.pass"
)
_ONE_JOURNEY = "e.customer_id = x.customer_id AND e.campaign_id = x.campaign_id AND e.instance = x.instance"


def _without(table: str, other: str, match: str, where: str = "1 = 1") -> str:
    return f"SELECT count(*) FROM {table} x WHERE {where} AND NOT EXISTS (SELECT 1 FROM {other} WHERE {match})"


_ONE_ROW = "SELECT CASE count(*) WHEN 1 THEN 0 ELSE 1 END FROM"
_SOUND = {
    "the clock's row is not there, or not alone": f"{_ONE_ROW} clock",
    "the clock goes backwards": "SELECT count(*) FROM clock WHERE target < last_tick",
    "the journal's row is not there, or not alone": f"{_ONE_ROW} journal",
    "facts with a number that is still to be given": (
        "SELECT count(*) FROM event WHERE seq >= (SELECT max(next_seq) FROM journal)"
    ),
    "the salt is lost: nobody could be held out as before": f"{_ONE_ROW} workspace WHERE key = 'salt'",
    "journeys neither under way nor ended": (
        "SELECT count(*) FROM enrollment WHERE (ended_at IS NULL) <> (exit IS NULL)"
    ),
    "journeys that entered without a decision": _without(
        "enrollment", "decision e", f"{_ONE_JOURNEY} AND e.at = x.entered_at AND e.decision = {int(Decision.ENTERED)}"
    ),
    "journeys that ended without a decision": _without(
        "enrollment",
        "decision e",
        f"{_ONE_JOURNEY} AND e.at = x.ended_at AND e.decision = {int(Decision.EXIT)}",
        "x.ended_at IS NOT NULL",
    ),
    "decisions to enter without a journey": _without(
        "decision", "enrollment e", _ONE_JOURNEY, f"x.decision = {int(Decision.ENTERED)}"
    ),
    "journeys of nobody": _without("enrollment", "customer c", "c.id = x.customer_id"),
    "journeys at a step that no version has": _without(
        "enrollment", "node n", "n.version_id = x.version_id AND n.node = x.node"
    ),
    "messages of no journey": _without("message", "enrollment e", _ONE_JOURNEY),
    "attempts to hand over a message that is not there": _without("attempt", "message m", _ONE_MESSAGE),
    "outcomes of a message that is not there": _without("outcome", "message m", _ONE_MESSAGE),
    "counted contacts without a message": _without("contact", "message m", _ONE_MESSAGE),
    "decisions of a version that is not there": _without("decision", "version v", "v.id = x.version_id"),
    "decisions without the place of their rule": _without("decision", "label l", "l.id = x.place_id"),
    "decisions that nobody finds by their customer": _without(
        "decision",
        "visit v",
        "v.customer_id = x.customer_id AND v.at = x.at",
        "x.at < (SELECT visited_at FROM clock)",
    ),
    "identities of nobody": _without("identity", "customer c", "c.id = x.customer_id"),
}
"""A sentence each, and a query that counts where it is so."""


def faults(database: Database) -> Iterator[str]:
    """Of a database at the newest revision."""
    with database.read() as connection:
        lost = list(_lost(connection))
        yield from lost
        if lost:
            return
        for sentence, query in _SOUND.items():
            number = connection.execute(text(query)).scalar_one()
            if number:
                yield f"{sentence} ({number})" if number > 1 else sentence


def damage(database: Database) -> Iterator[str]:
    """What SQLite itself finds broken in its file, whatever the revision."""
    if database.dialect == "sqlite":
        with database.read() as connection:
            for (found,) in connection.exec_driver_sql("PRAGMA integrity_check(10)"):
                if found != "ok":
                    yield str(found).splitlines()[0].strip("* ")


def _lost(connection: Connection) -> Iterator[str]:
    """Tables, columns and indexes that are no more."""
    look = inspect(connection)
    there = set(look.get_table_names())
    indexes = set(connection.execute(text(_INDEXES[connection.dialect.name])).scalars())
    for table in tables.metadata.sorted_tables:
        if table.name not in there:
            yield f"the table `{table.name}` is lost"
            continue
        columns = {column["name"] for column in look.get_columns(table.name)}
        yield from (
            f"the column `{column.name}` of `{table.name}` is lost"
            for column in table.columns
            if column.name not in columns
        )
        yield from (f"the index `{index.name}` is lost" for index in table.indexes if index.name not in indexes)


_INDEXES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'index'",
    "postgresql": "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()",
}
