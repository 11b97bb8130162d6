"""Statements of entering: docs/meaning.md, pass 1, paragraph 7, and Entries from within.

Campaigns go one after the other, in total order.
"""

from __future__ import annotations

from dataclasses import dataclass

from flowrules.model import campaign as m
from flowrules.sql.bundle import OCCURRENCE, Bundle, Version
from flowrules.sql.codes import Decision, Reason
from flowrules.sql.dates import on_date
from flowrules.sql.inner import started
from flowrules.sql.rounds import DECISION
from flowrules.sql.scratch import STATE
from flowrules.sql.statement import Fragment, Statement
from flowrules.sql.watch import excluded


@dataclass(frozen=True, slots=True)
class HoldOut:
    """name: what buckets are made of; ghost: what a held-out instance is marked with."""

    name: str
    millionths: int
    ghost: int


@dataclass(frozen=True, slots=True)
class Entry:
    """what: the agenda's mark of this campaign's trigger.

    judge finds the candidates and the verdicts; hold_outs are asked in order for those that enter.
    """

    campaign_id: int
    what: int
    judge: tuple[Statement, ...]
    hold_outs: tuple[HoldOut, ...]
    unexposed: Statement
    draw: str
    expose: Statement
    enter: tuple[Statement, ...]
    clear: Statement


def entries(bundle: Bundle) -> tuple[Entry, ...]:
    return tuple(_entry(bundle, version, lives_from) for version, lives_from in bundle.now)


def _entry(bundle: Bundle, version: Version, lives_from: int) -> Entry:
    campaign, w = version.machine.campaign, bundle.writer
    trigger = campaign.entry.trigger
    what = (
        bundle.event_type(trigger.event.name)
        if isinstance(trigger, m.EventTrigger)
        else OCCURRENCE - version.campaign_id
    )
    return Entry(
        campaign_id=version.campaign_id,
        what=what,
        judge=tuple(_judge(bundle, version, lives_from, what)),
        hold_outs=_hold_outs(bundle, campaign),
        unexposed=w.statement(
            f"SELECT c.customer_id, u.external_id FROM candidate c {w.join('customer', 'u', 'u.id = c.customer_id')} "
            "WHERE c.reason IS NULL AND c.ghost = 0 AND NOT EXISTS (SELECT 1 FROM exposure x "
            "WHERE x.customer_id = c.customer_id AND x.name = :name) ORDER BY c.customer_id"
        ),
        draw=w.row("exposure", "customer_id, name, held_out"),
        expose=w.statement(
            "UPDATE candidate SET ghost = :ghost WHERE reason IS NULL AND ghost = 0 AND EXISTS (SELECT 1 "
            "FROM exposure x WHERE x.customer_id = candidate.customer_id AND x.name = :name AND x.held_out = 1)"
        ),
        enter=tuple(_enter(bundle, version)),
        clear=w.statement("DELETE FROM candidate"),
    )


def _hold_outs(bundle: Bundle, campaign: m.Campaign) -> tuple[HoldOut, ...]:
    found = []
    universal = bundle.model.policy.hold_out if bundle.model is not None else None
    if universal is not None and (not universal.classes or campaign.message_class.name in universal.classes):
        found.append(HoldOut("holdout", universal.millionths, 1))
    if campaign.hold_out is not None:
        found.append(HoldOut(f"holdout/{campaign.name}", campaign.hold_out.millionths, 2))
    return tuple(found)


def _found(bundle: Bundle, version: Version, lives_from: int, what: int) -> tuple[str, tuple[Fragment, ...]]:
    """Who may enter: customer_id, at, zone_id, seq, ghost."""
    trigger, w = version.machine.campaign.entry.trigger, bundle.writer
    match trigger:
        case m.EventTrigger():
            test = w.fragment(version.guards.filter(trigger.filter, version.guards.event))
            same = f"event.customer_id = focus.customer_id AND event.type_id = {what} AND event.at = focus.at"
            human = " AND event.machine IS NULL" if trigger.event.reaction in ("opened", "clicked") else ""
            return (
                "SELECT focus.customer_id, focus.at, focus.zone_id, min(event.seq) AS seq, 0 AS ghost FROM focus "
                f"{w.join('event', 'event', same)} WHERE event.event_time >= {lives_from} AND {test}{human} "
                "GROUP BY focus.customer_id, focus.at, focus.zone_id",
                (test,),
            )
        case m.ScheduleTrigger():
            test = bundle.condition(version.guards, trigger.segment.condition, "focus")
            return (
                "SELECT focus.customer_id, focus.at, focus.zone_id, CAST(NULL AS BIGINT) AS seq, 0 AS ghost "
                "FROM focus WHERE EXISTS (SELECT 1 FROM occurrence o WHERE o.zone_id = focus.zone_id "
                f"AND o.at = focus.at AND o.what = {what}) AND EXISTS (SELECT 1 FROM customer u "
                f"WHERE u.id = focus.customer_id AND u.known_at <= focus.at) AND {test}",
                (test,),
            )
        case m.DateTrigger():
            return on_date(trigger, what)
        case _:
            return started(bundle, version)


