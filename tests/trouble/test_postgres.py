"""PostgreSQL in trouble: a sentence and a way out, never a password, and afterwards as if nothing had been."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url, select

from flowrules.errors import StoreError
from flowrules.sql import tables
from flowrules.store import database as store
from flowrules.store.database import Database
from tests.support.postgres import driver_url
from tests.trouble.shop import Shop, write

WRITE = (
    "tick --now 2026-03-04",
    "deliver --now 2026-03-03",
    "import events visits.csv",
    "apply --yes --now 2026-03-05",
)
READ = ("status", "ledger", "db check")


def name_of(url: str) -> str:
    parts = make_url(url)
    return f"{parts.host}:{parts.port}/{parts.database}"


def tell(shop: Shop, statement: str) -> None:
    with psycopg.connect(driver_url(shop.url), autocommit=True) as connection:
        connection.execute(statement)


def same(shop: Shop, undisturbed: list[str], done: int = 0) -> None:
    shop.go_on(done)
    assert shop.result() == undisturbed


# --- not reached --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message", "hint"),
    [
        ({"port": 1}, "{} does not answer", "does the server run, and is the database URL right?"),
        ({"host": "nowhere.invalid"}, "{} does not answer", "does the server run, and is the database URL right?"),
        ({"password": "wrong-secret"}, "{} refuses the user or the password", "check the database URL"),
        ({"username": "nobody-we-know"}, "{} refuses the user or the password", "check the database URL"),
        (
            {"database": "nothing"},
            "the server has no {}, or no such user",
            "create the database there, or check the database URL",
        ),
        ({"query": {"sslmode": "sometimes"}}, "the options of {} can not be used", "check the part after `?`"),
        ({"query": {"colour": "red"}}, "the options of {} can not be used", "check the part after `?`"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_wrong_url(postgres_url: str, tmp_path: Path, change: dict[str, Any], message: str, hint: str) -> None:
    url = make_url(postgres_url)
    given = url.set(**change).render_as_string(hide_password=False)
    shop = Shop(write(tmp_path), given)
    for command in ("status", "tick --now 2026-03-04", "import events visits.csv", "apply --yes", "db upgrade"):
        shop.fails(command, message.format(name_of(given)), hint)
    said = shop("--debug status").err
    assert "Traceback" in said
    for secret in (str(url.password), "wrong-secret"):
        assert secret not in said


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ana:se/cret@localhost/shop",
        "postgresql://ana:12/secret@localhost/shop",
        "postgresql://ana:se@cret@localhost/shop",
        "postgresql://ana:se?cret@localhost/shop",
        "postgresql://ana:se#cret@localhost/shop",
        "mysql://ana:secret@localhost/shop",
        "postgresql+asyncpg://ana:secret@localhost/shop",
        "postgresql://ana:secret@localhost:port/shop",
    ],
)
def test_no_part_of_a_password_is_printed(tmp_path: Path, url: str) -> None:
    shop = Shop(write(tmp_path), url)
    for command in ("status", "--debug status", "apply --yes"):
        said = shop(command)
        assert (said.code, said.out) == (1, ""), said
        assert said.err.startswith("error: "), said
        assert "FR900" not in said.err
        assert "cret" not in said.err
        assert "hint: " in said.err


@pytest.mark.slow
def test_a_server_that_is_too_old(postgres_shop: Shop, undisturbed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(store, "OLDEST_POSTGRESQL", (99,))
        for command in (*WRITE, *READ, "db upgrade"):
            said = postgres_shop(command)
            assert (said.code, said.out) == (1, "")
            assert said.err.startswith(f"error: the server of {name_of(postgres_shop.url)} is PostgreSQL 1")
            assert said.err.endswith("needs 99 or newer\n  hint: use a newer server, or a SQLite file\n")
    same(postgres_shop, undisturbed)


# --- reached, but ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_read_only(postgres_shop: Shop, undisturbed: list[str]) -> None:
    database = make_url(postgres_shop.url).database
    tell(postgres_shop, f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    for command in WRITE:
        postgres_shop.fails(command, f"{name_of(postgres_shop.url)} can not be written", "is it a standby server?")
    for command in READ:
        assert postgres_shop(command).code == 0
    tell(
        postgres_shop,
        f"BEGIN; SET TRANSACTION READ WRITE; ALTER DATABASE {database} SET default_transaction_read_only = off; COMMIT",
    )
    same(postgres_shop, undisturbed)


@pytest.mark.slow
def test_not_taking_connections(postgres_shop: Shop, undisturbed: list[str]) -> None:
    url = make_url(postgres_shop.url)
    other = Shop(postgres_shop.folder, url.set(database="postgres").render_as_string(hide_password=False))
    tell(other, f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS false")
    for command in (*WRITE, *READ):
        postgres_shop.fails(command, f"{name_of(postgres_shop.url)} takes no more connections", "try again later")
    tell(other, f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS true")
    same(postgres_shop, undisturbed)


def test_who_stands_still_keeps_nobody_waiting(postgres_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A leader that was stopped in a transaction, or whose machine is gone: its locks are given up for the standby."""
    assert "'5min'" in store._SILENT
    monkeypatch.setattr(store, "_SILENT", store._SILENT.replace("'5min'", "'500ms'"))
    database = Database.open(postgres_shop.url)
    with pytest.raises(StoreError, match="is lost"):
        _stand_still(database, postgres_shop)
    database.close()


