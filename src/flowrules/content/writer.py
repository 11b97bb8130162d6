"""Messages written by a process of their own, so that no template can stop or fill the engine's.

Takes jobs; gives texts, or a TemplateFailure for each that took too long or too much. One process serves all
templates and stays; it is killed when it does not answer, and started again for the next message.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from queue import Empty, SimpleQueue
from typing import IO

from flowrules.content.render import Rendered, TemplateFailure
from flowrules.content.worker import Job, read_answer
from flowrules.model.snapshot import Template

PATIENCE = 5.0
"""Seconds that one message may take."""

_START = 120.0
_STRIKES = 3
"""A template that has taken too long for so many customers is not tried for others."""

_SETS = 50
"""Sets of templates that one process holds."""

_CODE = "import sys; sys.path[:] = sys.argv[1:]; from flowrules.content.worker import main; main()"
_numbers = count(1)


class Writer:
    """All templates of one snapshot."""

    def __init__(self, templates: Iterable[Template]) -> None:
        self._number = next(_numbers)
        self._templates = [[each.channel, each.name, each.path, each.text] for each in templates]
        self._strikes: dict[tuple[str, str], int] = {}

    def write(self, jobs: Sequence[Job]) -> list[Rendered | TemplateFailure]:
        """In their order."""
        written: list[Rendered | TemplateFailure] = []
        with _lock:
            while len(written) < len(jobs):
                job = jobs[len(written)]
                if self._strikes.get((job.channel, job.template), 0) >= _STRIKES:
                    written.append(_too_long(job))
                    continue
                rest = self._tried(jobs[len(written) :])
                try:
                    process = _running()
                except OSError as failure:
                    place = f"templates/{job.channel}/{job.template}"
                    why = f"the process that writes messages can not be started: {failure}"
                    return [*written, *[TemplateFailure(place, why)] * (len(jobs) - len(written))]
                written += _answers(process.ask(self._number, self._templates, rest))
                if _process is None and len(written) < len(jobs):
                    # It was killed over this one.
                    job = jobs[len(written)]
                    key = (job.channel, job.template)
                    self._strikes[key] = self._strikes.get(key, 0) + 1
                    written.append(_too_long(job))
        return written

    def _tried(self, jobs: Sequence[Job]) -> Sequence[Job]:
        """Up to the next that is not."""
        for number, job in enumerate(jobs):
            if self._strikes.get((job.channel, job.template), 0) >= _STRIKES:
                return jobs[:number]
        return jobs


def _answers(lines: Iterator[bytes]) -> Iterator[Rendered | TemplateFailure]:
    for line in lines:
        try:
            yield read_answer(line)
        except (ValueError, KeyError, TypeError):
            _stop()
            return


def _too_long(job: Job) -> TemplateFailure:
    place = f"templates/{job.channel}/{job.template}"
    return TemplateFailure(place, f"takes more than {PATIENCE:g} seconds or too much memory to write")


def rest() -> None:
    """End the process: the next message starts another. Before this one is made into several."""
    with _lock:
        _stop()


# --- the process --------------------------------------------------------------------------------------


class _Process:
    def __init__(self) -> None:
        self.owner = os.getpid()
        # Without the environment: a template can not reach it, and if it could it would find no password there.
        self._child = subprocess.Popen(
            [sys.executable, "-I", "-c", _CODE, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the engine, which finishes what it has begun
            env={name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ},
        )
        if self._child.stdin is None or self._child.stdout is None:
            raise TypeError
        self._jobs: IO[bytes] = self._child.stdin
        self._lines: SimpleQueue[bytes] = SimpleQueue()
        self._known: set[int] = set()
        self._reader = threading.Thread(target=self._read, args=(self._child.stdout,), daemon=True)
        self._reader.start()
        if self._next(_START) is None:
            self.stop()
            raise OSError("it gives no sign of life")

    def _read(self, out: IO[bytes]) -> None:
        for line in out:
            self._lines.put(line)
        self._lines.put(b"")

    def _next(self, patience: float) -> bytes | None:
        try:
            return self._lines.get(timeout=patience) or None
        except Empty:
            return None

    @property
    def full(self) -> bool:
        return len(self._known) >= _SETS

    def ask(self, number: int, templates: Sequence[Sequence[str]], jobs: Sequence[Job]) -> Iterator[bytes]:
        """Ends early, with the process gone, where an answer does not come."""
        given = {"set": number, "jobs": [job.line() for job in jobs]}
        if number not in self._known:
            given["templates"] = templates
            self._known.add(number)
        try:
            # It reads all before it answers, so that neither waits for the other.
            self._jobs.write(json.dumps(given).encode() + b"\n")
            self._jobs.flush()
        except OSError:
            _stop()
            return
        for _ in jobs:
            line = self._next(PATIENCE)
            if line is None:
                _stop()
                return
            yield line

    def stop(self) -> None:
        if self.owner == os.getpid():
            self._child.kill()
            self._child.wait()
            self._reader.join()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                with suppress(OSError):  # what it had not read yet
                    pipe.close()


_lock = threading.Lock()
_process: _Process | None = None
_inherited: list[_Process] = []
"""Of the process that this one was forked from: not ours to use or to end."""


def _running() -> _Process:
    global _process  # noqa: PLW0603 -- one for all
    if _process is not None and _process.owner != os.getpid():
        _inherited.append(_process)
        _process = None
    if _process is not None and _process.full:
        _stop()
    if _process is None:
        _process = _Process()
    return _process


def _stop() -> None:
    global _process  # noqa: PLW0603 -- as above
    if _process is not None:
        _process.stop()
        _process = None


atexit.register(_stop)
