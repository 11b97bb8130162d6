"""The stages a campaign ever had, under the names they have now.

Takes a connection. People may have been moved out of the version they entered in, so each version's stages count.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from flowrules.content.deployed import Deployed, Library
from flowrules.sql import tables


@dataclass(frozen=True, slots=True)
class Stages:
    """names: by step id, those of the newest version in flow order, then those that are gone, by the name they had
    last; current: how many are of the newest; renamed: of a stage that `formerly` speaks of, the step id of what it
    has become.
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
        numbers = {name: step_id for step_id, name in (gone | names).items()}
        for step_id, name in gone.items():
            last = _last(name, became, set(names.values()))
            if last == name or last not in numbers:
                names[step_id] = name
            else:
                renamed[step_id] = numbers[last]
    return Stages(names, current, renamed)


def renames(connection: Connection, known: dict[int, Deployed] | None = None) -> Mapping[int, int]:
    """Of all campaigns: what each stage that has another name now has become. Rules are read only where some stage is
    gone. known: see Library.
    """
    node, version, campaign = tables.node.c, tables.version.c, tables.campaign.c
    newest = select(func.max(version.id).label("id")).group_by(version.campaign_id)
    now = select(node.stage_id).where(node.version_id.in_(newest))
    gone = (
        select(campaign.id, campaign.name)
        .join(tables.version, version.campaign_id == campaign.id)
        .join(tables.node, node.version_id == version.id)
        .where(node.stage_id.not_in(now))
        .distinct()
    )
    rows = connection.execute(gone.order_by(campaign.id)).all()
    if not rows:
        return {}
    library, found = Library(connection, known), dict[int, int]()
    for row in rows:
        last = connection.execute(select(func.max(version.id)).where(version.campaign_id == row.id)).scalar_one()
        found |= stages(connection, library, row.name, row.id, last).renamed
    return found


def _last(name: str, became: Mapping[str, str], now: Collection[str]) -> str:
    """The name that a stage has now, or had when it went."""
    seen: set[str] = set()
    while name not in now and name not in seen and name in became:
        seen.add(name)
        name = became[name]
    return name


def _became(library: Library, campaign: str, versions: list[int]) -> dict[str, str]:
    """By its name then, what a stage was called next."""
    newest = [] if library.newest is None else [library.newest]  # `formerly` alone makes no version
    deployments = [*(library.of_version(each) for each in versions), *newest]
    told = [each for each in deployments if any("formerly" in source.text for source in each.snapshot.sources)]
    known = [each.campaigns[campaign] for each in told if campaign in each.campaigns]
    return {stage.formerly: stage.name for each in known for stage in each.stages if stage.formerly is not None}
