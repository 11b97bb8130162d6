"""What a contestant used: CPU of its process and of the server, and its own peak memory."""

from __future__ import annotations

import gc
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.settings import driver_url

_PROC = Path("/proc")


@dataclass(slots=True)
class Used:
    cpu_s: float = 0.0
    server_cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_rss_mb: float = 0.0
    aside_s: float = 0.0
    """Already taken off."""

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What the block uses is not the contestant's work: it makes what the contestant is given."""
        cpu = time.process_time()
        yield
        self.aside_s += time.process_time() - cpu


@contextmanager
def measured(url: str) -> Iterator[Used]:
    """Counts what the block uses; `cpu_s` holds the server's share too."""
    server = None if url.startswith("sqlite") else server_of(url)
    used = Used()
    # What was made before is not this work's: the collector shall not walk over it again and again.
    gc.collect()
    gc.freeze()
    before, cpu, wall = tree_cpu(server), time.process_time(), time.perf_counter()
    yield used
    used.wall_s = time.perf_counter() - wall
    own = time.process_time() - cpu - used.aside_s
    used.server_cpu_s = tree_cpu(server) - before
    used.cpu_s = own + used.server_cpu_s
    used.peak_rss_mb = peak_rss_mb()


def can_watch_a_server() -> bool:
    return (_PROC / "self" / "stat").exists()


def server_of(url: str) -> int:
    """Process id of the server behind the URL, which runs on this machine: the parent of our backend."""
    with psycopg.connect(driver_url(url)) as connection:
        return _stat(connection.info.backend_pid)[0]


def tree_cpu(root: int | None) -> float:
    """CPU seconds of a process and all below it; those that have ended are in their parents' figures."""
    if root is None:
        return 0.0
    ticks: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for folder in _PROC.glob("[0-9]*"):
        try:
            parent, used = _stat(int(folder.name))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended since
        ticks[int(folder.name)] = used
        children.setdefault(parent, []).append(int(folder.name))
    total, todo = 0, [root]
    while todo:
        process = todo.pop()
        total += ticks.get(process, 0)
        todo += children.get(process, [])
    return total / os.sysconf("SC_CLK_TCK")


def backend_cpu(process: int) -> float:
    """CPU seconds of one process of a server."""
    return _stat(process)[1] / os.sysconf("SC_CLK_TCK")


def _stat(process: int) -> tuple[int, int]:
    """Parent, and clock ticks used: user and system, own and of children that were waited for."""
    fields = (_PROC / str(process) / "stat").read_text().rpartition(")")[2].split()
    return int(fields[1]), sum(int(field) for field in fields[11:15])


def peak_rss_mb() -> float:
    """Not getrusage on Linux: its figure starts with the peak of the process that started this one."""
    status = _PROC / "self" / "status"
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
