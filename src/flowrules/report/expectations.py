"""Whether what a test expects is so, and what is so instead.

Takes a connection and a line of a test; reads the ledger and where customers are, and decides nothing again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from flowrules.model import trial as m
from flowrules.model.campaign import Model
from flowrules.model.values import display
from flowrules.report.explain import explain
from flowrules.report.ledger import decisions
from flowrules.report.lookup import reason
from flowrules.report.words import moment
from flowrules.sql import tables as t
from flowrules.sql.codes import Decision, Reason
from flowrules.sql.columns import attribute_column, tables_for

_REFUSED = (Decision.WITHHELD, Decision.NOT_ENTERED)


def judge(connection: Connection, model: Model, line: m.Line) -> str | None:
    """What is so instead; None: it is as expected."""
    match line.what:
        case m.Message():
            return _message(connection, model.policy.zone, line.what, line)
        case m.InStage():
            return _stage(connection, line.what, line.at)
        case m.Tagged():
            return _tagged(connection, line.what)
        case m.Left():
            return _left(connection, line.what, line.at)
        case m.Has():
            return _has(connection, model, line.what)
        case _:
            raise TypeError(line.what)


# --- messages -----------------------------------------------------------------------------------------


def _message(connection: Connection, zone: str, expected: m.Message, line: m.Line) -> str | None:
    """Of the step: those of (since, at]."""
    decision = t.decision.c
    rows = connection.execute(
        decisions()
        .where(t.customer.c.external_id == expected.who, decision.at > line.since, decision.at <= line.at)
        .order_by(decision.at, decision.turn, t.campaign.c.name, decision.instance)
    ).all()
    sent = [row for row in rows if row.decision == Decision.SEND and row.reason is None]
    found = [row for row in sent if _is(row, expected)]
    if not expected.negated:
        return None if found else _instead(rows, sent, zone, expected)
    if found:
        return "; ".join(f"{_said(row)} was sent to {expected.who} on {moment(row.at, zone)}" for row in found)
    if expected.reason is None:
        return None
    whys = [row for row in rows if _keeps_back(row, expected)]
    if any(reason(row.reason) == expected.reason for row in whys):
        return None
    return _told(whys, zone) or "none was sent, and none was held back: no rule asked for it"


def _instead(rows: Sequence[Row[Any]], sent: Sequence[Row[Any]], zone: str, expected: m.Message) -> str:
    whys = [row for row in rows if _keeps_back(row, expected)]
    others = [f"{_said(row)} was sent on {moment(row.at, zone)}" for row in sent]
    told = [each for each in (_told(whys, zone), "; ".join(others)) if each]
    return "; ".join(told) or f"no message to {expected.who} was decided"


def _is(row: Row[Any], expected: m.Message) -> bool:
    channel, _, template = _said(row).partition(" ")
    return (expected.channel is None or channel == expected.channel.name) and expected.template in {None, template}


def _keeps_back(row: Row[Any], expected: m.Message) -> bool:
    if row.decision == Decision.NOT_ENTERED:
        return True
    if row.decision == Decision.EXIT:
        return row.reason == Reason.EXCLUDED  # type: ignore[no-any-return]  # a row of any columns
    held_out = row.decision == Decision.SEND and row.reason is not None
    return (row.decision == Decision.WITHHELD or held_out) and _is(row, expected)


def _told(rows: Sequence[Row[Any]], zone: str) -> str:
    return "; ".join(f"{_why(row)} on {moment(row.at, zone)}" for row in rows)


def _why(row: Row[Any]) -> str:
    because = (reason(row.reason) or "").replace("_", " ") + (f" by {row.by}" if row.by else "")
    match row.decision:
        case Decision.NOT_ENTERED:
            return f"{row.campaign} was not entered ({because})"
        case Decision.EXIT:
            return f"{row.campaign} was left ({because})"
        case Decision.WITHHELD:
            return f"{_said(row)} was withheld ({because})"
        case _:
            return f"{_said(row)} was not sent ({because})"


def _said(row: Row[Any]) -> str:
    """`email quote_details`, of `lead/send email quote_details #2`."""
    _, _, words = row.step.rpartition("/")
    return str(words.partition(" #")[0].removeprefix("send "))


# --- where customers are ------------------------------------------------------------------------------


def _stage(connection: Connection, expected: m.InStage, at: int) -> str | None:
    enrollment = t.enrollment.c
    inside = (
        connection.execute(
            select(t.step.c.key)
            .select_from(t.enrollment)
            .join(t.customer, t.customer.c.id == enrollment.customer_id)
            .join(t.campaign, t.campaign.c.id == enrollment.campaign_id)
            .join(t.step, t.step.c.id == enrollment.stage_id)
            .where(
                t.customer.c.external_id == expected.who,
                t.campaign.c.name == expected.campaign,
                enrollment.ended_at.is_(None),
            )
            .order_by(enrollment.instance)
        )
        .scalars()
        .all()
    )
    found = bool(inside) if expected.stage is None else expected.stage in inside
    if found is not expected.negated:
        return None
    if inside:
        return f"{expected.who} is in stage {', '.join(f'{expected.campaign}.{stage}' for stage in inside)}"
    return _standing(connection, expected.who, expected.campaign, at)


def _standing(connection: Connection, who: str, campaign: str, at: int) -> str:
    (standing,) = explain(connection, who, campaign, at).standings
    return f"{who} {standing.words}"


def _left(connection: Connection, expected: m.Left, at: int) -> str | None:
    enrollment = t.enrollment.c
    last = connection.execute(
        select(enrollment.exit, t.label.c.text)
        .select_from(t.enrollment)
        .join(t.customer, t.customer.c.id == enrollment.customer_id)
        .join(t.campaign, t.campaign.c.id == enrollment.campaign_id)
        .outerjoin(t.label, t.label.c.id == enrollment.words_id)
        .where(t.customer.c.external_id == expected.who, t.campaign.c.name == expected.campaign)
        .order_by(enrollment.instance.desc())
        .limit(1)
    ).first()
    if last is not None and last.exit is not None:
        same = expected.reason in {None, reason(last.exit)} and expected.words in {None, last.text}
        if same:
            return None
    return _standing(connection, expected.who, expected.campaign, at)


def _tagged(connection: Connection, expected: m.Tagged) -> str | None:
    tagging = t.tagging.c
    found = connection.execute(
        select(tagging.since)
        .select_from(t.tagging)
        .join(t.customer, t.customer.c.id == tagging.customer_id)
        .join(t.tag, t.tag.c.id == tagging.tag_id)
        .where(t.customer.c.external_id == expected.who, t.tag.c.name == expected.tag)
    ).first()
    if (found is not None) is not expected.negated:
        return None
    return f"{expected.who} {'is' if expected.negated else 'is not'} tagged {expected.tag}"


def _has(connection: Connection, model: Model, expected: m.Has) -> str | None:
    attribute, customer = expected.attribute, tables_for(model).customer
    query = select(customer.c[attribute_column(attribute)]).where(customer.c.external_id == expected.who)
    value = connection.execute(query).scalar()
    value = attribute.default if value is None else value
    if value == expected.value:
        return None
    if value is None:
        return f"{attribute.name} of {expected.who} is unknown"
    shown = display(value, attribute.type, model.currency)
    quoted = f'"{shown}"' if attribute.type.textual else shown
    return f"{attribute.name} of {expected.who} is {quoted}"
