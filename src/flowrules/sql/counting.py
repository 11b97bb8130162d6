"""Statements that count decisions and outcomes in a stretch of time: later than `after`, and not later than `until`.

They begin with the stretch, in the ledger's order of time, and are led from there to each customer's own rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

from sqlalchemy import TextClause, text

from flowrules.sql.codes import Decision, Reason, Status
from flowrules.sql.statement import Writer
from flowrules.sql.tables import OPERATOR

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


_NEAR = (
    "near AS MATERIALIZED (SELECT at, customer_id, turn, campaign_id, instance, decision, step_id, "
    "lag(step_id) OVER journey AS near_id, lag(at) OVER journey AS near_at, "
    "row_number() OVER (PARTITION BY customer_id, campaign_id, instance, {stage} ORDER BY at, turn) AS nth "
    "FROM decision WHERE (at, customer_id) > (:near, :whom) {until}AND decision IN ({decisions}) "
    "WINDOW journey AS (PARTITION BY customer_id, campaign_id, instance ORDER BY at, turn))"
)
"""The stages journeys came to behind `near`, and at that instant those of customers behind `whom`, each with the one
before it: there the ledger has no index by customer. Earlier ones are found by the customer's visits. An instant alone
would not do: everybody may have been decided on at one.
"""


def _far(w: Writer, more: str = "") -> str:
    """The stages that the journey of `d`, whose enrollment is `e`, came to before those of `near`."""
    stage = (
        f"p.at = v.at AND p.customer_id = v.customer_id AND p.decision = {int(Decision.STAGE)} "
        f"AND p.campaign_id = d.campaign_id AND p.instance = d.instance{more}"
    )
    return (
        f"FROM visit v {w.join('decision', 'p', stage)} "
        "WHERE v.customer_id = d.customer_id AND v.at >= e.entered_at AND v.at <= :near "
        "AND (v.at < :near OR v.customer_id <= :whom)"
    )


def _stage(row: str, renamed: tuple[tuple[int, int], ...]) -> str:
    """Under the name it has now."""
    cases = " ".join(f"WHEN {then} THEN {now}" for then, now in renamed)
    return f"CASE {row}.step_id {cases} ELSE {row}.step_id END" if cases else f"{row}.step_id"


def _earlier_stay(w: Writer, column: str, near: str) -> str:
    """Of the last stage that the journey of a row of `near` came to before."""
    far = f"(SELECT p.{column} {_far(w)} ORDER BY v.at DESC, p.turn DESC LIMIT 1)"
    return f"CASE WHEN d.{near} IS NOT NULL THEN d.{near} WHEN e.entered_at <= :near THEN {far} END"


@dataclass(frozen=True, slots=True)
class Counting:
    """messages: entries, what was sent or not; outcomes: what channels said; journeys: stages, goals and exits."""

    messages: TextClause
    outcomes: TextClause
    journeys: TextClause


@lru_cache(maxsize=8)
def counting(dialect: str, renamed: tuple[tuple[int, int], ...] = ()) -> Counting:
    """renamed: stages that have another name now, each with what it has become; both are one stage."""
    w = Writer(dialect)
    # A message that was accepted where it was decided on, by a channel that answers at once.
    at_once = (
        "EXISTS (SELECT 1 FROM message m WHERE m.customer_id = d.customer_id AND m.campaign_id = d.campaign_id "
        "AND m.instance = d.instance AND m.step_id = d.step_id AND m.decided_at = d.at AND m.turn = d.turn "
        "AND m.sent_at = d.at)"
    )
    same = f" AND {_stage('p', renamed)} = {_stage('d', renamed)}"
    again = f"d.nth > 1 OR e.entered_at <= :near AND EXISTS (SELECT 1 {_far(w, same)})"
    messages = (
        f"SELECT d.decision, d.campaign_id, CASE WHEN {_ENTERED} THEN d.version_id ELSE 0 END AS version_id, "
        f"CASE WHEN {_SEND} THEN d.step_id ELSE 0 END AS step_id, d.reason, "
        f"CASE WHEN d.reason = {int(Reason.CAPPED)} THEN d.place_id ELSE 0 END AS place_id, "
        f"CASE WHEN {_ENTERED} THEN 0 ELSE {_QUARTER} END AS quarter, count(*) AS number FROM decision d "
        f"WHERE {_IN} AND ({_ENTERED} OR {_SEND} AND (d.reason IS NOT NULL OR {at_once}) "
        f"OR d.decision = {int(Decision.WITHHELD)} AND d.until IS NULL AND d.reason <> {int(Reason.ON_HOLD)} "
        # What a pause holds may be sent when it is over; what is passed over then is the operator's.
        f"AND (d.reason <> {int(Reason.PAUSED)} OR d.place_id = (SELECT id FROM label WHERE text = '{OPERATOR}'))) "
        "GROUP BY 1, 2, 3, 4, 5, 6, 7"
    )
    outcomes = (
        f"SELECT d.campaign_id, d.step_id, d.status, {_QUARTER} AS quarter, count(*) AS number FROM outcome d "
        f"WHERE d.at + 0 > :after AND d.at + 0 <= :until AND d.status <> {int(Status.HELD)} GROUP BY 1, 2, 3, 4"
    )
    ended = f"{int(Decision.GOAL)}, {int(Decision.EXIT)}"
    stage = _stage("decision", renamed)
    near = _NEAR.format(until="AND at <= :until ", decisions=int(Decision.STAGE), stage=stage)
    held_out = "CASE WHEN e.ghost > 0 THEN 1 ELSE 0 END AS held_out"
    # First found, then counted: else what leads to the earlier stays would be asked twice.
    journeys = (
        f"WITH {near}, counted AS MATERIALIZED (SELECT d.decision, d.campaign_id, {held_out}, d.step_id, "
        f"{_earlier_stay(w, 'step_id', 'near_id')} AS left_id, CASE WHEN {again} THEN 1 ELSE 0 END AS again, "
        f"NULL AS reason, NULL AS words_id FROM (SELECT * FROM near d WHERE {_IN}) AS d {_enrolled(w)} UNION ALL "
        f"SELECT d.decision, d.campaign_id, {held_out}, CASE WHEN {_EXIT} THEN e.stage_id ELSE 0 END, NULL, 0, "
        "d.reason, d.words_id FROM (SELECT * FROM decision WHERE at > :after AND at <= :until "
        f"AND decision IN ({ended})) AS d {_enrolled(w)}) "
        "SELECT decision, campaign_id, held_out, step_id, left_id, again, reason, words_id, count(*) AS number "
        "FROM counted GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"
    )
    return Counting(*(text(w.fenced(query)) for query in (messages, outcomes, journeys)))


@cache
def stays(dialect: str, number: int) -> TextClause:
    """Of one campaign: the last stays that an entry into another stage, or an exit, has ended behind `since`, there of
    customers behind `after`; those that ended last come first. into_id: the stage that was entered then.
    """
    w = Writer(dialect)
    near = _NEAR.format(until="", decisions=f"{int(Decision.STAGE)}, {int(Decision.EXIT)}", stage="step_id")
    return text(
        f"WITH {near} SELECT d.customer_id, d.instance, CASE WHEN e.ghost > 0 THEN 1 ELSE 0 END AS held_out, "
        f"CASE WHEN d.decision = {int(Decision.STAGE)} THEN d.step_id END AS into_id, "
        f"{_earlier_stay(w, 'step_id', 'near_id')} AS step_id, d.at - {_earlier_stay(w, 'at', 'near_at')} AS stay "
        f"FROM (SELECT * FROM near d WHERE d.campaign_id = :campaign_id "
        "AND (d.at, d.customer_id) > (:since, :after) "
        f"ORDER BY d.at DESC, d.customer_id DESC, d.turn DESC LIMIT {number}) AS d {_enrolled(w)} "
        "ORDER BY d.at DESC, d.customer_id DESC, d.turn DESC"
    )
