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
    """`notes`: what stands in it, or does not, and finds nobody, in words."""

    entries: tuple[tuple[IdentityKind, str], ...]
    notes: tuple[str, ...]


def read_list(path: Path, by: Sequence[str], region: str | None = None) -> ListFile:
    """Every value of the columns that the list is `by`, in normal form; rows without one are nobody.

    A column `country` says what a phone number does not say itself, else `region` does. Whole or not at all: a line
    that can not be read may be somebody who must be left alone.
    """
    file = open_rows(path)
    kinds = [cast("IdentityKind", kind) for kind in by]
    seen = set(file.columns or ())
    entries: dict[tuple[IdentityKind, str], None] = {}
    unusable, example = 0, ""
    for row in file.rows:
        if row.wrong is not None:
            raise ImportFileError(f"{path}, line {row.line}: {row.wrong}", "a list is read whole or not at all")
        seen |= row.values.keys()
        where = region_of(row.values.get("country"), region)
        for kind in kinds:
            given = str(row.values.get(kind) or "").strip()
            value = normalised(kind, given, where) if given else None
            if value is not None:
                entries[kind, value] = None
            elif given:
                unusable += 1
                example = example or f"line {row.line}: `{given}` is no {kind}"
    missing = [f"`{kind}`" for kind in by if kind not in seen]
    if len(missing) == len(kinds):
        named = f"its first line must name its columns; it is: {', '.join(file.columns or ())}"
        raise ImportFileError(
            f"{path} has no column {' or '.join(missing)}",
            named if file.columns is not None else "each line must name what it holds",
        )
    notes = [f"{path.name} has no column {' and no '.join(missing)}: it finds nobody by that"] if missing else []
    if unusable:
        more = f" (and {unusable - 1} more)" if unusable > 1 else ""
        notes.append(f"{path.name} finds nobody by {example}{more}")
    return ListFile(tuple(entries), tuple(notes))


def read_lists(
    root: Path, model: Model, present: Collection[str]
) -> tuple[dict[str, tuple[tuple[IdentityKind, str], ...]], list[str]]:
    """The entries of each list by name, and what to tell; `present`: the files there are."""
    read = {
        each.name: read_list(root / each.path, each.by, model.region) for each in model.lists if each.path in present
    }
    notes = [note for each in read.values() for note in each.notes]
    return {name: each.entries for name, each in read.items()}, notes
