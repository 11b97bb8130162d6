"""The plan of a deployment, from what is deployed and what the files say, and its acts as facts of the journal.

Counts by sets, one pass over the enrollments; never a loop over customers. `plan` shows what this gives, `apply` hands
the same object to `carry_out`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Subquery,
    and_,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    tuple_,
    union_all,
)

from flowrules.content.deployed import Deployed, Library
from flowrules.errors import PlanError
from flowrules.model.campaign import Model, ScheduleTrigger
from flowrules.model.snapshot import Snapshot, Template
from flowrules.model.values import instant
from flowrules.program import plan as p
from flowrules.program.canary import refusal, why_not
from flowrules.program.compare import Line, policy_changes, schema_changes, segment_changes
from flowrules.program.compare import campaign_changes as flow_changes
from flowrules.program.concerns import by_template
from flowrules.program.machine import Machine, NodeKind, machine
from flowrules.sql import tables as t
from flowrules.sql.codes import Decision, Move, Status
from flowrules.store.canaries import Canary, canaries
from flowrules.store.database import Database
from flowrules.store.zones import BEGINNING

_AT_ONCE = 400
"""Positions a statement: SQLite takes no more than 500 queries in one."""
_UNDER_WAY = (Status.INTENDED, Status.CLAIMED, Status.RETRYING, Status.UNKNOWN)


@dataclass(frozen=True, slots=True)
class _Version:
    id: int
    number: int
    digest: str


def plan(
    database: Database | None, snapshot: Snapshot, model: Model, canary: int | None = None, since: int | None = None
) -> p.Plan:
    """As of the last tick; None: there is no database yet. canary: for so many millionths of customers. since: when it
    would be put in force, if that is known.

    Raises PlanError if it can not be for a share of them.
    """
    if database is None:
        return _for_a_share(_plan(None, None, snapshot, model, (), canary, since), snapshot, model, None, {})
    with database.read() as connection:
        return plan_on(connection, snapshot, model, canary, since)


def plan_on(
    connection: Connection, snapshot: Snapshot, model: Model, canary: int | None = None, since: int | None = None
) -> p.Plan:
    library, at = Library(connection), connection.execute(select(t.clock.c.last_tick)).scalar_one()
    made = _plan(connection, library, snapshot, model, (at,), canary, max(at + 1, since or 0))
    return _for_a_share(made, snapshot, model, library, canaries(connection))


def _for_a_share(
    made: p.Plan, snapshot: Snapshot, model: Model, library: Library | None, running: Mapping[str, Canary]
) -> p.Plan:
    if made.canary is None:
        return made
    deployed = None if library is None else library.newest
    entered_by, names = {}, set()
    if library is not None and deployed is not None:
        names = {(each.channel, each.name) for each in deployed.snapshot.templates}
        now = {campaign.name: campaign for campaign in model.campaigns}
        for each in made.campaigns:
            if each.share is not None and each.change != "added":
                base = library.of_version(running[each.name].base_id) if each.name in running else deployed
                entered_by[each.name] = base.campaigns[each.name].entry, now[each.name].entry
    both = [*snapshot.templates, *(() if deployed is None else deployed.snapshot.templates)]
    why = why_not(made, entered_by, {each.path for each in both if (each.channel, each.name) in names})
    if why is not None:
        raise PlanError(*refusal(why))
    return made


def _plan(
    connection: Connection | None,
    library: Library | None,
    snapshot: Snapshot,
    model: Model,
    at: tuple[int, ...],
    canary: int | None,
    since: int | None,
) -> p.Plan:
    deployed = None if library is None else library.newest
    old, now = (None if deployed is None else deployed.model), Deployed(0, snapshot)
    campaigns = [] if connection is None else campaign_changes(connection, model, canary)
    if connection is None:
        campaigns = [p.CampaignChange(campaign.name, "added", 1, 0) for campaign in model.campaigns]
    steps: tuple[p.Step, ...] = ()
    nobody: tuple[p.Nobody, ...] = ()
    if connection is not None and library is not None:
        machines = {campaign.name: machine(campaign) for campaign in model.campaigns}
        steps = _steps(connection, library, machines, {each.name: each for each in campaigns}, at[0])
        nobody = tuple(_nobody(connection, machines.values()))
    then = (lambda _: None) if deployed is None else deployed.line
    return p.Plan(
        deployment=0 if deployed is None else deployed.id,
        at=at[0] if at and at[0] > BEGINNING else None,
        campaigns=tuple(sorted(campaigns, key=lambda each: each.name)),
        steps=steps,
        policy=tuple(policy_changes(old, model, then, now.line)),
        schema=(*schema_changes(old, model), *segment_changes(old, model, then, now.line)),
        templates=() if deployed is None else tuple(each.path for each in _templates(deployed.snapshot, snapshot)),
        canary=canary,
        nobody=nobody,
        flow=() if old is None else tuple(_flow(old, model, then, now.line)),
        written=() if deployed is None else tuple(_written(deployed.snapshot, snapshot, model)),
        past=() if since is None else tuple(_past(old, model, since)),
    )


def campaign_changes(connection: Connection, model: Model, canary: int | None = None) -> list[p.CampaignChange]:
    """What is deployed against what the files say, campaign by campaign; nobody is counted."""
    latest, lives, running = _latest(connection), _lives(connection), canaries(connection)
    campaigns: list[p.CampaignChange] = []
    for campaign in model.campaigns:
        version = latest.get(campaign.name)
        same = version is not None and version.digest == campaign.digest
        after = 1 if version is None else version.number + (not same)
        change: p.Change = "added" if not lives.get(campaign.name) else "unchanged" if same else "changed"
        before, tried = (0 if version is None else version.number), running.get(campaign.name)
        share = None if change == "unchanged" and tried is None else canary
        others = 0 if share is None else before if tried is None else tried.base
        until_now = None if tried is None else tried.millionths
        campaigns.append(p.CampaignChange(campaign.name, change, after, before, share, others, until_now))
    kept = {campaign.name for campaign in model.campaigns}
    campaigns += [
        p.CampaignChange(name, "removed", 0, latest[name].number)
        for name, alive in lives.items()
        if alive and name not in kept
    ]
    return campaigns


def _latest(connection: Connection) -> dict[str, _Version]:
    c, v = t.campaign.c, t.version.c
    query = select(c.name, v.id, v.number, v.digest).where(v.campaign_id == c.id).order_by(v.number)
    return {row.name: _Version(row.id, row.number, row.digest) for row in connection.execute(query)}


def _lives(connection: Connection) -> dict[str, bool]:
    c = t.campaign.c
    return {row.name: row.lives_from is not None for row in connection.execute(select(c.name, c.lives_from))}


def _templates(then: Snapshot, now: Snapshot) -> list[Template]:
    """Those that differ, as they are now if they are still there."""
    before, after = ({each.path: each for each in snapshot.templates} for snapshot in (then, now))
    differ = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
    return [(before | after)[path] for path in sorted(differ)]


def _written(then: Snapshot, now: Snapshot, model: Model) -> Iterator[tuple[str, str, str]]:
    for template in _templates(then, now):
        yield from ((campaign, step, template.path) for campaign, step in by_template(template, model))


def _flow(old: Model, new: Model, said_then: Line, said_now: Line) -> Iterator[p.Difference]:
    """Not what becomes of those inside: that is counted."""
    inside = {said_then(line.place) for each in old.campaigns for line in each.migrations}
    inside |= {said_now(line.place) for each in new.campaigns for line in each.migrations}
    for _, change, lines in flow_changes(old, new, said_then, said_now):
        yield from (line for line in lines if change == "changed" and line.text not in inside)


def _past(old: Model | None, new: Model, since: int) -> Iterator[p.Past]:
    """By the clock of the policy's zone."""
    before = {each.name: each.entry.trigger for each in ([] if old is None else old.campaigns)}
    for each in new.campaigns:
        trigger, then = each.entry.trigger, before.get(each.name)
        if not isinstance(trigger, ScheduleTrigger) or trigger.moment is None:
            continue
        at = instant(trigger.moment, new.policy.zone)
        was_so = isinstance(then, ScheduleTrigger) and then.moment == trigger.moment
        if at < since and not was_so:
            yield p.Past(each.name, each.entry.place, at)


