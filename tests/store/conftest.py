"""A database with a small model's columns, once of each kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flowrules.model.campaign import Model, Policy, Purpose
from flowrules.model.schema import BUILTIN_ATTRIBUTES, Attribute, Channel, EventType, Kind, Property, Type
from flowrules.store.columns import add_columns
from flowrules.store.database import Database

TEXT, MONEY = Type(Kind.TEXT), Type(Kind.MONEY)


@pytest.fixture
def model() -> Model:
    return Model(
        attributes=(*BUILTIN_ATTRIBUTES, Attribute("birthday", Type(Kind.DATE)), Attribute("plan", TEXT)),
        events=(
            EventType("email_bounced", channel="email", reaction="bounced"),
            EventType("email_complained", channel="email", reaction="complained"),
            EventType("email_opened", channel="email", reaction="opened"),
            EventType("purchase", (Property("amount", MONEY), Property("category", TEXT))),
        ),
        lists=(),
        segments=(),
        campaigns=(),
        policy=Policy(
            zone_of_customer=True,
            zone="UTC",
            purposes=(Purpose("marketing", asks_first=True, place=""), Purpose("service", asks_first=False, place="")),
            classes=(),
            caps=(),
            hold_out=None,
        ),
        channels=(Channel("email", "email"), Channel("sms", "phone")),
        currency="EUR",
    )


@pytest.fixture
def database(database_url: str, model: Model) -> Iterator[Database]:
    database = Database.create(database_url, salt="salt")
    with database.write() as connection:
        assert add_columns(connection, model) == ()
    yield database
    database.close()
