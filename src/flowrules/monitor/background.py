"""Work beside the screen: a function in a thread of its own, awaited where the screen lives."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

T = TypeVar("T")


async def in_background(work: Callable[[], T]) -> T:
    """What `work` gives or raises. Whoever quits does not wait for it: a server that is silent holds nobody up."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T) -> None:
        if not done.done():  # else nobody waits any more
            done.set_result(result)

    def fail(failure: BaseException) -> None:
        if not done.done():
            done.set_exception(failure)

    def run() -> None:
        try:
            told = partial(settle, work())
        except BaseException as failure:  # noqa: BLE001 -- raised again where it is awaited
            told = partial(fail, failure)
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(told)

    threading.Thread(target=run, daemon=True, name="flowrules monitor").start()
    return await done
