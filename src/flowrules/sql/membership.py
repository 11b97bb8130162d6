"""Statements that keep who is in a segment some campaign waits for (docs/meaning.md, Membership).

Only customers whose facts or positions changed are asked again, and those whose time has come. What is found differs
from what was stored leaves rows in `start`, as a step does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flowrules.model import campaign as m
from flowrules.model.condition import Segment
from flowrules.model.touches import Thing, touches
from flowrules.sql.bundle import Bundle, Version
from flowrules.sql.guards import Row
from flowrules.sql.scratch import AGENDA
from flowrules.sql.statement import Statement


@dataclass(frozen=True, slots=True)
class Membership:
    """One segment. whats: marks of the agenda that may change it; things: what a step may change of it."""

    whats: frozenset[int]
    things: frozenset[Thing]
    statements: tuple[Statement, ...]


def memberships(bundle: Bundle) -> tuple[Membership, ...]:
    return tuple(_membership(bundle, segment, waiting) for segment, waiting in _kept(bundle))


def baseline(bundle: Bundle, zone: str) -> tuple[Statement, ...]:
    """Who is a member at `:at`: nobody joins by that. zone: of a customer `c`, as SQL."""
    w = bundle.writer
    statements = [w.statement("DELETE FROM membership")]
    for segment, waiting in _kept(bundle):
        guards, row = waiting[0].guards.at_rest(), Row("base")
        holds = w.fragment(guards.test(segment.condition, row))
        change = w.fragment(guards.next_change(segment.condition, row))
        statements.append(
            w.statement(
                "INSERT INTO membership (customer_id, segment_id, member, recheck_at) SELECT * FROM (SELECT "
                f"base.customer_id, {bundle.catalogue.segments[segment.name]} AS segment_id, "
                f"CASE WHEN {holds} THEN 1 ELSE 0 END AS member, CAST({change} AS BIGINT) AS recheck_at "
                f"FROM (SELECT c.id AS customer_id, CAST(:at AS BIGINT) AS at, {zone} AS zone_id FROM customer c "
                "WHERE c.known_at <= :at) AS base) AS found WHERE member = 1 OR recheck_at IS NOT NULL",
                holds,
                change,
            )
        )
    return tuple(statements)


def _kept(bundle: Bundle) -> Iterator[tuple[Segment, list[Version]]]:
    """The segments, with the versions that wait for them."""
    found: dict[str, tuple[Segment, list[Version]]] = {}
    for version, _ in bundle.now:
        trigger = version.machine.campaign.entry.trigger
        if isinstance(trigger, m.SegmentTrigger):
            found.setdefault(trigger.segment.name, (trigger.segment, []))[1].append(version)
    yield from found.values()


def _membership(bundle: Bundle, segment: Segment, waiting: list[Version]) -> Membership:
    w, number, row = bundle.writer, bundle.catalogue.segments[segment.name], Row("focus")
    things = frozenset(touches(segment.condition))
    whats = {AGENDA.MEMBER - number, AGENDA.KNOWN, AGENDA.CHANGE}
    whats |= {bundle.event_type(name) for kind, name in things if kind == "event"}
    if any(kind == "consent" for kind, _ in things):
        whats.add(AGENDA.CONSENT)
    marks = ", ".join(str(what) for what in sorted(whats))
    holds = w.fragment(waiting[0].guards.test(segment.condition, row))
    change = w.fragment(waiting[0].guards.next_change(segment.condition, row))
    stored = f"FROM membership m WHERE m.customer_id = focus.customer_id AND m.segment_id = {number}"
    find = w.statement(
        "INSERT INTO belongs (customer_id, at, was, holds, recheck_at, had) SELECT focus.customer_id, focus.at, "
        f"coalesce((SELECT m.member {stored}), 0), CASE WHEN {holds} THEN 1 ELSE 0 END, {change}, "
        f"(SELECT m.recheck_at {stored}) FROM focus WHERE EXISTS (SELECT 1 FROM agenda a WHERE "
        f"a.customer_id = focus.customer_id AND a.at = focus.at AND a.what IN ({marks})) "
        "OR EXISTS (SELECT 1 FROM run r WHERE r.customer_id = focus.customer_id AND r.dirty = 1)",
        holds,
        change,
    )
    store = w.statement(
        f"INSERT INTO membership (customer_id, segment_id, member, recheck_at) SELECT customer_id, {number}, holds, "
        "recheck_at FROM belongs WHERE holds <> was OR coalesce(recheck_at, 0) <> coalesce(had, 0) "
        "ON CONFLICT (customer_id, segment_id) DO UPDATE SET member = excluded.member, recheck_at = excluded.recheck_at"
    )
    again = w.statement(
        f"INSERT INTO agenda (customer_id, at, what) SELECT customer_id, recheck_at, {AGENDA.MEMBER - number} "
        "FROM belongs WHERE recheck_at <= :target ON CONFLICT DO NOTHING"
    )
    starts = tuple(
        w.statement(
            "INSERT INTO start (customer_id, target, plain, key, instance, campaign_id, ghost, depth) SELECT "
            f"customer_id, {version.campaign_id}, 0, '', 0, NULL, 0, 1 + coalesce((SELECT max(r.depth) FROM run r "
            f"WHERE r.customer_id = belongs.customer_id), 0) FROM belongs WHERE holds = {joins} AND was = {1 - joins} "
            "ON CONFLICT DO NOTHING"
        )
        for version in waiting
        for joins in [_joins(version)]
    )
    return Membership(frozenset(whats), things, (find, store, again, *starts, w.statement("DELETE FROM belongs")))


def _joins(version: Version) -> int:
    trigger = version.machine.campaign.entry.trigger
    return int(isinstance(trigger, m.SegmentTrigger) and trigger.joins)
