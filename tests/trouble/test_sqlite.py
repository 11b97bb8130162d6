"""SQLite files in trouble: a sentence and a way out, and afterwards as if nothing had been."""

from __future__ import annotations

import resource
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, insert

from flowrules.errors import DatabaseLockedError
from flowrules.sql import tables
from flowrules.store import database as store
from flowrules.store.database import Database
from flowrules.store.revisions import head
from tests.trouble.shop import WORK, Said, Shop, apart, begun, given_away, unprivileged

WRITE = (
    "tick --now 2026-03-04",
    "deliver --now 2026-03-03",
    "import events visits.csv",
    "apply --yes --now 2026-03-05",
)
READ = ("status", "ledger", "messages", "funnel welcome", "explain c02", "db check")


def impatient(monkeypatch: pytest.MonkeyPatch, *pragmas: str) -> None:
    kept = [pragma for pragma in store._PRAGMAS if "busy_timeout" not in pragma]
    monkeypatch.setattr(store, "_PRAGMAS", ("PRAGMA busy_timeout=20", *kept, *pragmas))


def same(shop: Shop, undisturbed: list[str]) -> None:
    shop.go_on()
    assert shop.result() == undisturbed


@pytest.mark.slow
def test_undisturbed(shop: Shop, undisturbed: list[str]) -> None:
    same(shop, undisturbed)


# --- locked -------------------------------------------------------------------------------------------


@contextmanager
def locking(file: Path, *statements: str) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        for statement in statements:
            other.execute(statement)
        yield


LOCKED = ("{} is locked: another program writes into it", "try again when that is done; does another FlowRules run?")


