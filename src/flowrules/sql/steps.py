"""Statements of the micro steps: every running instance takes one position, side by side.

docs/meaning.md, Micro steps. What a position needs is computed first (the pick, the deadline), then the
ledger rows, then effects, then the move. `pick` is the edge to take: 0 next, 1 alt, 2 third, REST to rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

from flowrules.model import campaign as m
from flowrules.program.machine import Assignment, EventTest, NodeKind, ReactionTest
from flowrules.sql.bundle import CODE, Bundle, Test
from flowrules.sql.codes import Decision, Reason
from flowrules.sql.columns import attribute_column
from flowrules.sql.facts import awaited_message, consume, earlier_event, reaction_to
from flowrules.sql.guards import Row, constant
from flowrules.sql.local_time import DAY, local_day, offset_at, resolve
from flowrules.sql.rounds import DECISION
from flowrules.sql.scratch import STATE
from flowrules.sql.statement import Statement

REST = 9
RUNNING = f"run.state = {STATE.RUNNING}"


@dataclass(frozen=True, slots=True)
class Steps:
    """by_code: what a code needs before the move; deadlines: for WAITS kinds, whatever their codes."""

    present: Statement
    prepare: dict[int, tuple[Statement, ...]]
    deadlines: tuple[Statement, ...]
    decide: dict[int, tuple[Statement, ...]]
    record: Statement
    effects: dict[int, tuple[Statement, ...]]
    tags: tuple[Statement, ...]
    untags: tuple[Statement, ...]
    move: Statement
    loops: Statement
    sizes: tuple[tuple[int, int], ...]
    """(version id, number of positions)."""


def steps(bundle: Bundle) -> Steps:
    w = bundle.writer
    prepare: dict[int, tuple[Statement, ...]] = {}
    decide: dict[int, tuple[Statement, ...]] = {}
    effects: dict[int, tuple[Statement, ...]] = {}
    for test in bundle.conditions:
        code = NodeKind.BRANCH * CODE + test.number
        holds = bundle.condition(test.guards, test.value, "run")
        prepare[code] = (
            w.statement(
                f"UPDATE run SET pick = CASE WHEN {holds} THEN 0 ELSE 1 END WHERE {RUNNING} AND code = {code}", holds
            ),
        )
    for test in bundle.event_tests:
        code = NodeKind.WAIT_FOR * CODE + test.number
        prepare[code] = _already_there(bundle, test, code)
        if test.value.used_up:
            effects[code] = (
                w.statement(
                    consume(bundle, test.value, f"{RUNNING} AND code = {code} AND pick = 0 AND campaign_id = :campaign")
                ),
            )
    for test in bundle.reaction_tests:
        code = NodeKind.NO_REACTION * CODE + test.number
        about = awaited_message(bundle, test.guards, test.value, base=True)
        prepare[code] = (w.statement(f"UPDATE run SET {about} WHERE {RUNNING} AND code = {code}", *about.fragments),)
        decide[code] = (_reaction_pick(bundle, test.value, code),)
    for test in bundle.clocks:
        code = NodeKind.WAIT_UNTIL * CODE + test.number
        prepare[code] = _clock(bundle, test.value, code)
    for test in bundle.assignments:
        code = NodeKind.SET * CODE + test.number
        assignment: Assignment = test.value
        value = w.fragment(constant(assignment.value))
        whose = w.among(
            "id", f"SELECT customer_id FROM run WHERE {RUNNING} AND code = {code} AND campaign_id = :campaign"
        )
        effects[code] = (
            w.statement(
                f'UPDATE customer SET "{attribute_column(assignment.attribute)}" = {value} WHERE {whose}',
                value,
            ),
        )
    untagged = (
        f"FROM run CROSS JOIN machine n WHERE {RUNNING} AND code = {NodeKind.UNTAG * CODE} "
        "AND n.version_id = run.version_id AND n.node = run.node AND run.campaign_id = :campaign"
    )
    return Steps(
        present=w.statement(f"SELECT code, campaign_id, count(*) FROM run WHERE {RUNNING} GROUP BY code, campaign_id"),
        prepare=prepare,
        deadlines=_deadlines(bundle),
        decide=decide,
        record=_record(bundle),
        effects=effects,
        tags=(
            w.statement(
                "INSERT INTO tagging (customer_id, tag_id, since) SELECT DISTINCT run.customer_id, n.tag_id, run.at "
                f"FROM run CROSS JOIN machine n WHERE {RUNNING} AND code = {NodeKind.TAG * CODE} "
                "AND n.version_id = run.version_id AND n.node = run.node AND run.campaign_id = :campaign "
                "ON CONFLICT (customer_id, tag_id) DO NOTHING"
            ),
        ),
        untags=(
            w.statement(
                f"DELETE FROM tagging WHERE {w.among('customer_id', f'SELECT run.customer_id {untagged}')} "
                f"AND (customer_id, tag_id) IN (SELECT run.customer_id, n.tag_id {untagged})"
            ),
        ),
        move=_move(bundle),
        loops=w.statement(
            f"UPDATE run SET ending = 1, exit = {int(Reason.LOOP)}, by_id = NULL, place_id = (SELECT n.place_id "
            "FROM machine n WHERE n.version_id = run.version_id AND n.node = run.node) "
            f"WHERE {RUNNING} AND version_id = :version"
        ),
        sizes=tuple((version.id, len(version.machine.nodes)) for version in bundle.versions),
    )


def _already_there(bundle: Bundle, test: Test, code: int) -> tuple[Statement, ...]:
    """An event that came since the stage was reached passes at once; none can if it was reached just now."""
    event_test: EventTest = test.value
    if event_test.new:
        return ()
    at = earlier_event(test.guards, event_test, bundle, "at")
    seq = earlier_event(test.guards, event_test, bundle, "seq")
    return (
        bundle.writer.statement(
            f"UPDATE run SET ev_at = {at}, ev_seq = {seq} WHERE {RUNNING} AND code = {code} AND stage_at < at", at, seq
        ),
        bundle.writer.statement(
            f"UPDATE run SET pick = 0, base = NULL WHERE {RUNNING} AND code = {code} AND ev_seq IS NOT NULL"
        ),
    )


def _deadlines(bundle: Bundle) -> tuple[Statement, ...]:
    """The deadline: base + the node's duration, for all that wait and have a base."""
    w, row = bundle.writer, Row("run")
    zone = row.zone
    offset = w.fragment(offset_at(zone, row["base"]))
    kinds = ", ".join(str(int(kind)) for kind in (NodeKind.WAIT, NodeKind.WAIT_FOR, NodeKind.NO_REACTION))
    joined = f"n.version_id = run.version_id AND n.node = run.node AND {RUNNING} AND run.code / {CODE} IN ({kinds})"
    # Parts of the local time of base plus n.months: month clipped to its last day, clock time kept.
    local = f"(run.base + {offset})"
    month = f"(SELECT k.month FROM calendar k WHERE k.day = {local} / {DAY}) + n.months"
    own_first = (
        f"(SELECT o.first_day FROM calendar k CROSS JOIN month o WHERE k.day = {local} / {DAY} AND o.month = k.month)"
    )
    wanted = f"t.first_day + {local} / {DAY} - {own_first}"
    by_month = (
        f"(SELECT CASE WHEN {wanted} < t.last_day THEN {wanted} ELSE t.last_day END FROM month t WHERE "
        f"t.month = {month}) "
        f"* {DAY} + {local} % {DAY}"
    )
    instant = w.fragment(resolve(zone, row["local"]))
    rows = bundle.machine_rows
    statements = [
        w.statement(
            "UPDATE run SET until = run.base + n.amount, "
            + (f"local = {local} + n.days * {DAY}, " if any(r["days"] is not None for r in rows) else "")
            + f"pick = {REST} FROM machine n WHERE {joined} AND run.base IS NOT NULL AND run.pick IS NULL",
            offset,
        )
    ]
    if any(r["months"] is not None for r in rows):
        statements.append(
            w.statement(
                f"UPDATE run SET local = {by_month} FROM machine n WHERE {joined} AND n.months IS NOT NULL AND "
                f"run.pick = {REST}",
                offset,
            )
        )
    if any(r["days"] is not None or r["months"] is not None for r in rows):
        statements.append(
            w.statement(f"UPDATE run SET until = {instant} WHERE {RUNNING} AND local IS NOT NULL", instant)
        )
    return tuple(statements)


