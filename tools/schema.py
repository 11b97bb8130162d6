"""What tables a database has, as data: to compare two that were made in different ways.

Takes a connection; gives each table's columns, constraints and indexes as the database itself words them. The order of
columns is left out: one that was added later stands at the end, and nothing depends on it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sqlalchemy import Connection, text


@dataclass(slots=True)
class Shape:
    """columns: by name; rest: keys, uniqueness, and how rows are stored; indexes: by name."""

    columns: dict[str, str] = field(default_factory=dict)
    rest: list[str] = field(default_factory=list)
    indexes: dict[str, str] = field(default_factory=dict)


def shapes(connection: Connection) -> dict[str, Shape]:
    return _sqlite(connection) if connection.dialect.name == "sqlite" else _postgresql(connection)


_CONSTRAINT = re.compile(r"(?:PRIMARY KEY|UNIQUE|CONSTRAINT|CHECK|FOREIGN KEY)\b")


def _sqlite(connection: Connection) -> dict[str, Shape]:
    found: dict[str, Shape] = {}
    for kind, name, table, words in connection.execute(
        text("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC, name")
    ):
        definition = " ".join(words.split())
        if kind == "index":
            found[table].indexes[name] = definition
            continue
        begin, end = definition.index("("), definition.rindex(")")
        shape = found[name] = Shape(rest=[definition[end + 1 :].strip()])
        for clause in _clauses(definition[begin + 1 : end]):
            if _CONSTRAINT.match(clause):
                shape.rest.append(clause)
            else:
                column, _, declared = clause.partition(" ")
                shape.columns[column.strip('"')] = declared
        shape.rest.sort()
    return found


def _clauses(inside: str) -> list[str]:
    """Parted at the commas that stand in no parentheses."""
    parts, depth = [""], 0
    for character in inside:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_attrdef d
ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY c.relname, a.attname
"""
_CONSTRAINTS = """
SELECT c.relname, k.conname, pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE c.relnamespace = 'public'::regnamespace AND k.contype <> 'n' ORDER BY 1, 2
"""
_INDEXES = """
SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2
"""


def _postgresql(connection: Connection) -> dict[str, Shape]:
    found: dict[str, Shape] = {}
    for table, column, kind, needed, default in connection.execute(text(_COLUMNS)):
        shape = found.setdefault(table, Shape())
        shape.columns[column] = f"{kind}{' NOT NULL' if needed else ''}{f' DEFAULT {default}' if default else ''}"
    for table, name, definition in connection.execute(text(_CONSTRAINTS)):
        found[table].rest.append(f"{name} {definition}")
    for table, name, definition in connection.execute(text(_INDEXES)):
        found[table].indexes[name] = definition
    return found
