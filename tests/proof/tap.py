"""Between the planner and the driver: sees, and may stop, every statement of a tick."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event

from flowrules.runtime import tick
from flowrules.store.database import Database

Hook = Callable[[Any, str, Any], None]
"""Called before each statement with the driver's cursor, the text and its parameters; `COMMIT` is a statement too."""


class Tap:
    """A DB-API cursor that tells before it executes."""

    def __init__(self, cursor: Any, hook: Hook) -> None:  # noqa: ANN401  # the driver's own
        self._cursor = cursor
        self._hook = hook

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # as above
        return getattr(self._cursor, name)

    def execute(self, text: str, parameters: Any = ()) -> object:  # noqa: ANN401  # as above
        self._hook(self._cursor, text, parameters)
        return self._cursor.execute(text, parameters)

    def executemany(self, text: str, rows: list[Any]) -> object:
        if rows:
            self._hook(self._cursor, text, rows[0])
        return self._cursor.executemany(text, rows)


@contextmanager
def tapped(database: Database, hook: Hook) -> Iterator[None]:
    """Every statement of every planner made inside, those that SQLAlchemy executes too."""

    class Tapped(tick.Planner):
        @contextmanager
        def _write(self, *, alone: bool = False, elsewhere: bool = False) -> Iterator[Any]:
            with super()._write(alone=alone, elsewhere=elsewhere) as cursor:
                yield Tap(cursor, hook)

    def executes(_connection: Any, cursor: Any, text: str, parameters: Any, *_: object) -> None:  # noqa: ANN401
        hook(cursor, text, parameters[0] if isinstance(parameters, list) else parameters)

    def commits(connection: Any) -> None:  # noqa: ANN401  # SQLAlchemy's
        hook(connection.connection.cursor(), "COMMIT", ())

    untapped = tick.Planner
    event.listen(database.engine, "before_cursor_execute", executes)
    event.listen(database.engine, "commit", commits)
    tick.Planner = Tapped  # type: ignore[misc]  # for a while
    try:
        yield
    finally:
        tick.Planner = untapped  # type: ignore[misc]  # its own again
        event.remove(database.engine, "before_cursor_execute", executes)
        event.remove(database.engine, "commit", commits)


@dataclass(slots=True)
class Fuse:
    """Ends the process before statement `number`, without a word, as a power cut does. 0: only counts."""

    number: int = 0
    seen: int = field(default=0)

    def burn(self, _cursor: object, _text: str, _parameters: object) -> None:
        self.seen += 1
        if self.seen == self.number:
            os.kill(os.getpid(), signal.SIGKILL)