def _reaction_pick(bundle: Bundle, test: ReactionTest, code: int) -> Statement:
    there = reaction_to(bundle, f"{test.channel}_{test.reaction}", " AND event.at <= run.at")
    return bundle.writer.statement(
        "UPDATE run SET pick = CASE WHEN m_step IS NULL THEN 2 "
        f"WHEN EXISTS (SELECT 1 {there} AND event.event_time < run.until) THEN 0 "
        f"WHEN until <= at THEN 1 ELSE {REST} END WHERE {RUNNING} AND code = {code}"
    )


def _clock(bundle: Bundle, until: m.WaitUntil, code: int) -> tuple[Statement, ...]:
    """The deadline: the next such local time; pick 0 where that is now, so that it goes on at once."""
    w, row = bundle.writer, Row("run")
    where = f"{RUNNING} AND code = {code}"
    statements: list[Statement] = []
    if until.moment is not None:
        moment = bundle.moment(until.moment)
        statements.append(
            w.statement(f"UPDATE run SET until = CASE WHEN {moment} > at THEN {moment} ELSE at END WHERE {where}")
        )
    else:
        clock = _clock_microseconds(until)
        today = w.fragment(local_day(row.zone, row.at))
        day = f"{today}"
        if until.weekday is not None:
            # 1970-01-01 was a Thursday: day + 3 counts from a Monday.
            day = f"({today} + ({until.weekday} - ({today} + 3) % 7 + 7) % 7)"
        elif until.tomorrow:
            day = f"({today} + 1)"
        instant = w.fragment(resolve(row.zone, row["local"]))
        later = (7 if until.weekday is not None else 1) * DAY
        statements += [
            w.statement(f"UPDATE run SET local = {day} * {DAY} + {clock} WHERE {where}", today),
            w.statement(f"UPDATE run SET until = {instant} WHERE {where}", instant),
            w.statement(f"UPDATE run SET local = local + {later} WHERE {where} AND until < at"),
            w.statement(f"UPDATE run SET until = {instant} WHERE {where} AND until < at", instant),
        ]
    statements.append(
        w.statement(f"UPDATE run SET local = NULL, pick = CASE WHEN until <= at THEN 0 ELSE {REST} END WHERE {where}")
    )
    return tuple(statements)


