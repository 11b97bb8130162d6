"""`flowrules run`, as operators run it."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from tests.schedule.runs import Shop, shop, until
from tests.support.postgres import Server, find_binaries

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def status(made: Shop) -> dict[str, object]:
    found: dict[str, object] = json.loads(made.done("status", "--format", "json"))
    return found


def in_the_file_alone(url: str, query: str) -> object:
    """Without what only the log beside it holds so far."""
    raw = sqlite3.connect(f"file:{url.removeprefix('sqlite:///')}?immutable=1", uri=True)
    try:
        return raw.execute(query).fetchone()[0]
    except sqlite3.DatabaseError:  # read while it is written
        return None
    finally:
        raw.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ticks_and_delivers_until_it_is_told_to_stop(tmp_path: Path, sqlite_url: str, number: int) -> None:
    made = shop(tmp_path, sqlite_url)
    with made.process("run") as run:
        until(lambda: "leading" in run.said)
        made.signups(["c0", "c1"])
        until(lambda: len(made.sent()) == 4)
        until(lambda: "2 ended" in run.said)
        until(lambda: in_the_file_alone(sqlite_url, "SELECT count(*) FROM message WHERE sent_at IS NOT NULL") == 4)
        assert str(status(made)["leader"]).endswith(f"process {run.popen.pid}")
        assert run.stop(number) == 0
        lines = run.said.splitlines()
    assert "started: tick every 1 s" in lines[0]
    assert lines[1].endswith("leading")
    assert lines[-1].endswith("stopped")
    assert "@" not in run.said
    assert status(made)["leader"] is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_while_it_starts(tmp_path: Path, sqlite_url: str, number: int) -> None:
    made = shop(tmp_path, sqlite_url)
    ends = [(130, "interrupted") if number == signal.SIGINT else (-number, "here"), (0, "stopped")]
    for moment in range(10):
        # Before Python has come to our first line it is Python that answers.
        with made.process("run", first="print('here', flush=True)") as run:
            until(lambda run=run: "here" in run.said)  # type: ignore[misc]  # it is asked at once
            time.sleep(moment * 0.1)
            assert (run.stop(number), run.said.split()[-1]) in ends, run.said
        assert "Traceback" not in run.said


@pytest.mark.parametrize(
    ("function", "nth", "end"),
    [
        # What Python calls of itself among imports: of one it ignores the exceptions, of the other it makes its own.
        ("_get_module_lock.<locals>.cb", 50, (130, "interrupted")),
        ("cached_property.__set_name__", 3, (130, "interrupted")),
        ("_told_to_stop", 1, (130, "interrupted")),
        ("_Beats.lead", 1, (0, "stopped")),
        ("BaseScheduler.add_job", 2, (0, "stopped")),
        ("Thread.start", 1, (0, "stopped")),
        ("Stop.wait", 1, (0, "stopped")),
    ],
)
def test_an_interruption_is_never_lost(
    tmp_path: Path, sqlite_url: str, function: str, nth: int, end: tuple[int, str]
) -> None:
    made = shop(tmp_path, sqlite_url)
    with made.process("run", first=f"from tests.schedule.interrupted import at; at({function!r}, {nth})") as run:
        assert (run.popen.wait(timeout=240), run.said.split()[-1]) == end, run.said
    assert "Traceback" not in run.said


def test_a_standby_takes_over_from_one_that_was_killed_and_from_one_that_stops(tmp_path: Path, sqlite_url: str) -> None:
    made = shop(tmp_path, sqlite_url)
    with made.process("run") as first, made.process("run") as second, made.process("run") as third:
        runs = [first, second, third]
        until(lambda: sum("leading" in each.said for each in runs) == 1)
        until(lambda: sum("standing by" in each.said for each in runs) == 2)
        for ends in ("kill", "stop"):
            leader = next(each for each in runs if "leading" in each.said)
            runs.remove(leader)
            until(lambda: len(status(made)["standby"]) == len(runs))  # type: ignore[arg-type]
            getattr(leader, ends)()
            # A lease of 3 seconds and a beat; the rest is for a busy machine.
            until(lambda: sum("leading" in each.said for each in runs) == 1)
        made.signups(["c2"])
        until(lambda: len(made.sent()) == 2)


def test_a_locked_file_is_survived(tmp_path: Path, sqlite_url: str) -> None:
    made = shop(tmp_path, sqlite_url)
    with made.process("run") as run:
        until(lambda: "leading" in run.said)
        other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        until(lambda: "locked" in run.said)
        other.execute("COMMIT")
        other.close()
        until(lambda: "works again" in run.said)
        made.signups(["c0"])
        until(lambda: len(made.sent()) == 2)
        assert run.said.count("is locked") == 1
        assert run.stop() == 0


def test_a_restarted_server_is_survived(tmp_path: Path) -> None:
    server = Server(find_binaries()[0])
    try:
        server.start()
        made = shop(tmp_path, server.url)
        with made.process("run") as run:
            until(lambda: "leading" in run.said)
            made.signups(["c0"])
            until(lambda: len(made.sent()) == 2)
            server.end(signal.SIGINT)
            until(lambda: "trying again" in run.said)
            server.start_again()
            until(lambda: "works again" in run.said)
            made.signups(["c1"])
            until(lambda: len(made.sent()) == 4)
            assert run.popen.poll() is None
            assert run.stop() == 0, run.said
    finally:
        server.stop()


def test_a_mistake_of_ours_ends_it(tmp_path: Path, sqlite_url: str) -> None:
    made = shop(tmp_path, sqlite_url)
    with made.process("run") as run:
        until(lambda: "leading" in run.said)
        other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("ALTER TABLE clock DROP COLUMN cursor")
        other.close()
        assert run.popen.wait(timeout=120) == 1
    assert "FR900" in run.said
    assert "Traceback" not in run.said
