"""Statements of what facts and timers do to instances: exits on events, goals, reactions, waits, timers.

docs/meaning.md, pass 1, paragraphs 3 to 6. Statements that concern an event run only where it is present.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, literal_column, select

from flowrules.model import campaign as m
from flowrules.model.condition import Filter
from flowrules.model.schema import EventType
from flowrules.program.machine import EventTest, NodeKind, ReactionTest
from flowrules.sql import tables as t
from flowrules.sql.bundle import CODE, Bundle, Version
from flowrules.sql.codes import Decision, Reason
from flowrules.sql.guards import Guards, Row
from flowrules.sql.rounds import DECISION, LIVE
from flowrules.sql.scratch import STATE
from flowrules.sql.statement import Fragment, Statement

OLD = f"existed = 1 AND {LIVE}"


@dataclass(frozen=True, slots=True)
class OnEvent:
    """Statements to run, in order, where a fact of this event type is present in the round."""

    type_id: int
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    exits: tuple[OnEvent, ...]
    goals: tuple[OnEvent, ...]
    reactions: tuple[OnEvent, ...]
    outcomes: tuple[Statement, ...]
    timers: Statement
    settle: tuple[Statement, ...]
    """Ledger rows and moves of everything the reactions and timers marked."""


def facts(bundle: Bundle) -> Facts:
    return Facts(
        exits=tuple(_exits(bundle)),
        goals=tuple(_goals(bundle)),
        reactions=tuple(_reactions(bundle)),
        outcomes=_outcomes(bundle),
        timers=bundle.writer.statement(
            f"UPDATE run SET state = {STATE.DUE}, pick = CASE WHEN code / {CODE} IN "
            f"({int(NodeKind.WAIT)}, {int(NodeKind.WAIT_UNTIL)}) THEN 0 ELSE 1 END "
            f"WHERE {OLD} AND state = {STATE.REST} AND due_at <= at"
        ),
        settle=_settle(bundle),
    )


def fact_at(
    bundle: Bundle, guards: Guards, event: EventType, condition: Filter | None, more: str = ""
) -> tuple[str, Fragment]:
    """`FROM event WHERE ...` for facts of the instant of a row of `run`, the reaction's own instance only."""
    event_table = guards.event
    test = bundle.writer.fragment(guards.filter(condition, event_table))
    own = ""
    if event.channel is not None:
        own = " AND event.ref_campaign_id = run.campaign_id AND event.ref_instance = run.instance"
        if event.reaction in ("opened", "clicked"):
            own += " AND event.machine IS NULL"
    text = (
        f"FROM event WHERE event.customer_id = run.customer_id AND event.type_id = {bundle.event_type(event.name)} "
        f"AND event.at = run.at AND {test}{own}{more}"
    )
    return text, test


def _exits(bundle: Bundle) -> list[OnEvent]:
    made = []
    for version in bundle.versions:
        for clause in version.machine.campaign.exits:
            if isinstance(clause, m.ExitOnEvent):
                there, test = fact_at(bundle, version.guards, clause.event, clause.filter)
                mark = bundle.writer.statement(
                    f"UPDATE run SET ending = 1, exit = {int(Reason.EXIT_WHEN)}, by_id = NULL, "
                    f"place_id = {bundle.label(clause.place)} WHERE version_id = {version.id} AND {OLD} "
                    f"AND ending = 0 AND EXISTS (SELECT 1 {there})",
                    test,
                )
                made.append(OnEvent(bundle.event_type(clause.event.name), (mark,)))
    return made


