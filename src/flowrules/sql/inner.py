"""Statements of entries from within: what a step sets off in another campaign (docs/meaning.md, Entries from within).

Steps and facts leave rows in `start`; entering reads them. They are made only where a campaign in force waits for
such a thing.
"""

from __future__ import annotations

from dataclasses import dataclass

from flowrules.model import campaign as m
from flowrules.model.schema import Attribute
from flowrules.sql.bundle import Bundle, Version
from flowrules.sql.columns import attribute_column
from flowrules.sql.guards import constant
from flowrules.sql.statement import Fragment, Statement


@dataclass(frozen=True, slots=True)
class Inner:
    """used: some campaign in force waits for such a thing. changes: by attribute."""

    used: bool
    changes: dict[str, Change]
    started: Statement
    clear: tuple[Statement, Statement]


def inner(bundle: Bundle) -> Inner:
    w = bundle.writer
    return Inner(
        used=any(isinstance(version.machine.campaign.entry.trigger, m.InnerTrigger) for version, _ in bundle.now),
        changes=changes(bundle),
        started=w.statement("SELECT DISTINCT campaign_id FROM start"),
        clear=(w.statement("DELETE FROM start"), w.statement("DELETE FROM before")),
    )


def set_off(bundle: Bundle, version: Version, targets: tuple[int, ...], where: str) -> tuple[Statement, ...]:
    """Instances of a version for which `where` holds may let their customer into the targets."""
    plain = bundle.plain(version.machine.campaign.name)
    return tuple(
        bundle.writer.statement(
            "INSERT INTO start (customer_id, campaign_id, plain, instance, ghost) "
            f"SELECT customer_id, {target}, {plain}, instance, ghost FROM run WHERE {where} ON CONFLICT DO NOTHING"
        )
        for target in targets
    )


def stage_reached(bundle: Bundle, version: Version, stage: str, here: str) -> tuple[Statement, ...]:
    campaign = version.machine.campaign.name
    return set_off(bundle, version, bundle.waiting_for(m.StageTrigger(campaign, stage)), here)


def tag_given(bundle: Bundle, version: Version, tag: str, here: str) -> tuple[Statement, ...]:
    """To those who have it not yet."""
    new = f"{here} AND NOT {_tagged(bundle, tag, 'run')}"
    return set_off(bundle, version, bundle.waiting_for(m.TagTrigger(tag)), new)


@dataclass(frozen=True, slots=True)
class Change:
    """An attribute some campaign waits for to change: what its value was is remembered, then compared."""

    remember: Statement
    compare: tuple[Statement, ...]


def changes(bundle: Bundle) -> dict[str, Change]:
    """By the attribute's name."""
    waiting: dict[str, list[tuple[Version, m.ChangeTrigger]]] = {}
    for version, _ in bundle.now:
        trigger = version.machine.campaign.entry.trigger
        if isinstance(trigger, m.ChangeTrigger):
            waiting.setdefault(trigger.attribute.name, []).append((version, trigger))
    return {
        name: Change(_remember(bundle, name), tuple(_compare(bundle, *each) for each in there))
        for name, there in waiting.items()
    }


def value_lost(bundle: Bundle, version: Version, attribute: Attribute, here: str) -> tuple[Statement, ...]:
    """Where an attribute some campaign waits for is about to be set: remember what it was."""
    if not bundle.waits_for_change(attribute.name):
        return ()
    plain = bundle.plain(version.machine.campaign.name)
    values = f"{bundle.attribute(attribute.name)}, {plain}, r.instance, r.ghost, {_columns(attribute, 'c')}"
    customers = bundle.writer.join("customer", "c", "c.id = r.customer_id")
    rows = f"(SELECT customer_id, instance, ghost FROM run WHERE {here}) AS r"
    return (bundle.writer.statement(f"{_BEFORE} SELECT r.customer_id, {values} FROM {rows} {customers}"),)


_BEFORE = "INSERT INTO before (customer_id, attribute, plain, instance, ghost, number, words)"


def _remember(bundle: Bundle, name: str) -> Statement:
    """Of those whose profile changes at this instant."""
    attribute, w = bundle.declared(name), bundle.writer
    asked = w.fragment(constant(name))
    there = f"a.customer_id = focus.customer_id AND a.at = focus.at AND a.attribute = {asked}"
    customers = w.join("customer", "c", "c.id = focus.customer_id")
    values = f"{bundle.attribute(name)}, 0, 0, 0, {_columns(attribute, 'c')}"
    return w.statement(
        f"{_BEFORE} SELECT focus.customer_id, {values} FROM focus {customers} "
        f"WHERE EXISTS (SELECT 1 FROM attribute_change a WHERE {there})",
        asked,
    )


def _compare(bundle: Bundle, version: Version, trigger: m.ChangeTrigger) -> Statement:
    attribute, w = trigger.attribute, bundle.writer
    default = [] if attribute.default is None else [w.fragment(constant(attribute.default))]
    was = f"b.{'words' if attribute.type.textual else 'number'}"
    now = f'c."{attribute_column(attribute)}"'
    if default:
        was, now = f"coalesce({was}, {default[0]})", f"coalesce({now}, {default[0]})"
    differ = "IS NOT" if w.dialect == "sqlite" else "IS DISTINCT FROM"
    test, fragments = f"{now} {differ} {was}", list(default)
    for side, value in ((was, trigger.before), (now, trigger.after)):
        if value is not None:
            fragments.append(w.fragment(constant(value)))
            test += f" AND {side} = {fragments[-1]}"
    return w.statement(
        "INSERT INTO start (customer_id, campaign_id, plain, instance, ghost) "
        f"SELECT b.customer_id, {version.campaign_id}, b.plain, b.instance, b.ghost FROM before b "
        f"{w.join('customer', 'c', 'c.id = b.customer_id')} "
        f"WHERE b.attribute = {bundle.attribute(attribute.name)} AND {test} ON CONFLICT DO NOTHING",
        *fragments,
    )


def _columns(attribute: Attribute, table: str) -> str:
    """Its value as number and words, one of them empty."""
    column = f'{table}."{attribute_column(attribute)}"'
    return f"CAST(NULL AS BIGINT), {column}" if attribute.type.textual else f"{column}, CAST(NULL AS TEXT)"


def started(bundle: Bundle, version: Version) -> tuple[str, tuple[Fragment, ...]]:
    """Who may enter by what was set off just now: customer_id, at, zone_id, seq, ghost."""
    trigger = version.machine.campaign.entry.trigger
    mine = f"FROM start s WHERE s.customer_id = focus.customer_id AND s.campaign_id = {version.campaign_id}"
    test = f" AND {_tagged(bundle, trigger.tag, 'focus')}" if isinstance(trigger, m.TagTrigger) else ""
    return (
        "SELECT focus.customer_id, focus.at, focus.zone_id, CAST(NULL AS BIGINT) AS seq, "
        f"(SELECT s.ghost {mine} ORDER BY s.plain, s.instance LIMIT 1) AS ghost "
        f"FROM focus WHERE EXISTS (SELECT 1 {mine}){test}",
        (),
    )


def _tagged(bundle: Bundle, tag: str, row: str) -> str:
    return (
        f"EXISTS (SELECT 1 FROM tagging g WHERE g.customer_id = {row}.customer_id "
        f"AND g.tag_id = {bundle.catalogue.tags.get(tag, -1)})"
    )
