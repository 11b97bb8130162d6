"""Statements of messages that are held: docs/meaning.md, Held messages.

A held message is a row of `message` with the status held and the rule that holds it; its instance rests at the step.
Programs that never hold one have none of these statements.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time

from sqlalchemy import literal_column

from flowrules.sql.bundle import PLACE, Bundle
from flowrules.sql.codes import HELD_REASONS, Decision, Reason, Status
from flowrules.sql.guards import Row
from flowrules.sql.local_time import DAY, local_day, resolve
from flowrules.sql.rounds import DECISION
from flowrules.sql.scratch import STATE
from flowrules.sql.statement import Statement
from flowrules.sql.tables import UNTIL_RESUMED

_MINUTE = 60_000_000
_RUNS = f"(due_at IS NULL OR due_at < {UNTIL_RESUMED})"
"""No pause holds it."""
HELD = f"m.status + 0 = {int(Status.HELD)} AND m.reason IN ({', '.join(str(int(reason)) for reason in HELD_REASONS)})"
"""A message that will be asked for again under its own number. `+ 0`: by customer, never by the index of those open."""


@dataclass(frozen=True, slots=True)
class Holds:
    """again: who asks once more because nothing holds their message any more; resume: what is known of those that ask
    again; judge: before caps; defer: after them; rest: until they ask again.
    """

    again: tuple[Statement, ...] = ()
    resume: tuple[Statement, ...] = ()
    judge: tuple[Statement, ...] = ()
    defer: tuple[Statement, ...] = ()
    rest: tuple[Statement, ...] = ()


def held(whose: str, more: str = "") -> str:
    """`FROM message ...` held by the planner, of a row of `run`."""
    return (
        f"FROM message m WHERE m.customer_id = {whose}.customer_id AND m.campaign_id = {whose}.campaign_id "
        f"AND m.instance = {whose}.instance AND m.status + 0 = {int(Status.HELD)} AND m.place_id IS NOT NULL{more}"
    )


def holds(bundle: Bundle) -> Holds:
    if not bundle.holding:
        return Holds()
    w = bundle.writer
    this = (
        "FROM message m WHERE m.customer_id = ask.customer_id AND m.campaign_id = ask.campaign_id "
        "AND m.instance = ask.instance AND m.step_id = ask.step_id AND m.pass = ask.pass"
    )
    of_ask = "a.customer_id = run.customer_id AND a.campaign_id = run.campaign_id AND a.instance = run.instance"
    return Holds(
        again=tuple(_again(bundle)),
        resume=(
            w.statement(
                "UPDATE ask SET (asked_at, held_reason, held_place) = "
                f"(SELECT coalesce(m.asked_at, m.decided_at), m.reason, m.place_id {this}) "
                f"WHERE EXISTS (SELECT 1 {this} AND {HELD})"
            ),
            w.statement(
                f"UPDATE ask SET reason = {int(Reason.EXPIRED)} WHERE reason IS NULL AND lasts IS NOT NULL "
                "AND asked_at + lasts <= at"
            ),
        ),
        judge=(*_on_hold(bundle), *_quiet(bundle)),
        defer=(
            w.statement(
                "UPDATE ask SET held = 1, "
                "until = CASE WHEN until < asked_at + patience THEN until ELSE asked_at + patience END "
                f"WHERE reason = {int(Reason.CAPPED)} AND patience IS NOT NULL AND at < asked_at + patience"
            ),
            w.statement(
                "UPDATE ask SET until = asked_at + lasts "
                "WHERE held = 1 AND lasts IS NOT NULL AND (until IS NULL OR until > asked_at + lasts)"
            ),
        ),
        rest=(
            w.statement(
                f"UPDATE run SET state = {STATE.REST}, due_at = (SELECT a.until FROM ask a WHERE {of_ask}), dirty = 1 "
                f"WHERE state = {STATE.ASKING} AND EXISTS (SELECT 1 FROM ask a WHERE {of_ask} AND a.held = 1)"
            ),
        ),
    )


# --- what holds ---------------------------------------------------------------------------------------


def _on_hold(bundle: Bundle) -> Iterator[Statement]:
    for version, _ in bundle.now:
        for hold in version.machine.campaign.holds:
            holds = bundle.condition(version.guards, hold.condition, "ask")
            yield bundle.writer.statement(
                f"UPDATE ask SET reason = {int(Reason.ON_HOLD)}, held = 1, rule_id = {bundle.label(hold.place)} "
                f"WHERE campaign_id = {version.campaign_id} AND reason IS NULL AND {holds}",
                holds,
            )


def _quiet(bundle: Bundle) -> Iterator[Statement]:
    """Those of the local date, of the date before (over midnight), and of the next (a clock put back at midnight)."""
    w, row = bundle.writer, Row("ask")
    for quiet in bundle.model.policy.quiet if bundle.model is not None else ():
        start, length = _microseconds(quiet.start), (_microseconds(quiet.end) - _microseconds(quiet.start)) % DAY
        channels = ", ".join(str(bundle.catalogue.channels[name]) for name in quiet.channels) or "-1"
        who = f"reason IS NULL AND channel_id IN ({channels})"
        for day in (-1, 0, 1):
            today = w.fragment(local_day(row.zone, row.at))
            begins = w.fragment(resolve(row.zone, row["local"]))
            ends = w.fragment(resolve(row.zone, row["local"] + literal_column(str(length))))
            yield w.statement(f"UPDATE ask SET local = ({today} + {day}) * {DAY} + {start} WHERE {who}", today)
            yield w.statement(
                f"UPDATE ask SET reason = {int(Reason.QUIET_UNTIL)}, held = 1, rule_id = {bundle.label(quiet.place)}, "
                f"until = {ends} WHERE {who} AND {begins} <= at AND at < {ends}",
                begins,
                ends,
            )


def _microseconds(clock: time) -> int:
    return (clock.hour * 60 + clock.minute) * _MINUTE


# --- what lets go -------------------------------------------------------------------------------------


def _again(bundle: Bundle) -> Iterator[Statement]:
    """Of those on hold, whom no condition holds any more."""
    for version, _ in bundle.now:
        conditions = [
            bundle.condition(version.guards, hold.condition, "run") for hold in version.machine.campaign.holds
        ]
        if conditions:
            yield bundle.writer.statement(
                f"UPDATE run SET state = {STATE.ASKING}, due_at = NULL, dirty = 1 "
                f"WHERE campaign_id = {version.campaign_id} AND ended_at IS NULL AND state = {STATE.REST} AND {_RUNS} "
                f"AND EXISTS (SELECT 1 {held('run', f' AND m.reason = {int(Reason.ON_HOLD)}')}) "
                f"AND NOT ({' OR '.join(map(str, conditions))})",
                *conditions,
            )


def freed(bundle: Bundle, freeing: str) -> tuple[Statement, ...]:
    """Capped messages ask again where `freeing` (FROM outcome ... of a row of `run`) has given a slot back."""
    if not bundle.holding:
        return ()
    capped = held("run", f" AND m.reason = {int(Reason.CAPPED)}")
    return (
        bundle.writer.statement(
            f"UPDATE run SET state = {STATE.DUE} WHERE was > 0 AND ended_at IS NULL AND state = {STATE.REST} "
            f"AND {_RUNS} AND EXISTS (SELECT 1 {capped}) AND EXISTS (SELECT 1 {freeing})"
        ),
    )


def cancel(bundle: Bundle, where: str, reason: Reason) -> tuple[Statement, ...]:
    """The held messages of those rows of `run`, who go another way: a ledger row each, then they are cancelled."""
    if not bundle.holding:
        return ()
    w = bundle.writer
    theirs = w.join(
        "message",
        "m",
        "m.customer_id = run.customer_id AND m.campaign_id = run.campaign_id AND m.instance = run.instance "
        f"AND m.status + 0 = {int(Status.HELD)} AND m.place_id IS NOT NULL",
    )
    who = w.among("customer_id", f"SELECT run.customer_id FROM run WHERE {where}")
    return (
        w.statement(
            f"{DECISION} SELECT run.at, run.customer_id, :turn, run.campaign_id, run.instance, "
            f"{int(Decision.WITHHELD)}, '', m.step_id, run.version_id, {int(reason)}, {PLACE}, NULL, NULL, NULL, NULL, "
            f"NULL, NULL FROM run {theirs} CROSS JOIN node n WHERE {where} "
            "AND n.version_id = m.version_id AND n.node = m.node"
        ),
        w.statement(
            f"UPDATE message SET status = {int(Status.CANCELLED)}, reason = {int(reason)} "
            f"WHERE status + 0 = {int(Status.HELD)} AND place_id IS NOT NULL AND {who} "
            "AND EXISTS (SELECT 1 FROM run WHERE run.customer_id = message.customer_id "
            f"AND run.campaign_id = message.campaign_id AND run.instance = message.instance AND {where})"
        ),
    )


def rechecked(campaign_id: int) -> str:
    """Rows of `run` that wait for a hold of this campaign to pass."""
    return (
        f"campaign_id = {campaign_id} AND state = {STATE.REST} "
        f"AND EXISTS (SELECT 1 {held('run', f' AND m.reason = {int(Reason.ON_HOLD)}')})"
    )
