"""What was deployed, read back from the database: models, templates and the text of rules.

Takes a connection; builds each deployment once. Never looks at the files of the workspace: they may have changed since.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import cached_property, lru_cache

from sqlalchemy import Connection, select

from flowrules.content.writer import Writer
from flowrules.diagnostics.model import Diagnostic
from flowrules.model.build import build
from flowrules.model.campaign import Campaign, Model
from flowrules.model.schema import Channel
from flowrules.model.snapshot import Snapshot, Template
from flowrules.program.machine import Machine, machine
from flowrules.source import Source
from flowrules.sql import tables
from flowrules.syntax import tree
from flowrules.syntax.parser import parse


@dataclass(frozen=True)
class Deployed:
    """One deployment. Its parts are made when they are first asked for."""

    id: int
    snapshot: Snapshot

    @classmethod
    def built(cls, number: int, snapshot: Snapshot, model: Model) -> Deployed:
        """One whose model is there already."""
        made = cls(number, snapshot)
        made.__dict__["model"] = model  # where a cached property keeps it
        return made

    @cached_property
    def model(self) -> Model:
        model, found = _built(self.snapshot)
        if model is None:
            raise ValueError(f"deployment {self.id} can not be built any more: {found}")
        return model

    @cached_property
    def writer(self) -> Writer:
        return Writer(self.snapshot.templates)

    @cached_property
    def campaigns(self) -> Mapping[str, Campaign]:
        return {campaign.name: campaign for campaign in self.model.campaigns}

    @cached_property
    def machines(self) -> Mapping[str, Machine]:
        return {campaign.name: machine(campaign) for campaign in self.model.campaigns}

    @cached_property
    def declarations(self) -> Sequence[tree.Declaration]:
        """As written, of all files."""
        return [item for source in self.snapshot.sources for item in parse(source)[0].declarations]

    def means(self, other: Deployed, campaign: str) -> bool:
        """The campaign is in both, and the same version."""
        here, there = (each.campaigns.get(campaign) for each in (self, other))
        return here is not None and there is not None and here.digest == there.digest

    def line(self, place: str) -> str | None:
        """The words at `file:line`."""
        name, _, number = place.rpartition(":")
        source = self.sources.get(name)
        if source is None or not number.isdecimal() or not 1 <= int(number) <= source.text.count("\n") + 1:
            return None
        return source.line(int(number)).strip()

    @cached_property
    def sources(self) -> Mapping[str, Source]:
        return {source.name: source for source in self.snapshot.sources}


@lru_cache(maxsize=4)
def _built(snapshot: Snapshot) -> tuple[Model | None, Sequence[Diagnostic]]:
    """Several ask in turn, each with a connection of its own: an `apply` does for what was before and what will be."""
    return build([parse(source)[0] for source in snapshot.sources], snapshot)


class Library:
    """The deployments that versions point to, and the newest, which holds the policy in force."""

    def __init__(self, connection: Connection, known: dict[int, Deployed] | None = None) -> None:
        """`known`: deployments built before, kept by those who come back with another connection."""
        version = tables.version.c
        query = select(version.id, version.deployment_id)
        self._of_version = {row.id: row.deployment_id for row in connection.execute(query)}
        deployment = tables.deployment.c
        self._newest = connection.execute(
            select(deployment.id).order_by(deployment.at.desc(), deployment.id.desc()).limit(1)
        ).scalar()
        self._connection = connection
        self._deployed = {} if known is None else known

    @property
    def newest(self) -> Deployed | None:
        return None if self._newest is None else self.deployment(self._newest)

    def in_force(self, at: int) -> Deployed | None:
        """The newest of those made up to an instant, else the first there is."""
        made = self._made
        return self.deployment(made[max(0, bisect_right(made, (at + 1,)) - 1)][1]) if made else None

    @cached_property
    def _made(self) -> list[tuple[int, int]]:
        """Their instants and numbers, in order of time."""
        deployment = tables.deployment.c
        query = select(deployment.at, deployment.id).order_by(deployment.at, deployment.id)
        return [(row.at, row.id) for row in self._connection.execute(query)]

    def of_version(self, version_id: int) -> Deployed:
        return self.deployment(self._of_version[version_id])

    def deployment(self, deployment_id: int) -> Deployed:
        if deployment_id not in self._deployed:
            deployment = tables.deployment.c
            query = select(deployment.snapshot).where(deployment.id == deployment_id)
            text = self._connection.execute(query).scalar_one()
            self._deployed[deployment_id] = Deployed(deployment_id, read_snapshot(text))
        return self._deployed[deployment_id]


def write_snapshot(snapshot: Snapshot) -> str:
    return json.dumps(
        {
            "sources": [[source.name, source.text] for source in snapshot.sources],
            "templates": [[each.channel, each.name, each.path, each.text] for each in snapshot.templates],
            "lists": sorted(snapshot.lists),
            "channels": [list(astuple(channel)) for channel in snapshot.channels],
            "currency": snapshot.currency,
            "zone": snapshot.zone,
            "region": snapshot.region,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def read_snapshot(text: str) -> Snapshot:
    facts = json.loads(text)
    return Snapshot(
        sources=tuple(Source(*each) for each in facts["sources"]),
        templates=tuple(Template(*each) for each in facts["templates"]),
        lists=frozenset(facts["lists"]),
        channels=tuple(Channel(*each) for each in facts["channels"]),
        currency=facts["currency"],
        zone=facts["zone"],
        region=facts.get("region"),
    )
