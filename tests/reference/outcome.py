"""The end state of a run of the reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.reference.state import Person


@dataclass(frozen=True)
class Journey:
    """What became of an instance."""

    customer: str
    campaign: str
    number: int
    ghost: str | None
    stage: str | None
    entered_at: int
    reached_at: int | None
    due: int | None
    goal_at: int | None
    ended_at: int | None
    exit: str | None


@dataclass(frozen=True)
class Contact:
    """A message that was sent, or would have been to a ghost."""

    at: int
    customer: str
    campaign: str
    number: int
    key: str
    channel: str
    ghost: str | None


@dataclass(frozen=True)
class Outcome:
    """The end state; everything in a stable order."""

    journeys: tuple[Journey, ...]
    tags: tuple[tuple[str, str], ...]
    contacts: tuple[Contact, ...]


def of_people(people: list[Person]) -> Outcome:
    instances = sorted(
        ((person, each) for person in people for each in person.instances),
        key=lambda pair: (pair[0].id, pair[1].plain_order),
    )
    return Outcome(
        journeys=tuple(
            Journey(person.id, i.campaign.name, i.number, i.ghost, i.stage, i.entered_at, i.reached_at,
                    i.due, i.goal_at, i.ended_at, i.exit)
            for person, i in instances
        ),
        tags=tuple(sorted((person.id, tag) for person in people for tag in person.tags)),
        contacts=tuple(
            Contact(m.at, person.id, i.campaign.name, i.number, m.key, m.channel, i.ghost)
            for person, i in instances
            for m in i.messages
        ),
    )  # fmt: skip