def _goals(bundle: Bundle) -> list[OnEvent]:
    made = []
    for version in bundle.versions:
        goal = version.machine.campaign.goal
        if goal is None:
            continue
        inside = " AND event.event_time >= run.entered_at"
        if goal.within is not None:
            inside += f" AND event.event_time < run.entered_at + {goal.within}"
        there, test = fact_at(bundle, version.guards, goal.event, goal.filter, inside)
        ends = f"{LIVE}" if not goal.stay else "1 = 0"
        place = bundle.label(goal.place)
        w = bundle.writer
        late = there.replace("run.", "e.").replace("e.at", "f.at")
        old = f"e.customer_id = f.customer_id AND e.campaign_id = {version.campaign_id}"
        made.append(
            OnEvent(
                bundle.event_type(goal.event.name),
                (
                    # Those that ended earlier: the goal is still theirs, but moves nobody.
                    w.statement(
                        "INSERT INTO run (customer_id, campaign_id, instance, at, zone_id, version_id, node, code, "
                        "state, existed, entered_at, entry_seq, stage_at, stage_id, ghost, ended_at, exit, words_id, "
                        "ending, dirty) SELECT e.customer_id, e.campaign_id, e.instance, f.at, f.zone_id, "
                        f"e.version_id, e.node, 0, {STATE.REST}, 2, e.entered_at, e.entry_seq, e.stage_at, "
                        "e.stage_id, e.ghost, e.ended_at, e.exit, e.words_id, 0, 0 "
                        f"FROM focus f {w.join('enrollment', 'e', old)} WHERE e.version_id = {version.id} "
                        f"AND e.ended_at IS NOT NULL AND e.goal_at IS NULL AND EXISTS (SELECT 1 {late})",
                        test,
                    ),
                    w.statement(
                        "UPDATE run SET goal_at = at, dirty = 1, "
                        f"ending = CASE WHEN {ends} THEN 1 ELSE 0 END, "
                        f"exit = CASE WHEN {ends} THEN {int(Reason.GOAL)} ELSE exit END, "
                        f"by_id = NULL, place_id = {place} "
                        f"WHERE version_id = {version.id} AND existed > 0 AND goal_at IS NULL "
                        f"AND EXISTS (SELECT 1 {there})",
                        test,
                    ),
                    w.statement(
                        f"{DECISION} SELECT customer_id, at, :turn, campaign_id, instance, {int(Decision.GOAL)}, 0, "
                        f"version_id, CASE WHEN ended_at IS NOT NULL THEN {int(Reason.JOURNEY_ENDED)} END, {place}, "
                        f"NULL, NULL, NULL, NULL, NULL, NULL FROM run WHERE version_id = {version.id} "
                        "AND goal_at = at"
                    ),
                ),
            )
        )
    return made


def _reactions(bundle: Bundle) -> list[OnEvent]:
    made = [found for version in bundle.versions for found in _interruptions(bundle, version)]
    w = bundle.writer
    for test in bundle.event_tests:
        event_test: EventTest = test.value
        code = NodeKind.WAIT_FOR * CODE + test.number
        there, fragment = fact_at(
            bundle, test.guards, event_test.event, event_test.filter, " AND event.event_time < run.due_at"
        )
        met = w.statement(
            f"UPDATE run SET state = {STATE.MET}, pick = 0, ev_at = at, ev_seq = (SELECT min(event.seq) {there}) "
            f"WHERE code = {code} AND {OLD} AND state = {STATE.REST} AND EXISTS (SELECT 1 {there})",
            fragment,
        )
        made.append(OnEvent(bundle.event_type(event_test.event.name), (met,)))
    for test in bundle.reaction_tests:
        reaction: ReactionTest = test.value
        code = NodeKind.NO_REACTION * CODE + test.number
        where = f"code = {code} AND {OLD} AND state = {STATE.REST}"
        about = awaited_message(bundle, test.guards, reaction)
        name = f"{reaction.channel}_{reaction.reaction}"
        met = w.statement(
            f"UPDATE run SET state = {STATE.MET}, pick = 0 WHERE {where} AND EXISTS (SELECT 1 "
            f"{reaction_to(bundle, name, ' AND event.at = run.at')} AND event.event_time < run.due_at)"
        )
        find = w.statement(f"UPDATE run SET {about} WHERE {where}", *about.fragments)
        made.append(OnEvent(bundle.event_type(name), (find, met)))
    return made


