"""Whether what a test expects is so, and what is so instead.

Takes a connection and a line of a test; reads the ledger and where customers are, and decides nothing again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, select, tuple_

from flowrules.content.deployed import Deployed, Library
from flowrules.content.outgoing import compose, details, key_of
from flowrules.content.render import TemplateFailure
from flowrules.model import trial as m
from flowrules.model.campaign import Model
from flowrules.model.values import display
from flowrules.report.explain import explain
from flowrules.report.ledger import decisions
from flowrules.report.lookup import reason
from flowrules.report.words import counted, moment
from flowrules.sql import tables as t
from flowrules.sql.codes import Decision, Reason
from flowrules.sql.columns import attribute_column, tables_for

_REFUSED = (Decision.WITHHELD, Decision.NOT_ENTERED)
_DECISIONS = decisions()
_NAMED = 5
"""So many customers are named, and of more how many there are."""


def judge(connection: Connection, known: dict[int, Deployed], model: Model, line: m.Line) -> m.Got | None:
    """What is so instead; None: it is as expected."""
    expected = line.what
    if not isinstance(expected, m.EXPECTATIONS):
        raise TypeError(expected)
    judging = _Judging(connection, known, model, line)
    if isinstance(expected, m.Has) or isinstance(expected.who, str):
        words = judging.instead(expected)
        return None if words is None else m.Got(words, str(expected.who))
    return _counted(judging, expected, expected.who)


def _counted(
    judging: _Judging, expected: m.Message | m.InStage | m.Tagged | m.Left | m.Reached, number: int
) -> m.Got | None:
    """Of so many of the customers it is so."""
    customer = t.customer.c
    everybody = judging.connection.execute(select(customer.external_id).order_by(customer.id)).scalars().all()
    found = [who for who in everybody if judging.instead(replace(expected, who=who)) is None]
    if len(found) == number:
        return None
    others = [who for who in everybody if who not in found]
    told = ", ".join(found[:_NAMED]) + (", ..." if len(found) > _NAMED else "")
    words = f"so it is with {counted(len(found), 'customer')}" + (f": {told}" if found else "")
    return m.Got(words, next(iter(found if len(found) > number else others), ""))


@dataclass(frozen=True, slots=True)
class _Judging:
    connection: Connection
    known: dict[int, Deployed]
    model: Model
    line: m.Line

    def instead(self, expected: m.Expectation) -> str | None:
        match expected:
            case m.Message():
                return _message(self, expected)
            case m.InStage():
                return _stage(self, expected)
            case m.Tagged():
                return _tagged(self.connection, expected)
            case m.Left():
                return _left(self, expected)
            case m.Reached():
                return _reached(self, expected)
            case m.Has():
                return _has(self.connection, self.model, expected)

    @property
    def zone(self) -> str:
        return self.model.policy.zone


# --- messages -----------------------------------------------------------------------------------------


def _message(judging: _Judging, expected: m.Message) -> str | None:
    """Of the step: those of (since, at]."""
    decision, line, zone = t.decision.c, judging.line, judging.zone
    rows = judging.connection.execute(
        _DECISIONS.where(
            t.customer.c.external_id == expected.who, decision.at > line.since, decision.at <= line.at
        ).order_by(decision.at, decision.turn, t.campaign.c.name, decision.instance)
    ).all()
    sent = [row for row in rows if row.decision == Decision.SEND and row.reason is None]
    found = [row for row in sent if _is(row, expected)]
    if expected.negated:
        return _none(rows, found, zone, expected)
    others: list[str] = []
    if expected.content:
        found, others = _with_content(judging, expected, found)
    if expected.quantity is not None and not _so_often(len(found), expected.quantity):
        times = "; ".join(f"{_said(row)} on {moment(row.at, zone)}" for row in found)
        return f"sent {counted(len(found), 'time')}" + (f": {times}" if times else "")
    if found or expected.quantity is not None:
        return None
    return "; ".join(others) or _instead(rows, sent, zone, expected)


def _none(rows: Sequence[Row[Any]], found: Sequence[Row[Any]], zone: str, expected: m.Message) -> str | None:
    """For the reason that is expected."""
    if found:
        return "; ".join(f"{_said(row)} was sent to {expected.who} on {moment(row.at, zone)}" for row in found)
    if expected.reason is None:
        return None
    whys = [row for row in rows if _keeps_back(row, expected)]
    if any(reason(row.reason) == expected.reason for row in whys):
        return None
    return _told(whys, zone) or "none was sent, and none was held back: no rule asked for it"


def _so_often(found: int, quantity: m.Quantity) -> bool:
    kind, number = quantity
    match kind:
        case "at least":
            return found >= number
        case "at most":
            return found <= number
        case "fewer than":
            return found < number
        case "exactly":
            return found == number


def _instead(rows: Sequence[Row[Any]], sent: Sequence[Row[Any]], zone: str, expected: m.Message) -> str:
    whys = [row for row in rows if _keeps_back(row, expected)]
    others = [f"{_said(row)} was sent on {moment(row.at, zone)}" for row in sent]
    told = [each for each in (_told(whys, zone), "; ".join(others)) if each]
    return "; ".join(told) or f"no message to {expected.who} was decided"


def _is(row: Row[Any], expected: m.Message) -> bool:
    channel, _, template = _said(row).partition(" ")
    return (expected.channel is None or channel == expected.channel.name) and expected.template in {None, template}


# --- what messages say --------------------------------------------------------------------------------


def _with_content(judging: _Judging, expected: m.Message, rows: Sequence[Row[Any]]) -> tuple[list[Row[Any]], list[str]]:
    """Those that say so, and of the others what they say."""
    message = t.message.c
    keys = [(row.customer_id, row.campaign_id, row.instance, row.step_id, row.at) for row in rows]
    of_rows = tuple_(message.customer_id, message.campaign_id, message.instance, message.step_id, message.sent_at)
    written = judging.connection.execute(details().where(of_rows.in_(keys))).all() if keys else []
    library = Library(judging.connection, judging.known)
    saying: set[tuple[int, ...]] = set()
    others = []
    for composed in compose(judging.connection, library, written):
        wrong = list(_differs(composed.content, expected.content))
        if wrong:
            others += [f"{_said(composed.detail)} {words}" for words in wrong[:1]]
        else:
            saying.add((*key_of(composed.detail)[:4], composed.detail.sent_at))
    return [row for row, key in zip(rows, keys, strict=True) if key in saying], others


def _differs(content: Any, expected: Sequence[m.Content]) -> Iterator[str]:  # noqa: ANN401  # Rendered or a failure
    if isinstance(content, TemplateFailure):
        yield f"could not be written: {content.place}: {content.message}"
        return
    for each in expected:
        text = (content.subject if each.part == "subject" else content.text or content.html) or ""
        same = " ".join(text.split())
        wanted = " ".join(each.text.split())
        so = same == wanted if each.kind == "is" else (wanted in same) is (each.kind == "contains")
        if not so:
            shown = same if len(same) <= _SHOWN else f"{same[:_SHOWN]}..."
            yield f'has the {each.part} "{shown}"'


_SHOWN = 200


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


def _stage(judging: _Judging, expected: m.InStage) -> str | None:
    connection, enrollment = judging.connection, t.enrollment.c
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
    return _standing(judging, str(expected.who), expected.campaign)


def _standing(judging: _Judging, who: str, campaign: str) -> str:
    (standing,) = explain(judging.connection, who, campaign, judging.line.at, judging.known).standings
    return f"{who} {standing.words}"


def _left(judging: _Judging, expected: m.Left) -> str | None:
    enrollment = t.enrollment.c
    last = judging.connection.execute(
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
    return _standing(judging, str(expected.who), expected.campaign)


def _reached(judging: _Judging, expected: m.Reached) -> str | None:
    enrollment = t.enrollment.c
    at = judging.connection.execute(
        select(enrollment.goal_at)
        .select_from(t.enrollment)
        .join(t.customer, t.customer.c.id == enrollment.customer_id)
        .join(t.campaign, t.campaign.c.id == enrollment.campaign_id)
        .where(t.customer.c.external_id == expected.who, t.campaign.c.name == expected.campaign)
        .where(enrollment.goal_at.is_not(None))
        .order_by(enrollment.instance.desc())
        .limit(1)
    ).scalar()
    if (at is not None) is not expected.negated:
        return None
    if at is not None:
        return f"{expected.who} reached it on {moment(at, judging.zone)}"
    return _standing(judging, str(expected.who), expected.campaign)


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
