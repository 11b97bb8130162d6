"""From the names people type to rows, and from stored numbers to words."""

from __future__ import annotations

from sqlalchemy import Connection, select

from flowrules.content.outgoing import Detail, details, id_of
from flowrules.diagnostics.suggest import nearest
from flowrules.errors import FlowRulesError
from flowrules.sql import tables
from flowrules.sql.codes import Reason
from flowrules.sql.message_id import parse
from flowrules.store.customers import everybody_called, find_customers


class UnknownError(FlowRulesError):
    """What was asked for is not there."""


def find_campaign(connection: Connection, name: str) -> int:
    known: dict[str, int] = {
        row.name: row.id for row in connection.execute(select(tables.campaign.c.id, tables.campaign.c.name))
    }
    if name in known:
        return known[name]
    near = nearest(name, known)
    hint = (
        f"did you mean `{near}`?" if near else "`flowrules status` lists the campaigns; `flowrules apply` deploys them"
    )
    raise UnknownError(f"no campaign `{name}` was ever deployed here", hint)


def find_customer(connection: Connection, given: str) -> int:
    """By id, email or phone; an id wins over the others."""
    found = find_customers(connection, [given])
    if given not in found:
        raise UnknownError(f"no customer has the id, email or phone `{given}`", "a phone is written as +34600000001")
    return found[given]


def others_called(connection: Connection, given: str, customer_id: int) -> list[str]:
    """Whom else an email or a phone may mean: who has it too, or had it once."""
    others = everybody_called(connection, [given]).get(given, set()) - {customer_id}
    customer = tables.customer.c
    query = select(customer.external_id).where(customer.id.in_(sorted(others))).order_by(customer.external_id)
    return list(connection.execute(query).scalars()) if others else []


def find_message(connection: Connection, given: str) -> Detail:
    """By its name, as `flowrules messages` shows it."""
    key = parse(given)
    row = None
    if key is not None:
        message, campaign = tables.message.c, tables.campaign.c
        # First the number: joined by name, a database may walk over all messages.
        who = find_customers(connection, [key.customer]).get(key.customer)
        query = details().where(
            message.customer_id == who, campaign.name == key.campaign, message.instance == key.instance
        )
        row = next((each for each in connection.execute(query) if id_of(each) == given), None)
    if row is None:
        raise UnknownError(f"there is no message `{given}`", "`flowrules messages --format json` shows their ids")
    return row


def reason(code: int | None) -> str | None:
    return None if code is None else Reason(code).word
