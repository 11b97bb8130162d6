"""One database, SQLite file or PostgreSQL: opened, created, read, written.

Takes a URL, gives connections inside transactions. Every failure of the outside world leaves as a StoreError;
no message holds a password.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, insert, inspect, make_url, select, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, OperationalError

from flowrules.errors import (
    DatabaseExistsError,
    DatabaseMissingError,
    SchemaNewerError,
    SchemaOlderError,
    StoreError,
)
from flowrules.sql import tables
from flowrules.store import revisions
from flowrules.store.failures import store_errors
from flowrules.store.zones import BEGINNING, ensure_zones, fill_calendar

OLDEST_SQLITE = (3, 37)
OLDEST_POSTGRESQL = (14,)

# PostgreSQL advisory locks. Intake shares ADVISORY, the tick takes it alone while it publishes its target: so no fact
# commits behind a target that it has not seen. INTAKE is held by one intake at a time: customer ids are max + 1.
ADVISORY = 0x666C6F77
INTAKE = ADVISORY + 1

Isolation = Literal["REPEATABLE READ", "READ COMMITTED"]

_READ_ONLY = "-c default_transaction_read_only=on -c statement_timeout=5000"
"""Of a server's session that only looks: it gives up rather than burden the others."""
_LOOKING = "PRAGMA busy_timeout=3000"
"""Of a file that is only looked at: writers keep nobody waiting but while one has the file for itself."""

_SILENT = (
    "SET idle_in_transaction_session_timeout = '5min'; SET tcp_keepalives_idle = 60; SET tcp_keepalives_interval = 15; "
    "SET tcp_keepalives_count = 4"
)
"""A session whose process stands still in a transaction, or whose machine is gone, ends: its locks must not keep a
standby waiting. None of ours is idle in one for longer than it takes to read some thousand rows of a file.
"""
_ALIVE = {"keepalives_idle": "60", "keepalives_interval": "15", "keepalives_count": "4"}
"""The same on our side, of a server that is gone without a word."""

_BEGIN = "flowrules_begin"
_WRITING = "BEGIN IMMEDIATE"
_LASTING = "BEGIN IMMEDIATE -- lasting"
_KEPT = "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
"""Of a transaction that lasts, whatever the server does with others."""
_ASK_AGAIN = 0.0005
_QUERY_CACHE = 4000  # a large program has more statements than SQLAlchemy's 500
_PRAGMAS = (
    "PRAGMA busy_timeout=15000",  # others may be many, and short of time themselves
    "PRAGMA page_size=8192",  # of a new file: a tick changes many rows of each page, and pays by the page
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA cache_size=-64000",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA temp.secure_delete=OFF",  # what was in memory need not be wiped there
    "PRAGMA wal_autocheckpoint=40000",  # pages: what each hour changes again goes into the file once in a while
)


