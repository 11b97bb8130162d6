"""A copy of a SQLite database that is in use: whole, and nobody waits for it.

Takes the database and a path; the file is there when the copy is complete, and not before. Never writes over a file.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from flowrules.errors import StoreError
from flowrules.store.database import Database
from flowrules.store.failures import store_errors


def back_up(database: Database, path: Path) -> None:
    file = database.file
    if file is None:
        raise StoreError(f"{database.name} is a PostgreSQL database", "`pg_dump` makes a copy of it")
    require_free(path)
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        # As private as the original is: it holds the same customers.
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, file.stat().st_mode & 0o777))
        with (
            store_errors(database.name),
            closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as source,
            store_errors(str(path)),
            closing(sqlite3.connect(partial)) as target,
        ):
            source.backup(target)
        partial.rename(path)
    finally:
        for left in ("", "-journal", "-wal", "-shm"):
            partial.with_name(partial.name + left).unlink(missing_ok=True)


def require_free(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise StoreError(f"{path} is there already", "name another file, or delete it")
    if not path.parent.is_dir():
        raise StoreError(f"there is no folder {path.parent}", "make the folder first")
