"""Statements of entering: docs/meaning.md, pass 1, paragraph 7, and Entries from within.

Campaigns go one after the other, in total order.
"""

from __future__ import annotations

from dataclasses import dataclass

from flowrules.model import campaign as m
from flowrules.sql import canary, scratch
from flowrules.sql.bundle import OCCURRENCE, Bundle, Version
from flowrules.sql.codes import Decision, Reason
from flowrules.sql.dates import on_date
from flowrules.sql.inner import set_off_now
from flowrules.sql.rounds import DECISION, inserting
from flowrules.sql.scratch import STATE
from flowrules.sql.statement import Fragment, Statement
from flowrules.sql.watch import excluded


@dataclass(frozen=True, slots=True)
class HoldOut:
    """name: what buckets are made of; ghost: what a held-out instance is marked with."""

    name: str
    millionths: int
    ghost: int

    @property
    def exposure(self) -> str:
        """Under which the answer is stored."""
        return self.name


@dataclass(frozen=True, slots=True)
class Canary:
    """As of a hold-out, but that ghosts are asked for too: what is drawn is the version. exposed: marks who is in."""

    name: str
    millionths: int
    exposure: str
    unexposed: Statement
    exposed: Statement


@dataclass(frozen=True, slots=True)
class Entry:
    """what: the agenda's mark of this campaign's trigger, if it has one there.

    judge and inner find the candidates and the verdicts: by facts and occurrences, and by what was set off within the
    instant. hold_outs are asked in order for those that enter, then canary, if only a share is to enter this version.
    """

    campaign_id: int
    what: int
    judge: tuple[Statement, ...]
    inner: tuple[Statement, ...]
    hold_outs: tuple[HoldOut, ...]
    canary: Canary | None
    unexposed: Statement
    draw: str
    expose: Statement
    enter: tuple[Statement, ...]
    clear: Statement


def entries(bundle: Bundle) -> tuple[Entry, ...]:
    return tuple(_entry(bundle, version, lives_from) for version, lives_from in bundle.now)


def _entry(bundle: Bundle, version: Version, lives_from: int) -> Entry:
    campaign, w = version.machine.campaign, bundle.writer
    what = _what(bundle, version)
    judge: list[Statement] = []
    inner: list[Statement] = []
    trigger = campaign.entry.trigger
    if isinstance(trigger, m.OuterTrigger):
        judge = [_find(bundle, version, trigger, lives_from, what), *_judge(bundle, version, inner=False)]
    if bundle.set_off(campaign):
        inner = [_find_inner(bundle, version), *_judge(bundle, version, inner=True)]
    return Entry(
        campaign_id=version.campaign_id,
        what=what,
        judge=tuple(judge),
        inner=tuple(inner),
        hold_outs=_hold_outs(bundle, version),
        canary=_canary(bundle, version),
        unexposed=_unexposed(bundle, "c.reason IS NULL AND c.ghost = 0"),
        draw=w.row("exposure", "customer_id, name, held_out"),
        expose=w.statement(
            "UPDATE candidate SET ghost = :ghost WHERE reason IS NULL AND ghost = 0 AND EXISTS (SELECT 1 "
            "FROM exposure x WHERE x.customer_id = candidate.customer_id AND x.name = :name AND x.held_out = 1)"
        ),
        enter=tuple(_enter(bundle, version)),
        clear=w.statement("DELETE FROM candidate"),
    )


def _what(bundle: Bundle, version: Version) -> int:
    trigger = version.machine.campaign.entry.trigger
    if isinstance(trigger, m.EventTrigger):
        return bundle.event_type(trigger.event.name)
    return OCCURRENCE - version.campaign_id


def _hold_outs(bundle: Bundle, version: Version) -> tuple[HoldOut, ...]:
    found, campaign = [], version.machine.campaign
    universal = bundle.model.policy.hold_out if bundle.model is not None else None
    if universal is not None and (not universal.classes or campaign.message_class.name in universal.classes):
        found.append(HoldOut("holdout", universal.millionths, 1))
    if campaign.hold_out is not None:
        found.append(HoldOut(f"holdout/{campaign.name}", campaign.hold_out.millionths, 1 + version.campaign_id))
    return tuple(found)


