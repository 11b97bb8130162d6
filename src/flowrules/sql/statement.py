"""Statements ready for the driver: text with named parameters, and the constants of guards.

A tick runs thousands of small statements; they are made once, when a program is loaded, and go to the
driver as they are. Values are bound, never pasted; only integers of our own catalogues stand in the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

from sqlalchemy import ClauseElement, ColumnElement, Select, Table
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.base import SQLiteDialect

Value = int | str | None

INSERT = "INSERT INTO"
OR_FAIL = "INSERT OR FAIL INTO"
"""For SQLite, where a transaction is never gone on with after a failure: what a statement has changed before it fails
need not be kept apart (1 % of W).
"""


class Cursor(Protocol):
    """What is used of a DB-API cursor."""

    @property
    def rowcount(self) -> int: ...

    def execute(self, statement: str, parameters: Mapping[str, Value] = ..., /) -> object: ...

    def executemany(self, statement: str, parameters: Sequence[Sequence[Value]], /) -> object: ...

    def fetchall(self) -> Sequence[Any]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of SQL with named parameters (`:name`) and their values."""

    text: str
    constants: Mapping[str, Value]

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Statement:
    """`text` in the driver's own parameter style."""

    text: str
    constants: Mapping[str, Value]

    def run(self, cursor: Cursor, /, **values: Value) -> int:
        """Execute; gives the number of rows written."""
        cursor.execute(self.text, {**self.constants, **values} if self.constants else values)
        return cursor.rowcount

    def rows(self, cursor: Cursor, /, **values: Value) -> list[tuple[Any, ...]]:
        cursor.execute(self.text, {**self.constants, **values} if self.constants else values)
        return list(cursor.fetchall())


class Writer:
    """Makes fragments of Core expressions and statements of text, for one dialect."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self._target: Any = (
            SQLiteDialect(paramstyle="named") if dialect == "sqlite" else PGDialect_psycopg(paramstyle="named")  # type: ignore[no-untyped-call]  # SQLAlchemy has no types there
        )
        self._numbers = count(1)

    def fragment(self, expression: ColumnElement[Any]) -> Fragment:
        """The expression as text in brackets; its parameters get names no other fragment has."""
        return self._compiled(expression)

    def query(self, query: Select[Any]) -> Fragment:
        """The query as text in brackets."""
        return self._compiled(query)

    def _compiled(self, expression: ClauseElement) -> Fragment:
        compiled = expression.compile(dialect=self._target, compile_kwargs={"render_postcompile": True})
        prefix = f"g{next(self._numbers)}_"
        text = re.sub(r"(?<!:):([A-Za-z_]\w*)", rf":{prefix}\1", str(compiled))
        return Fragment(f"({text})", {prefix + key: value for key, value in compiled.params.items()})

    def row(self, table: str, columns: str, more: str = "") -> str:
        """An INSERT of one row for the driver's executemany; `columns` by comma."""
        marks = ", ".join(["?" if self.dialect == "sqlite" else "%s"] * len(columns.split(",")))
        return f"INSERT INTO {table} ({columns}) VALUES ({marks}){more}"

    def join(self, table: str, alias: str, on: str) -> str:
        """CROSS JOIN of a customers' table to what stands before it, never the other way round.

        SQLite keeps that order. PostgreSQL goes by its statistics, but not into a subquery with OFFSET.
        """
        if self.dialect == "sqlite":
            return f"CROSS JOIN {table} {alias} ON {on}"
        return f"CROSS JOIN LATERAL (SELECT * FROM {table} {alias} WHERE {on} OFFSET 0) {alias}"

    def counted(self, *columns: str, rows: str) -> str:
        """The values that the columns have in `rows` and, as the last column, how often: perhaps in several parts.

        SQLite sorts what it groups: Python counts in half the time.
        """
        what = ", ".join(columns)
        if self.dialect == "sqlite":
            return f"SELECT {what}, 1 {rows}"
        return f"SELECT {what}, count(*) {rows} GROUP BY {', '.join(str(1 + number) for number in range(len(columns)))}"

    def replacing(self, table: Table, insert: str, rows: str, there: str) -> tuple[str, str]:
        """Statements that write whole `rows` by the INSERT; those that are `there` take the place of others."""
        key = ", ".join(column.name for column in table.primary_key)
        if self.dialect == "sqlite":  # OR REPLACE may fail half way, and so keeps a copy of each page that it changes
            return f"DELETE FROM {table.name} WHERE ({key}) IN (SELECT {key} {rows} AND {there})", f"{insert} {rows}"
        values = ", ".join(f"{each.name} = excluded.{each.name}" for each in table.c if not each.primary_key)
        return (
            f"{insert} {rows} AND NOT ({there})",
            f"{insert} {rows} AND {there} ON CONFLICT ({key}) DO UPDATE SET {values}",
        )

    def among(self, column: str, query: str) -> str:
        """`column` is in the query, which comes first."""
        return f"{column} IN ({query})" if self.dialect == "sqlite" else f"{column} = ANY (ARRAY({query}))"

    def fenced(self, text: str) -> str:
        """Each EXISTS is asked of the rows there are: PostgreSQL does not begin with a subquery that has an OFFSET."""
        return text if self.dialect == "sqlite" else _fenced(text)

    def statement(self, text: str, *fragments: Fragment) -> Statement:
        """`text` may hold the text of the given fragments; their constants come along."""
        constants: dict[str, Value] = {}
        for fragment in fragments:
            constants |= fragment.constants
        if self.dialect != "sqlite":
            text = self.fenced(text)
            text = re.sub(r"(?<!:):([A-Za-z_]\w*)", r"%(\1)s", text.replace("%", "%%"))
        elif text.startswith(INSERT):
            text = OR_FAIL + text.removeprefix(INSERT)
        return Statement(text, constants)


def _fenced(text: str) -> str:
    for start in reversed([found.end() for found in re.finditer(r"\bEXISTS\s*\(", text)]):
        depth, end = 1, start
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        text = f"{text[: end - 1]} OFFSET 0{text[end - 1 :]}"
    return text
