"""The process is killed wherever it can be; after a restart everything is as if it had never been."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from flowrules.channels.base import Outcome
from flowrules.channels.file import FileChannel
from flowrules.channels.registry import make_channels
from flowrules.runtime.deliver import Delivered, deliver
from flowrules.sql import tables
from flowrules.sql.codes import Status
from flowrules.store.database import Database
from tests.delivery.crash import main
from tests.support.world import START, World, at, world

NOW = at("2026-03-02 10:05")
PEOPLE = ["ana", "bea", "cid", "dan", "eva"]


def prepare(url: str, people: list[str]) -> World:
    made = world(url)
    made.customers(people)
    made.consent(people[:1], "email", "withdrawn", at("2026-03-02 10:01"))
    made.event(people, "signup", START + 60_000_000, source="fair")
    made.tick(at("2026-03-02 10:00"))
    return made


def state(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Everything but how often it was tried."""
    with database.read() as connection:
        return {
            table.name: sorted(tuple(row) for row in connection.execute(select(table)))
            for table in (tables.message, tables.outcome, tables.contact)
        }


def lines(folder: Path) -> list[str]:
    path = folder / "email.jsonl"
    return sorted(path.read_text().splitlines()) if path.exists() else []


def channels(folder: Path) -> dict[str, Any]:
    return dict(make_channels({"email": "file", "sms": "file"}, folder))


@dataclass(frozen=True)
class Prepared:
    file: Path
    expected: dict[str, list[tuple[Any, ...]]]
    lines: list[str]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    folder = tmp_path_factory.mktemp("crash")
    file = folder / "before.db"
    prepare(f"sqlite:///{file}", PEOPLE).database.close()
    shutil.copy(file, folder / "whole.db")
    whole = Database.open(f"sqlite:///{folder / 'whole.db'}")
    done = deliver(whole, channels(folder / "whole"), NOW)
    assert (done.sent, done.withheld) == (4, {"unsubscribed": 1})
    yield Prepared(file, state(whole), lines(folder / "whole"))
    whole.close()


def killed(url: str, out: Path, point: str, number: int) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads: the child opens all it uses
        child = os.fork()
    if child == 0:
        try:
            main(url, str(out), str(NOW), point, str(number))
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def check_recovery(url: str, out: Path, expected: dict[str, list[tuple[Any, ...]]], written: list[str]) -> None:
    database = Database.open(url)
    deliver(database, channels(out), NOW)
    assert state(database) == expected
    assert lines(out) == written
    with database.read() as connection:
        open_ends = connection.execute(select(tables.attempt).where(tables.attempt.c.finished_at.is_(None))).all()
    assert open_ends == []
    database.close()


POINTS = [("send", 1), ("send", 2), ("send", 3), ("flush", 1), ("flush", 2), ("flushed", 1), ("flushed", 2)]


@pytest.mark.parametrize(("point", "number"), [*POINTS, *(("commit", number) for number in range(1, 9))])
def test_killed_and_restarted(prepared: Prepared, tmp_path: Path, point: str, number: int) -> None:
    shutil.copy(prepared.file, tmp_path / "db.sqlite")
    url = f"sqlite:///{tmp_path / 'db.sqlite'}"
    killed(url, tmp_path / "out", point, number)
    check_recovery(url, tmp_path / "out", prepared.expected, prepared.lines)


@pytest.mark.slow
def test_killed_at_every_statement(prepared: Prepared, tmp_path: Path) -> None:
    number, more = 0, True
    while more:
        number += 1
        shutil.copy(prepared.file, tmp_path / "db.sqlite")
        for old in tmp_path.glob("db.sqlite-*"):
            old.unlink()
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        url = f"sqlite:///{tmp_path / 'db.sqlite'}"
        more = killed(url, tmp_path / "out", "statement", number)
        check_recovery(url, tmp_path / "out", prepared.expected, prepared.lines)
    assert number > 20


@pytest.mark.parametrize("point", ["send", "flushed", "commit"])
def test_killed_on_postgresql(postgres_url: str, tmp_path: Path, point: str) -> None:
    made = prepare(postgres_url, PEOPLE)
    assert killed(postgres_url, tmp_path, point, 2)
    deliver(made.database, channels(tmp_path), NOW)
    found = [json.loads(line)["customer"] for line in lines(tmp_path)]
    assert sorted(found) == PEOPLE[1:]
    with made.database.read() as connection:
        statuses = connection.execute(select(tables.message.c.status).order_by(tables.message.c.customer_id)).scalars()
        assert list(statuses) == [Status.SKIPPED, *[Status.SENT] * 4]
        assert len(connection.execute(select(tables.outcome)).all()) == 5
    made.database.close()


class Forgetful(FileChannel):
    """A provider that can not say what it took."""

    def settle(self, keys: Collection[str]) -> Mapping[str, Outcome]:
        del keys
        return {}


def test_what_nobody_can_tell_is_unknown(prepared: Prepared, tmp_path: Path) -> None:
    shutil.copy(prepared.file, tmp_path / "db.sqlite")
    url = f"sqlite:///{tmp_path / 'db.sqlite'}"
    assert killed(url, tmp_path, "flushed", 1)
    database = Database.open(url)
    done = deliver(database, {"email": Forgetful(tmp_path, "email")}, NOW)
    assert (done.unknown, done.sent) == (1, 3)  # of the first two, one was withheld
    assert len(lines(tmp_path)) == 4
    database.close()


def test_two_dispatchers_race(database_url: str, tmp_path: Path) -> None:
    people = [f"c{number:03}" for number in range(200)]
    made = prepare(database_url, people)
    results: list[Delivered] = []

    def dispatch() -> None:
        database = Database.open(database_url)
        few = channels(tmp_path)
        few["email"].together = 7
        results.append(deliver(database, few, NOW))
        database.close()

    threads = [threading.Thread(target=dispatch) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(result.sent for result in results) == 199
    found = [json.loads(line)["customer"] for line in lines(tmp_path)]
    assert sorted(found) == people[1:]
    with made.database.read() as connection:
        assert len(connection.execute(select(tables.outcome)).all()) == 200
    made.database.close()


def test_the_fuse_itself_delivers_when_it_never_burns(prepared: Prepared, tmp_path: Path) -> None:
    shutil.copy(prepared.file, tmp_path / "db.sqlite")
    main(f"sqlite:///{tmp_path / 'db.sqlite'}", str(tmp_path), str(NOW), "send", "99")
    assert lines(tmp_path) == prepared.lines