@dataclass(frozen=True, slots=True)
class Session:
    """One connection kept for several transactions, so that its temporary tables stay."""

    connection: Connection
    _name: str

    @contextmanager
    def write(self, isolation: Isolation = "REPEATABLE READ", *, lasting: bool = False) -> Iterator[Connection]:
        """Everything inside commits together; SQLite's write lock is held from the start.

        READ COMMITTED (PostgreSQL) is for what waits for a lock first and must then see what was committed meanwhile.
        lasting: it outlives a server or a machine that stops at the next moment, with all that was written before it.
        What a tick decided is decided again; what somebody was sent or told can not be taken back.
        """
        with self._transaction(_LASTING if lasting else _WRITING, isolation):
            yield self.connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view, without a lock that a writer would wait for."""
        with self._transaction("BEGIN", "REPEATABLE READ"):
            yield self.connection

    @contextmanager
    def _transaction(self, begin: str, isolation: Isolation) -> Iterator[None]:
        with store_errors(self._name):
            if self.connection.dialect.name == "postgresql":
                self.connection.execution_options(isolation_level=isolation)
            else:
                self.connection.execution_options(**{_BEGIN: begin})
            with self.connection.begin():
                if begin == _LASTING and self.connection.dialect.name == "postgresql":
                    self.connection.exec_driver_sql(_KEPT)
                yield


@dataclass(frozen=True, slots=True)
class Database:
    engine: Engine
    name: str
    """How messages call it: the file, or server and database."""

    @classmethod
    def open(cls, url: str, *, read_only: bool = False) -> Database:
        """One whose tables are those of this program. read_only: nobody can write through it, nor be kept waiting."""
        database, found = cls.find(url, read_only=read_only)
        if found != revisions.head():
            raise SchemaOlderError(
                f"{database.name} was made by an older FlowRules (revision {found}, this one needs {revisions.head()})",
                "run `flowrules db upgrade`",
            )
        with database.read() as connection:
            if connection.execute(select(tables.clock.c.id)).first() is None:
                raise StoreError(
                    f"{database.name} has lost its clock: nobody knows what was decided", "restore a backup"
                )
        return database

    @classmethod
    def find(cls, url: str, *, read_only: bool = False) -> tuple[Database, str]:
        """Of any revision that this program knows, with that revision: to look at it, or to upgrade it."""
        database = cls._of(url, read_only=read_only)
        file = database.file
        if file is not None and not file.exists():
            raise DatabaseMissingError(f"there is no database {database.name} yet", "`flowrules apply` makes it")
        with database.session() as session:
            with session.read() as connection:
                _require_server(connection, database.name)
                found = revisions.revision(connection)
            if found in revisions.known() and not read_only:
                _keep_log(session)
        if found is None:
            raise DatabaseMissingError(
                f"{database.name} is a database without the tables of FlowRules", "`flowrules apply` makes them"
            )
        if found not in revisions.known():
            raise SchemaNewerError(
                f"{database.name} was made by a newer FlowRules (revision {found}, this one knows {revisions.head()})",
                "install the newer version; an older one must not write into it",
            )
        return database, found

    @classmethod
    def create(cls, url: str, *, zone: str = "UTC", currency: str = "EUR", salt: str | None = None) -> Database:
        """Make the tables and fill the catalogues, all or nothing. Without `salt` a fresh one is drawn."""
        database = cls._of(url)
        file = database.file
        if file is not None and not file.parent.is_dir():
            raise StoreError(f"there is no folder {file.parent} to put the database in", "make the folder first")
        with database.write() as connection:
            _require_server(connection, database.name)
            if revisions.revision(connection) is not None:
                raise DatabaseExistsError(
                    f"{database.name} already holds a FlowRules database", "use it as it is, or name another one"
                )
            foreign = sorted(set(inspect(connection).get_table_names()) & tables.metadata.tables.keys())
            if foreign:
                raise DatabaseExistsError(
                    f"{database.name} has a table `{foreign[0]}` of another program", "name a database of its own"
                )
            # Not by the migrations, which lead to the same and take longer.
            tables.metadata.create_all(connection)
            revisions.stamp(connection)
            facts = {
                "salt": secrets.token_hex(16) if salt is None else salt,
                "zone": zone,
                "currency": currency,
            }
            connection.execute(insert(tables.workspace), [{"key": key, "value": facts[key]} for key in facts])
            connection.execute(
                insert(tables.clock),
                dict.fromkeys(("last_tick", "target", "visited_at"), BEGINNING)
                | dict.fromkeys(("id", "cursor", "visited_customer"), 0),
            )
            connection.execute(insert(tables.journal), {"id": 0, "next_seq": 1})
            fill_calendar(connection)
            ensure_zones(connection, ["UTC", zone])
        with database.session() as session:
            _keep_log(session)
        return database

    @property
    def dialect(self) -> Literal["sqlite", "postgresql"]:
        return "postgresql" if self.engine.dialect.name == "postgresql" else "sqlite"

    @contextmanager
    def session(self) -> Iterator[Session]:
        with store_errors(self.name), self.engine.connect() as connection:
            yield Session(connection, self.name)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self.session() as session, session.read() as connection:
            yield connection

    @contextmanager
    def write(self, isolation: Isolation = "REPEATABLE READ") -> Iterator[Connection]:
        with self.session() as session, session.write(isolation, lasting=True) as connection:
            yield connection

    @contextmanager
    def intake(self, session: Session | None = None) -> Iterator[Connection]:
        """Write facts: what `journal` needs around it.

        Not REPEATABLE READ: its snapshot would be older than the locks, and so the target read under them.
        """
        within = self.session() if session is None else nullcontext(session)
        with within as own, own.write("READ COMMITTED", lasting=True) as connection:
            if self.dialect == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": ADVISORY})
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": INTAKE})
            yield connection

    def checkpoint(self) -> None:
        """Move SQLite's log into its file, as far as no reader needs it: something to do when idle."""
        if self.dialect == "sqlite":
            with store_errors(self.name), self.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        self.engine.dispose()

    @property
    def file(self) -> Path | None:
        return Path(self.name) if self.dialect == "sqlite" else None

    @classmethod
    def _of(cls, given: str, *, read_only: bool = False) -> Database:
        url = _parse(given)
        if url.get_backend_name() == "sqlite":
            return cls(_sqlite(url, read_only=read_only), url.database or "")
        where = f"{url.host or 'the local server'}{f':{url.port}' if url.port else ''}"
        query = {"connect_timeout": "10", **_ALIVE, **url.query}
        if read_only:
            query["options"] = f"{query.get('options', '')} {_READ_ONLY}".strip()
        engine = create_engine(
            url.set(query=query), poolclass=NullPool, query_cache_size=_QUERY_CACHE, isolation_level="REPEATABLE READ"
        )

        @event.listens_for(engine, "connect")
        def connected(connection: DBAPIConnection, _record: object) -> None:
            connection.cursor().execute(_SILENT)
            connection.commit()

        return cls(engine, f"{where}/{url.database or ''}")


