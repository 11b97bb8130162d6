"""Where the contestants work: an empty database for each, SQLite files or one PostgreSQL server of our own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from bench.measure import can_watch_a_server
from bench.settings import driver_url
from tests.support.postgres import PostgresUnavailableError, running_server


class UnavailableError(Exception):
    """This database can not be measured here."""


@dataclass(frozen=True, slots=True)
class Place:
    kind: str
    base: str
    """A folder, or the URL of the server's maintenance database."""

    def empty(self, name: str) -> str:
        """URL of a new database; of SQLite, one that its owner has yet to make."""
        if self.kind == "sqlite":
            return f"sqlite:///{self.base}/{name}.sqlite"
        with psycopg.connect(driver_url(self.base), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return make_url(self.base).set(database=name).render_as_string(hide_password=False)

    def forget(self, url: str) -> None:
        """Its owner is done with it, and the next one needs the room."""
        if self.kind == "sqlite":
            for file in Path(self.base).glob(f"{Path(url).name}*"):
                file.unlink()
            return
        name = make_url(url).database or ""
        with psycopg.connect(driver_url(self.base), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))

    def version(self) -> str | None:
        if self.kind == "sqlite":
            return None
        with psycopg.connect(driver_url(self.base)) as connection:
            return connection.info.parameter_status("server_version")


@contextmanager
def place(kind: str) -> Iterator[Place]:
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="flowrules-bench-") as folder:
            yield Place(kind, folder)
        return
    if not can_watch_a_server():
        raise UnavailableError("the server's CPU time is read from /proc, which this system has not")
    try:
        with running_server() as url:
            yield Place(kind, url)
    except PostgresUnavailableError as failure:
        raise UnavailableError(str(failure)) from failure
