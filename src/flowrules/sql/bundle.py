"""A program ready to run: every version in use, its tests numbered, with the rows of the working tables.

Takes typed models and catalogue numbers, gives what the statements of a tick are made from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flowrules.model import campaign as m
from flowrules.model.condition import Condition
from flowrules.model.values import instant
from flowrules.program.machine import EventTest, Machine, Node, NodeKind, ReactionTest
from flowrules.sql.catalogue import Catalogue
from flowrules.sql.codes import Decision, Reason
from flowrules.sql.columns import tables_for
from flowrules.sql.guards import Guards, Row, depends
from flowrules.sql.statement import Fragment, Writer

CODE = 100_000
"""A row's code is kind * CODE + number of its test."""

_HOUR = 3_600_000_000
_ELAPSED = {"second": 1_000_000, "minute": 60_000_000, "hour": _HOUR}


@dataclass(frozen=True, slots=True)
class Version:
    """A version in use; `model` is the model it was compiled from."""

    id: int
    campaign_id: int
    machine: Machine
    model: m.Model
    guards: Guards


@dataclass(frozen=True, slots=True)
class Test:
    """A numbered test of a node kind, with the version whose names it was lowered by."""

    number: int
    value: Any
    guards: Guards


@dataclass(slots=True)
class Bundle:
    """Everything of one loaded program.

    now: the campaigns of the newest deployment, in total order, with their current version and the
    instant they live from.
    """

    dialect: str
    catalogue: Catalogue
    model: m.Model | None
    versions: tuple[Version, ...]
    now: tuple[tuple[Version, int], ...]
    writer: Writer
    conditions: list[Test] = field(default_factory=list)
    event_tests: list[Test] = field(default_factory=list)
    reaction_tests: list[Test] = field(default_factory=list)
    clocks: list[Test] = field(default_factory=list)
    assignments: list[Test] = field(default_factory=list)
    machine_rows: list[dict[str, int | None]] = field(default_factory=list)

    # --- fragments ------------------------------------------------------------------------------------

    def condition(self, guards: Guards, condition: Condition, table: str) -> Fragment:
        return self.writer.fragment(guards.test(condition, Row(table)))

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

    def force_rows(self) -> Iterator[dict[str, int]]:
        latest = {version.campaign_id: version for version in self.versions}
        latest |= {version.campaign_id: version for version, _ in self.now}
        for rank, version in enumerate(sorted(latest.values(), key=self.rank)):
            message_class = version.machine.campaign.message_class
            yield {
                "campaign_id": version.campaign_id,
                "rank": rank,
                "limited": int(message_class.limited),
                "counted": int(message_class.counted),
            }

    def listened(self) -> frozenset[str]:
        """Names of the event types that make a customer's instant."""
        names: set[str] = set()
        for version, _ in self.now:
            names.update(_listened_now(version.machine.campaign))
        for version in self.versions:
            names.update(_listened_inside(version.machine))
        return frozenset(names)

    def event_type(self, name: str) -> int:
        return self.catalogue.event_types[name]


def _listened_now(campaign: m.Campaign) -> Iterator[str]:
    """By the policy in force: what lets customers enter, and what excludes them."""
    if isinstance(campaign.entry.trigger, m.EventTrigger):
        yield campaign.entry.trigger.event.name
    for exclusion in campaign.exclusions:
        if isinstance(exclusion, m.ExcludeWhere):
            yield from depends(exclusion.condition)


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
) -> Bundle:
    """versions: (id, campaign id, machine, model); now: (version id, lives from) of the newest deployment."""
    made: dict[int, Version] = {}
    guards_of: dict[int, Guards] = {}
    for version_id, campaign_id, machine, version_model in versions:
        if id(version_model) not in guards_of:
            tables = tables_for(version_model)
            guards_of[id(version_model)] = Guards(dialect, catalogue, tables.customer, tables.event)
        made[version_id] = Version(version_id, campaign_id, machine, version_model, guards_of[id(version_model)])
    bundle = Bundle(dialect, catalogue, model, tuple(made.values()), (), Writer(dialect))
    bundle.now = tuple((made[version_id], lives_from) for version_id, lives_from in now)
    bundle.now = tuple(sorted(bundle.now, key=lambda item: bundle.rank(item[0])))
    for version in bundle.versions:
        codes = [_number(bundle, version, node) for node in version.machine.nodes]
        bundle.machine_rows += [
            _row(bundle, version, index, node, codes) for index, node in enumerate(version.machine.nodes)
        ]
    return bundle


def _number(bundle: Bundle, version: Version, node: Node) -> int:
    """The node's code; its test gets a number, the same for equal tests of one model."""
    by_kind = {
        NodeKind.BRANCH: bundle.conditions,
        NodeKind.WAIT_FOR: bundle.event_tests,
        NodeKind.NO_REACTION: bundle.reaction_tests,
        NodeKind.WAIT_UNTIL: bundle.clocks,
        NodeKind.SET: bundle.assignments,
    }
    tests = by_kind.get(node.kind)
    if tests is None:
        return node.kind * CODE
    for test in tests:
        if test.guards is version.guards and test.value == node.test:
            return node.kind * CODE + test.number
    tests.append(Test(len(tests), node.test, version.guards))
    return node.kind * CODE + len(tests) - 1


_SAYS: dict[NodeKind, tuple[Decision | None, Reason | None]] = {
    NodeKind.STAGE: (Decision.STAGE, None),
    NodeKind.SEND: (None, None),
    NodeKind.WAIT: (Decision.WAIT, None),
    NodeKind.WAIT_UNTIL: (Decision.WAIT, None),
    NodeKind.WAIT_FOR: (Decision.WAIT, None),
    NodeKind.BRANCH: (Decision.BRANCH, None),
    NodeKind.NO_REACTION: (Decision.WAIT, None),
    NodeKind.TAG: (Decision.TAG, None),
    NodeKind.UNTAG: (Decision.UNTAG, None),
    NodeKind.SET: (Decision.SET, None),
    NodeKind.EXIT: (Decision.EXIT, Reason.EXIT),
    NodeKind.END: (Decision.EXIT, Reason.COMPLETED),
}


def _row(bundle: Bundle, version: Version, index: int, node: Node, codes: list[int]) -> dict[str, int | None]:
    catalogue, campaign = bundle.catalogue, version.machine.campaign
    decision, why = _SAYS[node.kind]
    amount = days = months = None
    if node.duration is not None:
        match node.duration.unit:
            case "day" | "week":
                days = node.duration.amount * (7 if node.duration.unit == "week" else 1)
            case "month":
                months = node.duration.amount
            case unit:
                amount = node.duration.amount * _ELAPSED[unit]
    return {
        "version_id": version.id,
        "node": index,
        "kind": int(node.kind),
        "test": codes[index] % CODE,
        "step_id": catalogue.steps[campaign.name, node.key],
        "stage_id": catalogue.steps[campaign.name, campaign.stages[node.stage].name],
        "place_id": catalogue.labels[node.place],
        "next": node.next,
        "next_code": codes[node.next] if node.next >= 0 else None,
        "alt": node.alt,
        "alt_code": codes[node.alt] if node.alt >= 0 else None,
        "third": node.third,
        "third_code": codes[node.third] if node.third >= 0 else None,
        "days": days,
        "months": months,
        "decision": None if decision is None else int(decision),
        "why": None if why is None else int(why),
        "tag_id": None if node.tag is None else catalogue.tags[node.tag],
        "words_id": None if node.words is None else catalogue.labels[node.words],
        "channel_id": None if node.send is None else catalogue.channels[node.send.channel.name],
        "amount": amount,
    }
