"""The catalogues: small numbers for the names that rows point to.

Takes models and machines inside a write transaction, gives numbers. Never reuses or changes one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select

from flowrules.model import campaign as m
from flowrules.program.machine import Machine, Started
from flowrules.sql import tables as t
from flowrules.sql.catalogue import Catalogue
from flowrules.sql.suppression import HARD_BOUNCE


def intern(connection: Connection, table: Table, names: Iterable[str], column: str = "name") -> dict[str, int]:
    """Numbers of names, new ones in order of name; gives the whole table."""
    known = {row[1]: row[0] for row in connection.execute(select(table.c.id, table.c[column]))}
    fresh = sorted(set(names) - known.keys())
    if fresh:
        first = max(known.values(), default=0) + 1
        rows = [{"id": first + position, column: name} for position, name in enumerate(fresh)]
        connection.execute(insert(table), rows)
        known |= {row[column]: row["id"] for row in rows}
    return known


def intern_steps(connection: Connection, keys: Iterable[tuple[int, str]]) -> None:
    """Numbers of steps, (campaign id, key)."""
    known = {(row.campaign_id, row.key) for row in connection.execute(select(t.step.c.campaign_id, t.step.c.key))}
    fresh = [pair for pair in dict.fromkeys(keys) if pair not in known]
    if fresh:
        first = (connection.execute(select(func.max(t.step.c.id))).scalar() or 0) + 1
        connection.execute(
            insert(t.step),
            [
                {"id": first + position, "campaign_id": campaign_id, "key": key}
                for position, (campaign_id, key) in enumerate(fresh)
            ],
        )


def catalogue(connection: Connection) -> Catalogue:
    def names(table: Table, column: str = "name") -> dict[str, int]:
        return {row[1]: row[0] for row in connection.execute(select(table.c.id, table.c[column]))}

    campaigns = names(t.campaign)
    of_id = {number: name for name, number in campaigns.items()}
    steps: Mapping[tuple[str, str], int] = {
        (of_id[row.campaign_id], row.key): row.id
        for row in connection.execute(select(t.step.c.id, t.step.c.campaign_id, t.step.c.key))
        if row.campaign_id in of_id
    }
    return Catalogue(
        event_types=names(t.event_type),
        tags=names(t.tag),
        campaigns=campaigns,
        channels=names(t.channel),
        steps=steps,
        labels=names(t.label, "text"),
        zones=names(t.zone),
        segments=names(t.segment),
    )


def event_names(model: m.Model) -> Iterator[str]:
    yield from (event.name for event in model.events)


def tag_names(machines: Iterable[Machine]) -> Iterator[str]:
    for machine in machines:
        yield from (node.tag for node in machine.nodes if node.tag is not None)


def segment_names(model: m.Model) -> Iterator[str]:
    """Of those whose members are kept."""
    triggers = (campaign.entry.trigger for campaign in model.campaigns)
    yield from (trigger.segment.name for trigger in triggers if isinstance(trigger, m.SegmentTrigger))


def labels(model: m.Model, machines: Iterable[Machine]) -> Iterator[str]:  # noqa: C901  # flat
    """Everything a row of the ledger may point to."""
    yield t.OPERATOR
    yield HARD_BOUNCE
    yield from _of_policy(model.policy)
    for machine in machines:
        campaign = machine.campaign
        yield campaign.place
        yield campaign.entry.place
        if campaign.goal is not None:
            yield campaign.goal.place
        yield from (clause.place for clause in campaign.exits)
        yield from (cap.place for cap in campaign.caps)
        yield from (hold.place for hold in campaign.holds)
        if campaign.when_capped is not None:
            yield from _outcome(campaign.when_capped)
        for line in campaign.migrations:
            yield from (text for text in (line.place, line.words) if text is not None)
        for exclusion in campaign.exclusions:
            yield exclusion.place
            yield exclusion.by if isinstance(exclusion, m.ExcludeWhere) else f"campaign {exclusion.campaign}"
        for stage in campaign.stages:
            yield stage.place
            yield from (on.place for on in stage.reactions)
        for node in machine.nodes:
            yield node.place
            if node.words is not None:
                yield node.words
            if isinstance(node.test, Started):
                yield from (f"campaign {campaign.name}", f"campaign {node.test.campaign}")
            if isinstance(node.test, m.Split):
                yield node.test.name
                yield from (arm.name for arm in node.test.arms)


def _of_policy(policy: m.Policy) -> Iterator[str]:
    yield from (cap.place for cap in policy.caps)
    for suppression in policy.suppressions:
        yield suppression.place
        yield suppression.by
    yield from (quiet.place for quiet in policy.quiet)
    if policy.when_capped is not None:
        yield from _outcome(policy.when_capped)


def _outcome(capped: m.WhenCapped) -> Iterator[str]:
    yield capped.place
    if capped.words is not None:
        yield capped.words


def node_rows(machine: Machine, version_id: int, names: Catalogue) -> Iterator[dict[str, Any]]:
    campaign = machine.campaign
    for index, node in enumerate(machine.nodes):
        yield {
            "version_id": version_id,
            "node": index,
            "kind": int(node.kind),
            "step_id": names.steps[campaign.name, node.key],
            "stage_id": names.steps[campaign.name, campaign.stages[node.stage].name],
            "place_id": names.labels[node.place],
            "channel_id": None if node.send is None else names.channels[node.send.channel.name],
            "template": None if node.send is None else node.send.template,
        }