def _stand_still(database: Database, shop: Shop) -> None:
    with database.write("READ COMMITTED") as connection:
        connection.execute(select(tables.clock).with_for_update())
        time.sleep(1)
        assert shop("tick --now 2026-03-04").code == 0
        connection.execute(select(tables.clock))


TROUBLE = """
CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {}; RETURN NEW; END $$;
CREATE TRIGGER trouble BEFORE INSERT ON decision FOR EACH ROW WHEN (NEW.customer_id = 20 AND NEW.at > {})
EXECUTE FUNCTION trouble();
"""
LATER = 1_772_600_000_000_000  # after what was ticked before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "message", "hint"),
    [
        (
            "PERFORM pg_terminate_backend(pg_backend_pid())",
            "the connection to {} is lost",
            "repeat the command when the server is back",
        ),
        (
            "RAISE EXCEPTION USING ERRCODE = 'disk_full'",
            "there is no room on the disk of {}",
            "make room, then repeat the command",
        ),
        ("RAISE EXCEPTION USING ERRCODE = 'out_of_memory'", "{} takes no more work", "try again later"),
        (
            "RAISE EXCEPTION USING ERRCODE = 'data_corrupted'",
            "{} is damaged",
            "restore a backup, and look at the server's log",
        ),
        (
            "RAISE EXCEPTION USING ERRCODE = 'io_error'",
            "{} can not be read from its disk or written to it",
            "look at the server's log",
        ),
        (
            "RAISE EXCEPTION USING ERRCODE = 'query_canceled'",
            "the server of {} broke off what took too long",
            "repeat the command; does the server limit how long a statement may take?",
        ),
    ],
    ids=["gone", "full", "memory", "damaged", "disk", "slow"],
)
def test_in_the_middle_of_a_tick(
    postgres_shop: Shop, what: str, message: str, hint: str, undisturbed: list[str]
) -> None:
    for command in ("deliver --now 2026-03-03", "import events visits.csv", "apply --yes --now 2026-03-05"):
        assert postgres_shop(command).code == 0
    tell(postgres_shop, TROUBLE.format(what, LATER))
    before = len(postgres_shop("ledger --format jsonl").out.splitlines())
    postgres_shop.fails("tick --now 2026-03-20", message.format(name_of(postgres_shop.url)), hint)
    after = len(postgres_shop("ledger --format jsonl").out.splitlines())
    assert after > before  # whole slices that came before stay
    tell(postgres_shop, "DROP TRIGGER trouble ON decision; DROP FUNCTION trouble")
    same(postgres_shop, undisturbed, 3)


@contextmanager
def wire(host: str, port: int, length: int) -> Iterator[int]:
    """A way to the server that is cut for good when so many bytes have come back; gives its port."""
    listening = socket.create_server(("127.0.0.1", 0))
    left = [length]
    ends: list[socket.socket] = []

    def pump(source: socket.socket, target: socket.socket, *, counted: bool) -> None:
        with suppress(OSError):
            while data := source.recv(4096):
                left[0] -= len(data) if counted else 0
                if left[0] < 0:
                    break
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        while True:
            try:
                near, _ = listening.accept()
            except OSError:
                return
            far = socket.create_connection((host, port))
            ends.extend((near, far))
            for source, target, counted in ((near, far, False), (far, near, True)):
                threading.Thread(target=pump, args=(source, target), kwargs={"counted": counted}).start()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()
        for end in ends:
            end.close()


@pytest.mark.slow
@pytest.mark.parametrize("length", [0, 400, 4_000, 20_000, 40_000])
def test_the_wire_is_cut(postgres_shop: Shop, length: int, undisturbed: list[str]) -> None:
    for command in ("deliver --now 2026-03-03", "import events visits.csv", "apply --yes --now 2026-03-05"):
        assert postgres_shop(command).code == 0
    url = make_url(postgres_shop.url)
    with wire(str(url.host), int(url.port or 0), length) as port:
        given = url.set(host="127.0.0.1", port=port).render_as_string(hide_password=False)
        said = Shop(postgres_shop.folder, given)("tick --now 2026-03-20")
        assert (said.code, said.out) == (1, ""), said
        silent = f"{name_of(given)} does not answer\n  hint: does the server run, and is the database URL right?"
        lost = f"the connection to {name_of(given)} is lost\n  hint: repeat the command when the server is back"
        assert said.err == f"error: {silent if length < 4_000 else lost}\n"
    same(postgres_shop, undisturbed, 3)


ONCE = """
CREATE SEQUENCE times;
CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
IF nextval('times') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NEW; END $$;
CREATE TRIGGER trouble BEFORE UPDATE ON message FOR EACH ROW WHEN (NEW.status = 10) EXECUTE FUNCTION trouble();
"""


@pytest.mark.slow
def test_in_the_middle_of_a_delivery(postgres_shop: Shop, undisturbed: list[str]) -> None:
    """All are handed over, and the connection is lost as this is written down: it is written down later, and told."""
    tell(postgres_shop, ONCE)
    said = postgres_shop("deliver --now 2026-03-03")
    handed_over = len((postgres_shop.folder / "outbox" / "email.jsonl").read_text().splitlines())
    assert handed_over > 1
    assert (said.code, said.out) == (1, "")
    told, error, hint = said.err.splitlines()
    assert told == f"until it broke off: {handed_over} sent, 0 refused, 0 retried, 0 unknown"
    assert error.startswith("error: "), said  # lost, or told before that the server ends it
    assert hint.startswith("  hint: "), said
    tell(postgres_shop, "DROP TRIGGER trouble ON message; DROP FUNCTION trouble; DROP SEQUENCE times")
    same(postgres_shop, undisturbed)
