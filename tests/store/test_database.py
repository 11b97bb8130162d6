"""Opening and creating: what works on both databases, and every refusal as people read it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import OperationalError

from flowrules.errors import (
    DatabaseExistsError,
    DatabaseLockedError,
    DatabaseMissingError,
    DatabaseReadOnlyError,
    ServerUnreachableError,
    StoreError,
)
from flowrules.sql import tables
from flowrules.store.database import Database
from flowrules.store.zones import BEGINNING


def rows(database: Database, statement: str) -> list[tuple[object, ...]]:
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def test_create_makes_what_open_reads(database_url: str) -> None:
    Database.create(database_url, zone="Europe/Madrid", currency="USD", salt="s")
    database = Database.open(database_url)
    assert database.dialect in database_url
    assert {key: value for key, value in rows(database, "SELECT key, value FROM workspace")} == {  # noqa: C416 -- typed
        "salt": "s",
        "zone": "Europe/Madrid",
        "currency": "USD",
    }
    assert rows(database, "SELECT * FROM clock") == [(0, BEGINNING, BEGINNING, 0, BEGINNING, 0)]
    assert rows(database, "SELECT name FROM zone ORDER BY id") == [("UTC",), ("Europe/Madrid",)]


def test_each_database_gets_its_own_salt(tmp_path: Path) -> None:
    salts = {
        rows(Database.create(f"sqlite:///{tmp_path}/{name}"), "SELECT value FROM workspace WHERE key = 'salt'")[0]
        for name in "ab"
    }
    assert len(salts) == 2


def test_what_is_there_is_not_overwritten(database_url: str) -> None:
    Database.create(database_url)
    with pytest.raises(DatabaseExistsError, match="already holds a FlowRules database"):
        Database.create(database_url)


def test_tables_of_others_are_left_alone(database_url: str) -> None:
    Database.create(database_url)
    database = Database.open(database_url)
    with database.write() as connection:
        for table in reversed(tables.metadata.sorted_tables):
            if table.name != "customer":
                connection.execute(text(f'DROP TABLE "{table.name}"'))
        connection.execute(text("DROP TABLE flowrules_revision"))
    with pytest.raises(DatabaseMissingError, match="without the tables of FlowRules"):
        Database.open(database_url)
    with pytest.raises(DatabaseExistsError, match="has a table `customer` of another program"):
        Database.create(database_url)


def test_a_failed_write_leaves_nothing(database_url: str) -> None:
    database = Database.create(database_url)

    def fail() -> None:
        with database.write() as connection:
            connection.execute(insert(tables.tag).values(id=1, name="x"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert rows(database, "SELECT * FROM tag") == []


def test_a_session_keeps_its_temporary_tables_over_transactions(database_url: str) -> None:
    database = Database.create(database_url)
    with database.session() as session:
        with session.write() as connection:
            connection.execute(text("CREATE TEMPORARY TABLE stage (id INTEGER)"))
        with session.write() as connection:
            connection.execute(text("INSERT INTO stage VALUES (1)"))
        with session.read() as connection:
            assert connection.execute(text("SELECT id FROM stage")).scalars().all() == [1]


def test_a_read_sees_one_state(database_url: str) -> None:
    database = Database.create(database_url)
    with database.read() as connection:
        before = connection.execute(select(tables.tag.c.name)).all()
        with database.write() as writer:
            writer.execute(insert(tables.tag).values(id=1, name="x"))
        assert connection.execute(select(tables.tag.c.name)).all() == before


def test_our_own_mistakes_are_not_dressed_up(database_url: str) -> None:
    database = Database.create(database_url)
    with pytest.raises(Exception, match="nowhere") as raised, database.read() as connection:
        connection.execute(text("SELECT * FROM nowhere"))
    assert not isinstance(raised.value, StoreError)


def test_a_lost_table_is_the_databases_fault(database_url: str) -> None:
    database = Database.create(database_url)
    with database.write() as connection:
        connection.execute(text("DROP TABLE attempt"))
    with pytest.raises(StoreError, match="lacks a table"), database.read() as connection:
        connection.execute(select(tables.attempt))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "the database URL can not be read"),
        ("what", "the database URL can not be read"),
        ("mysql://root:secret@server/x", "`mysql` is not a kind of database FlowRules can use"),
        ("sqlite://", "the database must be a file: one in memory is gone with the command"),
        ("sqlite:///:memory:", "the database must be a file: one in memory is gone with the command"),
        ("sqlite:///shop.db?timeout=soon", "the URL of a SQLite file has no options"),
        ("sqlite:///file:shop.db?mode=ro&uri=true", "the URL of a SQLite file has no options"),
        ("postgresql://ana:secret@127.0.0.1:1/shop", "127.0.0.1:1/shop does not answer"),
        ("postgresql://ana:secret@127.0.0.1:port/shop", "the database URL can not be read"),
    ],
)
def test_urls_that_can_not_be_used(url: str, message: str) -> None:
    with pytest.raises(StoreError) as refused:
        Database.open(url)
    assert refused.value.message == message
    assert "secret" not in f"{refused.value}{refused.value.hint}"


def _folder(path: Path) -> None:
    path.mkdir()


def _garbage(path: Path) -> None:
    path.write_bytes(b"id,email\n" * 1000)


def _damaged(path: Path) -> None:
    Database.create(f"sqlite:///{path}")
    content = bytearray(path.read_bytes())
    content[100:4000] = b"\xff" * 3900
    path.write_bytes(content)
    for rest in path.parent.glob(f"{path.name}-*"):
        rest.unlink()


def _nothing(_path: Path) -> None:
    pass


def _empty(path: Path) -> None:
    path.touch()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_folder, "{} is a folder, not a database"),
        (_garbage, "{} is not a database"),
        (_damaged, "{} is damaged"),
        (_nothing, "there is no database {} yet"),
        (_empty, "{} is a database without the tables of FlowRules"),
    ],
)
def test_files_that_are_no_database(make: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    make(path)
    with pytest.raises(StoreError) as refused:
        Database.open(f"sqlite:///{path}")
    assert refused.value.message == message.format(path)
    assert refused.value.hint


def test_a_database_in_no_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no folder"):
        Database.create(f"sqlite:///{tmp_path}/no/shop.db")


def test_a_locked_database_says_so(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowrules.store.database._PRAGMAS", ("PRAGMA busy_timeout=10",))
    database = Database.create(sqlite_url)
    with database.write(), pytest.raises(DatabaseLockedError, match="another program writes"), database.write():
        pass
    with database.write(), database.read() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1


def test_a_writer_waits_for_the_one_before(database_url: str) -> None:
    database = Database.create(database_url)
    order: list[str] = []

    def second() -> None:
        with database.intake():
            order.append("second")

    with database.intake():
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_file_that_may_not_be_written(sqlite_url: str) -> None:
    database = Database.create(sqlite_url)
    with database.session() as session:
        session.connection.exec_driver_sql("PRAGMA query_only=ON")
        session.connection.rollback()
        with pytest.raises(DatabaseReadOnlyError, match="can not be written"), session.write() as connection:
            connection.execute(insert(tables.tag).values(id=1, name="x"))


def test_an_old_sqlite_is_refused(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 9))
    with pytest.raises(StoreError, match=r"FlowRules needs 3\.37 or newer"):
        Database.open(sqlite_url)


def test_servers_that_refuse(postgres_url: str) -> None:
    server, _, name = postgres_url.rpartition("/")
    with pytest.raises(ServerUnreachableError, match=r"the server has no .*/nothing, or no such user"):
        Database.open(f"{server}/nothing")
    head, _, tail = postgres_url.partition("@")
    with pytest.raises(ServerUnreachableError, match="refuses the user or the password") as refused:
        Database.open(f"{head}x@{tail}")
    assert head.rpartition(":")[2] not in str(refused.value)
    with pytest.raises(DatabaseMissingError):
        Database.open(f"{server.replace('+psycopg', '')}/{name}")


def test_checkpoint_empties_the_log(sqlite_url: str) -> None:
    database = Database.create(sqlite_url)
    with database.session():  # as long as one connection is open, the log stays
        with database.write() as connection:
            connection.execute(insert(tables.tag).values(id=1, name="x"))
        database.checkpoint()
        path = Path(str(database.file))
        with sqlite3.connect(f"file:{path}?immutable=1", uri=True) as raw:  # reads the file without its log
            assert raw.execute("SELECT name FROM tag").fetchall() == [("x",)]
        raw.close()


def test_operational_errors_of_sqlite_that_are_ours(sqlite_url: str) -> None:
    database = Database.create(sqlite_url)
    with pytest.raises(OperationalError), database.write() as connection:
        connection.execute(text("no sql"))
