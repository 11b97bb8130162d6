"""The file of a customer list: which identifiers stand in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from flowrules.store.identity import IdentityKind
from flowrules.store.imports.reading import ImportFileError, open_rows


def read_list(path: Path, by: Sequence[str]) -> list[tuple[IdentityKind, str]]:
    """Every value of the columns that the list is `by`; rows without one are nobody."""
    with open_rows(path) as file:
        kinds = [cast("IdentityKind", kind) for kind in by if file.columns is None or kind in file.columns]
        if not kinds:
            raise ImportFileError(
                f"{path} has no column {' or '.join(f'`{kind}`' for kind in by)}",
                f"its first line must name its columns; it is: {', '.join(file.columns or ())}",
            )
        return [
            (kind, str(value))
            for row in file.rows
            for kind in kinds
            if (value := row.values.get(kind)) not in {None, ""}
        ]
