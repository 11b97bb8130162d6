"""Where the engine's time goes: every statement by its text, timed at the driver's cursor."""

# ruff: noqa: ANN401  # the cursors of two drivers, of which only the time matters

from __future__ import annotations

import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import psycopg
from sqlalchemy import event

from flowrules.sql.statement import Statement
from flowrules.store.database import Database


@dataclass(slots=True)
class _Line:
    seconds: float = 0.0
    calls: int = 0
    rows: int = 0


class Profile:
    """SQLite works in our process: CPU time. PostgreSQL does not: wall time, until its answer is here."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self.clock = time.process_time if dialect == "sqlite" else time.perf_counter
        self.lines: dict[str, _Line] = {}
        self.measured: dict[str, _Line] = {}
        self.names: dict[str, str] = {}
        self.began = 0.0
        self.total = 0.0

    def watch(self, database: Database) -> None:
        """Connections made from now on are timed."""

        @event.listens_for(database.engine, "do_connect")
        def connecting(_dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]) -> None:
            if self.dialect == "sqlite":
                parameters["factory"] = _sqlite_connection(self)
            else:
                parameters["cursor_factory"] = _postgres_cursor(self)

    def start(self) -> None:
        self.lines = {}
        self.began = self.clock()

    def stop(self, program: object) -> None:
        """What is executed later is not in the report."""
        self.total = self.clock() - self.began
        self.lines, self.measured = {}, self.lines
        self.names = dict(_named(program, ""))

    @contextmanager
    def timed(self, statement: str) -> Iterator[_Line]:
        line = self.lines.setdefault(statement, _Line())
        began = self.clock()
        try:
            yield line
        finally:
            line.seconds += self.clock() - began

    def report(self, n: int, longest: int = 60) -> str:
        inside = sum(line.seconds for line in self.measured.values())
        calls = sum(line.calls for line in self.measured.values())
        kind = "CPU" if self.dialect == "sqlite" else "wall"
        written = [
            (
                f"W, n = {n}, {self.dialect}: {self.total:.2f} s {kind} (with the profiler), {inside:.2f} s in {calls} "
                f"statements, {self.total - inside:.2f} s in Python and the profiler"
            ),
            "",
            f"{'s':>8} {'%':>5} {'calls':>8} {'rows':>9} {'us/call':>8} {'us/row':>7}",
        ]
        written += [
            f"{seconds:8.3f} {seconds / self.total * 100:5.1f}  all of {part}" for seconds, part in self._parts()
        ]
        written.append("")
        by_time = sorted(self.measured.items(), key=lambda item: -item[1].seconds)
        for text, line in by_time[:longest]:
            per_row = f"{line.seconds / line.rows * 1e6:7.1f}" if line.rows else "      -"
            written.append(
                f"{line.seconds:8.3f} {line.seconds / self.total * 100:5.1f} {line.calls:8} {line.rows:9} "
                f"{line.seconds / line.calls * 1e6:8.0f} {per_row}  {self.names.get(text, '')} {' '.join(text.split())}"
            )
        rest = sum(line.seconds for _, line in by_time[longest:])
        written.append(f"{rest:8.3f} {rest / self.total * 100:5.1f}  all {max(0, len(by_time) - longest)} others")
        return "\n".join(written)

    def _parts(self) -> list[tuple[float, str]]:
        """The most expensive first."""
        parts: dict[str, float] = defaultdict(float)
        for text, line in self.measured.items():
            part = self.names.get(text, "").strip("[]").partition(".")[0]
            parts[part or (text if text == "COMMIT" else "intake and everything else")] += line.seconds
        return sorted(((seconds, part) for part, seconds in parts.items()), reverse=True)


def _named(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Text of every statement of a program, and where in the program it stands."""
    if isinstance(value, Statement):
        yield value.text, f"[{path}]"
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _named(item, f"{path}.{key}")
    elif isinstance(value, tuple | list):
        for position, item in enumerate(value):
            yield from _named(item, f"{path}.{position}")
    elif is_dataclass(value) and not path.endswith("bundle"):
        for each in fields(value):
            yield from _named(getattr(value, each.name), f"{path}.{each.name}".lstrip("."))


def _sqlite_connection(profile: Profile) -> type[sqlite3.Connection]:
    class Cursor(sqlite3.Cursor):
        text = ""

        def execute(self, statement: str, parameters: Any = (), /) -> Any:
            self.text = statement
            with profile.timed(statement) as line:
                result = super().execute(statement, parameters)
            line.calls += 1
            line.rows += max(0, self.rowcount)
            return result

        def executemany(self, statement: str, parameters: Any, /) -> Any:
            self.text = statement
            with profile.timed(statement) as line:
                result = super().executemany(statement, parameters)
            line.calls += 1
            line.rows += max(0, self.rowcount)
            return result

        def fetchall(self) -> list[Any]:
            with profile.timed(self.text) as line:
                rows = super().fetchall()
            line.rows += len(rows)
            return rows

        def fetchone(self) -> Any:
            with profile.timed(self.text):
                return super().fetchone()

    class Connection(sqlite3.Connection):
        def cursor(self, *_: Any) -> Any:
            return super().cursor(Cursor)

        def commit(self) -> None:
            with profile.timed("COMMIT") as line:
                super().commit()
            line.calls += 1

    return Connection


def _postgres_cursor(profile: Profile) -> type[psycopg.Cursor[Any]]:
    class Cursor(psycopg.Cursor[Any]):
        def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
            with profile.timed(str(query)) as line:
                result = super().execute(query, params, **options)
            line.calls += 1
            line.rows += max(0, self.rowcount)
            return result

        def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
            with profile.timed(str(query)) as line:
                super().executemany(query, params_seq, **options)
            line.calls += 1
            line.rows += max(0, self.rowcount)

        @contextmanager
        def copy(self, statement: Any, *arguments: Any, **options: Any) -> Iterator[Any]:
            text = statement.decode() if isinstance(statement, bytes) else str(statement)
            with profile.timed(text) as line, super().copy(statement, *arguments, **options) as copying:
                yield copying
            line.calls += 1
            line.rows += max(0, self.rowcount)

    return Cursor
