"""The stages a campaign ever had, under the names they have now.

Takes a connection. People may have been moved out of the version they entered in, so each version's stages count.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from flowrules.content.deployed import Library
from flowrules.sql import tables


@dataclass(frozen=True, slots=True)
class Stages:
    """names: by step id, those of the newest version in flow order, then those that are gone; current: how many are
    of the newest; renamed: of a stage that `formerly` speaks of, the step id of what it has become.
    """

    names: dict[int, str]
    current: int
    renamed: dict[int, int]

    def now(self, step_id: int) -> int:
        return self.renamed.get(step_id, step_id)

    def places(self) -> dict[int, int]:
        """By step id, the position in names."""
        found = {step_id: position for position, step_id in enumerate(self.names)}
        return found | {then: found[now] for then, now in self.renamed.items()}


def stages(connection: Connection, library: Library, campaign: str, campaign_id: int, newest: int) -> Stages:
    node, step, version = tables.node.c, tables.step.c, tables.version.c
    in_flow = (
        select(node.stage_id, func.min(node.node).label("first"))
        .where(node.version_id == newest)
        .group_by(node.stage_id)
        .subquery()
    )
    query = select(step.id, step.key).join(in_flow, in_flow.c.stage_id == step.id).order_by(in_flow.c.first)
    names: dict[int, str] = {row.id: row.key for row in connection.execute(query)}
    versions = select(version.id).where(version.campaign_id == campaign_id)
    ever = (
        select(step.id, step.key)
        .where(step.campaign_id == campaign_id, step.id.in_(select(node.stage_id).where(node.version_id.in_(versions))))
        .order_by(step.key)
    )
    gone = {row.id: row.key for row in connection.execute(ever) if row.id not in names}
    current, renamed = len(names), {}
    if gone:
        became = _became(library, campaign, sorted(connection.execute(versions).scalars()))
        numbers = {name: step_id for step_id, name in names.items()}
        for step_id, name in gone.items():
            called, seen = name, {""}
            while called not in numbers and called not in seen:
                seen.add(called)
                called = became.get(called, "")
            if called in numbers:
                renamed[step_id] = numbers[called]
            else:
                names[step_id] = name
    return Stages(names, current, renamed)


def _became(library: Library, campaign: str, versions: list[int]) -> dict[str, str]:
    """By its name then, what a stage was called next."""
    newest = [] if library.newest is None else [library.newest]  # `formerly` alone makes no version
    deployments = [*(library.of_version(each) for each in versions), *newest]
    known = [each.campaigns[campaign] for each in deployments if campaign in each.campaigns]
    return {stage.formerly: stage.name for each in known for stage in each.stages if stage.formerly is not None}
