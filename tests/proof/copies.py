"""Databases prepared once and copied for each test, on both kinds of database; and their contents, row by row."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import make_url, text

from flowrules.store.database import Database
from tests.support.postgres import driver_url

Prepare = Callable[[str], None]

TABLES = (
    *("clock", "decision", "visit", "enrollment", "message", "contact", "tagging", "exposure", "consumption", "event"),
    *("outcome", "customer", "attribute_change", "assignment", "membership", "move", "resting"),
)
ALWAYS = ("calendar", "month", "zone_offset")


class Copies:
    """Gives URLs; `admin` and `server` are None for SQLite."""

    def __init__(self, folder: Path, admin: psycopg.Connection | None, server: str) -> None:
        self._folder = folder
        self._admin = admin
        self._server = server
        self._names: list[str] = []

    def fresh(self) -> str:
        return self._database("template0")

    def of(self, original: str) -> str:
        """A copy of a database that nobody uses at the moment."""
        if self._admin is not None:
            return self._database(make_url(original).database or "")
        file = self._file()
        shutil.copyfile(original.removeprefix("sqlite:///"), file)
        return f"sqlite:///{file}"

    def drop(self, url: str) -> None:
        if self._admin is not None:
            name = make_url(url).database or ""
            self._admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            self._names.remove(name)
        else:
            file = Path(url.removeprefix("sqlite:///"))
            for suffix in ("", "-wal", "-shm"):
                file.with_name(file.name + suffix).unlink(missing_ok=True)

    @contextmanager
    def left(self, url: str) -> Iterator[Callable[[], bytes]]:
        """Tells, in short, what is left if everybody who uses a database dies at the moment of the call."""
        if self._admin is None:
            file = Path(url.removeprefix("sqlite:///"))
            files = [file, file.with_name(file.name + "-wal")]
            yield lambda: sha256(b"".join(each.read_bytes() for each in files if each.exists())).digest()
        else:
            with psycopg.connect(driver_url(url), autocommit=True) as other:
                found = other.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
                texts = [
                    f"(SELECT coalesce(string_agg(md5({name}::text), '' ORDER BY md5({name}::text)), '') FROM {name})"  # noqa: S608  # our names
                    for (name,) in found
                    if name not in ALWAYS
                ]
                query = sql.SQL(f"SELECT md5(concat_ws('/', {', '.join(texts)}))")
                yield lambda: str(other.execute(query).fetchone()).encode()

    def close(self) -> None:
        for name in list(self._names):
            self.drop(make_url(self._server).set(database=name).render_as_string(hide_password=False))

    def _file(self) -> Path:
        return self._folder / f"{uuid.uuid4().hex}.db"

    def _database(self, template: str) -> str:
        if self._admin is None:
            return f"sqlite:///{self._file()}"
        name = f"flowrules_test_{uuid.uuid4().hex}"
        # The files are copied as they are: with the tests' settings that is faster than through the log.
        self._admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' STRATEGY {}").format(
                sql.Identifier(name), sql.Identifier(template), sql.Identifier("file_copy")
            )
        )
        self._names.append(name)
        return make_url(self._server).set(database=name).render_as_string(hide_password=False)


@contextmanager
def opened(url: str) -> Iterator[Database]:
    database = Database.open(url)
    try:
        yield database
    finally:
        database.checkpoint()
        database.close()


def rows(database: Database, *, leave_out: tuple[str, ...] = ()) -> dict[str, list[tuple[Any, ...]]]:
    """Everything a tick writes, in one order."""
    with database.read() as connection:
        return {
            table: sorted((tuple(row) for row in connection.execute(text(f"SELECT * FROM {table}"))), key=repr)  # noqa: S608  # our names
            for table in TABLES
            if table not in leave_out
        }


def difference(expected: dict[str, list[tuple[Any, ...]]], got: dict[str, list[tuple[Any, ...]]]) -> str:
    """The first rows that only one side has, by table; empty if equal."""
    found = []
    for table, wanted in expected.items():
        missing = [row for row in wanted if row not in set(got[table])]
        extra = [row for row in got[table] if row not in set(wanted)]
        if wanted != got[table]:
            found.append(f"{table}: missing {missing[:3]} ({len(missing)}), extra {extra[:3]} ({len(extra)})")
    return "\n".join(found)