def _parse(given: str) -> URL:
    ways = "write sqlite:///file.sqlite or postgresql://user@server/database"
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):
        raise StoreError("the database URL can not be read", ways) from None
    if "@" in f"{url.username}{url.host}{url.database}" and url.get_backend_name() != "sqlite":
        # A part of the password stands there: it must not be shown.
        raise StoreError("the database URL can not be read", "in a password, write @ as %40, / as %2F and : as %3A")
    if url.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername not in {"sqlite", "sqlite+pysqlite"}:
        raise StoreError(f"`{url.drivername}` is not a kind of database FlowRules can use", ways)
    if not url.database or url.database == ":memory:":
        raise StoreError("the database must be a file: one in memory is gone with the command", ways)
    if url.query:
        raise StoreError("the URL of a SQLite file has no options", "leave away what stands after `?`")
    return url


def _sqlite(url: URL, *, read_only: bool) -> Engine:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise StoreError(
            f"this Python brings SQLite {sqlite3.sqlite_version}, FlowRules needs 3.37 or newer",
            "use a newer Python, or PostgreSQL",
        )
    if Path(url.database or "").is_dir():
        raise StoreError(f"{url.database} is a folder, not a database", "name a file in it")
    if read_only:
        url = url.set(database=f"file:{quote(url.database or '')}", query={"mode": "ro", "uri": "true"})
    # No transactions of the driver's own: it would begin late and without the write lock.
    # A scheduler keeps a connection from beat to beat, one thread after the other.
    engine = create_engine(
        url,
        poolclass=NullPool,
        query_cache_size=_QUERY_CACHE,
        # A tick has some hundreds of statements; the driver would keep 128 of them prepared.
        connect_args={"isolation_level": None, "check_same_thread": False, "cached_statements": 4096},
    )

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in (*_PRAGMAS, _LOOKING) if read_only else _PRAGMAS:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        how = connection.get_execution_options().get(_BEGIN, "BEGIN")
        (Connection.exec_driver_sql if how == "BEGIN" else _begin_writing)(connection, how)

    return engine


def _begin_writing(connection: Connection, how: str) -> None:
    """Wait for SQLite's one lock by asking often.

    Its own way of waiting asks ever more seldom, and meets the moment hardly ever that a long tick leaves between two
    slices.
    """
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise TypeError(driver)
    patience: int = driver.execute("PRAGMA busy_timeout").fetchone()[0]
    until = time.monotonic() + patience / 1000
    driver.execute("PRAGMA busy_timeout=0")
    # Of this transaction, not of the next one on the same connection.
    driver.execute(f"PRAGMA synchronous={'FULL' if how == _LASTING else 'NORMAL'}")
    try:
        while True:
            try:
                connection.exec_driver_sql(_WRITING)
            except OperationalError as failure:
                busy = getattr(failure.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > until:
                    raise
                time.sleep(_ASK_AGAIN)
            else:
                return
    finally:
        driver.execute(f"PRAGMA busy_timeout={patience}")


def _keep_log(session: Session) -> None:
    """SQLite's write-ahead log, in a file that is ours: whoever reads waits for nobody. The file remembers it."""
    driver = session.connection.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        try:
            driver.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as failure:
            # A read-only file is fine for those who only read; they need no log.
            if "readonly" not in str(failure):
                raise


def _require_server(connection: Connection, name: str) -> None:
    found = connection.dialect.server_version_info or ()
    if connection.dialect.name == "postgresql" and found < OLDEST_POSTGRESQL:
        raise StoreError(
            f"the server of {name} is PostgreSQL {'.'.join(map(str, found))}, FlowRules needs {OLDEST_POSTGRESQL[0]} "
            "or newer",
            "use a newer server, or a SQLite file",
        )
