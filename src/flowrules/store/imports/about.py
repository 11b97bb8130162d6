"""The message that an event names: by its id, or by a token that left the house in it.

Takes the connection of an import and a text; gives the message, or None. The token of a link to unsubscribe or of a
return address is found wherever it stands in the text, so that the whole link or address will do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection, select

from flowrules.sql import message_id, tables
from flowrules.sql.token import MessageRow, read_bounce, read_unsubscribe
from flowrules.store.imports.unsubscribes import channel_of
from flowrules.store.journal import Ref

_TOKEN = re.compile(r"[A-Za-z2-7]{24,}")


@dataclass(frozen=True, slots=True)
class Named:
    """purpose: what a link to unsubscribe is about; empty otherwise."""

    ref: Ref
    purpose: str = ""


class Names:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __call__(self, given: str) -> Named | None:
        key = message_id.parse(given)
        if key is not None:
            named = Named((key.customer, key.campaign, key.instance, key.step, key.pass_))
            return named if channel_of(key.step) else None
        for token in _TOKEN.findall(given):
            link = read_unsubscribe(self._salt, token)
            message = read_bounce(self._salt, token) if link is None else link.message
            ref = None if message is None else self._ref(message)
            if ref is not None:
                return Named(ref, "" if link is None else link.purpose)
        return None

    @cached_property
    def _salt(self) -> str:
        query = select(tables.workspace.c.value).where(tables.workspace.c.key == "salt")
        salt: str = self._connection.execute(query).scalar_one()
        return salt

    def _ref(self, message: MessageRow) -> Ref | None:
        customer_id, campaign_id, instance, step_id, pass_ = message
        customer, campaign, step = tables.customer.c, tables.campaign.c, tables.step.c
        row = self._connection.execute(
            select(customer.external_id, campaign.name, step.key)
            .join_from(tables.customer, tables.campaign, campaign.id == campaign_id)
            .join(tables.step, step.id == step_id)
            .where(customer.id == customer_id)
        ).first()
        return None if row is None else (row.external_id, row.name, instance, row.key, pass_)
