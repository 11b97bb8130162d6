"""A line on stderr that says how far a long command is; none without a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flowrules.cli.context import Context
from flowrules.report.words import moment


@contextmanager
def instants(context: Context, doing: str, zone: str) -> Iterator[Callable[[int], None]]:
    """A function to call with each instant reached."""
    from rich.console import Console  # noqa: PLC0415 -- only on a terminal

    console = Console(stderr=True)
    if context.quiet or not console.is_terminal:
        yield lambda _at: None
        return
    with console.status(doing) as status:
        yield lambda at: status.update(f"{doing}: {moment(at, zone)}")
