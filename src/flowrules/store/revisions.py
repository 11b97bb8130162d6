"""Which revision of the tables a database has, and which ones this program knows.

Takes a connection. The revisions are the files in `migrations/versions`; the newest is what `sql/tables.py` describes.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, insert, inspect, select

MIGRATIONS = Path(__file__).with_name("migrations")
VERSION_TABLE = "flowrules_revision"

# As Alembic would make it. Not its usual name: a database may be shared with another program that uses Alembic.
_table = Table(
    VERSION_TABLE,
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
)


@cache
def known() -> tuple[str, ...]:
    """From the first to the newest."""
    return tuple(
        sorted(path.stem.removeprefix("revision_") for path in (MIGRATIONS / "versions").glob("revision_*.py"))
    )


def head() -> str:
    return known()[-1]


def revision(connection: Connection) -> str | None:
    """None: no database of FlowRules."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(select(_table.c.version_num)).scalar()


def stamp(connection: Connection) -> None:
    """The tables have just been made as the newest revision has them."""
    _table.create(connection)
    connection.execute(insert(_table).values(version_num=head()))
