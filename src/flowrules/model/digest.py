"""The identity of a campaign's meaning: equal digests are one version.

Takes a typed campaign; gives the SHA-256 of its meaning in a canonical text. Places, titles, owners, former names and
migrations are not meaning; exclusions, caps, holds, priority, holdout and what a class allows are policy: always the
one in force.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from flowrules.model.campaign import MessageClass
from flowrules.model.condition import Consents, Segment
from flowrules.model.schema import Channel, EventType

if TYPE_CHECKING:
    from flowrules.model.campaign import Campaign

_NO_MEANING = frozenset({"span", "place", "title", "owner", "digest", "migrations", "formerly"})
_POLICY = frozenset({"exclusions", "caps", "holds", "priority", "hold_out"})


def digest(campaign: Campaign) -> str:
    seen: dict[str, str] = {}
    return sha256(_said(campaign, _POLICY, "\n", seen).encode()).hexdigest()


def canonical(item: object, seen: dict[str, str]) -> str:
    """One text per meaning. `seen` holds the segments met so far: each is written out once, however often named."""
    match item:
        case Segment():
            if item.name not in seen:
                inner = canonical(item.condition, seen)
                seen[item.name] = sha256(inner.encode()).hexdigest()
            return f"Segment({item.name} {seen[item.name]})"
        case Consents():
            return f"Consents({item.channel} {' '.join(name for name, _ in item.purposes)})"
        case EventType() | Channel() | MessageClass():
            return f"{type(item).__name__}({item.name})"
        case tuple():
            return f"({', '.join(canonical(inner, seen) for inner in item)})"
        case _ if is_dataclass(item):
            return f"{type(item).__name__}({_said(item, frozenset(), ', ', seen)})"
        case _:
            return repr(item)


def _said(item: object, without: frozenset[str], between: str, seen: dict[str, str]) -> str:
    """A field that says what holds anyway is left out: so a construct that comes later changes no digest of today."""
    return between.join(
        f"{name}={canonical(value, seen)}"
        for name, default in _fields(type(item))
        if name not in without and (value := getattr(item, name)) != default
    )


def _fields(kind: type) -> tuple[tuple[str, object], ...]:
    if kind not in _FIELDS:
        found = fields(kind) if is_dataclass(kind) else ()
        _FIELDS[kind] = tuple((field.name, field.default) for field in found if field.name not in _NO_MEANING)
    return _FIELDS[kind]


_FIELDS: dict[type, tuple[tuple[str, object], ...]] = {}