def _clock_microseconds(until: m.WaitUntil) -> int:
    clock = until.clock or time()
    return (clock.hour * 60 + clock.minute) * 60_000_000


def _record(bundle: Bundle) -> Statement:
    """One ledger row a running instance; a send writes its row when messages contend, a clock that is now none."""
    decision = (
        f"CASE WHEN n.kind = {int(NodeKind.WAIT_FOR)} AND r.pick = 0 THEN {int(Decision.MET)} "
        f"WHEN n.kind = {int(NodeKind.NO_REACTION)} THEN CASE r.pick WHEN 0 THEN {int(Decision.MET)} "
        f"WHEN 1 THEN {int(Decision.TIMED_OUT)} WHEN 2 THEN {int(Decision.NO_MESSAGE)} ELSE n.decision END "
        "ELSE n.decision END"
    )
    reason = (
        f"CASE WHEN n.kind = {int(NodeKind.BRANCH)} THEN CASE r.pick WHEN 0 THEN {int(Reason.YES)} "
        f"ELSE {int(Reason.NO)} END ELSE n.why END"
    )
    return bundle.writer.statement(
        f"{DECISION} SELECT r.customer_id, r.at, :turn, r.campaign_id, r.instance, {decision}, n.step_id, "
        f"r.version_id, "
        f"{reason}, n.place_id, NULL, NULL, NULL, NULL, CASE WHEN r.pick = {REST} THEN r.until END, n.words_id "
        f"FROM run r CROSS JOIN machine n WHERE r.state = {STATE.RUNNING} AND n.version_id = r.version_id "
        f"AND n.node = r.node AND n.decision IS NOT NULL "
        f"AND NOT (n.kind = {int(NodeKind.WAIT_UNTIL)} AND r.pick = 0)"
    )


def _move(bundle: Bundle) -> Statement:
    stays = f"n.kind IN ({int(NodeKind.SEND)}, {int(NodeKind.EXIT)}, {int(NodeKind.END)}) OR run.pick = {REST}"
    over = f"n.kind IN ({int(NodeKind.EXIT)}, {int(NodeKind.END)})"
    stage = f"n.kind = {int(NodeKind.STAGE)}"
    return bundle.writer.statement(
        f"UPDATE run SET node = CASE WHEN {stays} THEN run.node WHEN run.pick = 1 THEN n.alt "
        "WHEN run.pick = 2 THEN n.third ELSE n.next END, "
        f"code = CASE WHEN {stays} THEN run.code WHEN run.pick = 1 THEN n.alt_code "
        "WHEN run.pick = 2 THEN n.third_code ELSE n.next_code END, "
        f"state = CASE WHEN n.kind = {int(NodeKind.SEND)} THEN {STATE.ASKING} WHEN {stays} THEN {STATE.REST} "
        f"ELSE {STATE.RUNNING} END, "
        f"due_at = CASE WHEN run.pick = {REST} THEN run.until END, "
        f"stage_id = CASE WHEN {stage} THEN n.stage_id ELSE run.stage_id END, "
        f"stage_at = CASE WHEN {stage} THEN run.at ELSE run.stage_at END, "
        f"ended_at = CASE WHEN {over} THEN run.at END, recheck_at = CASE WHEN {over} THEN NULL ELSE "
        f"run.recheck_at END, "
        f"exit = CASE WHEN {over} THEN n.why END, words_id = CASE WHEN {over} THEN n.words_id END, "
        "pick = NULL, base = run.at, local = NULL, until = NULL, ev_at = NULL, ev_seq = NULL, m_step = NULL, "
        "m_pass = NULL, dirty = 1 "
        f"FROM machine n WHERE {RUNNING} AND n.version_id = run.version_id AND n.node = run.node"
    )
