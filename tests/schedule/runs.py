"""`flowrules run` as a process of its own, and a shop for it to work in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_PROJECT = Path(__file__).parents[2]
FLOWRULES = [sys.executable, "-c", "from flowrules.cli.entry import main; main()"]

RULES = """\
event signup
event bought

campaign hello:
    class service
    enter when signup
    goal bought
    stage s:
        send email welcome
        wait 1 second
        send email second

policy:
    time zone "UTC"
    purpose service: unless refused
    class service: purpose service, limited, counted
"""
SETTINGS = """\
zone = "UTC"
[run]
tick = 1
deliver = 1
lease = 3
[channels.email]
type = "file"
"""


@dataclass(frozen=True)
class Shop:
    folder: Path
    url: str

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*FLOWRULES, *arguments],
            cwd=self.folder,
            env={**os.environ, "FLOWRULES_DATABASE_URL": self.url},
            capture_output=True,
            text=True,
            check=False,
        )

    def done(self, *arguments: str) -> str:
        result = self.call(*arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    @contextmanager
    def process(self, *arguments: str, first: str = "pass") -> Iterator[Process]:
        """Killed at the end, if it still runs. first: Python to run before the program."""
        log = self.folder / f"log-{time.monotonic_ns()}"
        with log.open("wb") as out:
            started = subprocess.Popen(
                [*FLOWRULES[:2], f"{first}; {FLOWRULES[2]}", *arguments],
                cwd=self.folder,
                env={**os.environ, "FLOWRULES_DATABASE_URL": self.url, "PYTHONPATH": str(_PROJECT)},
                stdout=out,
                stderr=out,
            )
        try:
            yield Process(started, log)
        finally:
            if started.poll() is None:
                started.kill()
            started.wait()

    def signups(self, names: list[str]) -> None:
        path = self.folder / f"events-{time.monotonic_ns()}.csv"
        now = datetime.now(UTC).isoformat()
        path.write_text("id,event,customer,time\n" + "".join(f"{name},signup,{name},{now}\n" for name in names))
        self.done("import", "events", str(path))

    def sent(self) -> list[str]:
        path = self.folder / "outbox" / "email.jsonl"
        return path.read_text().splitlines() if path.exists() else []


@dataclass(frozen=True)
class Process:
    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text()

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.popen.send_signal(number)
        return self.popen.wait(timeout=120)

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()


def shop(folder: Path, url: str, customers: int = 3) -> Shop:
    """Deployed; its customers, c0, c1, ..., have an address each."""
    (folder / "rules").mkdir()
    (folder / "templates" / "email").mkdir(parents=True)
    (folder / "rules" / "hello.flow").write_text(RULES)
    for name in ("welcome", "second"):
        (folder / "templates" / "email" / f"{name}.txt").write_text("---\nsubject: Hello\n---\nHello.\n")
    (folder / "flowrules.toml").write_text(SETTINGS)
    rows = "".join(f"c{number},c{number}@example.com\n" for number in range(customers))
    (folder / "customers.csv").write_text(f"id,email\n{rows}")
    made = Shop(folder, url)
    made.done("import", "customers", "customers.csv")
    made.done("apply", "--yes")
    return made


def until(true: Callable[[], bool], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "this did not come"
        time.sleep(0.1)