def _nobody(connection: Connection, machines: Iterable[Machine]) -> Iterator[p.Nobody]:
    c, s = t.campaign.c, t.step.c
    for each in machines:
        if each.campaign.migrations:
            query = select(s.key).join_from(t.step, t.campaign, c.id == s.campaign_id)
            yield from p.nobody_there(
                each, set(connection.execute(query.where(c.name == each.campaign.name)).scalars())
            )


# --- those on their way -------------------------------------------------------------------------------


def _steps(
    connection: Connection,
    library: Library,
    machines: Mapping[str, Machine],
    changes: Mapping[str, p.CampaignChange],
    at: int,
) -> tuple[p.Step, ...]:
    found = []
    newest, latest, running = library.newest, _latest(connection), canaries(connection)
    for position in _positions(connection):
        old = library.of_version(position.version_id).machines[position.campaign]
        new, change = machines.get(position.campaign), changes.get(position.campaign)
        current = latest[position.campaign]
        same = change is not None and change.change != "changed" and position.version_id == current.id
        # As long as a version is for a share of customers, it is for those who come.
        if new is None or change is None or same or change.share is not None:
            found.append(p.Step(position, p.Fate("stay")))
            continue
        until_now = [*([] if newest is None else [newest]), *_bases(library, running, position.campaign)]
        deployed = (each.machines[position.campaign] for each in until_now if position.campaign in each.machines)
        fate = p.fate(old, position.node, new, deployed)
        step = p.Step(position, fate)
        if fate.action == "move":
            step = _moved(connection, position, fate, old, new, at)
        found.append(step)

    def as_written(step: p.Step) -> tuple[str, int, int, int]:
        position = step.position
        node = library.of_version(position.version_id).machines[position.campaign].nodes[position.node]
        return position.campaign, position.number, node.stage, int(node.place.rpartition(":")[2])

    return tuple(sorted(found, key=as_written))


