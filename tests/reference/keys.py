"""Keys: docs/meaning.md, *Key*."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowrules.syntax import tree
    from tests.reference.program import Campaign, Program
    from tests.reference.scenario import Value
    from tests.reference.state import Fact

MICROSECOND = timedelta(microseconds=1)


def declared(program: Program, event: str, name: str) -> tree.PropertyDecl | None:
    """The property of that name, if the event has one; the built-in events have none."""
    event_decl = program.events.get(event)
    properties = () if event_decl is None else event_decl.properties
    return next((each for each in properties if each.name.text == name), None)


def entry_key(campaign: Campaign, fact: Fact, program: Program) -> str:
    """The key a fact enters with; empty without one."""
    keyed = campaign.enter.keyed
    if keyed is None:
        return ""
    prop = declared(program, fact.event, keyed.text)
    assert prop is not None
    return text(fact.properties.get(keyed.text), prop.type.kind)


def concerns(fact: Fact, campaign: Campaign, key: str, program: Program) -> bool:
    """Whether a fact is one for the instance with that key."""
    keyed = campaign.enter.keyed
    prop = None if keyed is None else declared(program, fact.event, keyed.text)
    if keyed is None or prop is None:
        return True
    value = fact.properties.get(keyed.text)
    return value is not None and text(value, prop.type.kind) == key


def text(value: Value, kind: str) -> str:
    """A value as a key; amounts of the scenarios have two decimals."""
    match value:
        case bool():
            return str(int(value))
        case Decimal():
            return str(int(value * (100 if kind == "money" else 1_000_000)))
        case datetime():
            return str((value - datetime(1970, 1, 1, tzinfo=UTC)) // MICROSECOND)
        case date():
            return str((value - date(1970, 1, 1)).days)
        case timedelta():
            return str(value // MICROSECOND)
        case _:
            return "" if value is None else str(value)
