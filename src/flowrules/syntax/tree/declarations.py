"""What stands at the left margin: declarations, the policy, the file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import Literal

from flowrules.source import Source, Span
from flowrules.syntax.tree.conditions import Condition
from flowrules.syntax.tree.header import Cap, HeaderClause, HoldOut, WhenCapped
from flowrules.syntax.tree.steps import Stage
from flowrules.syntax.tree.tests import CustomerDecl, TestDecl
from flowrules.syntax.tree.values import Name, Value, place


@dataclass(frozen=True, slots=True)
class TypeName:
    """`text`, `integer`, `number`, `money`, `bool`, `date`, `datetime`, `duration`,
    `one of "a", "b"` (kind "one of"), `list of text`.
    """

    kind: str
    options: tuple[str, ...]
    span: Span = place()


@dataclass(frozen=True, slots=True)
class AttributeDecl:
    name: Name
    type: TypeName
    default: Value | None
    span: Span = place()


@dataclass(frozen=True, slots=True)
class PropertyDecl:
    name: Name
    type: TypeName
    span: Span = place()


@dataclass(frozen=True, slots=True)
class EventDecl:
    name: Name
    properties: tuple[PropertyDecl, ...]
    span: Span = place()


@dataclass(frozen=True, slots=True)
class ListDecl:
    """`list robinson from "data/robinson.csv" by phone, email`."""

    name: Name
    path: str
    by: tuple[Name, ...]
    span: Span = place()


@dataclass(frozen=True, slots=True)
class SegmentDecl:
    name: Name
    title: str | None
    condition: Condition
    span: Span = place()


@dataclass(frozen=True, slots=True)
class CampaignDecl:
    """Header clauses in the order written (doubled ones are found by check); `span` is the head line."""

    name: Name
    title: str | None
    header: tuple[HeaderClause, ...]
    stages: tuple[Stage, ...]
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Zone:
    """`time zone of customer, else "Europe/Madrid"`; `time zone "Europe/Madrid"` (of_customer False)."""

    of_customer: bool
    default: str
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Purpose:
    name: Name
    consent: Literal["ask first", "unless refused"]
    span: Span = place()


@dataclass(frozen=True, slots=True)
class MessageClass:
    """`class contractual: purpose service, not limited, counted`."""

    name: Name
    purpose: Name
    limited: bool
    counted: bool
    span: Span = place()


@dataclass(frozen=True, slots=True)
class Suppress:
    """`suppress list robinson for sms, call`; no channel: all."""

    list: Name
    channels: tuple[Name, ...]
    span: Span = place()


@dataclass(frozen=True, slots=True)
class QuietHours:
    """`quiet hours 21:00 to 09:00 for sms, call`."""

    start: time
    end: time
    channels: tuple[Name, ...]
    span: Span = place()


PolicyClause = Zone | Purpose | MessageClass | Cap | WhenCapped | QuietHours | Suppress | HoldOut


@dataclass(frozen=True, slots=True)
class PolicyDecl:
    clauses: tuple[PolicyClause, ...]
    span: Span = place()


Declaration = AttributeDecl | EventDecl | ListDecl | SegmentDecl | CampaignDecl | PolicyDecl | CustomerDecl | TestDecl


@dataclass(frozen=True, slots=True)
class File:
    source: Source
    declarations: tuple[Declaration, ...]
