"""What Ctrl-C does while the program starts: it leaves at once, for there is nothing to undo yet.

Raised as KeyboardInterrupt among imports it could be lost, or become another error: of what Python calls back there it
ignores the exceptions. Light, because it is imported before everything else.
"""

from __future__ import annotations

import os
import signal


def leaves() -> None:
    """But not where whoever started the program has it ignore Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def is_raised() -> None:
    """From here on there may be something to undo."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(*_: object) -> None:
    try:
        os.write(2, b"interrupted\n")
    finally:
        os._exit(130)
