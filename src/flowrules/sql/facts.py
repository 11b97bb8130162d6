"""Statements of what facts and timers do to instances: exits on events, goals, interruptions, timers.

docs/meaning.md, pass 1, paragraphs 3 to 6. Statements that concern an event run only where it is present.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from sqlalchemy import and_, literal, literal_column, null, select

from flowrules.model import campaign as m
from flowrules.model.condition import Filter
from flowrules.model.schema import EventType
from flowrules.program.machine import EventTest
from flowrules.sql import tables as t
from flowrules.sql.bundle import NODES, PLACE, Bundle, Version
from flowrules.sql.codes import UNREACHED_REASONS, Decision, Reason, Status
from flowrules.sql.guards import Row
from flowrules.sql.holds import cancel, freed
from flowrules.sql.rounds import DECISION, LIVE, loaded
from flowrules.sql.scratch import STATE
from flowrules.sql.statement import Fragment, Statement

OLD = f"was > 0 AND {LIVE}"
DUE = f"(state = {STATE.DUE} OR state = {STATE.REST} AND due_at <= at AND {OLD})"
"""Whose timer ran out, or who is to go on as if it had."""
UNREACHED = ", ".join(str(int(reason)) for reason in UNREACHED_REASONS)
_KEY = ("customer_id", "campaign_id", "instance", "step_id", "pass")
_KEPT = f"{int(Status.SENT)}, {int(Status.UNKNOWN)}"


@dataclass(frozen=True, slots=True)
class OnEvent:
    """Statements to run, in order, where a fact of this event type is present in the round.

    They are made when that happens first.
    """

    type_id: int
    make: Callable[[], tuple[Statement, ...]]


@dataclass(frozen=True, slots=True)
class Facts:
    """refreshed: what is done about the marks of the refreshes; resting: the positions of those who wait; marked: by
    mark, the positions of those who go on.
    """

    exits: tuple[OnEvent, ...]
    goals: tuple[OnEvent, ...]
    refreshes: tuple[OnEvent, ...]
    refreshed: tuple[Statement, ...]
    interruptions: tuple[OnEvent, ...]
    resting: Statement
    outcomes: tuple[Statement, ...]
    marked: Statement
    divert: tuple[Statement, ...]


def facts(bundle: Bundle) -> Facts:
    w = bundle.writer
    # The marked event becomes the journey's entry.
    renew = w.statement(
        "UPDATE run SET entry_at = at, entry_seq = renew, renew = NULL, dirty = 1 WHERE renew IS NOT NULL"
    )
    return Facts(
        exits=tuple(_exits(bundle)),
        goals=tuple(_goals(bundle)),
        refreshes=tuple(_reactions(bundle, moving=False)),
        refreshed=(_told(bundle, Decision.REFRESHED, "renew IS NOT NULL"), renew),
        interruptions=tuple(_reactions(bundle, moving=True)),
        resting=w.statement(f"SELECT DISTINCT code FROM run WHERE {OLD} AND state = {STATE.REST}"),
        outcomes=_outcomes(bundle),
        marked=w.statement(
            f"SELECT DISTINCT CASE state WHEN {STATE.REST} THEN {STATE.DUE} ELSE state END, code FROM run "
            f"WHERE state > {STATE.DUE} OR {DUE}"
        ),
        divert=(
            _told(bundle, Decision.INTERRUPTED, f"state = {STATE.INTERRUPTED}"),
            *([renew] if bundle.refreshes() else []),
            *cancel(bundle, f"run.state = {STATE.INTERRUPTED}", Reason.MOVED_ON),
            w.statement(
                f"UPDATE run SET code = pick, state = {STATE.RUNNING}, due_at = NULL, dirty = 1 "
                f"WHERE state = {STATE.INTERRUPTED}"
            ),
        ),
    )


def fact_at(
    bundle: Bundle, version: Version, event: EventType, condition: Filter | None, more: str = ""
) -> tuple[str, Fragment]:
    """`FROM event WHERE ...` for facts of the instant of a row of `run`: by its key, of a reaction by its message."""
    guards = version.guards
    event_table = guards.event
    test = bundle.writer.fragment(guards.filter(condition, event_table))
    own = ""
    key = event.key(version.machine.campaign.entry.key)
    if key is not None:
        own = f" AND run.key = {bundle.writer.fragment(guards.key(key, event_table))}"
    if event.channel is not None:
        own += " AND event.ref_campaign_id = run.campaign_id AND event.ref_instance = run.instance"
        if event.reaction in ("opened", "clicked"):
            own += " AND event.machine IS NULL"
    text = (
        f"FROM event WHERE event.customer_id = run.customer_id AND event.type_id = {bundle.event_type(event.name)} "
        f"AND event.at = run.at AND {test}{own}{more}"
    )
    return text, test


def _exits(bundle: Bundle) -> Iterator[OnEvent]:
    for version in bundle.versions:
        for clause in version.machine.campaign.exits:
            if isinstance(clause, m.ExitOnEvent):
                yield OnEvent(bundle.event_type(clause.event.name), partial(_exit, bundle, version, clause))


def _exit(bundle: Bundle, version: Version, clause: m.ExitOnEvent) -> tuple[Statement, ...]:
    there, test = fact_at(bundle, version, clause.event, clause.filter)
    mark = bundle.writer.statement(
        f"UPDATE run SET ending = 1, exit = {int(Reason.EXIT_WHEN)}, by_id = NULL, "
        f"place_id = {bundle.label(clause.place)} WHERE version_id = {version.id} AND {OLD} "
        f"AND ending = 0 AND EXISTS (SELECT 1 {there})",
        test,
    )
    return (mark,)


def _goals(bundle: Bundle) -> Iterator[OnEvent]:
    for version in bundle.versions:
        goal = version.machine.campaign.goal
        if goal is not None:
            yield OnEvent(bundle.event_type(goal.event.name), partial(_goal, bundle, version, goal))


def _goal(bundle: Bundle, version: Version, goal: m.Goal) -> tuple[Statement, ...]:
    inside = " AND event.event_time >= run.entered_at"
    template = bundle.writer.fragment(null())
    if goal.within is not None and goal.of is None:
        inside += f" AND event.event_time < run.entered_at + {goal.within}"
    elif goal.within is not None and goal.of is not None:
        template = bundle.writer.fragment(literal(goal.of.template))
        inside = f" AND EXISTS (SELECT 1 {_message(bundle, goal.of, goal.within, str(template))})"
    there, test = fact_at(bundle, version, goal.event, goal.filter, inside)
    ends = "1 = 0" if goal.stay else LIVE
    place, w = bundle.label(goal.place), bundle.writer
    late = there.replace("run.", "e.").replace("e.at", "f.at")
    old = f"e.customer_id = f.customer_id AND e.campaign_id = {version.campaign_id}"
    return (
        # Those that ended earlier: the goal is still theirs, but moves nobody.
        w.statement(
            f"{loaded('-1')} {w.join('enrollment', 'e', old)} "
            f"WHERE e.version_id = {version.id} AND e.ended_at IS NOT NULL AND e.goal_at IS NULL "
            f"AND EXISTS (SELECT 1 {late})",
            test,
            template,
        ),
        w.statement(
            "UPDATE run SET goal_at = at, dirty = 1, "
            f"ending = CASE WHEN {ends} THEN 1 ELSE 0 END, "
            f"exit = CASE WHEN {ends} THEN {int(Reason.GOAL)} ELSE exit END, "
            f"by_id = NULL, place_id = {place} "
            f"WHERE version_id = {version.id} AND was <> 0 AND goal_at IS NULL AND EXISTS (SELECT 1 {there})",
            test,
            template,
        ),
        w.statement(
            f"{DECISION} SELECT at, customer_id, :turn, campaign_id, instance, {int(Decision.GOAL)}, '', 0, "
            f"version_id, CASE WHEN ended_at IS NOT NULL THEN {int(Reason.JOURNEY_ENDED)} END, {place}, "
            f"NULL, NULL, NULL, NULL, NULL, NULL FROM run WHERE version_id = {version.id} AND goal_at = at"
        ),
    )


def _message(bundle: Bundle, of: m.OfMessage, within: int, template: str) -> str:
    """`FROM message WHERE ...`: sent in the journey so short before a fact."""
    named = "" if of.channel is None else f" AND m.channel_id = {bundle.catalogue.channels[of.channel]}"
    if of.template is not None:
        named += (
            " AND EXISTS (SELECT 1 FROM node n WHERE n.version_id = m.version_id AND n.node = m.node "
            f"AND n.template = {template})"
        )
    return (
        "FROM message m WHERE m.customer_id = run.customer_id AND m.campaign_id = run.campaign_id "
        f"AND m.instance = run.instance AND m.status IN ({int(Status.SENT)}, {int(Status.GHOST)}) "
        f"AND m.sent_at <= event.event_time AND event.event_time < m.sent_at + {within}{named}"
    )


def reaction_to(bundle: Bundle, event_name: str, more: str) -> str:
    """`FROM event WHERE ...` for human reactions to messages of a row of `run`; more: to which."""
    return (
        f"FROM event WHERE event.customer_id = run.customer_id AND event.type_id = {bundle.event_type(event_name)}"
        f" AND event.machine IS NULL AND event.ref_campaign_id = run.campaign_id "
        f"AND event.ref_instance = run.instance{more}"
    )


def _told(bundle: Bundle, decision: Decision, where: str) -> Statement:
    """A row of the stage they are in, with the place of the `on`."""
    return bundle.writer.statement(
        f"{DECISION} SELECT at, customer_id, :turn, campaign_id, instance, {int(decision)}, '', "
        f"stage_id, version_id, NULL, place_id, NULL, NULL, NULL, NULL, NULL, NULL FROM run WHERE {where}"
    )


def _reactions(bundle: Bundle, *, moving: bool) -> Iterator[OnEvent]:
    make = _interruption if moving else _refresh
    for version in bundle.versions:
        for stage in version.machine.campaign.stages:
            for on in stage.reactions:
                if (on.stage is not None) == moving:
                    yield OnEvent(bundle.event_type(on.event.name), partial(make, bundle, version, stage, on))


def _interruption(bundle: Bundle, version: Version, stage: m.Stage, on: m.On) -> tuple[Statement, ...]:
    """`on E go to S`: the earliest fact, then the first clause; later clauses win only by an earlier fact."""
    campaign = version.machine.campaign
    target = [each.name for each in campaign.stages].index(on.stage or "")
    there, test = fact_at(bundle, version, on.event, on.filter)
    first = f"(SELECT min(event.seq) {there})"
    renew = f", renew = {first if on.refresh else 'NULL'}" if campaign.refreshes else ""
    mark = bundle.writer.statement(
        f"UPDATE run SET state = {STATE.INTERRUPTED}, pick = {version.code(target)}, "
        f"place_id = {bundle.label(on.place)}, ev_seq = {first}{renew} "
        f"WHERE {_in_stage(bundle, version, stage)} AND state IN ({STATE.REST}, {STATE.INTERRUPTED}) "
        f"AND EXISTS (SELECT 1 {there} AND (run.ev_seq IS NULL OR event.seq < run.ev_seq))",
        test,
    )
    return (mark,)


def _refresh(bundle: Bundle, version: Version, stage: m.Stage, on: m.On) -> tuple[Statement, ...]:
    """`on E refresh entry`: the last fact, then the first clause; later clauses win only by a later fact."""
    there, test = fact_at(bundle, version, on.event, on.filter)
    mark = bundle.writer.statement(
        f"UPDATE run SET renew = (SELECT max(event.seq) {there}), place_id = {bundle.label(on.place)} "
        f"WHERE {_in_stage(bundle, version, stage)} "
        f"AND EXISTS (SELECT 1 {there} AND (run.renew IS NULL OR event.seq > run.renew))",
        test,
    )
    return (mark,)


def _in_stage(bundle: Bundle, version: Version, stage: m.Stage) -> str:
    stage_id = bundle.catalogue.steps[version.machine.campaign.name, stage.name]
    return f"version_id = {version.id} AND stage_id = {stage_id} AND {OLD}"


def _outcomes(bundle: Bundle) -> tuple[Statement, ...]:
    """What the outbox reports: a ledger row each, and the step is done if the instance still stands there.

    The contact goes to the instant of the outcome, or away, only now: a tick that came by before has counted it where
    it was.
    """
    w = bundle.writer
    told = w.join("outcome", "o", "o.customer_id = f.customer_id AND o.at = f.at")
    about = w.join(
        "message",
        "m",
        "m.customer_id = o.customer_id AND m.campaign_id = o.campaign_id AND m.instance = o.instance "
        "AND m.step_id = o.step_id AND m.pass = o.pass",
    )
    # Several of one instance at one instant: a turn each, or they would be one row.
    earlier = (
        "(SELECT count(*) FROM outcome x WHERE x.customer_id = o.customer_id AND x.at = o.at "
        "AND x.campaign_id = o.campaign_id AND x.instance = o.instance AND (x.step_id, x.pass) < (o.step_id, o.pass))"
    )
    record = (
        f"{DECISION} SELECT o.at, o.customer_id, :turn + {earlier}, o.campaign_id, o.instance, "
        f"{int(Decision.OUTCOME)}, '', o.step_id, m.version_id, coalesce(o.reason, {int(Reason.ACCEPTED)}), "
        f"coalesce(o.place_id, {PLACE}), o.by_id, NULL, NULL, NULL, NULL, NULL FROM focus f {told} {about} "
        "CROSS JOIN node n WHERE n.version_id = m.version_id AND n.node = m.node"
    )
    here = (
        f"FROM outcome o {about} "
        "WHERE o.customer_id = run.customer_id AND o.at = run.at AND o.campaign_id = run.campaign_id "
        f"AND o.instance = run.instance AND m.version_id = run.version_id AND m.node = run.code % {NODES} "
        # Of an earlier pass it may be settled while a later one, or one that is held, is waited for.
        "AND run.due_at IS NULL AND NOT EXISTS (SELECT 1 FROM message l WHERE l.customer_id = m.customer_id "
        "AND l.campaign_id = m.campaign_id AND l.instance = m.instance AND l.step_id = m.step_id AND l.pass > m.pass)"
    )
    # One that may not leave now is decided on once more; one that can not reach anybody may have another instead of it.
    done = (
        f"UPDATE run SET state = CASE WHEN EXISTS (SELECT 1 {here} AND o.status = {int(Status.HELD)}) "
        f"THEN {STATE.DUE} ELSE {STATE.MET} END, "
        f"pick = CASE WHEN EXISTS (SELECT 1 {here} AND o.reason IN ({UNREACHED})) THEN 1 ELSE 0 END "
        f"WHERE {OLD} AND state = {STATE.REST} AND EXISTS (SELECT 1 {here})"
    )
    returned = (
        f"UPDATE message SET status = {int(Status.CANCELLED)}, reason = {int(Reason.JOURNEY_ENDED)} "
        f"WHERE status + 0 = {int(Status.HELD)} AND place_id IS NULL AND {{who}} AND EXISTS (SELECT 1 {{about}} "
        f"AND o.status = {int(Status.HELD)}) AND NOT EXISTS (SELECT 1 FROM run "
        "WHERE run.customer_id = message.customer_id AND run.campaign_id = message.campaign_id "
        f"AND run.instance = message.instance AND run.state = {STATE.DUE})"
    )
    with_outcome = w.among("customer_id", f"SELECT o.customer_id FROM focus f {told}")

    def about_it(table: str) -> str:
        return (
            f"FROM outcome o CROSS JOIN focus f WHERE o.customer_id = {table}.customer_id "
            f"AND f.customer_id = {table}.customer_id AND o.at = f.at AND o.campaign_id = {table}.campaign_id "
            f"AND o.instance = {table}.instance AND o.step_id = {table}.step_id AND o.pass = {table}.pass"
        )

    settled = (
        f"UPDATE message SET status = (SELECT o.status {about_it('message')}), "
        f"reason = (SELECT o.reason {about_it('message')}), "
        f"sent_at = (SELECT CASE WHEN o.status = {int(Status.SENT)} THEN o.at END {about_it('message')}) "
        f"WHERE {with_outcome} AND EXISTS (SELECT 1 {about_it('message')} AND o.status <> message.status)"
    )
    # When an unknown one is settled, its contact stays where it was, unless it was tried once more.
    same = " AND ".join(f"{{it}}.{name} = {{contact}}.{name}" for name in _KEY)
    unmoved = (
        f"(EXISTS (SELECT 1 FROM message m WHERE {same.replace('{it}', 'm')} AND m.decided_at = {{contact}}.at) "
        f"OR EXISTS (SELECT 1 FROM attempt t WHERE {same.replace('{it}', 't')} AND t.started_at > {{contact}}.at))"
    )
    old = w.join(
        "contact",
        "c",
        "c.customer_id = o.customer_id AND c.campaign_id = o.campaign_id AND c.instance = o.instance "
        f"AND c.step_id = o.step_id AND c.pass = o.pass AND c.at < o.at AND {unmoved.format(contact='c')}",
    )
    counted = (
        "INSERT INTO contact (customer_id, at, campaign_id, instance, step_id, pass, channel_id, counted, ghost) "
        "SELECT c.customer_id, o.at, c.campaign_id, c.instance, c.step_id, c.pass, c.channel_id, c.counted, c.ghost "
        f"FROM focus f {told} {old} WHERE o.status IN ({_KEPT})"
    )
    gone = (
        f"DELETE FROM contact WHERE {with_outcome} AND EXISTS (SELECT 1 {about_it('contact')} AND contact.at < o.at "
        f"AND (o.status NOT IN ({_KEPT}) OR {unmoved.format(contact='contact')}))"
    )
    back = f"FROM outcome o WHERE o.customer_id = run.customer_id AND o.at = run.at AND o.status NOT IN ({_KEPT})"
    nobody = returned.format(who=with_outcome, about=about_it("message"))
    first = tuple(w.statement(text) for text in (record, settled, counted, gone, done))
    return (*first, *([w.statement(nobody)] if bundle.holding else []), *freed(bundle, back))


def consume(bundle: Bundle, test: EventTest, where: str) -> str:
    return (
        "INSERT INTO consumption (customer_id, campaign_id, instance, type_id, at, seq) "
        f"SELECT customer_id, campaign_id, instance, {bundle.event_type(test.event.name)}, ev_at, ev_seq "
        f"FROM run WHERE {where} AND ev_seq IS NOT NULL"
    )


def earliest_event(bundle: Bundle, version: Version, test: EventTest) -> Fragment:
    """`at` and `seq` of the earliest event since the stage was reached that this instance has not used up."""
    guards, row = version.guards, Row("run")
    e, used = guards.event.alias(), t.consumption.alias()
    clauses = [
        e.c.customer_id == row["customer_id"],
        e.c.type_id == literal_column(str(bundle.event_type(test.event.name))),
        e.c.at > row["stage_at"],
        e.c.at <= row["at"],
        guards.filter(test.filter, e),
    ]
    key = test.event.key(version.machine.campaign.entry.key)
    if key is not None:
        clauses.append(guards.key(key, e) == row["key"])
    if test.event.channel is not None:
        clauses += [e.c.ref_campaign_id == row["campaign_id"], e.c.ref_instance == row["instance"]]
        if test.event.reaction in ("opened", "clicked"):
            clauses.append(e.c.machine.is_(None))
    clauses.append(
        ~select(literal_column("1"))
        .select_from(used)
        .where(
            and_(
                used.c.customer_id == row["customer_id"],
                used.c.campaign_id == row["campaign_id"],
                used.c.instance == row["instance"],
                used.c.type_id == e.c.type_id,
                used.c.at == e.c.at,
                used.c.seq == e.c.seq,
            )
        )
        .exists()
    )
    return bundle.writer.query(select(e.c.at, e.c.seq).where(*clauses).order_by(e.c.at, e.c.seq).limit(1))
