"""A program ready to run: every version in use, with the rows of the working tables.

Takes typed models and catalogue numbers, gives what the statements of a tick are made from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from flowrules.model import campaign as m
from flowrules.model.condition import Condition
from flowrules.model.schema import BUILTIN_ATTRIBUTES, Attribute
from flowrules.model.touches import touches
from flowrules.model.values import instant
from flowrules.program.machine import EventTest, Machine, NodeKind, ReactionTest, Started
from flowrules.sql.catalogue import Catalogue
from flowrules.sql.columns import tables_for
from flowrules.sql.guards import Guards, Row, depends
from flowrules.sql.statement import Fragment, Writer

NODES = 10_000
"""A position's code is version id * NODES + number of the node."""

PLACE = f"coalesce((SELECT p.place_id FROM spot p WHERE p.code = n.version_id * {NODES} + n.node), n.place_id)"
"""Where a node `n` stands: what is in force stands where the newest files have it."""

OCCURRENCE = -100
"""Less a campaign's id: the agenda's mark of its schedule."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version in use; `model` is the model it was compiled from."""

    id: int
    campaign_id: int
    machine: Machine
    model: m.Model
    guards: Guards

    def code(self, node: int) -> int:
        return self.id * NODES + node


@dataclass(slots=True)
class Bundle:
    """Everything of one loaded program.

    now: the campaigns of the newest deployment, in total order, with their current version and the
    instant they live from. paused: ids of those with a pause that no tick has gone past. holding: some messages are
    held, or may be. looks_back: campaign to the instant since when facts let in, where that is not the one it lives
    from; looking: of those, whose first instant no tick has gone past. moves: the positions and kinds to which a
    deployment that no tick has gone past moves people; moved: ids of the campaigns in which any ever did. canaries: by
    id of the campaign, the version that all but so many millionths of customers enter.
    """

    dialect: str
    catalogue: Catalogue
    model: m.Model | None
    versions: tuple[Version, ...]
    now: tuple[tuple[Version, int], ...]
    writer: Writer
    paused: frozenset[int] = frozenset()
    holding: bool = False
    looks_back: Mapping[int, int] = field(default_factory=dict)
    looking: frozenset[int] = frozenset()
    moves: frozenset[tuple[int, int]] = frozenset()
    moved: frozenset[int] = frozenset()
    canaries: Mapping[int, tuple[Version, int]] = field(default_factory=dict)
    _totals: dict[int, int] = field(default_factory=dict)
    _several: frozenset[int] | None = None
    _started: dict[str, bool] | None = None

    # --- fragments ------------------------------------------------------------------------------------

    def condition(self, guards: Guards, condition: Condition, table: str) -> Fragment:
        return self.writer.fragment(guards.test(condition, Row(table)))

    @property
    def moving(self) -> bool:
        return bool(self.moves)

    def several(self, campaign_id: int) -> bool:
        """A customer may be on several journeys of the campaign at once."""
        if self._several is None:
            found = (each for each in self.versions if each.machine.campaign.entry.several)
            self._several = frozenset(each.campaign_id for each in found)
        return campaign_id in self._several

    def refreshes(self) -> bool:
        """Some event replaces a journey's entry."""
        return any(version.machine.campaign.refreshes for version in self.versions)

    def set_off(self, campaign: m.Campaign) -> bool:
        """A step may let customers into this campaign, at the same instant."""
        return campaign.name in self._starts() or isinstance(campaign.entry.trigger, m.InnerTrigger)

    def links(self) -> bool:
        """Some journeys end with those that started them."""
        return any(self._starts().values())

    def _starts(self) -> dict[str, bool]:
        """Campaigns that a step starts, and whether linked somewhere."""
        if self._started is None:
            self._started = {}
            nodes = (node for version in self.versions for node in version.machine.nodes)
            for test in (node.test for node in nodes if isinstance(node.test, Started)):
                self._started[test.campaign] = self._started.get(test.campaign, False) or test.linked
        return self._started

    def moment(self, local: datetime) -> int:
        """The instant of a moment written in the zone of the policy."""
        return instant(local, self.model.policy.zone if self.model is not None else "UTC")

    def label(self, text: str) -> int:
        return self.catalogue.labels[text]

    def rank(self, version: Version) -> tuple[int, int, str]:
        """Place in the total order of campaigns, by the policy in force where the campaign still is."""
        current = {item.machine.campaign.name: item.machine.campaign for item, _ in self.now}
        name = version.machine.campaign.name
        campaign = current.get(name, version.machine.campaign)
        return campaign.message_class.rank, -campaign.priority, name

    def total(self, version: Version) -> int:
        """The campaign's number in the total order of all in use."""
        if not self._totals:
            latest = {each.campaign_id: each for each in self.versions} | {
                each.campaign_id: each for each, _ in self.now
            }
            for number, each in enumerate(sorted(latest.values(), key=self.rank)):
                self._totals[each.campaign_id] = number
        return self._totals[version.campaign_id]

    def plain(self, campaign: str) -> int:
        """The campaign's place in the plain order, from 1."""
        return sorted(self.catalogue.campaigns).index(campaign) + 1

    def waiting_for(self, trigger: m.Trigger) -> tuple[int, ...]:
        """Ids of the campaigns that enter by exactly this."""
        return tuple(each.campaign_id for each, _ in self.now if each.machine.campaign.entry.trigger == trigger)

    def waits_for_change(self, attribute: str) -> bool:
        triggers = [each.machine.campaign.entry.trigger for each, _ in self.now]
        return any(isinstance(item, m.ChangeTrigger) and item.attribute.name == attribute for item in triggers)

    def declared(self, attribute: str) -> Attribute:
        """As it is declared now."""
        return self._attributes()[attribute]

    def attribute(self, name: str) -> int:
        """A number for it, in the working tables alone."""
        return sorted(self._attributes()).index(name)

    def _attributes(self) -> dict[str, Attribute]:
        model = self.model
        return {each.name: each for each in (*BUILTIN_ATTRIBUTES, *(model.attributes if model is not None else ()))}

    def force_rows(self) -> Iterator[dict[str, int]]:
        latest = {version.campaign_id: version for version in self.versions}
        latest |= {version.campaign_id: version for version, _ in self.now}
        for version in latest.values():
            message_class = version.machine.campaign.message_class
            yield {
                "campaign_id": version.campaign_id,
                "limited": int(message_class.limited),
                "counted": int(message_class.counted),
            }

    def spot_rows(self) -> Iterator[dict[str, int]]:
        """Where the messages and stages of what is in force stand in the files."""
        for version, _ in self.now:
            for number, node in enumerate(version.machine.nodes):
                if node.kind in (NodeKind.SEND, NodeKind.STAGE):
                    yield {"code": version.code(number), "place_id": self.label(node.place)}

    def listened(self) -> frozenset[str]:
        """Names of the event types that make a customer's instant."""
        names: set[str] = set()
        for version, _ in self.now:
            names.update(_listened_now(version.machine.campaign))
        for version in self.versions:
            names.update(_listened_inside(version.machine))
        return frozenset(names)

    def listens_to_consent(self) -> bool:
        """Consent given or taken back is an instant of the customer's."""
        conditions = [
            *(item.condition for version, _ in self.now for item in version.machine.campaign.exclusions
              if isinstance(item, m.ExcludeWhere)),
            *(item.condition for version in self.versions for item in version.machine.campaign.exits
              if isinstance(item, m.ExitOnCondition)),
            *self.kept(),
        ]  # fmt: skip
        return any(kind == "consent" for condition in conditions for kind, _ in touches(condition))

    def kept(self) -> list[Condition]:
        """Of the segments whose members are kept."""
        triggers = [version.machine.campaign.entry.trigger for version, _ in self.now]
        return [item.segment.condition for item in triggers if isinstance(item, m.SegmentTrigger)]

    def schedules(self) -> list[int]:
        """Marks of the campaigns that a schedule lets customers into."""
        return [
            OCCURRENCE - version.campaign_id
            for version, _ in self.now
            if isinstance(version.machine.campaign.entry.trigger, m.ScheduleTrigger)
        ]

    def position(self, code: int) -> tuple[Version, int]:
        """The version and the number of the node that a code stands for."""
        return next(each for each in self.versions if each.id == code // NODES), code % NODES

    def event_type(self, name: str) -> int:
        return self.catalogue.event_types[name]


def _listened_now(campaign: m.Campaign) -> Iterator[str]:
    """By the policy in force: what lets customers enter, and what excludes them."""
    if isinstance(campaign.entry.trigger, m.EventTrigger):
        yield campaign.entry.trigger.event.name
    elif isinstance(campaign.entry.trigger, m.SegmentTrigger):
        yield from depends(campaign.entry.trigger.segment.condition)
    for exclusion in campaign.exclusions:
        if isinstance(exclusion, m.ExcludeWhere):
            yield from depends(exclusion.condition)
    for hold in campaign.holds:
        yield from depends(hold.condition)


def _listened_inside(machine: Machine) -> Iterator[str]:
    """By customers inside, in whatever version."""
    campaign = machine.campaign
    if campaign.goal is not None:
        yield campaign.goal.event.name
    for clause in campaign.exits:
        if isinstance(clause, m.ExitOnEvent):
            yield clause.event.name
        else:
            yield from depends(clause.condition)
    yield from (on.event.name for stage in campaign.stages for on in stage.reactions)
    for node in machine.nodes:
        if isinstance(node.test, EventTest):
            yield node.test.event.name
        elif isinstance(node.test, ReactionTest):
            yield f"{node.test.channel}_{node.test.reaction}"


def load(
    dialect: str,
    catalogue: Catalogue,
    model: m.Model | None,
    versions: Sequence[tuple[int, int, Machine, m.Model]],
    now: Sequence[tuple[int, int]],
    paused: frozenset[int] = frozenset(),
    *,
    held: bool = False,
    looks_back: Mapping[int, int] | None = None,
    last_tick: int = 0,
    moves: frozenset[tuple[int, int]] = frozenset(),
    moved: frozenset[int] = frozenset(),
    canaries: Mapping[int, tuple[int, int]] | None = None,
) -> Bundle:
    """versions: (id, campaign id, machine, model); now: (version id, lives from) of the newest deployment.

    held: there are messages that are held. looks_back, moves, moved: as of the bundle. canaries: likewise, with the id
    of the version.
    """
    made: dict[int, Version] = {}
    guards_of: dict[int, Guards] = {}
    for version_id, campaign_id, machine, version_model in versions:
        if id(version_model) not in guards_of:
            tables = tables_for(version_model)
            guards_of[id(version_model)] = Guards(dialect, catalogue, tables.customer, tables.event)
        made[version_id] = Version(version_id, campaign_id, machine, version_model, guards_of[id(version_model)])
    bundle = Bundle(
        dialect, catalogue, model, tuple(made.values()), (), Writer(dialect), paused, moves=moves, moved=moved
    )
    bundle.now = tuple((made[version_id], lives_from) for version_id, lives_from in now)
    bundle.now = tuple(sorted(bundle.now, key=lambda item: bundle.rank(item[0])))
    bundle.canaries = {campaign_id: (made[of], share) for campaign_id, (of, share) in (canaries or {}).items()}
    bundle.looks_back = looks_back or {}
    bundle.looking = frozenset(
        version.campaign_id for version, lives_from in bundle.now
        if version.campaign_id in bundle.looks_back and lives_from > last_tick
    )  # fmt: skip
    bundle.holding = held or bool(paused) or _may_hold(model, [version.machine.campaign for version in bundle.versions])
    return bundle


def _may_hold(model: m.Model | None, campaigns: Sequence[m.Campaign]) -> bool:
    if model is not None and (model.policy.quiet or model.policy.when_capped is not None):
        return True
    return any(campaign.holds or campaign.when_capped is not None for campaign in campaigns)
