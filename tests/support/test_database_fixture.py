"""The fixtures give real, empty, separate databases, and every server found on this machine can serve them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import create_engine, inspect, text

from tests.support.postgres import driver_url, find_binaries, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

VERSION = {"sqlite": "SELECT 'SQLite ' || sqlite_version()", "postgresql": "SELECT version()"}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("time", ["first", "again"])
def test_each_test_gets_an_empty_real_database(engine: Engine, time: str) -> None:
    with engine.begin() as connection:
        version = connection.execute(text(VERSION[engine.dialect.name])).scalar_one()
        assert version.startswith({"sqlite": "SQLite 3.", "postgresql": "PostgreSQL 1"}[engine.dialect.name])
        assert inspect(connection).get_table_names() == []
        connection.execute(text("CREATE TABLE trace (name TEXT)"))


def test_text_sorts_by_code_point_on_both(engine: Engine) -> None:
    rows = "SELECT name FROM (SELECT 'a' AS name UNION ALL SELECT 'B' UNION ALL SELECT 'é') AS names ORDER BY name"
    with engine.connect() as connection:
        assert connection.execute(text(rows)).scalars().all() == ["B", "a", "é"]


@pytest.mark.parametrize("binaries", find_binaries(), ids=str)
def test_every_server_found_starts_and_leaves_nothing(binaries: Path) -> None:
    with running_server(binaries) as url:
        with psycopg.connect(driver_url(url)) as connection:
            assert connection.info.server_version >= 15_00_00
            row = connection.execute("SHOW data_directory").fetchone()
        assert row is not None
        folder = Path(row[0]).parent
        assert folder.exists()
    assert not folder.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(driver_url(url))


def test_the_server_ends_when_its_run_is_killed(tmp_path: Path) -> None:
    run = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    url_file = tmp_path / "url"
    server = subprocess.Popen([sys.executable, "-m", "tests.support.postgres", url_file, str(run.pid)])
    try:
        while not url_file.exists():
            assert server.poll() is None
            time.sleep(0.05)
        url = url_file.read_text()
    finally:
        run.kill()
        run.communicate()
    assert server.wait(timeout=120) == 0
    assert not url_file.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(driver_url(url))


def test_a_given_server_is_used_instead(postgres_server: str, tmp_path: Path) -> None:
    test = tmp_path / "test_given.py"
    test.write_text(
        "from tests.support.databases import *\n"
        f"def test_given(postgres_server):\n    assert postgres_server == {postgres_server!r}\n"
    )
    given = {**os.environ, "FLOWRULES_TEST_POSTGRES": postgres_server.replace("+psycopg", "")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(test)]
    result = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
