"""Every way a command can end badly, as a sentence on stderr and an exit code.

Takes the exception. A traceback is shown only with --debug; mistakes in the author's files are facts, on stdout.
"""

from __future__ import annotations

import os
import platform
import sys
import traceback
from collections.abc import Callable
from typing import Any

import click

from flowrules import __version__
from flowrules.cli.context import Context, FilesError, say
from flowrules.errors import FlowRulesError

FAULT, USAGE, INTERRUPTED = 1, 2, 130


def exit_code(failure: BaseException, context: Context) -> int:
    """Say what happened, unless it needs no words."""
    return next(say for kind, say in _WAYS if isinstance(failure, kind))(failure, context)


def _error(message: str, hint: str | None, context: Context) -> int:
    say(f"error: {message}")
    if hint is not None:
        say(f"  hint: {hint}")
    if context.debug:
        say(traceback.format_exc())
    return FAULT


def _usage(failure: click.ClickException, _context: Context) -> int:
    failure.show()
    return USAGE if isinstance(failure, click.UsageError) else FAULT


def _files(failure: FilesError, context: Context) -> int:
    from flowrules.cli.diagnosis import show  # noqa: PLC0415 -- where there is something to show

    show(context.format_ or "text", failure.diagnostics, failure.files, failure.campaigns, ok=False)
    return FAULT


def _interrupted(_failure: BaseException, _context: Context) -> int:
    say("interrupted")
    return INTERRUPTED


def _unread(_failure: BrokenPipeError, _context: Context) -> int:
    """Whoever read has read enough; what is left in the buffer has nowhere to go, not even at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _system(failure: OSError, context: Context) -> int:
    where = f"{failure.filename}: " if failure.filename else ""
    return _error(f"{where}{failure.strerror or failure}", None, context)


def _bug(failure: BaseException, context: Context) -> int:
    first = str(failure).partition("\n")[0]  # a database's errors go on with the whole statement
    said = f"{type(failure).__name__}: {first}" if first else type(failure).__name__
    say(f"error[FR900]: this is a mistake in FlowRules {__version__} itself ({said})")
    say(
        "  hint: please report it, with the command you gave and what it prints with --debug; "
        f"Python {platform.python_version()}, {platform.platform()}"
    )
    if context.debug:
        say(traceback.format_exc())
    return FAULT


_WAYS: tuple[tuple[type[BaseException], Callable[[Any, Context], int]], ...] = (
    (click.exceptions.Exit, lambda failure, _context: failure.exit_code),
    (click.ClickException, _usage),
    (FilesError, _files),
    (FlowRulesError, lambda failure, context: _error(failure.message, failure.hint, context)),
    (KeyboardInterrupt, _interrupted),
    (click.Abort, _interrupted),
    (BrokenPipeError, _unread),
    (OSError, _system),
    (MemoryError, lambda _failure, context: _error("there is not enough memory for this", None, context)),
    (BaseException, _bug),
)
"""The first that fits."""
