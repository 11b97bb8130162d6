"""Older databases go on in newer programs, newer ones are refused, and nothing in between can be left behind."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert, select, text

from flowrules.errors import DatabaseLockedError, DatabaseMissingError, SchemaNewerError, SchemaOlderError
from flowrules.runtime.deliver import deliver
from flowrules.runtime.tick import planner
from flowrules.sql import tables
from flowrules.sql.codes import Reason
from flowrules.store import revisions
from flowrules.store.database import Database
from flowrules.store.examine import damage, faults
from flowrules.store.upgrade import upgrade
from tests.proof.story import killed
from tests.store.stored import DAY, HOUR, UNTIL, channels
from tests.support.revisions import add_next, folder_of_its_own
from tools.schema import shapes

STORED = sorted(Path(__file__).parent.glob("revision_*.sql"))


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    yield from folder_of_its_own(tmp_path, monkeypatch)


def restored(dump: Path, file: Path) -> str:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(dump.read_text())
    return f"sqlite:///{file}"


def content(url: str) -> dict[str, list[tuple[Any, ...]]]:
    database = Database._of(url)
    with database.read() as connection:
        found = {
            name: sorted((tuple(row) for row in connection.execute(text(f'SELECT * FROM "{name}"'))), key=repr)  # noqa: S608
            for name in shapes(connection)
        }
    database.close()
    return found


# --- databases of earlier programs --------------------------------------------------------------------


def test_there_is_one_of_every_revision() -> None:
    assert [path.stem.removeprefix("revision_") for path in STORED] == list(revisions.known())


@pytest.mark.parametrize("dump", STORED, ids=lambda path: path.stem)
def test_a_stored_database_goes_on_to_the_end(dump: Path, tmp_path: Path) -> None:
    url = restored(dump, tmp_path / "shop.db")
    upgrade(url)
    database = Database.open(url)
    assert (list(damage(database)), list(faults(database))) == ([], [])
    sent = 0
    with planner(database) as planning:
        for now in range(UNTIL + HOUR, UNTIL + 30 * DAY, DAY):
            sent += deliver(database, channels(tmp_path), now).sent
            planning.tick(now)
    assert list(faults(database)) == []
    enrollment = tables.enrollment.c
    with database.read() as connection:
        exits = Counter(
            Reason(number).word
            for number in connection.execute(select(enrollment.exit)).scalars()
            if number is not None
        )
        live = connection.execute(select(enrollment.customer_id).where(enrollment.ended_at.is_(None))).all()
        plain = connection.execute(text("SELECT a_first_name FROM customer ORDER BY id")).scalars().all()
    database.close()
    assert (sent, exits, live) == (2, Counter(exit=9, goal=2, completed=1), [])
    assert plain[:2] == ["C00", "C01"]


# --- refused ------------------------------------------------------------------------------------------


def test_a_newer_database_is_refused(database_url: str) -> None:
    database = Database.create(database_url)
    with database.write() as connection:
        connection.execute(text("UPDATE flowrules_revision SET version_num = '9999'"))
    before = content(database_url)
    for use in (Database.open, Database.find, upgrade):
        with pytest.raises(SchemaNewerError, match=r"made by a newer FlowRules \(revision 9999, this one knows") as no:
            use(database_url)
        assert no.value.hint == "install the newer version; an older one must not write into it"
    assert content(database_url) == before


def test_an_older_database_is_refused_until_it_is_upgraded(database_url: str, own: Path) -> None:
    Database.create(database_url)
    before = revisions.head()
    number = add_next(own)
    with pytest.raises(SchemaOlderError, match=f"revision {before}, this one needs {number}") as refused:
        Database.open(database_url)
    assert refused.value.hint == "run `flowrules db upgrade`"
    done = upgrade(database_url)
    assert (done.before, done.after) == (before, number)
    Database.open(database_url)
    again = upgrade(database_url)
    assert (again.before, again.after, again.backup) == (number, number, None)


def test_without_a_database_there_is_nothing_to_upgrade(sqlite_url: str) -> None:
    with pytest.raises(DatabaseMissingError):
        upgrade(sqlite_url)


def test_the_version_table_of_another_program_is_not_ours(database_url: str) -> None:
    with Database._of(database_url).write() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('3f2a')"))
    Database.create(database_url)
    Database.open(database_url)


# --- all or nothing -----------------------------------------------------------------------------------


def older(url: str, own: Path) -> dict[str, list[tuple[Any, ...]]]:
    """A database with something in it, and a program one further; gives what is in it."""
    database = Database.create(url)
    with database.write() as connection:
        connection.execute(insert(tables.tagging), [{"customer_id": n, "tag_id": 1, "since": n} for n in range(50)])
        connection.execute(text("ALTER TABLE customer ADD COLUMN a_plan TEXT"))
    database.close()
    add_next(own)
    return content(url)


def test_a_copy_of_the_file_is_kept(sqlite_url: str, own: Path) -> None:
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    before = older(sqlite_url, own)
    file.chmod(0o600)
    done = upgrade(sqlite_url)
    assert done.backup == file.with_name("flowrules.sqlite.0001.backup".replace("0001", done.before))
    assert content(f"sqlite:///{done.backup}") == before
    assert stat.S_IMODE(done.backup.stat().st_mode) == 0o600
    after = content(sqlite_url)
    assert after["tagging"] == [(n, 1, n, n + 1) for n in sorted(range(50), key=lambda n: repr((n, 1, n, n + 1)))]
    shutil.copyfile(done.backup, file)  # an older one is put back, and upgraded once more
    assert upgrade(sqlite_url).backup == file.with_name(f"flowrules.sqlite.{done.before}-2.backup")
    assert content(sqlite_url) == after


@pytest.mark.slow
def test_killed_at_any_statement_it_is_as_before_or_done(database_url: str, own: Path) -> None:
    before = older(database_url, own)

    def work() -> None:
        seen = 0

        def burn(*_: object) -> None:
            nonlocal seen
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

        for moment in ("before_cursor_execute", "commit"):
            event.listen(Engine, moment, burn)
        upgrade(database_url)

    number = 1
    while killed(work):
        assert content(database_url) == before, number
        number += 1 if database_url.startswith("sqlite") else 4  # there each takes long
    assert number > 15
    Database.open(database_url)
    assert len(content(database_url)["tagging"][0]) == 4


def test_a_mistake_in_a_revision_leaves_all_as_it_was(database_url: str, own: Path) -> None:
    before = older(database_url, own)
    (revision,) = own.glob(f"versions/revision_{revisions.head()}.py")
    revision.write_text(revision.read_text() + "    op.get_bind().exec_driver_sql('no sql')\n")
    with pytest.raises(Exception, match="syntax"):
        upgrade(database_url)
    assert content(database_url) == before


def test_while_somebody_writes_it_waits_and_says_so(
    sqlite_url: str, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older(sqlite_url, own)
    monkeypatch.setattr("flowrules.store.database._PRAGMAS", ("PRAGMA busy_timeout=10",))
    database, _ = Database.find(sqlite_url)
    with database.write(), pytest.raises(DatabaseLockedError):
        upgrade(sqlite_url)
    assert not list(Path(sqlite_url.removeprefix("sqlite:///")).parent.glob("*.backup"))
