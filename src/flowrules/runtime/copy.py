"""A copy of a database in a SQLite file, to try things on.

Takes a database of either kind and a path; gives the copy. Never writes into what it copies.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Result, delete, inspect, select, text
from sqlalchemy import column as named
from sqlalchemy import table as of_name

from flowrules.sql import tables
from flowrules.store.backup import back_up, require_free
from flowrules.store.bulk import insert_rows
from flowrules.store.database import Database

_BATCH = 10_000
_FILLED = ("calendar", "month")
"""What `create` has filled already, the same everywhere."""


def copy_to(database: Database, path: Path) -> Database:
    """The file must not be there yet."""
    url = f"sqlite:///{path}"
    if database.dialect == "sqlite":
        back_up(database, path)
        return Database.open(url)
    require_free(path)
    made = Database.create(url)
    with database.read() as source_connection, made.write() as target_connection:
        for each in tables.metadata.sorted_tables:
            if each.name not in _FILLED:
                _copy_table(source_connection, target_connection, each.name)
    return made


def _copy_table(source: Connection, target: Connection, name: str) -> None:
    there = {column["name"] for column in inspect(target).get_columns(name)}
    columns = inspect(source).get_columns(name)
    quote = target.dialect.identifier_preparer.quote
    for column in columns:
        if column["name"] not in there:  # a declared attribute or property
            kind = "TEXT" if column["type"].python_type is str else "BIGINT"
            target.execute(text(f"ALTER TABLE {quote(name)} ADD COLUMN {quote(column['name'])} {kind}"))
    names = [column["name"] for column in columns]
    table = tables.metadata.tables[name]
    target.execute(delete(table))
    rows: Result[*tuple[Any, ...]] = source.execution_options(yield_per=_BATCH).execute(
        select(*(named(each) for each in names)).select_from(of_name(name))
    )
    for part in rows.partitions():
        insert_rows(target, table, names, part)
