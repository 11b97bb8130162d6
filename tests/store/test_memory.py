"""What is written in memory is gone when it is to be forgotten, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from flowrules.sql import tables as t
from flowrules.store.database import Database
from flowrules.store.memory import image, in_memory


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    file = tmp_path / "a.db"
    Database.create(f"sqlite:///{file}", zone="UTC", salt="x").close()
    return image(file)


def test_what_is_written_is_forgotten(content: bytes) -> None:
    with in_memory(content) as memory, memory.database.session() as session:
        tag = t.tag.c
        with session.write() as connection:
            connection.exec_driver_sql("CREATE TEMPORARY TABLE working (a INTEGER)")
            connection.execute(insert(t.tag).values(id=1, name="kept"))
        memory.settle()
        for _ in range(2):
            with session.write() as connection:
                connection.execute(insert(t.tag).values(id=2, name="gone"))
                connection.execute(text("INSERT INTO working VALUES (1)"))
            with session.read() as connection:
                assert connection.execute(select(tag.name).order_by(tag.id)).scalars().all() == ["kept", "gone"]
            memory.forget()
        with session.read() as connection:
            assert connection.execute(select(tag.name)).scalars().all() == ["kept"]
            assert connection.execute(text("SELECT count(*) FROM working")).scalar() == 0


def test_the_file_stays_as_it_is_and_two_do_not_meet(content: bytes, tmp_path: Path) -> None:
    with in_memory(content) as one, in_memory(content) as other:
        with one.database.write() as connection:
            connection.execute(insert(t.tag).values(id=1, name="a"))
        with other.database.read() as connection:
            assert connection.execute(select(t.tag.c.name)).scalars().all() == []
    database = Database.open(f"sqlite:///{tmp_path / 'a.db'}")
    with database.read() as connection:
        assert connection.execute(select(t.tag.c.name)).scalars().all() == []
    database.close()
