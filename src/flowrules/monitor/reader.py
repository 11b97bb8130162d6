"""The database as the monitor sees it: opened to read only, for one short question at a time.

Takes its URL; gives connections, or the error that says why there is none. Opens anew after every failure, so that
it recovers by itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, func, select

from flowrules.content.deployed import Deployed
from flowrules.errors import StoreError
from flowrules.sql import tables
from flowrules.store import revisions
from flowrules.store.database import Database


class Reader:
    """`virtual`: the clock is one that commands set. `known`: deployments built so far, for Library."""

    def __init__(self, url: str, *, virtual: bool) -> None:
        self.url, self.virtual = url, virtual
        self.known: dict[int, Deployed] = {}
        self._database: Database | None = None
        self._file: tuple[int, int] | None = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One view of the database; several threads may look at once."""
        try:
            with self._open().read() as connection:
                if revisions.revision(connection) != revisions.head():
                    self.close()
                    self._open()  # says what became of it: upgraded, or replaced, under our eyes
                yield connection
        except StoreError:
            self.close()
            raise

    def clock(self) -> int | None:
        """None: it is virtual, and stands in the database."""
        return None if self.virtual else time.time_ns() // 1000

    def now(self, connection: Connection) -> int:
        """A virtual clock stands at the last tick, or at what was put in force since."""
        wall = self.clock()
        if wall is not None:
            return wall
        ticked: int = connection.execute(select(tables.clock.c.last_tick)).scalar_one()
        deployed: int | None = connection.execute(select(func.max(tables.deployment.c.at))).scalar()
        return max(ticked, ticked if deployed is None else deployed)

    def close(self) -> None:
        if self._database is not None:
            self._database.close()
        self._database = None
        self.known.clear()

    def _open(self) -> Database:
        found = self._database
        if found is None or _file(found) != self._file:
            self.close()
            found = Database.open(self.url, read_only=True)
            self._database, self._file = found, _file(found)
        return found


def _file(database: Database) -> tuple[int, int] | None:
    """Which file it is: another one may have taken its name."""
    try:
        status = None if database.file is None else database.file.stat()
    except OSError:
        return None
    return None if status is None else (status.st_dev, status.st_ino)
