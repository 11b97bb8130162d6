"""Statements of what operators order: pauses, resumes, exits (docs/meaning.md, Operators).

Those of pauses are made only for campaigns that have one which no tick has gone past.
"""

from __future__ import annotations

from dataclasses import dataclass

from flowrules.program.machine import NodeKind
from flowrules.sql.bundle import NODES, PLACE, Bundle
from flowrules.sql.codes import Decision, Reason
from flowrules.sql.holds import held
from flowrules.sql.moves import moves
from flowrules.sql.rounds import DECISION, LIVE
from flowrules.sql.scratch import AGENDA, STATE
from flowrules.sql.statement import Statement
from flowrules.sql.tables import OPERATOR, UNTIL_RESUMED

_ADD = "INSERT INTO agenda (customer_id, at, what) SELECT DISTINCT"
_DUE = "p.until > :last AND p.until <= :target ON CONFLICT DO NOTHING"
_NOW = "p.campaign_id = run.campaign_id AND p.until = run.at"


@dataclass(frozen=True, slots=True)
class Operators:
    """gather and again: agenda rows of orders; moves: those whom a deployment brings elsewhere; ends: mark who is
    ordered out; release: those held ask again; skip: of them who shall not; hold: those who ask in a pause are told so,
    and rest.
    """

    gather: tuple[Statement, ...]
    again: tuple[Statement, ...]
    moves: tuple[Statement, ...]
    ends: tuple[Statement, ...]
    release: tuple[Statement, ...]
    skip: tuple[Statement, ...]
    hold: tuple[Statement, ...]


def paused(row: str) -> str:
    """A pause of the campaign holds at the instant of a row, which has `campaign_id` and `at`."""
    return (
        f"EXISTS (SELECT 1 FROM pause p WHERE p.campaign_id = {row}.campaign_id AND p.since <= {row}.at "
        f"AND (p.until IS NULL OR p.until > {row}.at))"
    )


def operators(bundle: Bundle) -> Operators:
    if not bundle.versions:
        return Operators((), (), (), (), (), (), ())
    w = bundle.writer
    ordered = "o.customer_id = run.customer_id AND o.campaign_id = run.campaign_id AND o.at = run.at"
    gather = [
        f"{_ADD} o.customer_id, o.at, {AGENDA.OPERATOR} FROM operator_exit o "
        "WHERE o.at + 0 > :last AND o.at + 0 <= :target"
    ]
    ends = [
        f"UPDATE run SET ending = 1, exit = (SELECT o.reason FROM operator_exit o WHERE {ordered}), by_id = NULL, "
        f"place_id = {bundle.label(OPERATOR)} WHERE {LIVE} AND EXISTS (SELECT 1 FROM operator_exit o WHERE {ordered})"
    ]
    moved = moves(bundle)
    gather += moved.gather
    ends = [*moved.ends, *ends]
    if not bundle.paused:
        gathered, ended = ([w.statement(text) for text in texts] for texts in (gather, ends))
        return Operators(tuple(gathered), (), moved.moves, tuple(ended), (), (), ())
    gather += [
        f"{_ADD} e.customer_id, p.until, {AGENDA.OPERATOR} FROM pause p CROSS JOIN enrollment e "
        f"WHERE e.due_at >= {UNTIL_RESUMED} AND e.campaign_id = p.campaign_id AND {_DUE}",
        # Who rests at a message of which the outbox has not said what came of it; in this order, or one that it
        # says just now would be in neither.
        f"{_ADD} m.customer_id, p.until, {AGENDA.OPERATOR} FROM pause p CROSS JOIN message m "
        f"WHERE m.status < 10 AND m.campaign_id = p.campaign_id AND p.overdue = 'exit' AND {_DUE}",
        f"{_ADD} o.customer_id, p.until, {AGENDA.OPERATOR} FROM pause p CROSS JOIN outcome o "
        f"WHERE o.at + 0 > p.until AND o.campaign_id = p.campaign_id AND p.overdue = 'exit' AND {_DUE}",
    ]
    # Not whom something else than the pause holds.
    elsewhere = f" AND (due_at >= {UNTIL_RESUMED} OR NOT EXISTS (SELECT 1 {held('run')}))" if bundle.holding else ""
    ends.append(
        f"UPDATE run SET ending = 1, exit = {int(Reason.OPERATOR)}, by_id = NULL, place_id = {bundle.label(OPERATOR)} "
        f"WHERE {LIVE} AND ending = 0 AND EXISTS (SELECT 1 FROM pause p WHERE {_NOW} AND p.overdue = 'exit') "
        f"AND EXISTS (SELECT 1 FROM node n WHERE n.version_id = run.version_id AND n.node = run.code % {NODES} "
        f"AND n.kind = {int(NodeKind.SEND)}){elsewhere}"
    )
    again = (
        f"{_ADD} run.customer_id, p.until, {AGENDA.OPERATOR} FROM run CROSS JOIN pause p "
        f"WHERE run.{LIVE} AND p.campaign_id = run.campaign_id AND p.until > run.at AND p.until <= :target "
        "ON CONFLICT DO NOTHING"
    )
    # The mark stays until they are judged: it says since when they ask.
    release = (
        f"UPDATE run SET state = {STATE.ASKING}, dirty = 1 WHERE {LIVE} AND state = {STATE.REST} "
        f"AND due_at >= {UNTIL_RESUMED} AND EXISTS (SELECT 1 FROM pause p WHERE {_NOW})"
    )
    skip = (
        f"UPDATE ask SET reason = {int(Reason.PAUSED)}, place_id = {bundle.label(OPERATOR)} WHERE EXISTS (SELECT 1 "
        "FROM run WHERE run.customer_id = ask.customer_id AND run.campaign_id = ask.campaign_id "
        f"AND run.instance = ask.instance AND run.due_at >= {UNTIL_RESUMED} "
        f"AND EXISTS (SELECT 1 FROM pause p WHERE {_NOW} AND p.overdue = 'skip'))"
    )
    asking = f"state = {STATE.ASKING} AND {LIVE} AND {paused('run')}"
    record = (
        f"{DECISION} SELECT at, customer_id, :turn, campaign_id, instance, {int(Decision.WITHHELD)}, '', n.step_id, "
        f"run.version_id, {int(Reason.PAUSED)}, {PLACE}, NULL, NULL, NULL, NULL, NULL, NULL "
        f"FROM run CROSS JOIN node n WHERE n.version_id = run.version_id AND n.node = run.code % {NODES} AND {asking}"
    )
    rest = (
        f"UPDATE run SET state = {STATE.REST}, dirty = 1, due_at = CASE WHEN due_at >= {UNTIL_RESUMED} THEN due_at "
        f"ELSE {UNTIL_RESUMED} + at END WHERE {asking}"
    )
    return Operators(
        gather=tuple(w.statement(text) for text in gather),
        again=(w.statement(again),),
        moves=moved.moves,
        ends=tuple(w.statement(text) for text in ends),
        release=(w.statement(release),),
        skip=(w.statement(skip),),
        hold=(w.statement(record), w.statement(rest)),
    )
