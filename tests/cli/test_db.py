"""`flowrules db`: what it prints, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from flowrules.store import revisions
from flowrules.store.database import Database
from tests.cli.conftest import Call
from tests.support.revisions import add_next, folder_of_its_own


@pytest.fixture
def url(call: Call, workspace: Path) -> str:
    assert call("import", "customers", "data/customers.csv").code == 0
    return f"sqlite:///{workspace / 'flowrules.db'}"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    yield from folder_of_its_own(tmp_path, monkeypatch)


def test_upgrade(call: Call, url: str, workspace: Path, own: Path) -> None:
    before = revisions.head()
    said = call("db", "upgrade")
    assert (said.code, said.out, said.err) == (0, f"revision {before}: nothing to upgrade\n", "")
    after = add_next(own)
    for command in (["status"], ["tick"], ["apply", "--yes"], ["import", "customers", "data/customers.csv"]):
        said = call(*command)
        assert (said.code, said.out) == (1, "")
        assert said.err.splitlines()[1] == "  hint: run `flowrules db upgrade`"
    said = call("db", "check")
    assert (said.code, said.err) == (0, "")
    assert said.out == f"revision {before}: the file is whole; `flowrules db upgrade` brings it to {after}\n"
    said = call("db", "upgrade", "--format", "json")
    backup = f"{workspace}/flowrules.db.{before}.backup"
    assert json.loads(said.out) == {
        "schema": "flowrules.db/1",
        "revision": after,
        "head": after,
        "before": before,
        "backup": backup,
    }
    assert said.err == f"the database as it was: {backup}\n"
    assert call("status").code == 0


def test_check(call: Call, url: str) -> None:
    assert json.loads(call("db", "check", "--format", "json").out) == {
        "schema": "flowrules.db/1",
        "revision": revisions.head(),
        "head": revisions.head(),
        "faults": [],
    }
    with Database.open(url).write() as connection:
        connection.execute(text("DELETE FROM clock"))
        connection.execute(text("DELETE FROM workspace WHERE key = 'salt'"))
    said = call("db", "check")
    assert said.code == 1
    assert said.out.splitlines() == [
        f"revision {revisions.head()}: 2 faults",
        "the clock's row is not there, or not alone",
        "the salt is lost: nobody could be held out as before",
    ]
    assert said.err == f"error: {url.removeprefix('sqlite:///')} is damaged\n  hint: restore a backup\n"


def test_backup(call: Call, url: str, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = call("db", "backup", "copy.db")
    assert (said.code, said.out, said.err) == (0, f"copied {workspace}/flowrules.db to copy.db\n", "")
    assert call("db", "backup", "copy.db").err.startswith("error: copy.db is there already\n")
    monkeypatch.setenv("FLOWRULES_DATABASE_URL", f"sqlite:///{workspace}/copy.db")
    assert call("db", "check").code == 0


def test_backup_of_a_server(call: Call, workspace: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Database.create(postgres_url)
    monkeypatch.setenv("FLOWRULES_DATABASE_URL", postgres_url)
    said = call("db", "backup", "copy.db")
    assert (said.code, said.out) == (1, "")
    assert said.err.endswith(" is a PostgreSQL database\n  hint: `pg_dump` makes a copy of it\n")


def test_usage(call: Call) -> None:
    assert call("db").code == 2
    assert call("db", "mend").code == 2
    assert call("db", "backup").code == 2
    assert "upgrade" in call("help", "db").out
