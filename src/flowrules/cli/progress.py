"""A line on stderr that says how far a long command is; none without a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from flowrules.cli.context import Context
from flowrules.report.words import moment


@contextmanager
def progress(context: Context, doing: str, words: Callable[[int], str]) -> Iterator[Callable[[int], None]]:
    """A function to call with how far it is, which `words` says."""
    from rich.console import Console  # noqa: PLC0415 -- only on a terminal

    console = Console(stderr=True)
    if context.quiet or not console.is_terminal:
        yield lambda _far: None
        return
    with console.status(doing) as status:
        yield lambda far: status.update(words(far))


def instants(context: Context, doing: str, zone: str) -> AbstractContextManager[Callable[[int], None]]:
    """By the instant that is reached."""
    return progress(context, doing, lambda at: f"{doing}: {moment(at, zone)}")
