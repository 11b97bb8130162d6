"""The file of rows that were refused, beside the file they came from: written as they come, for there may be many."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Self, TextIO

from flowrules.cli.context import UserError
from flowrules.store.imports.run import Reject
from flowrules.store.spreadsheet import write_rows


class RejectFile:
    """`path`: None as long as nothing was refused. A row of JSON stands whole in one cell."""

    def __init__(self, file: Path, *, wanted: bool) -> None:
        self._path = file.with_name(f"{file.name}.rejects.csv")
        self._wanted = wanted
        self._open = ExitStack()
        self._out: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def path(self) -> Path | None:
        return None if self._out is None else self._path

    def add(self, reject: Reject, columns: tuple[str, ...] | None) -> None:
        if not self._wanted:
            return
        values = reject.row.values
        cells = [json.dumps(values, ensure_ascii=False, default=str)] if columns is None else map(values.get, columns)
        try:
            if self._out is None:
                self._out = self._open.enter_context(
                    self._path.open("w", encoding="utf-8", newline="", errors="backslashreplace")
                )
                write_rows(self._out, [("line", "reason", *(("row",) if columns is None else columns))])
            write_rows(self._out, [(reject.row.line, reject.reason, *cells)])
        except OSError as failure:
            raise UserError(
                f"the rows refused can not be written to {self._path}: {failure.strerror}",
                "the other rows were taken in",
            ) from None
