"""An older database made into one of this program's revision, in one transaction.

Takes a URL. Of a SQLite file a copy is kept; whatever happens on the way, the database is as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from flowrules.store.backup import back_up
from flowrules.store.database import ADVISORY, INTAKE, Database
from flowrules.store.revisions import MIGRATIONS, head, revision


@dataclass(frozen=True, slots=True)
class Upgraded:
    """backup: the file as it was; None if nothing was to be done, and for PostgreSQL."""

    name: str
    before: str
    after: str
    backup: Path | None


def upgrade(url: str) -> Upgraded:
    database, before = Database.find(url)
    backup = None
    try:
        if before != head():
            with database.write("READ COMMITTED") as connection:
                _alone(connection)
                before = revision(connection) or before  # another one may have upgraded it meanwhile
                if before != head():
                    if database.file is not None:
                        # Under the write lock already: no fact can come in between the copy and the upgrade.
                        backup = _unused(database.file, before)
                        back_up(database, backup)
                    run(connection)
    finally:
        database.close()
    return Upgraded(database.name, before, head(), backup)


def run(connection: Connection, to: str = "head") -> None:
    """Run what is missing, in the transaction that is open; on an empty database everything."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def _alone(connection: Connection) -> None:
    """No tick publishes and no intake goes on meanwhile; SQLite's write lock does the same."""
    if connection.dialect.name == "postgresql":
        for key in (ADVISORY, INTAKE):
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


def _unused(file: Path, number: str) -> Path:
    """`flowrules.db.0001.backup`, or with a number if there is one from another day."""
    names = (file.with_name(f"{file.name}.{number}{more}.backup") for more in ("", *(f"-{n}" for n in range(2, 1000))))
    return next(path for path in names if not path.exists())