def _bases(library: Library, running: Mapping[str, Canary], campaign: str) -> Iterator[Deployed]:
    """Of a campaign of which a share of customers enter another version, the one that the others enter."""
    if campaign in running:
        yield library.of_version(running[campaign].base_id)


def _positions(connection: Connection) -> list[p.Position]:
    """Where everybody is, counted in one pass; and of those who rest at a message whose is under way, whose through."""
    e, n, v, c, s = t.enrollment.c, t.node.c, t.version.c, t.campaign.c, t.step.c
    where = select(
        e.version_id,
        e.node,
        func.count().label("customers"),
        func.sum(case((e.ghost > 0, 1), else_=0)).label("held_out"),
    ).where(e.ended_at.is_(None))
    counts = where.group_by(e.version_id, e.node).subquery()
    query = (
        select(counts, v.number, c.name, s.key, n.kind)
        .join_from(counts, t.version, v.id == counts.c.version_id)
        .join(t.campaign, c.id == v.campaign_id)
        .join(t.node, and_(n.version_id == counts.c.version_id, n.node == counts.c.node))
        .join(t.step, s.id == n.step_id)
    )
    rows = connection.execute(query).all()
    sends = [(row.version_id, row.node) for row in rows if row.kind == NodeKind.SEND]
    busy, through = (_at_messages(connection, sends, each) if sends else {} for each in (_under_way(), _through()))
    return [
        p.Position(
            row.name, row.number, row.version_id, row.node, row.key, row.customers, row.held_out,
            busy.get((row.version_id, row.node), 0), through.get((row.version_id, row.node), 0),
        )
        for row in rows
    ]  # fmt: skip


def _at_messages(
    connection: Connection, sends: Sequence[tuple[int, int]], of_theirs: ColumnElement[bool]
) -> dict[tuple[int, int], int]:
    e = t.enrollment.c
    asked = (
        select(e.version_id, e.node, func.count())
        .where(e.ended_at.is_(None), tuple_(e.version_id, e.node).in_(sends), of_theirs)
        .group_by(e.version_id, e.node)
    )
    return {(row[0], row[1]): row[2] for row in connection.execute(asked)}


def _under_way() -> ColumnElement[bool]:
    """Their message is decided and has left the planner's hands."""
    m = t.message.c
    still = or_(m.status.in_(_UNDER_WAY), and_(m.status == Status.HELD, m.place_id.is_(None)))
    return exists(select(literal(1)).where(_theirs(), still))


def _through() -> ColumnElement[bool]:
    """What became of it is known, but the planner has not come to that instant."""
    m, o = t.message.c, t.outcome.c
    keys = ("customer_id", "campaign_id", "instance", "step_id", "pass")
    known = and_(*(o[key] == m[key] for key in keys), o.at > select(t.clock.c.last_tick).scalar_subquery())
    query = select(literal(1)).select_from(t.message.join(t.outcome, known))
    return exists(query.where(_theirs(), m.status >= Status.SENT))


def _theirs() -> ColumnElement[bool]:
    """A message of the step that somebody is at."""
    m, e = t.message.c, t.enrollment.c
    journey = (m[key] == e[key] for key in ("customer_id", "campaign_id", "instance"))
    return and_(*journey, m.version_id == e.version_id, m.node == e.node)


def _moved(connection: Connection, position: p.Position, fate: p.Fate, old: Machine, new: Machine, at: int) -> p.Step:
    there = new.nodes[fate.node]
    step = p.Step(position, fate, to=there.key)
    before, after = p.length(old.nodes[position.node]), p.length(there)
    if fate.timers == "keep":
        return step
    if fate.timers == "arrive" or before is None or after is None:
        asks = p.asks_at_once(new, fate.node, new_stage=fate.fresh > 1 or there.kind is NodeKind.STAGE)
        free = step.move if fate.asked else step.move - position.held_out
        longer, shorter = 0, 0
        if after is not None and before is not None:
            longer = _count(connection, position, t.enrollment.c.due_at < at + after)
            shorter = _count(connection, position, t.enrollment.c.due_at > at + after)
        return p.counted(step, send_now=max(free, 0) if asks else 0, longer=longer, shorter=shorter)
    change = after - before
    overdue = _count(connection, position, and_(t.enrollment.c.due_at + change <= at, t.enrollment.c.ghost == 0))
    ways = [way for way in (there.alt, there.next) if way >= 0]
    asks = any(p.asks_at_once(new, way, new_stage=False) for way in ways)
    everyone = position.customers
    return p.counted(
        step,
        send_now=overdue if asks else 0,
        longer=everyone if change > 0 else 0,
        shorter=everyone if change < 0 else 0,
    )


