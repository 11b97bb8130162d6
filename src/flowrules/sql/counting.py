"""Statements that count decisions and outcomes in a stretch of time: later than `after`, and not later than `until`.

They begin with the stretch, in the ledger's order of time, and are led from there to each customer's own rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sqlalchemy import TextClause, text

from flowrules.sql.codes import Decision, Reason, Status
from flowrules.sql.statement import Writer

QUARTER = 900_000_000
"""Messages are counted by quarter hours: the offset of every zone there is now is a whole number of them."""

_IN = "d.at > :after AND d.at <= :until"
_QUARTER = f"d.at - d.at % {QUARTER}"
_ENTERED, _SEND, _STAGE, _EXIT = (
    f"d.decision = {int(each)}" for each in (Decision.ENTERED, Decision.SEND, Decision.STAGE, Decision.EXIT)
)


def _enrolled(w: Writer) -> str:
    """The enrollment `e` of the journey that a decision `d` is about."""
    mine = "e.customer_id = d.customer_id AND e.campaign_id = d.campaign_id AND e.instance = d.instance"
    return w.join("enrollment", "e", mine)


def _earlier_stay(w: Writer, column: str) -> str:
    """Of the last stage `p` that the journey of `d`, whose enrollment is `e`, came to before."""
    return f"(SELECT p.{column} {_earlier(w, 'e.entered_at')} ORDER BY v.at DESC, p.turn DESC LIMIT 1)"


def _earlier(w: Writer, since: str, more: str = "") -> str:
    """By the customer's visits since the journey began."""
    stage = (
        f"p.at = v.at AND p.customer_id = v.customer_id AND p.decision = {int(Decision.STAGE)} "
        "AND p.campaign_id = d.campaign_id AND p.instance = d.instance "
        f"AND (p.at < d.at OR p.turn < d.turn){more}"
    )
    return (
        f"FROM visit v {w.join('decision', 'p', stage)} "
        f"WHERE v.customer_id = d.customer_id AND v.at >= {since} AND v.at <= d.at"
    )


@dataclass(frozen=True, slots=True)
class Counting:
    """messages: entries, what was sent or not; outcomes: what channels said; journeys: stages, goals and exits."""

    messages: TextClause
    outcomes: TextClause
    journeys: TextClause


@cache
def counting(dialect: str) -> Counting:
    w = Writer(dialect)
    # A message that was accepted where it was decided on, by a channel that answers at once.
    at_once = (
        "EXISTS (SELECT 1 FROM message m WHERE m.customer_id = d.customer_id AND m.campaign_id = d.campaign_id "
        "AND m.instance = d.instance AND m.step_id = d.step_id AND m.decided_at = d.at AND m.turn = d.turn "
        "AND m.sent_at = d.at)"
    )
    again = f"EXISTS (SELECT 1 {_earlier(w, 'd.entered_at', ' AND p.step_id = d.step_id')})"
    messages = (
        f"SELECT d.decision, d.campaign_id, CASE WHEN {_ENTERED} THEN d.version_id ELSE 0 END AS version_id, "
        f"CASE WHEN {_SEND} THEN d.step_id ELSE 0 END AS step_id, d.reason, "
        f"CASE WHEN d.reason = {int(Reason.CAPPED)} THEN d.place_id ELSE 0 END AS place_id, "
        f"CASE WHEN {_ENTERED} THEN 0 ELSE {_QUARTER} END AS quarter, count(*) AS number FROM decision d "
        f"WHERE {_IN} AND ({_ENTERED} OR {_SEND} AND (d.reason IS NOT NULL OR {at_once}) "
        f"OR d.decision = {int(Decision.WITHHELD)} AND d.until IS NULL AND d.reason <> {int(Reason.ON_HOLD)}) "
        "GROUP BY 1, 2, 3, 4, 5, 6, 7"
    )
    outcomes = (
        f"SELECT d.campaign_id, d.step_id, d.status, {_QUARTER} AS quarter, count(*) AS number FROM outcome d "
        f"WHERE d.at + 0 > :after AND d.at + 0 <= :until AND d.status <> {int(Status.HELD)} GROUP BY 1, 2, 3, 4"
    )
    # First found, then counted: else what leads to the earlier stays would be asked twice.
    journeys = (
        "WITH found AS MATERIALIZED (SELECT d.at, d.customer_id, d.turn, d.campaign_id, d.instance, d.decision, "
        "d.reason, d.words_id, e.entered_at, CASE WHEN e.ghost > 0 THEN 1 ELSE 0 END AS held_out, "
        f"CASE WHEN {_STAGE} THEN d.step_id WHEN {_EXIT} THEN e.stage_id ELSE 0 END AS step_id, "
        f"CASE WHEN {_STAGE} THEN {_earlier_stay(w, 'step_id')} END AS left_id "
        f"FROM (SELECT * FROM decision d WHERE {_IN} AND d.decision IN "
        f"({int(Decision.STAGE)}, {int(Decision.GOAL)}, {int(Decision.EXIT)})) AS d {_enrolled(w)}), "
        f"counted AS MATERIALIZED (SELECT d.*, CASE WHEN d.left_id IS NOT NULL AND {again} THEN 1 ELSE 0 END AS again "
        "FROM found d) "
        "SELECT decision, campaign_id, held_out, step_id, left_id, again, reason, words_id, count(*) AS number "
        "FROM counted GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"
    )
    return Counting(*(text(w.fenced(query)) for query in (messages, outcomes, journeys)))


@cache
def stays(dialect: str, looked_at: int, number: int) -> TextClause:
    """Of one campaign: the last stays that an entry into another stage, or an exit, has ended."""
    w = Writer(dialect)
    newest = (
        "SELECT at, customer_id, turn, campaign_id, instance, decision FROM decision "
        "ORDER BY at DESC, customer_id DESC, turn DESC, campaign_id DESC, instance DESC, decision DESC, key DESC "
        f"LIMIT {looked_at}"
    )
    ended = (
        f"SELECT * FROM ({newest}) AS newest WHERE campaign_id = :campaign_id "
        f"AND decision IN ({int(Decision.STAGE)}, {int(Decision.EXIT)}) "
        f"ORDER BY at DESC, customer_id DESC, turn DESC LIMIT {number}"
    )
    return text(
        f"SELECT CASE WHEN e.ghost > 0 THEN 1 ELSE 0 END AS held_out, {_earlier_stay(w, 'step_id')} AS step_id, "
        f"d.at - {_earlier_stay(w, 'at')} AS stay FROM ({ended}) AS d {_enrolled(w)}"
    )
