r"""What a workspace knows about its customers: attributes, events, lists, channels.

A *stored value* is what the database holds and guards compare: text as str; integer as int;
number in millionths; money in minor units of the workspace's currency; bool as 0 or 1; date as days
since 1970-01-01; datetime as UTC microseconds; duration as microseconds; `one of` as str;
list of text as str, each item between unit separators ("\x1fa\x1fb\x1f").
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flowrules.source import Span

Stored = int | str


class Kind(StrEnum):
    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    MONEY = "money"
    BOOL = "bool"
    DATE = "date"
    DATETIME = "datetime"
    DURATION = "duration"
    ONE_OF = "one of"
    LIST = "list of text"


TEXTUAL = frozenset({Kind.TEXT, Kind.ONE_OF, Kind.LIST})


@dataclass(frozen=True, slots=True)
class Type:
    """`options` only for `one of`."""

    kind: Kind
    options: tuple[str, ...] = ()

    @property
    def textual(self) -> bool:
        """Stored as text; otherwise as an integer."""
        return self.kind in TEXTUAL


@dataclass(frozen=True, slots=True)
class Attribute:
    """`default` is what a customer without a value counts as having. Built-in ones have no span."""

    name: str
    type: Type
    default: Stored | None = None
    builtin: bool = False
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Property:
    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class EventType:
    """`channel` and `reaction` are set on the built-in engagement events (`email_opened`: email, opened)."""

    name: str
    properties: tuple[Property, ...] = ()
    channel: str | None = None
    reaction: str | None = None
    span: Span | None = None

    def own(self, name: str) -> Property | None:
        return next((each for each in self.properties if each.name == name), None)

    def key(self, key: Property | None) -> Property | None:
        """Its own property of that name, by which it finds the journey it is about."""
        return None if key is None else self.own(key.name)


@dataclass(frozen=True, slots=True)
class CustomerList:
    """`by`: which identifiers of a customer are looked up in the file: id, email, phone, or the hash of one."""

    name: str
    path: str
    by: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Channel:
    """`address`: the attribute that must be known to send (`email`, `phone`), None if none is needed.

    public: messages leave for real people. unsubscribe_url: what links to unsubscribe begin with.
    """

    name: str
    address: str | None
    public: bool = False
    unsubscribe_url: str | None = None
    postal_address: str | None = None


REACTIONS = ("delivered", "opened", "clicked", "bounced", "replied", "complained")

BUILTIN_ATTRIBUTES = tuple(
    Attribute(name, Type(Kind.TEXT), builtin=True)
    for name in ("id", "email", "phone", "country", "language", "timezone")
)
