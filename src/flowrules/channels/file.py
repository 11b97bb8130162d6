"""Messages as lines of JSON in `<folder>/<channel>.jsonl`: for trials, and for programs that take over from there.

A line is there whole or not at all, and looked up by its key after a crash: nothing is written twice.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from flowrules.channels.base import Accepted, ChannelError, Outcome, OutgoingMessage, Retry

_CHUNK = 1 << 16


class FileChannel:
    """One file of one channel. Several processes may append to it."""

    together = 500

    def __init__(self, folder: Path, channel: str) -> None:
        self.path = folder / f"{channel}.jsonl"
        self._file: int | None = None
        self._waiting: list[bytes] = []

    def send(self, message: OutgoingMessage) -> Outcome:
        # Written by `flush`, in one piece: nobody calls it accepted before that.
        line = json.dumps(message.facts(), ensure_ascii=False, separators=(",", ":"))
        self._waiting.append(line.encode("utf-8", "backslashreplace") + b"\n")
        return Accepted()

    def flush(self) -> None:
        if not self._waiting:
            return
        lines, self._waiting = b"".join(self._waiting), []
        with self._locked() as file:
            end = _whole_lines(file)
            os.ftruncate(file, end)
            try:
                _write(file, lines)
                os.fsync(file)
            except OSError:
                os.ftruncate(file, end)
                raise

    def settle(self, keys: Collection[str]) -> Mapping[str, Outcome]:
        wanted = set(keys)
        found: dict[str, Outcome] = {key: Retry("the program ended before it was written") for key in wanted}
        self._waiting, unread = [], False  # of a call that failed: they are what is asked about
        if not self.path.exists():
            return found
        with self._locked() as file:
            os.ftruncate(file, _whole_lines(file))
            with self.path.open("rb") as lines:
                for line in lines:
                    key = _key(line)
                    if key is None:  # somebody else's work: what it was nobody knows
                        unread = True
                    elif key in wanted:
                        found[key] = Accepted()
            os.fsync(file)  # what is called accepted now must outlive the machine
        return {key: told for key, told in found.items() if not (unread and isinstance(told, Retry))}

    @contextmanager
    def _locked(self) -> Iterator[int]:
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            _lock(self._file, locked=True)
            try:
                yield self._file
            finally:
                _lock(self._file, locked=False)
        except OSError as failure:
            raise self._unusable(failure) from failure

    def _unusable(self, failure: OSError) -> ChannelError:
        return ChannelError(
            f"{self.path} can not be written: {failure.strerror}", "check the folder's rights and the room on its disk"
        )

    def __del__(self) -> None:
        if self._file is not None:
            os.close(self._file)


def _key(line: bytes) -> str | None:
    try:
        return str(json.loads(line)["idempotency_key"])
    except (ValueError, KeyError, TypeError):
        return None


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _whole_lines(file: int) -> int:
    """Where the last whole line ends: a process may have died in the middle of one."""
    end = os.lseek(file, 0, os.SEEK_END)
    while end > 0:
        start = max(0, end - _CHUNK)
        cut = os.pread(file, end - start, start).rfind(b"\n")
        if cut >= 0:
            return start + cut + 1
        end = start
    return 0


if sys.platform == "win32":  # pragma: no cover

    def _lock(file: int, *, locked: bool) -> None:
        import msvcrt  # noqa: PLC0415 -- not everywhere

        os.lseek(file, 0, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_LOCK if locked else msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _lock(file: int, *, locked: bool) -> None:
        fcntl.flock(file, fcntl.LOCK_EX if locked else fcntl.LOCK_UN)
