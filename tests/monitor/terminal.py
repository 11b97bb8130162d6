"""A program in a real terminal, without a window: a pseudo-terminal, read as an emulator reads it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyte

SECONDS = 60
KEYS = {"enter": "\r", "escape": "\x1b", "down": "\x1b[B", "up": "\x1b[A", "tab": "\t"}


@dataclass(slots=True)
class Terminal:
    process: subprocess.Popen[bytes]
    _descriptor: int
    _screen: pyte.Screen
    _stream: pyte.ByteStream
    raw: bytes = b""

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen.display)

    def read(self, seconds: float) -> None:
        """What the program writes, for so long."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self._descriptor], [], [], left)[0]:
                return
            try:
                data = os.read(self._descriptor, 65_536)
            except OSError:  # the program has ended
                return
            if not data:
                return
            self.raw += data
            self._stream.feed(data)

    def until(self, done: Callable[[], object]) -> None:
        deadline = time.monotonic() + SECONDS
        while not done():
            assert time.monotonic() < deadline, self.text
            self.read(0.1)

    def sees(self, *wanted: str) -> None:
        self.until(lambda: all(each in self.text for each in wanted))

    def misses(self, unwanted: str) -> None:
        self.until(lambda: unwanted not in self.text)

    def press(self, *keys: str) -> None:
        for key in keys:
            os.write(self._descriptor, KEYS.get(key, key).encode())
            self.read(0.2)

    def resize(self, columns: int, rows: int) -> None:
        _size(self._descriptor, columns, rows)
        self._screen.resize(rows, columns)
        self.process.send_signal(signal.SIGWINCH)

    def ends(self) -> int:
        """The exit code, once the program has ended."""
        self.until(lambda: self.process.poll() is not None)
        self.read(0.2)
        return self.process.returncode


def _size(descriptor: int, columns: int, rows: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


@contextmanager
def terminal(
    command: list[str],
    folder: Path,
    *,
    columns: int = 100,
    rows: int = 30,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    _size(ours, columns, rows)
    screen = pyte.Screen(columns, rows)
    given = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**given, **(environment or {})},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours, screen, pyte.ByteStream(screen))
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(ours)
