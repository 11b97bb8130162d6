"""Rows of the outbox with everything a person or a channel wants to know of them, and their words.

Takes a connection and rows of `details()`; gives Composed messages. Reads customers and events in sets, and never more
columns than declared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, RowMapping, Select, Table, and_, func, select

from flowrules.content.deployed import Deployed, Library
from flowrules.content.render import Rendered, TemplateFailure
from flowrules.content.worker import Job, Value
from flowrules.model.campaign import EventTrigger, Send
from flowrules.model.schema import EventType
from flowrules.sql import tables
from flowrules.sql.columns import attribute_column, property_column, tables_for
from flowrules.sql.message_id import MessageKey, message_id
from flowrules.sql.token import Unsubscribe, bounce_token, unsubscribe_token

CHUNK = 500
"""Messages written together: their customers are read by one statement."""

KEY = ("customer_id", "campaign_id", "instance", "step_id", "pass")
Key = tuple[int, int, int, int, int]
"""A row of the message table, by the columns of KEY."""

Detail = Row[*tuple[Any, ...]]

_UNWRITTEN = TemplateFailure("", "not written yet")


@dataclass(frozen=True, slots=True)
class Composed:
    """`to` is None where the channel needs no address or the customer has none; only the latter is not `reachable`.
    purpose, marketing: by the class in force now. For the tokens see sql/token.py.
    """

    detail: Detail
    message_id: str
    template: str
    class_: str
    purpose: str
    marketing: bool
    to: str | None
    reachable: bool
    token: str
    unsubscribe_token: str
    unsubscribe_url: str | None
    content: Rendered | TemplateFailure


def details() -> Select[Any]:
    """All messages, with names for numbers."""
    message, node = tables.message, tables.node
    step, stage = tables.step.alias("step_of_message"), tables.step.alias("stage_of_message")
    of_node = and_(node.c.version_id == message.c.version_id, node.c.node == message.c.node)
    joined = (
        message.join(tables.customer, tables.customer.c.id == message.c.customer_id)
        .join(tables.campaign, tables.campaign.c.id == message.c.campaign_id)
        .join(tables.version, tables.version.c.id == message.c.version_id)
        .join(tables.channel, tables.channel.c.id == message.c.channel_id)
        .join(step, step.c.id == message.c.step_id)
        .join(node, of_node)
        .join(stage, stage.c.id == node.c.stage_id)
        .join(tables.label, tables.label.c.id == node.c.place_id)
    )
    return select(
        *message.c,
        tables.customer.c.external_id.label("customer"),
        tables.campaign.c.name.label("campaign"),
        tables.version.c.number.label("version"),
        tables.channel.c.name.label("channel"),
        step.c.key.label("step"),
        stage.c.key.label("stage"),
        tables.label.c.text.label("rule"),
    ).select_from(joined)


def key_of(detail: Detail) -> Key:
    return (detail.customer_id, detail.campaign_id, detail.instance, detail.step_id, detail._mapping["pass"])  # noqa: SLF001 -- `pass` can not be an attribute


def id_of(detail: Detail) -> str:
    _, _, instance, _, number = key_of(detail)
    return message_id(MessageKey(detail.campaign, detail.customer, instance, detail.step, number))


def sending(library: Library, detail: Detail) -> tuple[Send, str]:
    """The step a message comes from, and the class of its campaign."""
    deployed = library.of_version(detail.version_id)
    send = deployed.machines[detail.campaign].nodes[detail.node].send
    if send is None:
        raise ValueError(f"node {detail.node} of {detail.campaign} sends nothing")
    return send, deployed.campaigns[detail.campaign].message_class.name


def compose(connection: Connection, library: Library, rows: Sequence[Detail]) -> Iterator[Composed]:
    """In the order of `rows`, written by the templates in force; of what was sent, those in force then.

    Where those can not be filled in for people in an older version, by the ones it was deployed with.
    """
    salt = connection.execute(select(tables.workspace.c.value).where(tables.workspace.c.key == "salt")).scalar_one()
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        made: dict[Key, Composed] = {}
        for deployed, now, of_one in _by_deployment(library, chunk):
            data = _Data(connection, deployed, of_one)
            drafts = [_draft(library, deployed, data, detail, salt) for detail in of_one]
            contents = _write(now, deployed, drafts)
            made |= {
                key_of(draft.composed.detail): replace(draft.composed, content=content)
                for draft, content in zip(drafts, contents, strict=True)
            }
        yield from (made[key_of(detail)] for detail in chunk)


def _by_deployment(library: Library, rows: Iterable[Detail]) -> Iterator[tuple[Deployed, Deployed, list[Detail]]]:
    """Those of one deployment whose templates are those of one, which is the second."""

    def deployments(detail: Detail) -> tuple[int, int]:
        then = library.of_version(detail.version_id)
        now = library.newest if detail.sent_at is None else library.in_force(detail.sent_at)
        return then.id, (now or then).id

    for (then, now), of_one in groupby(sorted(rows, key=deployments), key=deployments):
        yield library.deployment(then), library.deployment(now), list(of_one)


@dataclass(frozen=True, slots=True)
class _Draft:
    composed: Composed
    job: Job


def _draft(library: Library, deployed: Deployed, data: _Data, detail: Detail, salt: str) -> _Draft:
    send, class_ = sending(library, detail)
    customer, zone = data.customers[detail.customer_id]
    now = library.newest or deployed
    in_force = (now.campaigns.get(detail.campaign) or deployed.campaigns[detail.campaign]).message_class
    key = key_of(detail)
    # As it is set up now: a message may wait for longer than an address of the web lives.
    channel = next((each for each in now.model.channels if each.name == detail.channel), send.channel)
    url = None
    if channel.unsubscribe_url is not None:
        about = Unsubscribe(key, detail.channel, in_force.purpose.name)
        url = channel.unsubscribe_url + unsubscribe_token(salt, about)
    to = data.address(detail.customer_id, send.channel.address)
    composed = Composed(
        detail=detail,
        message_id=id_of(detail),
        template=send.template,
        class_=class_,
        purpose=in_force.purpose.name,
        marketing=in_force.marketing,
        to=to,
        reachable=bool(to) or send.channel.address is None,
        token=bounce_token(salt, key),
        unsubscribe_token=unsubscribe_token(salt, Unsubscribe(key, "", "")),
        unsubscribe_url=url,
        content=_UNWRITTEN,
    )
    job = Job(
        channel=detail.channel,
        template=send.template,
        language=customer["language"],
        currency=deployed.model.currency,
        zone=zone,
        records=data.records(detail, send),
        words={"unsubscribe_url": url, "postal_address": channel.postal_address},
    )
    return _Draft(composed, job)


def _write(now: Deployed, then: Deployed, drafts: Sequence[_Draft]) -> list[Rendered | TemplateFailure]:
    contents = now.writer.write([draft.job for draft in drafts])
    failed = [
        number
        for number, content in enumerate(contents)
        if isinstance(content, TemplateFailure) and not now.means(then, drafts[number].composed.detail.campaign)
    ]
    if failed:
        for number, again in zip(failed, then.writer.write([drafts[number].job for number in failed]), strict=True):
            contents[number] = again if isinstance(again, Rendered) else contents[number]
    return contents


class _Data:
    """Customers and entering events of some messages of one deployment."""

    def __init__(self, connection: Connection, deployed: Deployed, rows: Sequence[Detail]) -> None:
        self._model = deployed.model
        self._triggers = {
            campaign.name: campaign.entry.trigger.event
            for campaign in self._model.campaigns
            if isinstance(campaign.entry.trigger, EventTrigger)
        }
        columns = tables_for(self._model)
        self.customers = self._read_customers(connection, {row.customer_id for row in rows})
        self._phones = self._read_phones(connection)
        self._entries: dict[Key, RowMapping] = {}
        for name in sorted({row.campaign for row in rows}):
            event = self._triggers.get(name)
            if event is not None and event.properties:
                of_campaign = [row for row in rows if row.campaign == name]
                row, message = tables.enrollment.c, tables.message.c
                happened = columns.event.c
                query = (
                    select(*(message[name] for name in KEY), *_properties(columns.event, event))
                    .join_from(
                        tables.enrollment,
                        tables.message,
                        and_(*(message[name] == row[name] for name in KEY[:3])),
                    )
                    .join(
                        columns.event,
                        and_(
                            happened.customer_id == row.customer_id,
                            happened.at == func.coalesce(message.entry_at, row.entry_at, row.entered_at),
                            happened.seq == func.coalesce(message.entry_seq, row.entry_seq),
                        ),
                    )
                    .join(tables.event_type, tables.event_type.c.id == happened.type_id)
                    .where(
                        row.campaign_id == of_campaign[0].campaign_id,
                        row.customer_id.in_(sorted({each.customer_id for each in of_campaign})),
                        tables.event_type.c.name == event.name,
                    )
                )
                for found in connection.execute(query).mappings():
                    self._entries[tuple(found[name] for name in KEY)] = found

    def _read_customers(self, connection: Connection, ids: set[int]) -> dict[int, tuple[RowMapping, str]]:
        customer = tables_for(self._model).customer
        policy = self._model.policy
        query = (
            select(customer, tables.zone.c.name.label("zone_name"))
            .outerjoin_from(customer, tables.zone, tables.zone.c.id == customer.c.zone_id)
            .where(customer.c.id.in_(sorted(ids)))
        )
        return {
            row["id"]: (row, (policy.zone_of_customer and row["zone_name"]) or policy.zone)
            for row in connection.execute(query).mappings()
        }

    def _read_phones(self, connection: Connection) -> dict[int, str]:
        """In normal form: what people type is no number to call."""
        identity, last_tick = tables.identity.c, select(tables.clock.c.last_tick).scalar_subquery()
        query = (
            select(identity.customer_id, identity.value)
            .where(identity.customer_id.in_(sorted(self.customers)), identity.kind == "phone")
            .where(identity.since <= last_tick)
            .order_by(identity.customer_id, identity.since)
        )
        return {row.customer_id: row.value for row in connection.execute(query)}

    def address(self, customer_id: int, kind: str | None) -> str | None:
        """An email as its owner writes it, a phone number as E.164."""
        if kind == "phone":
            return self._phones.get(customer_id) or None
        given = None if kind is None else self.customers[customer_id][0][kind]
        return None if given is None else str(given).strip()

    def records(self, detail: Detail, send: Send) -> dict[str, dict[str, Value]]:
        row, _ = self.customers[detail.customer_id]
        customer: dict[str, Value] = {}
        for attribute in self._model.attributes:
            stored = row[attribute_column(attribute)]
            customer[attribute.name] = (attribute.type.kind, attribute.default if stored is None else stored)
        event = self._triggers.get(detail.campaign)
        happened = self._entries.get(key_of(detail))
        entry: dict[str, Value] = {
            each.name: (each.type.kind, None if happened is None else happened[property_column(each)])
            for each in (() if event is None else event.properties)
        }
        message: dict[str, Value] = {
            argument.name: (None, argument.value) if argument.entry is None else entry.get(argument.entry, (None, None))
            for argument in send.arguments
        }
        return {"customer": customer, "entry": entry, "message": message}


def _properties(event_table: Table, event: EventType) -> list[ColumnElement[int | str]]:
    return [event_table.c[property_column(each)] for each in event.properties]
