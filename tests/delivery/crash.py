"""Delivers once and kills its own process at statement, commit or channel call n: what test_crash.py forks."""

from __future__ import annotations

import os
import signal
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from sqlalchemy import event

from flowrules.channels.base import Channel, Outcome, OutgoingMessage
from flowrules.channels.registry import make_channels
from flowrules.runtime.deliver import deliver
from flowrules.store.database import Database


@dataclass
class Fuse:
    point: str
    number: int

    def __post_init__(self) -> None:
        self._seen = count(1)

    def burn(self, point: str) -> None:
        if point == self.point and next(self._seen) == self.number:
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Fused:
    channel: Channel
    fuse: Fuse
    together: int

    def send(self, message: OutgoingMessage) -> Outcome:
        self.fuse.burn("send")
        return self.channel.send(message)

    def flush(self) -> None:
        self.fuse.burn("flush")
        self.channel.flush()
        self.fuse.burn("flushed")

    def settle(self, keys: Collection[str]) -> Mapping[str, Outcome]:
        return self.channel.settle(keys)


def main(url: str, folder: str, now: str, point: str, number: str) -> None:
    fuse = Fuse(point, int(number))
    database = Database.open(url)
    event.listen(database.engine, "before_cursor_execute", lambda *_: fuse.burn("statement"))
    event.listen(database.engine, "commit", lambda *_: fuse.burn("commit"))
    channels: dict[str, Channel] = {
        name: Fused(channel, fuse, together=2)
        for name, channel in make_channels({"email": "file", "sms": "file"}, Path(folder)).items()
    }
    deliver(database, channels, int(now))
