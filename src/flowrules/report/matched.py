"""What the filter of an event found of the event that let a customer in, or out, or on.

Takes rows of the ledger of one customer; gives the parts of the filter. Properties of an event never change, so that
is read from the journal at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection, select

from flowrules.content.deployed import Deployed, Library
from flowrules.model.campaign import Campaign, EventTrigger, ExitOnEvent, Goal, On
from flowrules.model.condition import Filter
from flowrules.model.schema import EventType
from flowrules.report.asked import as_its_version, declared
from flowrules.report.clauses import Asking, Clause
from flowrules.report.ledger import Decided
from flowrules.sql import tables
from flowrules.sql.codes import Decision, Reason
from flowrules.syntax import tree

_Found = Mapping[tuple[int, int], tuple[Clause, ...]]
"""By (at, seq) of each such event."""


@dataclass(frozen=True, slots=True)
class _Filter:
    deployed: Deployed
    event: EventType
    meant: Filter
    place: str


class Matched:
    """Of one customer."""

    def __init__(self, connection: Connection, library: Library, customer_id: int) -> None:
        self._connection = connection
        self._library = library
        self._id = customer_id
        self._read: dict[tuple[int, str, str], _Found] = {}

    def of(self, row: Decided) -> tuple[Clause, ...]:
        """Empty where no filter let the event through, or where it may have been one of several."""
        this = self._filter(row)
        if this is None:
            return ()
        key = this.deployed.id, row.campaign, this.place
        if key not in self._read:
            self._read[key] = self._events(this, row.campaign)
        found = self._read[key]
        if row.decision == Decision.ENTERED and (row.campaign_id, row.instance) in self._entries:
            return found.get(self._entries[row.campaign_id, row.instance], ())
        here = {told for (at, _), told in found.items() if at == row.at and all(each.holds for each in told)}
        return here.pop() if len(here) == 1 else ()

    def _filter(self, row: Decided) -> _Filter | None:
        now, of_version = self._library.in_force(row.at), self._library.of_version(row.version_id)
        by_trigger = row.decision == Decision.ENTERED and not row.by
        there = now if by_trigger and now is not None else as_its_version(row, now, of_version)
        campaign = there.campaigns.get(row.campaign)
        line = None if campaign is None else _line(campaign, row)
        return None if line is None or line.filter is None else _Filter(there, line.event, line.filter, row.rule)

    def _events(self, this: _Filter, campaign: str) -> _Found:
        written = _written(this.deployed, campaign, this.place)
        e = tables.event_type.c
        type_id = self._connection.execute(select(e.id).where(e.name == this.event.name)).scalar()
        if written is None or type_id is None:
            return {}
        found = Asking(self._connection, this.deployed, 0).of_events(self._id, type_id, written, this.meant)
        return {key: tuple(clauses) for key, clauses in found.items()}

    @cached_property
    def _entries(self) -> Mapping[tuple[int, int], tuple[int, int]]:
        """(at, seq) of what let each journey in, where no later event has taken its place."""
        e = tables.enrollment.c
        rows = self._connection.execute(select(tables.enrollment).where(e.customer_id == self._id))
        return {
            (row.campaign_id, row.instance): (row.entry_at or row.entered_at, row.entry_seq)
            for row in rows
            if row.entry_seq is not None and (row.entry_at or row.entered_at) <= row.entered_at
        }


def _line(campaign: Campaign, row: Decided) -> EventTrigger | ExitOnEvent | Goal | On | None:
    """That an event came to."""
    match row.decision, row.reason:
        case Decision.ENTERED, _ if not row.by:
            trigger = campaign.entry.trigger
            return trigger if isinstance(trigger, EventTrigger) else None
        case Decision.EXIT, Reason.EXIT_WHEN:
            clauses = (each for each in campaign.exits if isinstance(each, ExitOnEvent))
            return next((each for each in clauses if each.place == row.rule), None)
        case Decision.GOAL, _:
            return campaign.goal
        case Decision.INTERRUPTED, _:
            reactions = (on for stage in campaign.stages for on in stage.reactions)
            return next((on for on in reactions if on.place == row.rule), None)
        case _:
            return None


def _written(deployed: Deployed, campaign: str, place: str) -> tree.Filter | None:
    for each in declared(deployed, campaign):
        for clause in each.header:
            match clause:
                case tree.Enter(trigger=tree.EventTrigger() as trigger) if clause.span.place == place:
                    return trigger.filter
                case tree.ExitWhen() | tree.Goal() if clause.span.place == place:
                    return clause.filter
                case _:
                    pass
        for on in (on for stage in each.stages for on in stage.reactions):
            if on.span.place == place:
                return on.filter
    return None
