"""The floor: only the writing of the rows the engine ended with, all at once, into empty tables like its own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import psycopg
from sqlalchemy import Table

from bench.campaign import model
from bench.measure import Used, measured
from bench.settings import driver_url
from flowrules.sql import tables as t
from flowrules.sql.columns import tables_for
from flowrules.store.columns import add_columns
from flowrules.store.database import Database


def run(source: str, url: str, written: Sequence[str]) -> Used:
    """`written`: the tables, full in `source`, to be written to `url` (PostgreSQL: beside them, in a schema)."""
    return _sqlite(source, url, written) if url.startswith("sqlite") else _postgresql(source, written)


def _table(name: str) -> Table:
    return tables_for(model()).event if name == t.event.name else t.metadata.tables[name]


def _copy(name: str, source: str, target: str) -> str:
    table = _table(name)
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    order = ", ".join(f'"{column.name}"' for column in table.primary_key)
    return f"INSERT INTO {target}.{name} ({columns}) SELECT {columns} FROM {source}.{name} ORDER BY {order}"  # noqa: S608  # our names


def _sqlite(source: str, url: str, written: Sequence[str]) -> Used:
    database = Database.create(url, zone="UTC", salt="bench")
    with database.intake() as connection:
        add_columns(connection, model())
    database.checkpoint()
    with database.engine.connect() as made, closing(made.connection.cursor()) as cursor:
        cursor.execute("ATTACH ? AS source", (source.removeprefix("sqlite:///"),))
        copies = [_copy(name, "source", "main") for name in written]
        with measured(url) as used:
            cursor.execute("BEGIN IMMEDIATE")
            for copy in copies:
                cursor.execute(copy)
            cursor.execute("COMMIT")
            cursor.execute("PRAGMA main.wal_checkpoint(PASSIVE)")
        for name in written:
            cursor.execute(f"SELECT (SELECT count(*) FROM source.{name}) - (SELECT count(*) FROM main.{name})")  # noqa: S608
            _same(cursor.fetchone(), name)
    database.close()
    return used


def _postgresql(source: str, written: Sequence[str]) -> Used:
    with psycopg.connect(driver_url(source), autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS floor CASCADE")
        connection.execute("CREATE SCHEMA floor")
        for name in written:
            connection.execute(f"CREATE TABLE floor.{name} (LIKE public.{name} INCLUDING ALL)")
            # Reading is not the floor's work: the source lies in order, and needs no sorting.
            connection.execute(f"CLUSTER public.{name} USING {name}_pkey")
            connection.execute(f"VACUUM (ANALYZE) public.{name}")
        copies = [_copy(name, "public", "floor").encode() for name in written]
        with measured(source) as used, connection.transaction():
            for copy in copies:
                connection.execute(copy)
        for name in written:
            query = f"SELECT (SELECT count(*) FROM public.{name}) - (SELECT count(*) FROM floor.{name})"  # noqa: S608
            _same(connection.execute(query.encode()).fetchone(), name)
    return used


def _same(difference: tuple[int, ...] | None, name: str) -> None:
    if difference != (0,):
        raise SystemExit(f"the floor has not written all of {name}")
