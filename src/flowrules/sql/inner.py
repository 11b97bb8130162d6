"""Statements of entries from within: what a step sets off in another campaign (docs/meaning.md, Entries from within).

Steps and facts leave rows in `start`; entering reads them. They are made only where a campaign in force waits for
such a thing.
"""

from __future__ import annotations

from dataclasses import dataclass

from flowrules.model import campaign as m
from flowrules.model.schema import Attribute
from flowrules.program.machine import Started
from flowrules.sql.bundle import Bundle, Version
from flowrules.sql.columns import attribute_column
from flowrules.sql.guards import constant
from flowrules.sql.statement import Statement


@dataclass(frozen=True, slots=True)
class Inner:
    """used: some campaign in force may be set off. changes: by attribute."""

    used: bool
    changes: dict[str, Change]
    started: Statement
    clear: tuple[Statement, Statement]


def inner(bundle: Bundle) -> Inner:
    w = bundle.writer
    return Inner(
        used=any(bundle.set_off(version.machine.campaign) for version, _ in bundle.now),
        changes=changes(bundle),
        started=w.statement("SELECT DISTINCT target FROM start"),
        clear=(w.statement("DELETE FROM start"), w.statement("DELETE FROM before")),
    )


def set_off(bundle: Bundle, version: Version, targets: tuple[int, ...], where: str) -> tuple[Statement, ...]:
    """Instances of a version for which `where` holds may let their customer into the targets."""
    plain = bundle.plain(version.machine.campaign.name)
    return tuple(
        bundle.writer.statement(
            "INSERT INTO start (customer_id, target, plain, key, instance, campaign_id, ghost, depth) SELECT "
            f"customer_id, {target}, {plain}, key, instance, campaign_id, ghost, coalesce(depth, 0) + 1 FROM run "
            f"WHERE {where}"
        )
        for target in targets
    )


def campaign_started(bundle: Bundle, version: Version, started: Started, place_id: int, here: str) -> Statement:
    """`start campaign`: like `set_off`, and the row tells which line it was."""
    name, campaigns = version.machine.campaign.name, bundle.catalogue.campaigns
    return bundle.writer.statement(
        "INSERT INTO start (customer_id, target, plain, key, instance, campaign_id, ghost, depth, linked, place_id, "
        f"by_id) SELECT customer_id, {campaigns[started.campaign]}, {bundle.plain(name)}, key, instance, campaign_id, "
        f"ghost, coalesce(depth, 0) + 1, {int(started.linked)}, {place_id}, {bundle.label(f'campaign {name}')} "
        f"FROM run WHERE {here}"
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
    whose = f"{plain}, r.key, r.instance, r.campaign_id, r.ghost, coalesce(r.depth, 0) + 1"
    values = f"{bundle.attribute(attribute.name)}, {whose}, {_columns(attribute, 'c')}"
    customers = bundle.writer.join("customer", "c", "c.id = r.customer_id")
    rows = f"(SELECT customer_id, key, instance, campaign_id, ghost, depth FROM run WHERE {here}) AS r"
    return (bundle.writer.statement(f"{_BEFORE} SELECT r.customer_id, {values} FROM {rows} {customers}"),)


_BEFORE = "INSERT INTO before (customer_id, attribute, plain, key, instance, campaign_id, ghost, depth, number, words)"


def _remember(bundle: Bundle, name: str) -> Statement:
    """Of those whose profile changes at this instant."""
    attribute, w = bundle.declared(name), bundle.writer
    asked = w.fragment(constant(name))
    there = f"a.customer_id = focus.customer_id AND a.at = focus.at AND a.attribute = {asked}"
    customers = w.join("customer", "c", "c.id = focus.customer_id")
    values = f"{bundle.attribute(name)}, 0, '', 0, CAST(NULL AS BIGINT), 0, 1, {_columns(attribute, 'c')}"
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
        "INSERT INTO start (customer_id, target, plain, key, instance, campaign_id, ghost, depth) "
        f"SELECT b.customer_id, {version.campaign_id}, b.plain, b.key, b.instance, b.campaign_id, b.ghost, b.depth "
        f"FROM before b {w.join('customer', 'c', 'c.id = b.customer_id')} "
        f"WHERE b.attribute = {bundle.attribute(attribute.name)} AND {test}",
        *fragments,
    )


def _columns(attribute: Attribute, table: str) -> str:
    """Its value as number and words, one of them empty."""
    column = f'{table}."{attribute_column(attribute)}"'
    return f"CAST(NULL AS BIGINT), {column}" if attribute.type.textual else f"{column}, CAST(NULL AS TEXT)"


def set_off_now(bundle: Bundle, version: Version) -> str:
    """What has set a campaign off: rows `s` of `start`, with their instant `f`."""
    trigger, tagged = version.machine.campaign.entry.trigger, ""
    if isinstance(trigger, m.TagTrigger):
        # What one step tags another one may untag. `start campaign` asks for nothing else.
        tagged = f" AND (s.place_id IS NOT NULL OR {_tagged(bundle, trigger.tag, 's')})"
    focus = bundle.writer.join("focus", "f", "f.customer_id = s.customer_id")
    return f"start s {focus} WHERE s.target = {version.campaign_id}{tagged}"


def _tagged(bundle: Bundle, tag: str, row: str) -> str:
    return (
        f"EXISTS (SELECT 1 FROM tagging g WHERE g.customer_id = {row}.customer_id "
        f"AND g.tag_id = {bundle.catalogue.tags.get(tag, -1)})"
    )
