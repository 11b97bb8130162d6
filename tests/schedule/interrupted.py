"""A process that interrupts itself, for `flowrules run` to be started in."""

from __future__ import annotations

import signal
import sys
from types import FrameType


def at(function: str, nth: int) -> None:
    """At the nth call of this function in the main thread, where signals are answered."""
    seen = 0

    def look(frame: FrameType, event: str, _what: object) -> None:
        nonlocal seen
        if event == "call" and frame.f_code.co_qualname == function:
            seen += 1
            if seen == nth:
                sys.setprofile(None)
                signal.raise_signal(signal.SIGINT)

    sys.setprofile(look)
