"""One message, to look at before anybody gets it: by the files of the workspace, for a customer or for nobody.

Takes the model, the templates, and a customer's row if there is one; gives the text. What only a journey knows, the
entering event and what a send hands over, is made up: by type, or as the rules write it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, inspect, select

from flowrules.content.render import Rendered, TemplateFailure
from flowrules.content.worker import Job, Value
from flowrules.content.writer import Writer
from flowrules.model.campaign import Campaign, EventTrigger, Model, Send
from flowrules.model.schema import Kind, Stored, Type
from flowrules.model.snapshot import Snapshot
from flowrules.model.values import SEPARATOR
from flowrules.program.machine import machine
from flowrules.sql.columns import attribute_column, tables_for

_MADE_UP: Mapping[Kind, Stored] = {
    Kind.INTEGER: 3,
    Kind.NUMBER: 2_500_000,
    Kind.MONEY: 2490,
    Kind.BOOL: 1,
    Kind.DATE: 20_514,
    Kind.DATETIME: 1_772_442_000_000_000,
    Kind.DURATION: 2 * 86_400_000_000,
    Kind.LIST: f"{SEPARATOR}jazz{SEPARATOR}blues{SEPARATOR}",
}
_BUILT_IN = {
    "id": "ana",
    "email": "ana@example.com",
    "phone": "+34600000001",
    "country": "ES",
    "language": "",
    "timezone": "Europe/Madrid",
}


def channels_with(snapshot: Snapshot, template: str) -> list[str]:
    return sorted({each.channel for each in snapshot.templates if each.name == template})


def customer_values(connection: Connection, model: Model, customer_id: int) -> dict[str, Value]:
    """What the database knows; an attribute declared since the last `apply` has its default."""
    customer = tables_for(model).customer
    stored = {column["name"] for column in inspect(connection).get_columns("customer")}
    names = {each: attribute_column(each) for each in model.attributes}
    found = [customer.c[column] for column in names.values() if column in stored]
    row = connection.execute(select(*found).where(customer.c.id == customer_id)).mappings().one()
    values = {each.name: (each.type.kind, row.get(column), each.default) for each, column in names.items()}
    return {name: (kind, default if value is None else value) for name, (kind, value, default) in values.items()}


def made_up(model: Model) -> dict[str, Value]:
    return {
        each.name: (each.type.kind, _BUILT_IN[each.name] if each.builtin else _sample(each.name, each.type))
        for each in model.attributes
    }


def preview(
    model: Model, snapshot: Snapshot, channel: str, template: str, customer: Mapping[str, Value], language: str | None
) -> Rendered | TemplateFailure:
    """`language`: instead of the customer's."""
    entry: dict[str, Value] = {}
    message: dict[str, Value] = {}
    for campaign, send in _sends(model, channel, template):
        trigger = campaign.entry.trigger
        if isinstance(trigger, EventTrigger):
            entry |= {each.name: (each.type.kind, _sample(each.name, each.type)) for each in trigger.event.properties}
        for argument in send.arguments:
            message[argument.name] = (
                (None, argument.value) if argument.entry is None else entry.get(argument.entry, (None, None))
            )
    _, of_customer = customer["language"]
    _, zone = customer["timezone"]
    settings = next(each for each in model.channels if each.name == channel)
    url = None if settings.unsubscribe_url is None else f"{settings.unsubscribe_url}preview"
    job = Job(
        channel=channel,
        template=template,
        language=language or (None if of_customer is None else str(of_customer)),
        currency=model.currency,
        zone=str(zone) if model.policy.zone_of_customer and zone else model.policy.zone,
        records={"customer": customer, "entry": entry, "message": message},
        words={"unsubscribe_url": url, "postal_address": settings.postal_address},
    )
    return Writer(snapshot.templates).write([job])[0]


def _sends(model: Model, channel: str, template: str) -> Iterator[tuple[Campaign, Send]]:
    for campaign in model.campaigns:
        for node in machine(campaign).nodes:
            if node.send is not None and (node.send.channel.name, node.send.template) == (channel, template):
                yield campaign, node.send


def _sample(name: str, type_: Type) -> Stored:
    if type_.kind is Kind.ONE_OF:
        return type_.options[0]
    return _MADE_UP.get(type_.kind, f"[{name}]")
