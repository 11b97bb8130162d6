"""How many are in each stage of a campaign, how many moved on, and how long it took.

Takes a connection; gives a Funnel, treated customers beside those held out. An instance counts once in a stage, by its
last stay there. Never looks at single customers in Python.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Select, and_, case, func, select

from flowrules.content.deployed import Library
from flowrules.content.stages import Stages, stages
from flowrules.program.machine import Machine, NodeKind
from flowrules.report.lookup import find_campaign, reason
from flowrules.report.words import SECOND, iso
from flowrules.sql import tables
from flowrules.sql.canary import percent
from flowrules.sql.codes import Decision, Reason
from flowrules.store.canaries import Canary, canaries
from flowrules.store.zones import END

_NOW, _MOVED = -1, -2
_WAITING = {NodeKind.WAIT, NodeKind.WAIT_UNTIL, NodeKind.WAIT_FOR, NodeKind.NO_REACTION}


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None


@dataclass(slots=True)
class Stage:
    """entered = now + moved_on + sum(left). `conversion`: the part that moved on or left by the goal.

    words: the author's words of those who left by `exit "..."`; median_s: the stay of those who are no longer there;
    last: nothing more can be reached from it, so that it has no conversion, and to complete it is no loss.
    """

    name: str
    entered: int = 0
    now: int = 0
    moved_on: int = 0
    left: dict[str, int] = field(default_factory=dict)
    words: dict[str, int] = field(default_factory=dict)
    median_s: int | None = None
    last: bool = False

    @property
    def converted(self) -> int:
        return self.moved_on + self.left.get(Reason.GOAL.word, 0)

    @property
    def completed(self) -> int:
        """Of a last stage: those who went through all there is."""
        return self.left.get(Reason.COMPLETED.word, 0) if self.last else 0

    @property
    def conversion(self) -> float | None:
        return _share(self.converted, 0 if self.last else self.entered)

    def facts(self) -> dict[str, object]:
        return {
            "name": self.name,
            "entered": self.entered,
            "now": self.now,
            "moved_on": self.moved_on,
            "left": self.left,
            "words": self.words,
            "conversion": self.conversion,
            "median_s": self.median_s,
        }


@dataclass(slots=True)
class Group:
    """Those treated, or those held out. entered = in_journey + sum(exits)."""

    entered: int = 0
    in_journey: int = 0
    goals: int = 0
    exits: dict[str, int] = field(default_factory=dict)
    words: dict[str, int] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)

    @property
    def goal_rate(self) -> float | None:
        return _share(self.goals, self.entered)

    def facts(self) -> dict[str, object]:
        return {
            "entered": self.entered,
            "in_journey": self.in_journey,
            "exits": self.exits,
            "words": self.words,
            "goals": self.goals,
            "goal_rate": self.goal_rate,
            "stages": [stage.facts() for stage in self.stages],
        }


@dataclass(frozen=True, slots=True)
class Tried:
    """Of a version that a share of customers enter, beside the one that the others enter, since there are both: those
    treated who entered, and of them those who reached the goal, by the version entered.
    """

    canary: Canary
    entered: Mapping[int, int]
    goals: Mapping[int, int]

    def facts(self) -> dict[str, object]:
        tried, others = (
            {"version": number, "entered": self.entered.get(number, 0), "goals": self.goals.get(number, 0)}
            for number in (self.canary.number, self.canary.base)
        )
        return {**tried, "share": percent(self.canary.millionths), "since": iso(self.canary.since), "others": others}


@dataclass(frozen=True, slots=True)
class Funnel:
    campaign: str
    title: str | None
    version: int
    treated: Group
    control: Group
    tried: Tried | None = None

    def facts(self) -> dict[str, object]:
        return {
            "campaign": self.campaign,
            "version": self.version,
            **self.treated.facts(),
            "control": self.control.facts() if self.control.entered else {},
            "canary": None if self.tried is None else self.tried.facts(),
        }


def funnel(connection: Connection, campaign: str, since: int | None = None, until: int | None = None) -> Funnel:
    """Of the instances that entered in [since, until)."""
    campaign_id = find_campaign(connection, campaign)
    version = tables.version.c
    newest = connection.execute(
        select(version.id, version.number).where(version.campaign_id == campaign_id).order_by(version.number.desc())
    ).first()
    cohort = _cohort(campaign_id, since, until)
    groups = {held_out: Group() for held_out in (0, 1)}
    _fill_exits(connection, cohort, groups)
    if newest is None:
        return Funnel(campaign, None, 0, groups[0], groups[1])
    library = Library(connection)
    meant = library.of_version(newest.id).machines[campaign]
    in_force = None if library.newest is None else library.newest.campaigns.get(campaign)
    there = stages(connection, library, campaign, campaign_id, newest.id)
    last = last_stages(meant)
    for group in groups.values():
        group.stages = [Stage(name, last=name in last) for name in there.names.values()]
    _fill_stages(connection, cohort, campaign_id, groups, there)
    leave_out([*groups.values()], there)
    tried = _tried(connection, campaign, campaign_id, since, until)
    return Funnel(campaign, (in_force or meant.campaign).title, newest.number, groups[0], groups[1], tried)


def _tried(
    connection: Connection, campaign: str, campaign_id: int, since: int | None, until: int | None
) -> Tried | None:
    canary = canaries(connection).get(campaign)
    if canary is None:
        return None
    d, e, v = tables.decision.c, tables.enrollment.c, tables.version.c
    same = and_(e.customer_id == d.customer_id, e.campaign_id == d.campaign_id, e.instance == d.instance, e.ghost == 0)
    query = (
        select(v.number, func.count(), func.count(e.goal_at))
        .join_from(tables.decision, tables.enrollment, same)
        .join(tables.version, v.id == d.version_id)
        .where(d.decision == Decision.ENTERED, d.campaign_id == campaign_id)
        .where(d.at >= max(canary.since, since or 0), d.at < (END if until is None else until))
        .group_by(v.number)
    )
    rows = connection.execute(query).all()
    return Tried(canary, {row[0]: row[1] for row in rows}, {row[0]: row[2] for row in rows})


def last_stages(meant: Machine) -> set[str]:
    """Those from which no step and no reaction leads to another, and where no goal can end a journey that waits."""
    stages, nodes = meant.campaign.stages, meant.nodes
    ends = meant.campaign.goal is not None and not meant.campaign.goal.stay
    going = {node.stage for node in nodes if ends and node.kind in _WAITING}
    for node in nodes:
        if any(nodes[way].stage != node.stage for way in node.edges):
            going.add(node.stage)
    return {
        stage.name
        for number, stage in enumerate(stages)
        if number not in going and all(reaction.stage in {None, stage.name} for reaction in stage.reactions)
    }


def _cohort(campaign_id: int, since: int | None, until: int | None) -> Select[tuple[int, ...]]:
    row = tables.enrollment.c
    query = select(row.customer_id, row.instance, case((row.ghost > 0, 1), else_=0).label("held_out"), row.version_id,
                   row.stage_id, row.ended_at, row.exit, row.words_id, row.goal_at)  # fmt: skip
    query = query.where(row.campaign_id == campaign_id)
    if since is not None:
        query = query.where(row.entered_at >= since)
    return query if until is None else query.where(row.entered_at < until)


def _fill_exits(connection: Connection, cohort: Select[tuple[int, ...]], groups: Mapping[int, Group]) -> None:
    row = cohort.subquery().c
    label = tables.label.c
    query = (
        select(row.held_out, row.exit, label.text, func.count().label("number"), func.count(row.goal_at).label("goals"))
        .select_from(row.held_out.table.outerjoin(tables.label, label.id == row.words_id))
        .group_by(row.held_out, row.exit, label.text)
        .order_by(row.held_out, row.exit, label.text)
    )
    for found in connection.execute(query):
        group = groups[found.held_out]
        group.entered += found.number
        group.goals += found.goals
        if found.exit is None:
            group.in_journey += found.number
            continue
        word = reason(found.exit) or ""
        group.exits[word] = group.exits.get(word, 0) + found.number
        if found.text is not None and found.exit == Reason.EXIT:
            group.words[found.text] = group.words.get(found.text, 0) + found.number


def leave_out(groups: Sequence[Group], there: Stages) -> None:
    """Of stages that are gone only those that somebody came to are shown."""
    for position in reversed(range(there.current, len(there.names))):
        if not any(group.stages[position].entered for group in groups):
            for group in groups:
                del group.stages[position]


def _fill_stages(
    connection: Connection,
    cohort: Select[tuple[int, ...]],
    campaign_id: int,
    groups: Mapping[int, Group],
    there: Stages,
) -> None:
    decision, places = tables.decision.c, there.places()
    then = decision.step_id
    stage = case(there.renamed, value=then, else_=then) if there.renamed else then
    order = (decision.at, decision.turn)
    of_instance = (decision.customer_id, decision.instance)
    stays = (
        select(
            decision.customer_id,
            decision.instance,
            stage.label("step_id"),
            decision.at.label("since"),
            func.lead(decision.at).over(partition_by=of_instance, order_by=order).label("moved_at"),
            func.lead(decision.at).over(partition_by=(*of_instance, stage), order_by=order).label("again_at"),
        )
        .where(decision.campaign_id == campaign_id, decision.decision == Decision.STAGE)
        .subquery()
    )
    people = cohort.subquery()
    ends = (
        select(
            people.c.held_out,
            stays.c.step_id,
            case((stays.c.moved_at.is_not(None), _MOVED), (people.c.ended_at.is_(None), _NOW), else_=people.c.exit)
            .label("outcome"),
            case((stays.c.moved_at.is_(None), people.c.words_id)).label("words_id"),
            (func.coalesce(stays.c.moved_at, people.c.ended_at) - stays.c.since).label("stay"),
        )
        .select_from(
            stays.join(
                people,
                and_(people.c.customer_id == stays.c.customer_id, people.c.instance == stays.c.instance),
            )
        )
        .where(stays.c.again_at.is_(None))
        .cte("ends")
    )  # fmt: skip
    said = func.coalesce(tables.label.c.text, "").label("words")
    kinds = (ends.c.held_out, ends.c.step_id, ends.c.outcome, said)
    counts = (
        select(*kinds, func.count().label("number"))
        .select_from(ends.outerjoin(tables.label, tables.label.c.id == ends.c.words_id))
        .group_by(*kinds)
        .order_by(*kinds)
    )
    for row in connection.execute(counts):
        _count(groups[row.held_out].stages[places[row.step_id]], row.outcome, row.words, row.number)
    group = (ends.c.held_out, ends.c.step_id)
    ranked = (
        select(
            *group,
            ends.c.stay,
            func.row_number().over(partition_by=group, order_by=ends.c.stay).label("rank"),
            func.count().over(partition_by=group).label("all"),
        )
        .where(ends.c.stay.is_not(None))
        .subquery()
        .c
    )
    # Of an even number the lower of the two in the middle: always a stay that somebody really had.
    middle = select(ranked.held_out, ranked.step_id, ranked.stay).where(ranked.rank == (ranked.all + 1) // 2)
    for row in connection.execute(middle):
        groups[row.held_out].stages[places[row.step_id]].median_s = row.stay // SECOND


def _count(stage: Stage, outcome: int, words: str, number: int) -> None:
    stage.entered += number
    if outcome == _NOW:
        stage.now += number
    elif outcome == _MOVED:
        stage.moved_on += number
    else:
        word = Reason(outcome).word
        stage.left[word] = stage.left.get(word, 0) + number
        if words and outcome == Reason.EXIT:
            stage.words[words] = stage.words.get(words, 0) + number