def _unexposed(bundle: Bundle, which: str) -> Statement:
    return bundle.writer.statement(
        "SELECT DISTINCT c.customer_id, u.external_id FROM candidate c "
        f"{bundle.writer.join('customer', 'u', 'u.id = c.customer_id')} WHERE {which} "
        "AND NOT EXISTS (SELECT 1 FROM exposure x WHERE x.customer_id = c.customer_id AND x.name = :name) "
        "ORDER BY c.customer_id"
    )


def _canary(bundle: Bundle, version: Version) -> Canary | None:
    if version.campaign_id not in bundle.canaries:
        return None
    (_, millionths), campaign = bundle.canaries[version.campaign_id], version.machine.campaign.name
    return Canary(
        canary.name(campaign),
        millionths,
        canary.exposure(campaign, millionths),
        _unexposed(bundle, "c.reason IS NULL"),
        bundle.writer.statement(
            "UPDATE candidate SET canary = 1 WHERE reason IS NULL AND EXISTS (SELECT 1 "
            "FROM exposure x WHERE x.customer_id = candidate.customer_id AND x.name = :name AND x.held_out = 1)"
        ),
    )


# --- who may enter ------------------------------------------------------------------------------------


def _find(bundle: Bundle, version: Version, trigger: m.OuterTrigger, lives_from: int, what: int) -> Statement:
    """The candidates, by facts and occurrences."""
    entry = version.machine.campaign.entry
    earlier = f"FROM enrollment e WHERE e.customer_id = q.customer_id AND e.campaign_id = {version.campaign_id}"
    same_key = " AND e.key = q.key" if entry.key is not None else ""
    nth = "q.seq" if entry.several and isinstance(trigger, m.EventTrigger) else "1"
    found, fragments = _found(bundle, version, trigger, lives_from, what)
    return bundle.writer.statement(
        "INSERT INTO candidate (customer_id, nth, at, zone_id, seq, key, last_instance, last_at, place_id, ghost) "
        f"SELECT q.customer_id, {nth}, q.at, q.zone_id, q.seq, q.key, (SELECT max(e.instance) {earlier}), "
        f"(SELECT max(e.entered_at) {earlier}{same_key}), {bundle.label(entry.place)}, 0 FROM ({found}) AS q",
        *fragments,
    )


def _found(
    bundle: Bundle, version: Version, trigger: m.OuterTrigger, lives_from: int, what: int
) -> tuple[str, tuple[Fragment, ...]]:
    """Who may enter: customer_id, at, zone_id, seq, key."""
    w, entry = bundle.writer, version.machine.campaign.entry
    match trigger:
        case m.EventTrigger():
            test = w.fragment(version.guards.filter(trigger.filter, version.guards.event))
            same = f"event.customer_id = focus.customer_id AND event.type_id = {what} AND event.at = focus.at"
            since = bundle.looks_back.get(version.campaign_id, lives_from)
            if version.campaign_id in bundle.looking:
                first_at = f"CASE WHEN focus.at = {lives_from} THEN {since} ELSE focus.at END"
                same = same.replace("event.at = focus.at", f"event.at >= {first_at} AND event.at <= focus.at")
            human = " AND event.machine IS NULL" if trigger.event.reaction in ("opened", "clicked") else ""
            key, first, group = "''", "min(event.seq)", " GROUP BY focus.customer_id, focus.at, focus.zone_id"
            if entry.key is not None:
                key = f"coalesce({w.fragment(version.guards.key(entry.key, version.guards.event))}, '')"
                group += f", {key}"
            if entry.mode == "every time":
                first, group = "event.seq", ""
            return (
                f"SELECT focus.customer_id, focus.at, focus.zone_id, {first} AS seq, {key} AS key FROM focus "
                f"{w.join('event', 'event', same)} WHERE event.event_time >= {since} AND {test}{human}{group}",
                (test,),
            )
        case m.ScheduleTrigger():
            test = bundle.condition(version.guards, trigger.segment.condition, "focus")
            return (
                "SELECT focus.customer_id, focus.at, focus.zone_id, CAST(NULL AS BIGINT) AS seq, '' AS key "
                "FROM focus WHERE EXISTS (SELECT 1 FROM occurrence o WHERE o.zone_id = focus.zone_id "
                f"AND o.at = focus.at AND o.what = {what}) AND EXISTS (SELECT 1 FROM customer u "
                f"WHERE u.id = focus.customer_id AND u.known_at <= focus.at) AND {test}",
                (test,),
            )
        case m.DateTrigger():
            return on_date(trigger, what)


