"""The file of a customer list: which identifiers stand in it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from flowrules.model.campaign import Model
from flowrules.store.identity import IdentityKind, normalised, region_of
from flowrules.store.imports.reading import ImportFileError, open_rows


@dataclass(frozen=True, slots=True)
class ListFile:
    """`unusable`: what stands in it and finds nobody, in words."""

    entries: tuple[tuple[IdentityKind, str], ...]
    unusable: str | None


def read_list(path: Path, by: Sequence[str], region: str | None = None) -> ListFile:
    """Every value of the columns that the list is `by`, in normal form; rows without one are nobody.

    A column `country` says what a phone number does not say itself, else `region` does.
    """
    file = open_rows(path)
    kinds = [cast("IdentityKind", kind) for kind in by if file.columns is None or kind in file.columns]
    if not kinds:
        raise ImportFileError(
            f"{path} has no column {' or '.join(f'`{kind}`' for kind in by)}",
            f"its first line must name its columns; it is: {', '.join(file.columns or ())}",
        )
    entries: dict[tuple[IdentityKind, str], None] = {}
    unusable, example = 0, ""
    for row in file.rows:
        where = region_of(row.values.get("country"), region)
        for kind in kinds:
            given = str(row.values.get(kind) or "").strip()
            value = normalised(kind, given, where) if given else None
            if value is not None:
                entries[kind, value] = None
            elif given:
                unusable += 1
                example = example or f"line {row.line}: `{given}` is no {kind}"
    more = f" (and {unusable - 1} more)" if unusable > 1 else ""
    return ListFile(tuple(entries), f"{path.name} finds nobody by {example}{more}" if unusable else None)


def read_lists(
    root: Path, model: Model, present: Collection[str]
) -> tuple[dict[str, tuple[tuple[IdentityKind, str], ...]], list[str]]:
    """The entries of each list by name, and what to tell; `present`: the files there are."""
    read = {
        each.name: read_list(root / each.path, each.by, model.region) for each in model.lists if each.path in present
    }
    notes = [each.unusable for each in read.values() if each.unusable is not None]
    return {name: each.entries for name, each in read.items()}, notes
