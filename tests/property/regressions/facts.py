"""Who is there, and what they do."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from tests.reference.workspace import ANA, at, did, workspace

if TYPE_CHECKING:
    from tests.reference.scenario import Scenario

MADRID = replace(ANA, timezone="Europe/Madrid")


PEOPLE = (
    replace(ANA, id="Zoe", timezone="Australia/Lord_Howe", attributes={"plan": "pro"}),
    replace(MADRID, attributes={"plan": "pro", "birthday": date(2004, 2, 29)}),
    replace(ANA, id="ben", timezone="Mars/Base", email=None),
    replace(ANA, id="éva", timezone="America/New_York", attributes={"plan": "pro", "birthday": date(2026, 3, 29)}),
)


def numbered(*facts: str, who: str = "ana") -> list[object]:
    """`03-02 10:00 begin 2`; without a number also without the property."""
    made: list[object] = []
    for fact in facts:
        *what, n = fact.split(" ")
        properties: dict[str, Any] = {} if n == "-" else {"n": int(n)}
        made.append(did(" ".join(what), who=who, **properties))
    return made


def starts(*instants: str, event: str = "begin") -> list[object]:
    return [did(f"{when} {event}", who=person.id) for person in PEOPLE for when in instants]


def scenario(rules: str, *facts: object, **fields: object) -> Scenario:
    return workspace(rules, *facts, **{"customers": PEOPLE, "until": at("06-20 00:00"), **fields})  # type: ignore[arg-type]