def _find_inner(bundle: Bundle, version: Version) -> Statement:
    """The candidates, by what was set off: in plain order, one a customer (and key), or all."""
    entry, campaign_id = version.machine.campaign.entry, version.campaign_id
    keyed = entry.key is not None
    # What has begun and perhaps ended within this instant is not stored yet.
    earlier = (
        "(SELECT max(o.{0}) FROM (SELECT e.{0} FROM enrollment e WHERE e.customer_id = q.customer_id "
        f"AND e.campaign_id = {campaign_id}{{1}} UNION ALL SELECT r.{{0}} FROM run r "
        f"WHERE r.customer_id = q.customer_id AND r.campaign_id = {campaign_id}{{2}}) AS o)"
    )
    last_at = earlier.format("entered_at", *((" AND e.key = q.key", " AND r.key = q.key") if keyed else ("", "")))
    key = "q.key" if keyed else "''"
    order = "ORDER BY s.plain, s.key, s.instance"
    return bundle.writer.statement(
        "INSERT INTO candidate (customer_id, nth, at, zone_id, seq, key, last_instance, last_at, place_id, ghost, "
        "by_id, link_campaign_id, link_instance, depth) "
        f"SELECT q.customer_id, q.nth, q.at, q.zone_id, NULL, {key}, "
        f"{earlier.format('instance', '', '')}, {last_at}, q.place_id, q.ghost, q.by_id, "
        "CASE q.linked WHEN 1 THEN q.campaign_id END, CASE q.linked WHEN 1 THEN q.instance END, q.depth "
        f"FROM (SELECT s.*, f.at, f.zone_id, row_number() OVER (PARTITION BY s.customer_id {order}) AS nth, "
        f"row_number() OVER (PARTITION BY s.customer_id{', s.key' if keyed else ''} {order}) AS turn "
        f"FROM {set_off_now(bundle, version)}) AS q{'' if entry.mode == 'every time' else ' WHERE q.turn = 1'}"
    )


def _judge(bundle: Bundle, version: Version, *, inner: bool) -> list[Statement]:
    """The verdicts."""
    campaign, w = version.machine.campaign, bundle.writer
    statements, tests = [], _tests(bundle, version, inner=inner)
    if tests:
        # Most are not refused.
        refused = " OR ".join(f"({test})" for test, _ in tests)
        reason = " ".join(f"WHEN {test} THEN {int(why)}" for test, why in tests)
        statements.append(w.statement(f"UPDATE candidate SET reason = CASE {reason} END WHERE {refused}"))
    if inner:
        place = bundle.label(campaign.entry.place)
        told = f"UPDATE candidate SET place_id = {place} WHERE reason IS NOT NULL OR place_id IS NULL"
        statements.append(w.statement(told))
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
    if campaign.entry.several:
        statements.append(
            w.statement(
                "UPDATE candidate SET number = (SELECT count(*) FROM candidate o WHERE o.customer_id = "
                "candidate.customer_id AND o.reason IS NULL AND o.nth <= candidate.nth) WHERE reason IS NULL"
            )
        )
    return statements


