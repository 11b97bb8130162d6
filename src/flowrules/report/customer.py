"""Everything that is known of one customer, as plain data: to look at, or to hand to the customer.

Takes a connection and a customer's number; values as people and files read them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Connection, case, func, literal, select

from flowrules.content.deployed import Deployed, Library
from flowrules.model.schema import BUILTIN_ATTRIBUTES, Kind, Stored, Type
from flowrules.model.values import SEPARATOR, display
from flowrules.report import ledger
from flowrules.report.lookup import reason
from flowrules.report.messages import Choice, messages
from flowrules.report.words import iso
from flowrules.sql import tables
from flowrules.sql.columns import attribute_column, property_column, tables_for
from flowrules.sql.guards import Guards, Row
from flowrules.store.catalogues import catalogue

Facts = dict[str, Any]


def card(connection: Connection, customer_id: int, now: int, known: dict[int, Deployed] | None = None) -> Facts:
    """Who the customer is and where: without what happened. `known`: as of Library."""
    deployed = Library(connection, known).newest
    customer = tables.customer.c
    external_id: str = connection.execute(select(customer.external_id).where(customer.id == customer_id)).scalar_one()
    return {
        "id": external_id,
        "attributes": _attributes(connection, deployed, customer_id),
        "identities": _identities(connection, customer_id),
        "consents": _consents(connection, customer_id),
        "tags": _tags(connection, customer_id),
        "segments": _segments(connection, deployed, customer_id, now),
        "enrollments": _enrollments(connection, customer_id),
    }


def show(connection: Connection, customer_id: int, now: int) -> Facts:
    """The card, and what happened."""
    known: dict[int, Deployed] = {}
    facts = card(connection, customer_id, now, known)
    return {
        **facts,
        "events": _events(connection, Library(connection, known).newest, customer_id),
        "messages": list(messages(connection, Choice(customer=facts["id"]))),
    }


def export(connection: Connection, customer_id: int, now: int) -> Facts:
    """That, and what was changed and decided."""
    facts = show(connection, customer_id, now)
    exposure = tables.exposure.c
    held = (
        select(exposure.name, exposure.held_out)
        .where(exposure.customer_id == customer_id, exposure.name.not_like("canary/%"))
        .order_by(exposure.name)
    )
    return {
        **facts,
        "changes": _changes(connection, Library(connection).newest, customer_id),
        "decisions": list(ledger.ledger(connection, ledger.Choice(customer=facts["id"]))),
        "control_groups": [{"name": row.name, "held_out": bool(row.held_out)} for row in connection.execute(held)],
    }


def _plain(value: Stored | None, type_: Type, currency: str) -> object:
    """As JSON has it; money with its currency."""
    if value is None:
        return None
    match type_.kind:
        case Kind.MONEY:
            amount, _, unit = display(value, type_, currency).rpartition(" ")
            return {"amount": amount, "currency": unit}
        case Kind.INTEGER:
            return value
        case Kind.BOOL:
            return bool(value)
        case Kind.LIST:
            return str(value).split(SEPARATOR)[1:-1]
        case _:
            return display(value, type_, currency)


def _attributes(connection: Connection, deployed: Deployed | None, customer_id: int) -> Facts:
    """Before anything was deployed: those that every workspace has."""
    table = tables.customer if deployed is None else tables_for(deployed.model).customer
    attributes = BUILTIN_ATTRIBUTES if deployed is None else deployed.model.attributes
    currency = "" if deployed is None else deployed.model.currency
    row = connection.execute(select(table).where(table.c.id == customer_id)).mappings().one()
    values = {each.name: _plain(row[attribute_column(each)], each.type, currency) for each in attributes}
    return {name: value for name, value in values.items() if value is not None and name != "id"}


def _identities(connection: Connection, customer_id: int) -> list[Facts]:
    identity = tables.identity.c
    query = select(tables.identity).where(identity.customer_id == customer_id, identity.value != "")
    order = query.order_by(identity.kind, identity.since, identity.value)
    return [
        {"kind": row.kind, "value": row.value, "since": iso(row.since) if row.since > 0 else None}
        for row in connection.execute(order)
    ]


def _consents(connection: Connection, customer_id: int) -> list[Facts]:
    consent = tables.consent.c
    query = select(tables.consent).where(consent.customer_id == customer_id)
    query = query.where(consent.channel != tables.EVERY, consent.purpose != tables.EVERY)
    query = query.order_by(consent.at, consent.seq, consent.channel, consent.purpose)
    return [
        {
            "channel": row.channel,
            "purpose": row.purpose,
            "state": row.state,
            "at": iso(row.at) if row.at > 0 else None,
            "source": row.source,
        }
        for row in connection.execute(query)
    ]


def _tags(connection: Connection, customer_id: int) -> list[str]:
    query = select(tables.tag.c.name).join_from(tables.tagging, tables.tag, tables.tag.c.id == tables.tagging.c.tag_id)
    mine = query.where(tables.tagging.c.customer_id == customer_id)
    return list(connection.execute(mine.order_by(tables.tag.c.name)).scalars())


def _segments(connection: Connection, deployed: Deployed | None, customer_id: int, now: int) -> list[str]:
    """Asked now, with the statements that rules ask with."""
    if deployed is None or not deployed.model.segments:
        return []
    model, enrollment, customer = deployed.model, tables.enrollment.c, tables.customer.c
    zone = select(customer.zone_id).where(customer.id == customer_id).scalar_subquery()
    default = select(tables.zone.c.id).where(tables.zone.c.name == model.policy.zone).scalar_subquery()
    # What a tick has as working tables.
    focus = select(
        literal(customer_id, BigInteger).label("customer_id"),
        literal(now, BigInteger).label("at"),
        (func.coalesce(zone, default) if model.policy.zone_of_customer else default).label("zone_id"),
    ).cte("focus")
    live = (
        select(
            enrollment.customer_id, enrollment.campaign_id, enrollment.stage_id, enrollment.ended_at, enrollment.ghost
        )
        .where(enrollment.customer_id == customer_id, enrollment.ended_at.is_(None))
        .cte("run")
    )
    extended = tables_for(model)
    guards = Guards(connection.dialect.name, catalogue(connection), extended.customer, extended.event)
    tests = [case((guards.test(each.condition, Row("focus")), 1), else_=0) for each in model.segments]
    row = connection.execute(select(*tests).select_from(focus).add_cte(live)).one()
    return [segment.name for segment, holds in zip(model.segments, row, strict=True) if holds]


def _enrollments(connection: Connection, customer_id: int) -> list[Facts]:
    enrollment, stage = tables.enrollment.c, tables.step.c
    query = (
        select(
            tables.campaign.c.name, tables.version.c.number, enrollment.instance, stage.key.label("stage"),
            enrollment.ghost, enrollment.entered_at, enrollment.goal_at, enrollment.ended_at, enrollment.exit,
            tables.label.c.text.label("words"),
        )
        .join_from(tables.enrollment, tables.campaign, tables.campaign.c.id == enrollment.campaign_id)
        .join(tables.version, tables.version.c.id == enrollment.version_id)
        .outerjoin(tables.step, stage.id == enrollment.stage_id)
        .outerjoin(tables.label, tables.label.c.id == enrollment.words_id)
        .where(enrollment.customer_id == customer_id)
        .order_by(enrollment.entered_at, tables.campaign.c.name, enrollment.instance)
    )  # fmt: skip
    return [
        {
            "campaign": row.name,
            "version": row.number,
            "instance": row.instance,
            "stage": row.stage,
            "held_out": row.ghost > 0,
            "entered_at": iso(row.entered_at),
            "goal_at": iso(row.goal_at),
            "ended_at": iso(row.ended_at),
            "exit": reason(row.exit),
            "words": row.words,
        }
        for row in connection.execute(query)
    ]


def _events(connection: Connection, deployed: Deployed | None, customer_id: int) -> list[Facts]:
    table = tables.event if deployed is None else tables_for(deployed.model).event
    declared = {} if deployed is None else {each.name: each for each in deployed.model.events}
    query = (
        select(table, tables.event_type.c.name.label("event_name"), tables.step.c.key.label("about"))
        .join_from(table, tables.event_type, tables.event_type.c.id == table.c.type_id)
        .outerjoin(tables.step, tables.step.c.id == table.c.ref_step_id)
        .where(table.c.customer_id == customer_id)
        .order_by(table.c.at, table.c.seq)
    )
    found = []
    for row in connection.execute(query).mappings():
        event = declared.get(row["event_name"])
        values: Facts = {}
        if event is not None and deployed is not None:
            stored = {each.name: (row[property_column(each)], each.type) for each in event.properties}
            values = {
                name: _plain(value, type_, deployed.model.currency)
                for name, (value, type_) in stored.items()
                if value is not None
            }
        found.append(
            {
                "event": row["event_name"],
                "time": iso(row["event_time"]),
                "received_at": iso(row["at"]),
                "properties": values,
                "extra": row["extra"],
                "about": row["about"],
            }
        )
    return found


def _changes(connection: Connection, deployed: Deployed | None, customer_id: int) -> list[Facts]:
    change = tables.attribute_change.c
    types = {} if deployed is None else {each.name: each.type for each in deployed.model.attributes}
    currency = "" if deployed is None else deployed.model.currency
    query = select(tables.attribute_change).where(change.customer_id == customer_id).order_by(change.at, change.seq)
    return [
        {
            "at": iso(row.at),
            "attribute": row.attribute,
            "value": _plain(stored, types[row.attribute], currency) if row.attribute in types else stored,
        }
        for row in connection.execute(query)
        for stored in [row.text if row.number is None else row.number]
    ]