def _count(connection: Connection, position: p.Position, condition: ColumnElement[bool]) -> int:
    e = t.enrollment.c
    query = select(func.count()).select_from(t.enrollment)
    here = (e.ended_at.is_(None), e.version_id == position.version_id, e.node == position.node)
    return connection.execute(query.where(*here, condition)).scalar_one()


# --- the acts -----------------------------------------------------------------------------------------


def carry_out(connection: Connection, made: p.Plan, at: int) -> int:
    """Write what the planner is to do to people at the instant: facts of the journal; gives how many.

    The versions and the labels of the deployment are there already.
    """
    acts = [step for step in made.steps if step.fate.action in ("move", "exit")]
    if not acts:
        return 0
    versions = _latest(connection)
    labels = {row.text: row.id for row in connection.execute(select(t.label.c.id, t.label.c.text))}
    kinds = {"arrive": Move.ARRIVE, "keep": Move.KEEP, "recompute": Move.RECOMPUTE}
    rows: list[tuple[int | None, ...]] = []
    for step in acts:
        fate, leaves = step.fate, step.fate.action == "exit"
        rows.append(
            (
                step.position.version_id,
                step.position.node,
                int(Move.EXIT if leaves else kinds[fate.timers]),
                step.position.version_id if leaves else versions[step.position.campaign].id,
                step.position.node if leaves else fate.node,
                labels[fate.rule or ""],
                labels.get(fate.words or ""),
                int(fate.asked),
                fate.fresh,
            )
        )
    for start in range(0, len(rows), _AT_ONCE):
        _write(connection, rows[start : start + _AT_ONCE], at)
    query = select(func.count()).select_from(t.move).where(t.move.c.at == at)
    return connection.execute(query).scalar_one()


def _write(connection: Connection, rows: Sequence[tuple[int | None, ...]], at: int) -> None:
    names = ("old_version", "old_node", "kind", "version_id", "node", "place_id", "words_id", "asked", "fresh")
    act = union_all(
        *(select(*(cast(value, Integer).label(name) for name, value in zip(names, row, strict=True))) for row in rows)
    ).subquery("act")
    e, lately = t.enrollment.c, _lately()
    waited = func.coalesce(lately.c.at, _came_at())
    query = (
        select(
            e.customer_id, literal(at, BigInteger), e.campaign_id, e.instance, act.c.kind, act.c.version_id, act.c.node,
            act.c.fresh, case((act.c.kind == int(Move.RECOMPUTE), waited), else_=null()), act.c.place_id,
            act.c.words_id,
        )
        .select_from(t.enrollment)
        .join(act, and_(act.c.old_version == e.version_id, act.c.old_node == e.node))
        .outerjoin(
            lately,
            and_(
                act.c.kind == int(Move.RECOMPUTE),
                lately.c.customer_id == e.customer_id,
                lately.c.campaign_id == e.campaign_id,
                lately.c.instance == e.instance,
            ),
        )
        .where(e.ended_at.is_(None), or_(act.c.asked == 0, and_(~_under_way(), ~_through())))
    )  # fmt: skip
    columns = ["customer_id", "at", "campaign_id", "instance", "kind", "version_id", "node", "fresh", "since"]
    connection.execute(insert(t.move).from_select([*columns, "place_id", "words_id"], query))


def _came_at() -> ColumnElement[int]:
    """When they came to the wait they are at: the last one that the ledger tells of, in whatever version.

    Of one customer the ledger is found as far as its visits are written.
    """
    d, v, e = t.decision.c, t.visit.c, t.enrollment.c
    return (
        select(func.max(d.at))
        .join_from(t.visit, t.decision, and_(d.at == v.at, d.customer_id == v.customer_id))
        .where(
            v.customer_id == e.customer_id,
            d.campaign_id == e.campaign_id,
            d.instance == e.instance,
            d.decision == Decision.WAIT,
        )
        .correlate(t.enrollment)
        .scalar_subquery()
    )


def _lately() -> Subquery:
    """The same of waits that were come to behind those visits, whoever's: read once."""
    d = t.decision.c
    behind = select(t.clock.c.visited_at).scalar_subquery()
    query = select(d.customer_id, d.campaign_id, d.instance, func.max(d.at).label("at"))
    journey = (d.customer_id, d.campaign_id, d.instance)
    return query.where(d.at >= behind, d.decision == Decision.WAIT).group_by(*journey).subquery("lately")