def _judge(bundle: Bundle, version: Version, lives_from: int, what: int) -> list[Statement]:
    campaign, w = version.machine.campaign, bundle.writer
    found, fragments = _found(bundle, version, lives_from, what)
    same = f"customer_id = q.customer_id AND campaign_id = {version.campaign_id}"
    last = [f"(SELECT max({column}) FROM enrollment WHERE {same})" for column in ("instance", "entered_at")]
    inner = isinstance(campaign.entry.trigger, m.InnerTrigger)
    if inner:  # also those that entered at this instant, which are not stored yet
        now = [f"(SELECT max({column}) FROM run WHERE {same} AND existed = 0)" for column in ("instance", "entered_at")]
        last = [f"coalesce({new}, {old})" for new, old in zip(now, last, strict=True)]
    find = w.statement(
        "INSERT INTO candidate (customer_id, at, zone_id, seq, last_instance, last_at, ghost) "
        f"SELECT q.customer_id, q.at, q.zone_id, q.seq, {', '.join(last)}, q.ghost FROM ({found}) AS q",
        *fragments,
    )
    verdict = ""
    if version.campaign_id in bundle.paused:
        verdict = (
            f"WHEN EXISTS (SELECT 1 FROM pause p WHERE p.campaign_id = {version.campaign_id} "
            "AND p.since <= candidate.at AND (p.until IS NULL OR p.until > candidate.at)) "
            f"THEN {int(Reason.PAUSED)} "
        )
    verdict += (
        "WHEN EXISTS (SELECT 1 FROM run WHERE run.customer_id = candidate.customer_id "
        f"AND run.campaign_id = {version.campaign_id} AND run.ended_at IS NULL) THEN {int(Reason.ALREADY_INSIDE)} "
    )
    if campaign.entry.mode == "once":
        verdict += f"WHEN last_instance IS NOT NULL THEN {int(Reason.ENTERED_BEFORE)} "
    elif campaign.entry.mode == "again after":
        verdict += f"WHEN at - last_at < {campaign.entry.gap} THEN {int(Reason.TOO_SOON)} "
    elif inner:
        verdict += f"WHEN last_at = at THEN {int(Reason.LOOP)} "
    statements = [
        find,
        w.statement(
            f"UPDATE candidate SET reason = CASE {verdict} END, place_id = {bundle.label(campaign.entry.place)}"
        ),
    ]
    for exclusion in campaign.exclusions:
        place, by = excluded(bundle, exclusion)
        mark = f"UPDATE candidate SET reason = {int(Reason.EXCLUDED)}, place_id = {place}, by_id = {by} "
        if isinstance(exclusion, m.ExcludeWhere):
            holds = bundle.condition(version.guards, exclusion.condition, "candidate")
            statements.append(w.statement(f"{mark} WHERE reason IS NULL AND {holds}", holds))
        else:
            statements.append(
                w.statement(
                    f"{mark} WHERE reason IS NULL AND EXISTS (SELECT 1 FROM run WHERE "
                    "run.customer_id = candidate.customer_id AND run.campaign_id = "
                    f"{bundle.catalogue.campaigns[exclusion.campaign]} AND run.ended_at IS NULL)"
                )
            )
    return statements


def _enter(bundle: Bundle, version: Version) -> list[Statement]:
    campaign_id, w = version.campaign_id, bundle.writer
    number = "coalesce(last_instance, 0) + 1"
    return [
        w.statement(
            f"{DECISION} SELECT customer_id, at, :turn, {campaign_id}, CASE WHEN reason IS NULL THEN {number} "
            f"ELSE 0 END, "
            f"CASE WHEN reason IS NULL THEN {int(Decision.ENTERED)} ELSE {int(Decision.NOT_ENTERED)} END, 0, "
            f"{version.id}, "
            f"CASE WHEN reason IS NULL AND ghost > 0 THEN {int(Reason.HELD_OUT)} ELSE reason END, place_id, by_id, "
            "NULL, NULL, NULL, NULL, NULL FROM candidate"
        ),
        w.statement(
            "INSERT INTO run (customer_id, campaign_id, instance, at, zone_id, version_id, code, state, existed, "
            "entered_at, entry_seq, stage_at, stage_id, ghost, ending, dirty, born) "
            f"SELECT customer_id, {campaign_id}, {number}, at, zone_id, {version.id}, {version.code(0)}, "
            f"{STATE.RUNNING}, 0, at, seq, at, 0, ghost, 0, 1, :turn FROM candidate WHERE reason IS NULL"
        ),
    ]
