"""`flowrules run`, as operators run it."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.schedule.runs import Shop, shop, until
from tests.support.postgres import _Server, find_binaries

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def status(made: Shop) -> dict[str, object]:
    found: dict[str, object] = json.loads(made.done("status", "--format", "json"))
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ticks_and_delivers_until_it_is_told_to_stop(tmp_path: Path, sqlite_url: str, number: int) -> None:
    made = shop(tmp_path, sqlite_url)
    with made.process("run") as run:
        until(lambda: "leading" in run.said)
        made.signups(["c0", "c1"])
        until(lambda: len(made.sent()) == 4)
        until(lambda: "2 ended" in run.said)
        assert str(status(made)["leader"]).endswith(f"process {run.popen.pid}")
        assert run.stop(number) == 0
        lines = run.said.splitlines()
    assert "started: tick every 1 s" in lines[0]
    assert lines[1].endswith("leading")
    assert lines[-1].endswith("stopped")
    assert "@" not in run.said
    assert status(made)["leader"] is None


def test_it_ends_at_once_while_it_starts(tmp_path: Path, sqlite_url: str) -> None:
    made = shop(tmp_path, sqlite_url)
    for moment in range(6):
        with made.process("run") as run:
            with pytest.raises(subprocess.TimeoutExpired):
                run.popen.wait(timeout=0.05 + moment * 0.05)
            run.stop(signal.SIGINT)
            # Before Python has come to our first line it is Python that answers.
            if "flowrules" in run.said or not run.said:
                continue
            assert "Traceback" not in run.said or "site" in run.said, run.said


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
            until(lambda: sum("leading" in each.said for each in runs) == 1, seconds=20)
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
    server = _Server(find_binaries()[0])
    try:
        server.start()
        made = shop(tmp_path, server.url)
        with made.process("run") as run:
            until(lambda: "leading" in run.said)
            made.signups(["c0"])
            until(lambda: len(made.sent()) == 2)
            process = server.process
            assert process is not None
            process.send_signal(signal.SIGINT)
            process.wait()
            until(lambda: "trying again" in run.said)
            server.process = subprocess.Popen(
                process.args, cwd=server.folder, **server._identity(), stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            server._wait_until_it_answers()
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
        assert run.popen.wait(timeout=30) == 1
    assert "FR900" in run.said
    assert "Traceback" not in run.said
