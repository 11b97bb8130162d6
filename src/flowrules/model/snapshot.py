"""Everything a workspace's meaning is made from, as data: what `check` reads and `apply` stores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flowrules.model.schema import Channel
from flowrules.source import Source


@dataclass(frozen=True, slots=True)
class Template:
    """`path` relative to the workspace, e.g. templates/email/welcome.txt; `text` with its front matter."""

    channel: str
    name: str
    path: str
    text: str

    @property
    def language(self) -> str:
        """`es-mx` of `welcome.es-MX.txt`; empty: for whoever has no version of their own."""
        return "-".join(self.path.rpartition("/")[2].split(".")[1:-1]).lower()


def languages(of_customer: str | None) -> Iterator[str]:
    """What a customer reads, best first: `es-mx`, `es`, and the one for all."""
    parts = (of_customer or "").strip().lower().replace("_", "-").split("-")
    yield from ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    yield ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`lists`: paths (as written in `list ... from "path"`) of the list files that exist.

    region: of phone numbers that name none. customers: files that tests take customers from; no part of what runs.
    """

    sources: tuple[Source, ...]
    templates: tuple[Template, ...]
    lists: frozenset[str]
    channels: tuple[Channel, ...]
    currency: str
    zone: str
    region: str | None = None
    customers: tuple[Source, ...] = ()
