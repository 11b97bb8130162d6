"""What drivers raise, as errors that people can act on.

Takes an exception of SQLAlchemy and the name people know the database by. What is no failure of the outside world
is a mistake in our SQL and passes through.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError

from flowrules.errors import (
    DatabaseLockedError,
    DatabaseReadOnlyError,
    ServerUnreachableError,
    StoreError,
)
from flowrules.sql import tables

Meaning = tuple[type[StoreError], str, str]

_NO_ROOM: Meaning = (StoreError, "there is no room on the disk of {}", "make room, then repeat the command")
_NOT_WRITTEN: Meaning = (
    StoreError,
    "{} can not be written to its disk",
    "is there room, is it a local disk, and in order? then repeat the command",
)
_LOCKED: Meaning = (
    DatabaseLockedError,
    "{} is locked: another program writes into it",
    "try again when that is done; does another FlowRules run?",
)
_LOST = re.compile(r'no such table: (?:\w+\.)?(\w+)|relation "(?:\w+\.)?(\w+)" does not exist')
_LOST_TABLE: Meaning = (StoreError, "{} lacks a table that FlowRules had made in it", "restore a backup")
# By the beginning of the name of SQLite's result code.
_SQLITE: dict[str, Meaning] = {
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_LOCKED": _LOCKED,
    "SQLITE_READONLY": (
        DatabaseReadOnlyError,
        "{} can not be written",
        "check the rights of the file and of its folder",
    ),
    "SQLITE_NOTADB": (StoreError, "{} is not a database", "name another file, or move this one away"),
    "SQLITE_CORRUPT": (StoreError, "{} is damaged", "restore a backup; `sqlite3 FILE .recover` may save a part"),
    **dict.fromkeys(
        ("SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC", "SQLITE_IOERR_TRUNCATE", "SQLITE_IOERR_SHM"),
        _NOT_WRITTEN,
    ),
    "SQLITE_IOERR": (StoreError, "{} can not be read from its disk", "is it on a local disk, and the disk in order?"),
    "SQLITE_FULL": _NO_ROOM,
    "SQLITE_CANTOPEN": (
        StoreError,
        "{} can not be opened",
        "check the path, and the rights of the file and of its folder",
    ),
}
_DAMAGED_THERE: Meaning = (StoreError, "{} is damaged", "restore a backup, and look at the server's log")
_STARTING: Meaning = (ServerUnreachableError, "the server of {} is starting or shutting down", "try again later")
# By the beginning of the SQLSTATE.
_POSTGRES: dict[str, Meaning] = {
    "40": (DatabaseLockedError, "{} was changed by another program at the same moment", "repeat the command"),
    "55P03": _LOCKED,
    "25006": (DatabaseReadOnlyError, "{} can not be written", "is it a standby server?"),
    "42501": (DatabaseReadOnlyError, "{} does not let its user do this", "grant the rights, or use another user"),
    "53100": _NO_ROOM,
    "58": (StoreError, "{} can not be read from its disk or written to it", "look at the server's log"),
    "XX001": _DAMAGED_THERE,
    "XX002": _DAMAGED_THERE,
    "57014": (
        ServerUnreachableError,
        "the server of {} broke off what took too long",
        "repeat the command; does the server limit how long a statement may take?",
    ),
    "53": (ServerUnreachableError, "{} takes no more work", "try again later"),
    "25P03": (
        ServerUnreachableError,
        "the connection to {} is lost: this program stood still in the middle of a transaction",
        "repeat the command",
    ),
    "08": (ServerUnreachableError, "the connection to {} is lost", "repeat the command when the server is back"),
    "57P03": _STARTING,
    "57P": (ServerUnreachableError, "the server of {} is shutting down", "repeat the command when it is back"),
}
_OPTIONS: Meaning = (StoreError, "the options of {} can not be used", "check the part after `?`")
# A server that refuses a connection gives no code. The first that occurs in its words counts.
_REFUSES: dict[str, Meaning] = {
    "password": (ServerUnreachableError, "{} refuses the user or the password", "check the database URL"),
    "pg_hba.conf": (ServerUnreachableError, "{} refuses this user from this machine", "ask who runs the server"),
    "does not exist": (
        ServerUnreachableError,
        "the server has no {}, or no such user",
        "create the database there, or check the database URL",
    ),
    "system is": _STARTING,
    "invalid ": _OPTIONS,
    "accepting connections": (ServerUnreachableError, "{} takes no more connections", "try again later"),
    "too many": (ServerUnreachableError, "{} takes no more connections", "try again later"),
    "": (ServerUnreachableError, "{} does not answer", "does the server run, and is the database URL right?"),
}


@contextmanager
def store_errors(name: str) -> Iterator[None]:
    try:
        yield
    except (DBAPIError, sqlite3.Error) as failure:
        meaning = _meaning(failure)
        if meaning is None:
            raise
        kind, message, hint = meaning
        raise kind(message.format(name), hint) from failure


def _meaning(failure: DBAPIError | sqlite3.Error) -> Meaning | None:
    driver = failure.orig if isinstance(failure, DBAPIError) else failure
    if lost := _LOST.search(str(driver)):
        return _LOST_TABLE if (lost[1] or lost[2]) in tables.metadata.tables else None
    if isinstance(driver, sqlite3.Error):
        return _first(_SQLITE, getattr(driver, "sqlite_errorname", ""))
    if isinstance(driver, psycopg.Error) and isinstance(failure, DBAPIError):
        if driver.sqlstate is not None:
            return _first(_POSTGRES, driver.sqlstate)
        if isinstance(driver, psycopg.ProgrammingError):
            return _OPTIONS
        if isinstance(driver, psycopg.OperationalError):
            connected = failure.statement is not None or failure.connection_invalidated
            return _POSTGRES["08"] if connected else _refusal(str(driver))
    return None


def _refusal(said: str) -> Meaning:
    return next(meaning for words, meaning in _REFUSES.items() if words in said)


def _first(meanings: dict[str, Meaning], code: str) -> Meaning | None:
    return next((meaning for start, meaning in meanings.items() if code.startswith(start)), None)
