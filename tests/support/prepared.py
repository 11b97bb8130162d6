"""What many tests begin with: made once by each worker and copied from then on, for it takes longer than the tests."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Hashable
from functools import lru_cache
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from flowrules.check import Checked, check
from flowrules.model.snapshot import Snapshot
from flowrules.store.database import Database
from tests.support import databases

_made: dict[tuple[str, Hashable], str] = {}
"""By kind of database and what is in it: the file, or the name of the database on the server."""


@lru_cache(maxsize=8)
def checked(snapshot: Snapshot) -> Checked:
    """Generators, edits and the engine ask for the same, one after the other."""
    return check(snapshot)


def blank(url: str, *, zone: str = "UTC", currency: str = "EUR", salt: str = "salt") -> Database:
    """As `Database.create` makes it."""

    def create() -> None:
        Database.create(url, zone=zone, currency=currency, salt=salt).close()

    return prepared(url, ("blank", zone, currency, salt), create)


def prepared(url: str, key: Hashable, make: Callable[[], None]) -> Database:
    """An empty database with what `make` puts into it, which must leave no connection open; `key` says what that is."""
    if url.startswith("sqlite"):
        _file(url, key, make)
    else:
        _on_server(url, key, make)
    return Database.open(url)


def _file(url: str, key: Hashable, make: Callable[[], None]) -> None:
    path = Path(url.removeprefix("sqlite:///"))
    original = _made.get(("sqlite", key))
    if original is not None:
        shutil.copyfile(original, path)
        return
    make()
    folder = os.environ.get(databases.RUN_FOLDER)
    if folder is not None:
        kept = Path(folder) / f"{uuid.uuid4().hex}.db"
        shutil.copyfile(path, kept)
        _made["sqlite", key] = str(kept)


def _on_server(url: str, key: Hashable, make: Callable[[], None]) -> None:
    there = make_url(url)
    name = there.database or ""
    original = _made.get(("postgresql", key))
    admin = databases.admin()
    if admin is None or admin.info.port != there.port:  # a server of the test's own
        make()
    elif original is None:
        make()
        kept = f"flowrules_test_{uuid.uuid4().hex}"
        _copy(admin, name, kept)
        _made["postgresql", key] = kept
        databases.drop_at_the_end(kept)
    else:
        admin.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
        _copy(admin, original, name)


def _copy(admin: psycopg.Connection, original: str, name: str) -> None:
    # The files are copied as they are: with the tests' settings that is faster than through the log.
    admin.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' STRATEGY {}").format(
            sql.Identifier(name), sql.Identifier(original), sql.Identifier("file_copy")
        )
    )
