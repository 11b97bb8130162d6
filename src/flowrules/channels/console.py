"""Messages as readable lines on a terminal: to look at, nothing leaves the machine."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TextIO

from flowrules.channels.base import Accepted, Outcome, OutgoingMessage, iso

_WIDTH = 60


class ConsoleChannel:
    together = 1

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def send(self, message: OutgoingMessage) -> Outcome:
        words = message.subject or message.text or message.html or ""
        # repr-like escapes: a text must not command the terminal.
        shown = "".join(char if char.isprintable() else " " for char in words[: _WIDTH * 4])
        shown = " ".join(shown.split())[:_WIDTH]
        to = message.to or message.customer
        self._out.write(f"{iso(message.sent_at)}  {message.channel} {message.template} to {to}: {shown}\n")
        return Accepted()

    def flush(self) -> None:
        self._out.flush()

    def settle(self, keys: Collection[str]) -> Mapping[str, Outcome]:
        del keys  # a terminal remembers nothing
        return {}
