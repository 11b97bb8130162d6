"""Statements that look on: which parts of a condition held and which did not, which events a filter passed over.

For coverage alone: nothing here decides, and a program that is not asked to be watched has none of it. SQLite.
"""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.model.campaign import Campaign, EventTrigger, ExitOnEvent
from flowrules.model.condition import And, Condition, Filter, Not, Or
from flowrules.model.schema import EventType
from flowrules.program.machine import EventTest, Machine, NodeKind
from flowrules.sql.bundle import Bundle
from flowrules.sql.scratch import STATE
from flowrules.sql.statement import Statement

SEEN = (
    "CREATE TEMPORARY TABLE seen (code INTEGER, part INTEGER, holds INTEGER, PRIMARY KEY (code, part, holds)) "
    "WITHOUT ROWID"
)


def parts(condition: Condition) -> Iterator[Condition]:
    """What `and`, `or` and `not` join."""
    match condition:
        case And() | Or():
            for item in condition.items:
                yield from parts(item)
        case Not():
            yield from parts(condition.item)
        case _:
            yield condition


def conditions(bundle: Bundle) -> Iterator[tuple[int, Statement]]:
    """Of each `if` of several parts: its position, and what notes the parts of those who come there."""
    for version in bundle.versions:
        for number, node in enumerate(version.machine.nodes):
            if node.kind is not NodeKind.BRANCH:
                continue
            found = list(parts(node.test))  # type: ignore[arg-type]  # a branch has a condition
            code = version.code(number)
            for place, part in enumerate(found if len(found) > 1 else []):
                holds = bundle.condition(version.guards, part, "run")
                text = (
                    f"INSERT OR IGNORE INTO seen SELECT {code}, {place}, CASE WHEN {holds} THEN 1 ELSE 0 END FROM run "
                    f"WHERE state = {STATE.RUNNING} AND code = {code}"
                )
                yield code, bundle.writer.statement(text, holds)


def filters(machine: Machine) -> Iterator[tuple[str, EventType, Filter]]:
    """What stands in brackets behind an event, with the place of its line."""
    campaign: Campaign = machine.campaign
    trigger, goal = campaign.entry.trigger, campaign.goal
    if isinstance(trigger, EventTrigger) and trigger.filter is not None:
        yield campaign.entry.place, trigger.event, trigger.filter
    if goal is not None and goal.filter is not None:
        yield goal.place, goal.event, goal.filter
    for clause in campaign.exits:
        if isinstance(clause, ExitOnEvent) and clause.filter is not None:
            yield clause.place, clause.event, clause.filter
    for on in (on for stage in campaign.stages for on in stage.reactions):
        if on.filter is not None:
            yield on.place, on.event, on.filter
    for node in machine.nodes:
        if isinstance(node.test, EventTest) and node.test.filter is not None:
            yield node.place, node.test.event, node.test.filter


def passed_over(bundle: Bundle) -> Iterator[tuple[str, Statement]]:
    """Places of filters, and whether there is an event of the kind that one does not take."""
    for version, _ in bundle.now:
        for place, event, condition in filters(version.machine):
            test = bundle.writer.fragment(version.guards.filter(condition, version.guards.event))
            text = f"SELECT 1 FROM event WHERE type_id = {bundle.event_type(event.name)} AND NOT {test} LIMIT 1"
            yield place, bundle.writer.statement(text, test)