@dataclass(frozen=True, slots=True)
class Awaited:
    """`m_step = ..., m_pass = ...` of the message a reaction is awaited to."""

    text: str
    fragments: tuple[Fragment, ...]

    def __str__(self) -> str:
        return self.text


def awaited_message(bundle: Bundle, guards: Guards, test: ReactionTest, *, base: bool = False) -> Awaited:
    """base: also `base`, the instant the message was accepted at."""
    columns = {"m_step": "step_id", "m_pass": "pass"} | ({"base": "sent_at"} if base else {})
    found = {
        name: bundle.writer.fragment(guards.last_message(Row("run"), test.channel, test.template, column))
        for name, column in columns.items()
    }
    return Awaited(", ".join(f"{name} = {fragment}" for name, fragment in found.items()), tuple(found.values()))


def reaction_to(bundle: Bundle, event_name: str, more: str) -> str:
    """`FROM event WHERE ...` for human reactions to the awaited message of a row of `run`."""
    return (
        f"FROM event WHERE event.customer_id = run.customer_id AND event.type_id = {bundle.event_type(event_name)}"
        f"{more} AND event.ref_campaign_id = run.campaign_id AND event.ref_instance = run.instance "
        "AND event.ref_step_id = run.m_step AND event.ref_pass = run.m_pass AND event.machine IS NULL"
    )


def _interruptions(bundle: Bundle, version: Version) -> list[OnEvent]:
    """`on E go to S`: the earliest fact, then the first clause; later clauses win only by an earlier fact."""
    made = []
    campaign = version.machine.campaign
    stages = {stage.name: index for index, stage in enumerate(campaign.stages)}
    for stage in campaign.stages:
        stage_id = bundle.catalogue.steps[campaign.name, stage.name]
        for on in stage.reactions:
            there, test = fact_at(bundle, version.guards, on.event, on.filter)
            mark = bundle.writer.statement(
                f"UPDATE run SET state = {STATE.INTERRUPTED}, pick = {stages[on.stage]}, "
                f"place_id = {bundle.label(on.place)}, ev_seq = (SELECT min(event.seq) {there}) "
                f"WHERE version_id = {version.id} AND stage_id = {stage_id} AND {OLD} "
                f"AND state IN ({STATE.REST}, {STATE.INTERRUPTED}) AND EXISTS (SELECT 1 {there} "
                "AND (run.ev_seq IS NULL OR event.seq < run.ev_seq))",
                test,
            )
            made.append(OnEvent(bundle.event_type(on.event.name), (mark,)))
    return made


def _outcomes(bundle: Bundle) -> tuple[Statement, ...]:
    """What the outbox reports: a ledger row each, and the step is done if the instance still stands there."""
    w = bundle.writer
    told = w.join("outcome", "o", "o.customer_id = f.customer_id AND o.at = f.at")
    about = w.join(
        "message",
        "m",
        "m.customer_id = o.customer_id AND m.campaign_id = o.campaign_id AND m.instance = o.instance "
        "AND m.step_id = o.step_id AND m.pass = o.pass",
    )
    record = (
        f"{DECISION} SELECT o.customer_id, o.at, :turn, o.campaign_id, o.instance, {int(Decision.OUTCOME)}, "
        f"o.step_id, m.version_id, coalesce(o.reason, {int(Reason.ACCEPTED)}), n.place_id, NULL, NULL, NULL, NULL, "
        f"NULL, NULL FROM focus f {told} {about} CROSS JOIN node n WHERE n.version_id = m.version_id "
        "AND n.node = m.node ON CONFLICT DO NOTHING"
    )
    done = (
        f"UPDATE run SET state = {STATE.MET}, pick = 0 WHERE {OLD} AND state = {STATE.REST} "
        f"AND code = {NodeKind.SEND * CODE} AND EXISTS (SELECT 1 FROM outcome o {about} "
        "WHERE o.customer_id = run.customer_id AND o.at = run.at AND o.campaign_id = run.campaign_id "
        "AND o.instance = run.instance AND m.node = run.node)"
    )
    return tuple(w.statement(text) for text in (record, done))