def _tests(bundle: Bundle, version: Version, *, inner: bool) -> list[tuple[str, Reason]]:
    """A pause; of what is set off, that the chain has no end; those of the mode, by key where there is one."""
    entry, tests = version.machine.campaign.entry, []
    if version.campaign_id in bundle.paused:
        during = f"p.campaign_id = {version.campaign_id} AND p.since <= candidate.at"
        still = "(p.until IS NULL OR p.until > candidate.at)"
        tests.append((f"EXISTS (SELECT 1 FROM pause p WHERE {during} AND {still})", Reason.PAUSED))
    if entry.key is not None:
        tests.append(("key = ''", Reason.NO_KEY))
    if inner:
        tests.append((f"depth > {len(bundle.now)}", Reason.LOOP))
    if entry.mode != "every time":
        same_key = " AND run.key = candidate.key" if entry.key is not None else ""
        inside = (
            "EXISTS (SELECT 1 FROM run WHERE run.customer_id = candidate.customer_id AND run.campaign_id = "
            f"{version.campaign_id} AND run.ended_at IS NULL{same_key})"
        )
        tests.append((inside, Reason.ALREADY_INSIDE))
    if entry.mode == "once":
        tests.append(("last_at IS NOT NULL", Reason.ENTERED_BEFORE))
    elif entry.mode == "again after":
        tests.append((f"at - last_at < {entry.gap}", Reason.TOO_SOON))
    return tests


def _enter(bundle: Bundle, version: Version) -> list[Statement]:
    campaign_id, w, entry = version.campaign_id, bundle.writer, version.machine.campaign.entry
    number = f"coalesce(last_instance, 0) + {'number' if entry.several else '1'}"
    # Where each has a verdict of its own, one row tells of all that are refused: the first.
    once = " ORDER BY nth ON CONFLICT DO NOTHING" if entry.mode == "every time" else ""
    run: dict[str, object] = {name: name for name in ("customer_id", "at", "zone_id", "ghost", "key")}
    if bundle.set_off(version.machine.campaign):
        run |= {name: name for name in ("link_campaign_id", "link_instance", "depth")}
    if campaign_id in bundle.looking and isinstance(entry.trigger, m.EventTrigger):
        run["entry_at"] = (
            "(SELECT e.at FROM event e WHERE e.customer_id = candidate.customer_id "
            f"AND e.type_id = {bundle.event_type(entry.trigger.event.name)} AND e.seq = candidate.seq "
            "AND e.at < candidate.at)"
        )
    into, code, words = str(version.id), str(version.code(0)), "NULL"
    if campaign_id in bundle.canaries:
        base, millionths = bundle.canaries[campaign_id]
        into = f"CASE WHEN reason IS NULL AND canary IS NULL THEN {base.id} ELSE {version.id} END"
        code = f"CASE WHEN canary IS NULL THEN {base.code(0)} ELSE {version.code(0)} END"
        taken, others = (bundle.label(each) for each in canary.words(millionths))
        words = f"CASE WHEN reason IS NULL THEN CASE WHEN canary IS NULL THEN {others} ELSE {taken} END END"
    run |= {"campaign_id": campaign_id, "instance": number, "version_id": into, "code": code, "state": STATE.RUNNING}
    run |= {"entered_at": "at", "entry_seq": "seq", "stage_at": "at", "stage_id": 0}
    run |= {"was": 0, "ending": 0, "dirty": 1, "born": ":turn"}
    return [
        w.statement(
            f"{DECISION} SELECT at, customer_id, :turn, {campaign_id}, CASE WHEN reason IS NULL THEN {number} "
            f"ELSE 0 END, "
            f"CASE WHEN reason IS NULL THEN {int(Decision.ENTERED)} ELSE {int(Decision.NOT_ENTERED)} END, key, 0, "
            f"{into}, "
            f"CASE WHEN reason IS NULL AND ghost > 0 THEN {int(Reason.HELD_OUT)} ELSE reason END, place_id, by_id, "
            f"NULL, NULL, NULL, NULL, {words} FROM candidate{once}"
        ),
        w.statement(f"{inserting(scratch.run, run)} FROM candidate WHERE reason IS NULL"),
    ]
