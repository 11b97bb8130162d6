"""What stood in the rows before: how often, and where first. Kept on disk, for a file may have any number of rows."""

from __future__ import annotations

import sqlite3

_ADD = "INSERT INTO seen VALUES (?, 1, ?) ON CONFLICT (key) DO UPDATE SET times = times + 1 RETURNING times, line"


class Seen:
    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)  # a file of its own, gone with the connection
        self._database.execute(
            "CREATE TABLE seen (key TEXT PRIMARY KEY, times INTEGER NOT NULL, line INTEGER NOT NULL) WITHOUT ROWID"
        )
        self._database.execute("BEGIN")

    def add(self, key: str, line: int) -> tuple[int, int]:
        """How many times it has stood there, this one included, and the line of the first."""
        times, first = self._database.execute(_ADD, (key, line)).fetchone()
        return times, first

    def close(self) -> None:
        self._database.close()
