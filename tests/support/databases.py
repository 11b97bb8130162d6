"""Fixtures that give a test the URL of an empty database of its own, and the one PostgreSQL server behind them.

The server is `FLOWRULES_TEST_POSTGRES` (a URL whose user may create databases) where set, else one that the first
test to need it starts; all workers of a run share it, and it ends with the run, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from tests.support.postgres import START_SECONDS, PostgresUnavailableError, driver_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# How the workers of one run, which are processes, find each other: the first one makes the folder, the others inherit.
RUN_FOLDER = "FLOWRULES_TEST_RUN_FOLDER"
RUN_OWNER = "FLOWRULES_TEST_RUN_OWNER"


def open_run() -> None:
    os.environ[RUN_FOLDER] = tempfile.mkdtemp(prefix="flowrules-tests-")
    os.environ[RUN_OWNER] = str(os.getpid())


def close_run() -> None:
    folder = Path(os.environ.pop(RUN_FOLDER))
    del os.environ[RUN_OWNER]
    url_file = folder / "url"
    if url_file.exists():
        os.kill(int((folder / "pid").read_text()), signal.SIGTERM)
        _wait(lambda: not url_file.exists())
    shutil.rmtree(folder, ignore_errors=True)


def _wait(done: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _shared_server() -> str:
    folder = Path(os.environ[RUN_FOLDER])
    url_file, output = folder / "url", folder / "output"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not url_file.exists() and not output.exists():  # output without a URL: it failed for another worker
            with output.open("w") as log:
                server = subprocess.Popen(
                    [sys.executable, "-m", "tests.support.postgres", str(url_file), os.environ[RUN_OWNER]],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    cwd=Path(__file__).parents[2],
                )
            (folder / "pid").write_text(str(server.pid))
            _wait(lambda: url_file.exists() or server.poll() is not None)
            server.returncode = 0  # it outlives this worker on purpose: no ResourceWarning for that
    if not url_file.exists():
        raise PostgresUnavailableError(output.read_text())
    return url_file.read_text()


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """URL of the server's maintenance database; tests want `postgres_url` instead."""
    given = os.environ.get("FLOWRULES_TEST_POSTGRES")
    if given:
        return make_url(given).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    return _shared_server()


@pytest.fixture(scope="session")
def _postgres_admin(postgres_server: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(driver_url(postgres_server), autocommit=True) as connection:
        _admin.append(connection)
        yield connection
        if "FLOWRULES_TEST_POSTGRES" in os.environ:  # else the server ends with the run
            for name in _prepared:
                drop(connection, name)


_admin: list[psycopg.Connection] = []
_prepared: list[str] = []


def admin() -> psycopg.Connection | None:
    """Of the server, once a test has asked for a database on it."""
    return _admin[0] if _admin else None


def drop_at_the_end(name: str) -> None:
    _prepared.append(name)


def drop(connection: psycopg.Connection, name: str) -> None:
    # FORCE: a failed test may have left connections open.
    connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def postgres_url(postgres_server: str, _postgres_admin: psycopg.Connection) -> Iterator[str]:
    """Give an empty PostgreSQL database: UTF8, C collation."""
    name = f"flowrules_test_{uuid.uuid4().hex}"
    _postgres_admin.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'").format(
            sql.Identifier(name)
        )
    )
    yield make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
    drop(_postgres_admin, name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Give an empty SQLite database, a file: in memory, a second connection would see another one."""
    return f"sqlite:///{tmp_path / 'flowrules.sqlite'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Give an empty database, once of each kind: what is tested through this is tested on both."""
    url: str = request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param])
    return url
