"""Who is sending: a name for this run of a dispatcher, and whether the one behind a name is still there.

A name holds machine, process and run. Never asks another machine: those are given a lease instead.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

LEASE = 15 * 60 * 1_000_000
"""Microseconds after which a sender on another machine is taken for dead."""

_runs = count(1)
_running: set[str] = set()


@contextmanager
def sender() -> Iterator[str]:
    name = f"{_machine()} {os.getpid()} {_started(os.getpid())} {next(_runs)}"
    _running.add(name)
    try:
        yield name
    finally:
        _running.discard(name)


def alive(name: str | None, started_at: int, now: int) -> bool:
    parts = (name or "").split(" ")
    if len(parts) != 4 or parts[0] != _machine() or not parts[1].isdecimal():  # noqa: PLR2004 -- the four above
        return now - started_at < LEASE
    process = int(parts[1])
    if process == os.getpid():
        return name in _running
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's, so it is there
    # The number may belong to a later process by now.
    return parts[2] == _started(process)


def _machine() -> str:
    """Host and its space of process numbers: containers of one name do not share theirs."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    return f"{socket.gethostname()}/{space}".replace(" ", "")


def _started(process: int) -> str:
    """Since when the process runs, where the system tells."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "-"
    state, *others = fields.rpartition(")")[2].split()
    # A killed process that nobody has waited for yet is not running any more.
    return "dead" if state in "ZX" else others[18]
