"""Everything a workspace's meaning is made from, as data: what `check` reads and `apply` stores."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`lists`: paths (as written in `list ... from "path"`) of the list files that exist."""

    sources: tuple[Source, ...]
    templates: tuple[Template, ...]
    lists: frozenset[str]
    channels: tuple[Channel, ...]
    currency: str
    zone: str