def test_another_program_writes(sqlite_shop: Shop, undisturbed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, locking(sqlite_shop.file, "BEGIN IMMEDIATE"):
        impatient(patch)
        for command in WRITE:
            sqlite_shop.fails(command, LOCKED[0].format(sqlite_shop.file), LOCKED[1])
        for command in READ:
            assert sqlite_shop(command).code == 0
    same(sqlite_shop, undisturbed)


@pytest.mark.slow
def test_another_program_has_it_alone(
    sqlite_shop: Shop, undisturbed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = ("PRAGMA locking_mode=EXCLUSIVE", "BEGIN IMMEDIATE")
    with monkeypatch.context() as patch, locking(sqlite_shop.file, *alone):
        impatient(patch)
        for command in (*WRITE, *READ):
            sqlite_shop.fails(command, LOCKED[0].format(sqlite_shop.file), LOCKED[1])
    same(sqlite_shop, undisturbed)


def test_a_lock_of_a_moment_is_waited_for(sqlite_shop: Shop, undisturbed: list[str]) -> None:
    with closing(sqlite3.connect(sqlite_shop.file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(1, other.rollback)
        timer.start()
        same(sqlite_shop, undisturbed)
        timer.join()


def test_writes_never_begin_as_reads(sqlite_shop: Shop) -> None:
    """SQLite refuses at once, without waiting, when what began as a read wants to write beside a writer."""
    begun_as: dict[int, str] = {}
    wrong: list[str] = []

    def executed(_connection: object, cursor: sqlite3.Cursor, statement: str, *_: object) -> None:
        words = statement.split(None, 2)
        if words[0] == "BEGIN":
            begun_as[id(cursor.connection)] = statement
        elif words[0] in {"INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "REPLACE"}:
            began = begun_as.get(id(cursor.connection), "none")
            if began != "BEGIN IMMEDIATE":
                wrong.append(f"{began}: {statement}")

    event.listen(Engine, "before_cursor_execute", executed)
    try:
        sqlite_shop.go_on()
        for command in READ:
            assert sqlite_shop(command).code == 0
    finally:
        event.remove(Engine, "before_cursor_execute", executed)
    assert begun_as
    assert wrong == []


def test_a_read_that_writes_would_be_said_to_be_locked(sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    impatient(monkeypatch)
    database = Database.open(sqlite_shop.url)

    def write() -> None:
        with database.read() as connection:
            connection.execute(tables.clock.select()).all()
            connection.execute(insert(tables.tag).values(id=1, name="x"))

    with locking(sqlite_shop.file, "BEGIN IMMEDIATE"), pytest.raises(DatabaseLockedError, match="is locked"):
        write()


# --- rights -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_rights(open_folder: Path, undisturbed: list[str]) -> None:
    """As somebody whom rights bind, also where root runs this."""
    (open_folder / "data").mkdir()
    shop = begun(open_folder, f"sqlite:///{open_folder / 'data' / 'shop.db'}")
    given_away(open_folder)
    file, folder = shop.file, shop.file.parent
    read_only = (f"{file} can not be written", "check the rights of the file and of its folder")
    closed = (f"{file} can not be opened", "check the path, and the rights of the file and of its folder")

    def refused(command: str, message: str, hint: str) -> None:
        said = unprivileged(lambda: shop(command))
        assert said == Said(1, "", f"error: {message}\n  hint: {hint}\n"), command

    file.chmod(0o444)
    for command in WRITE:
        refused(command, *read_only)
    assert unprivileged(lambda: shop("ledger")).code == 0
    file.chmod(0)
    for command in (*WRITE, *READ):
        refused(command, *closed)
    file.chmod(0o644)
    folder.chmod(0o555)  # no place for the log
    for command in WRITE:
        refused(command, *read_only)
    assert unprivileged(lambda: shop("ledger")).code == 0
    folder.chmod(0o755)
    same(shop, undisturbed)


# --- broken -------------------------------------------------------------------------------------------


def garbage(content: bytes) -> bytes:
    return b"\x00garbage" * 12 + content[96:]


def text(_content: bytes) -> bytes:
    return b"id,email\nana,ana@example.com\n" * 400


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def nothing(_content: bytes) -> bytes:
    return b""


def hole(content: bytes) -> bytes:
    """The page on which the tables are told, but for the file's header."""
    size = page_size(content)
    return content[:100] + b"\xff" * (size - 100) + content[size:]


def page_size(content: bytes) -> int:
    return int.from_bytes(content[16:18])


NO_DATABASE = ("{} is not a database", "name another file, or move this one away")
DAMAGED = ("{} is damaged", "restore a backup; `sqlite3 FILE .recover` may save a part")


@pytest.mark.parametrize(
    ("spoil", "message", "hint"),
    [
        (garbage, *NO_DATABASE),
        (text, *NO_DATABASE),
        (hole, *DAMAGED),
        (nothing, "{} is a database without the tables of FlowRules", "`flowrules apply` makes them"),
    ],
)
def test_what_is_no_database_any_more(
    sqlite_shop: Shop, spoil: Callable[[bytes], bytes], message: str, hint: str, undisturbed: list[str]
) -> None:
    content = sqlite_shop.file.read_bytes()
    sqlite_shop.file.write_bytes(spoil(content))
    for command in ("tick --now 2026-03-04", "deliver --now 2026-03-03", *READ, "db upgrade", "db backup copy.db"):
        sqlite_shop.fails(command, message.format(sqlite_shop.file), hint)
    assert sqlite_shop.file.read_bytes() == spoil(content)
    sqlite_shop.file.write_bytes(content)
    same(sqlite_shop, undisturbed)


def test_a_file_cut_short(sqlite_shop: Shop, undisturbed: list[str]) -> None:
    content = sqlite_shop.file.read_bytes()
    sqlite_shop.file.write_bytes(cut(content))
    sqlite_shop.fails("tick --now 2026-03-04", DAMAGED[0].format(sqlite_shop.file), DAMAGED[1])
    sqlite_shop.file.write_bytes(content)
    same(sqlite_shop, undisturbed)


@pytest.mark.slow
def test_damage_in_the_middle(sqlite_shop: Shop, undisturbed: list[str]) -> None:
    """Wherever it is: a sentence, or nothing that the command had to read; `db check` sees it in any case."""
    content = sqlite_shop.file.read_bytes()
    size = page_size(content)
    noticed = 0
    with closing(sqlite3.connect(sqlite_shop.file)) as connection:
        free = connection.execute("PRAGMA freelist_count").fetchone()[0]
        roots = {page for (page,) in connection.execute("SELECT rootpage FROM sqlite_master WHERE rootpage > 0")}
    assert free == 0
    for page in sorted(roots)[::3]:
        at = (page - 1) * size
        sqlite_shop.file.write_bytes(content[:at] + b"\xa5" * size + content[at + size :])
        for command in ("db check", "tick --now 2026-03-20"):
            said = sqlite_shop(command)
            noticed += said.code
            assert said.code == 1 or command != "db check", page
            if said.code:
                assert f"error: {sqlite_shop.file} is damaged\n  hint: restore a backup" in said.err, said
        for rest in sqlite_shop.file.parent.glob("*.sqlite-*"):
            rest.unlink()
    assert noticed > len(roots) // 3
    sqlite_shop.file.write_bytes(content)
    same(sqlite_shop, undisturbed)


# --- another revision, another place ------------------------------------------------------------------


@pytest.mark.slow
def test_a_newer_one(shop: Shop, undisturbed: list[str]) -> None:
    database = Database.open(shop.url)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE flowrules_revision SET version_num = '9999'")
    before = shop.file.read_bytes() if database.file else b""
    for command in (*WRITE, *READ, "db upgrade"):
        said = shop(command)
        assert (said.code, said.out) == (1, ""), command
        assert said.err.startswith(
            f"error: {database.name} was made by a newer FlowRules (revision 9999, this one knows"
        )
        assert said.err.endswith("\n  hint: install the newer version; an older one must not write into it\n")
    with database.write() as connection:
        assert not database.file or database.file.read_bytes() == before
        connection.exec_driver_sql(f"UPDATE flowrules_revision SET version_num = '{head()}'")  # noqa: S608
    same(shop, undisturbed)


def test_a_folder_and_nothing(sqlite_shop: Shop, undisturbed: list[str], tmp_path: Path) -> None:
    kept = shutil.copyfile(sqlite_shop.file, tmp_path / "kept")
    sqlite_shop.file.unlink()
    for command in ("tick --now 2026-03-04", "deliver --now 2026-03-03", *READ, "db upgrade"):
        sqlite_shop.fails(command, f"there is no database {sqlite_shop.file} yet", "`flowrules apply` makes it")
    sqlite_shop.file.mkdir()
    for command in (*WRITE, *READ):
        sqlite_shop.fails(command, f"{sqlite_shop.file} is a folder, not a database", "name a file in it")
    sqlite_shop.file.rmdir()
    kept.rename(sqlite_shop.file)
    same(sqlite_shop, undisturbed)


# --- no room ------------------------------------------------------------------------------------------

NO_ROOM = ("there is no room on the disk of {}", "make room, then repeat the command")


@pytest.fixture
def narrow_shop(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """On pages so small that no command's rows fit into those there are."""
    with monkeypatch.context() as patch:
        kept = [pragma for pragma in store._PRAGMAS if "page_size" not in pragma]
        patch.setattr(store, "_PRAGMAS", (*kept, "PRAGMA page_size=512"))
        return begun(tmp_path, sqlite_url)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(WORK)), ids=lambda number: WORK[number])
def test_no_room(narrow_shop: Shop, number: int, undisturbed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for command in WORK[:number]:
        assert narrow_shop(command).code == 0
    with monkeypatch.context() as patch:
        impatient(patch, "PRAGMA max_page_count=1")  # no page more than there are
        narrow_shop.fails(WORK[number], NO_ROOM[0].format(narrow_shop.file), NO_ROOM[1])
    narrow_shop.go_on(number)
    assert narrow_shop.result() == undisturbed


NOT_WRITTEN = (
    "{} can not be written to its disk",
    "is there room, is it a local disk, and in order? then repeat the command",
)


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 3], ids=lambda number: WORK[number])
@pytest.mark.parametrize("room", [0, 50_000, 150_000])
def test_a_limit_to_what_may_be_written(sqlite_shop: Shop, number: int, room: int, undisturbed: list[str]) -> None:
    """The system refuses in the middle of the log."""
    for command in WORK[:number]:
        assert sqlite_shop(command).code == 0

    def work() -> Said:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        return sqlite_shop(WORK[number])

    said = apart(work)
    assert said.code == 1 or (number == 1 and room)
    if said.code:
        assert said == Said(1, "", f"error: {NOT_WRITTEN[0].format(sqlite_shop.file)}\n  hint: {NOT_WRITTEN[1]}\n")
    sqlite_shop.go_on(number + 1 - said.code)
    assert sqlite_shop.result() == undisturbed
