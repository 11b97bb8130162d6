"""A database in memory, of which nothing is ever kept: for what is played and forgotten.

Takes the bytes of an SQLite file; gives a Database like any other. All that is written to it is one transaction, taken
back by `forget`; so its statements stay prepared from one play to the next.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, NullPool, create_engine, event

from flowrules.store.database import Database

_PRAGMAS = ("PRAGMA journal_mode=MEMORY", "PRAGMA synchronous=OFF", "PRAGMA temp_store=MEMORY")


@dataclass(frozen=True, slots=True)
class Memory:
    database: Database
    _driver: _Kept

    def settle(self) -> None:
        """What has been written up to now stays."""
        sqlite3.Connection.commit(self._driver)

    def forget(self) -> None:
        """Everything written since."""
        sqlite3.Connection.rollback(self._driver)

    def mark(self) -> None:
        """To come back to, whatever is written until then."""
        self._driver.execute("SAVEPOINT mark")

    def back(self) -> None:
        self._driver.execute("ROLLBACK TO mark")
        self.keep()

    def keep(self) -> None:
        """The mark is no longer needed."""
        self._driver.execute("RELEASE mark")


class _Kept(sqlite3.Connection):
    """Neither ends a transaction nor goes away when it is asked to."""

    def commit(self) -> None:
        pass

    def close(self) -> None:
        pass


def image(file: Path) -> bytes:
    """A file with nobody at it."""
    with closing(sqlite3.connect(file, isolation_level=None)) as driver:
        driver.execute("PRAGMA journal_mode=DELETE")  # memory knows no log
        return driver.serialize()


@contextmanager
def in_memory(content: bytes = b"") -> Iterator[Memory]:
    """Without content there are no tables yet."""
    driver = sqlite3.connect(":memory:", isolation_level=None, cached_statements=4096, factory=_Kept)
    try:
        if content:
            driver.deserialize(content)
        for pragma in _PRAGMAS:
            driver.execute(pragma)
        engine = create_engine(
            "sqlite://", creator=lambda: driver, poolclass=NullPool, pool_reset_on_return=None, query_cache_size=4000
        )

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            if not driver.in_transaction:
                connection.exec_driver_sql("BEGIN")

        yield Memory(Database(engine, "the test's database"), driver)
        engine.dispose()
    finally:
        sqlite3.Connection.close(driver)