def _settle(bundle: Bundle) -> tuple[Statement, ...]:
    rest = "NULL, NULL, NULL, NULL, NULL, NULL"
    joined = "FROM run r CROSS JOIN machine n WHERE n.version_id = r.version_id AND n.node = r.node"
    texts = [
        # A message's outcome has its own row; the awaited event's row is `met`.
        f"{DECISION} SELECT r.customer_id, r.at, :turn, r.campaign_id, r.instance, "
        f"CASE r.state WHEN {STATE.MET} THEN {int(Decision.MET)} ELSE {int(Decision.TIMED_OUT)} END, n.step_id, "
        f"r.version_id, NULL, n.place_id, {rest} {joined} AND n.kind <> {int(NodeKind.SEND)} "
        f"AND (r.state = {STATE.MET} OR (r.state = {STATE.DUE} AND r.pick = 1))",
        f"{DECISION} SELECT customer_id, at, :turn, campaign_id, instance, {int(Decision.INTERRUPTED)}, stage_id, "
        f"version_id, NULL, place_id, {rest} FROM run WHERE state = {STATE.INTERRUPTED}",
    ]
    used_up = [test for test in bundle.event_tests if test.value.used_up]
    for test in used_up:
        code = NodeKind.WAIT_FOR * CODE + test.number
        texts.append(consume(bundle, test.value, f"state = {STATE.MET} AND code = {code}"))
    texts += [
        "UPDATE run SET node = CASE run.pick WHEN 0 THEN n.next ELSE n.alt END, "
        "code = CASE run.pick WHEN 0 THEN n.next_code ELSE n.alt_code END, "
        f"state = {STATE.RUNNING}, due_at = NULL, pick = NULL, ev_at = NULL, ev_seq = NULL, m_step = NULL, "
        "m_pass = NULL, base = at, dirty = 1 "
        f"FROM machine n WHERE run.state IN ({STATE.DUE}, {STATE.MET}) AND n.version_id = run.version_id "
        "AND n.node = run.node",
        f"UPDATE run SET node = pick, code = {NodeKind.STAGE * CODE}, state = {STATE.RUNNING}, due_at = NULL, "
        f"pick = NULL, ev_at = NULL, ev_seq = NULL, base = at, dirty = 1 WHERE state = {STATE.INTERRUPTED}",
    ]
    return tuple(bundle.writer.statement(text) for text in texts)


def consume(bundle: Bundle, test: EventTest, where: str) -> str:
    return (
        "INSERT INTO consumption (customer_id, campaign_id, instance, type_id, at, seq) "
        f"SELECT customer_id, campaign_id, instance, {bundle.event_type(test.event.name)}, ev_at, ev_seq "
        f"FROM run WHERE {where} AND ev_seq IS NOT NULL"
    )


def earlier_event(guards: Guards, test: EventTest, bundle: Bundle, column: str) -> Fragment:
    """`at` or `seq` of the earliest event since the stage was reached that this instance has not used up."""
    e, used, row = guards.event.alias(), t.consumption.alias(), Row("run")
    clauses = [
        e.c.customer_id == row["customer_id"],
        e.c.type_id == literal_column(str(bundle.event_type(test.event.name))),
        e.c.at > row["stage_at"],
        e.c.at <= row["at"],
        guards.filter(test.filter, e),
    ]
    if test.event.channel is not None:
        clauses += [e.c.ref_campaign_id == row["campaign_id"], e.c.ref_instance == row["instance"]]
        if test.event.reaction in ("opened", "clicked"):
            clauses.append(e.c.machine.is_(None))
    if test.used_up:
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
    query = select(e.c[column]).where(*clauses).order_by(e.c.at, e.c.seq).limit(1)
    return bundle.writer.fragment(query.scalar_subquery())
