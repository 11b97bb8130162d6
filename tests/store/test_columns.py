from __future__ import annotations

from dataclasses import replace

from sqlalchemy import BigInteger, Text, inspect

from flowrules.model.campaign import Model
from flowrules.model.schema import Attribute, EventType, Kind, Property, Type
from flowrules.sql import tables
from flowrules.sql.columns import attribute_column, property_column, tables_for
from flowrules.store.columns import TypeChanged, add_columns
from flowrules.store.database import Database


def test_names() -> None:
    assert attribute_column(Attribute("id", Type(Kind.TEXT), builtin=True)) == "external_id"
    assert attribute_column(Attribute("email", Type(Kind.TEXT), builtin=True)) == "email"
    assert attribute_column(Attribute("plan", Type(Kind.TEXT))) == "a_plan"
    assert property_column(Property("amount", Type(Kind.MONEY))) == "p_amount__money"
    assert property_column(Property("tags", Type(Kind.LIST))) == "p_tags__list_of_text"
    long = [property_column(Property("x" * 60 + end, Type(Kind.LIST))) for end in "ab"]
    assert long[0] != long[1]
    assert all(len(name) <= 63 for name in long)


def test_tables_of_a_model_leave_the_shared_ones_alone(model: Model) -> None:
    own = tables_for(model)
    assert isinstance(own.customer.c.a_birthday.type, BigInteger)
    assert isinstance(own.customer.c.a_plan.type, Text)
    assert isinstance(own.event.c.p_amount__money.type, BigInteger)
    assert "a_plan" not in tables.customer.c
    assert "p_amount__money" not in tables.event.c


def test_columns_are_added_once(database: Database, model: Model) -> None:
    more = replace(
        model,
        attributes=(*model.attributes, Attribute("group", Type(Kind.BOOL))),
        events=(
            *model.events,
            EventType("refund", (Property("amount", Type(Kind.MONEY)), Property("amount2", Type(Kind.TEXT)))),
        ),
    )
    with database.write() as connection:
        assert add_columns(connection, more) == ()
        assert add_columns(connection, more) == ()
    with database.read() as connection:
        for table, expected in ((tables.customer, tables_for(more).customer), (tables.event, tables_for(more).event)):
            names = [column["name"] for column in inspect(connection).get_columns(table.name)]
            assert set(names) == set(expected.c.keys())


def test_a_changed_kind_of_values_is_told_and_changes_nothing(database: Database, model: Model) -> None:
    plan = Attribute("plan", Type(Kind.INTEGER))
    changed = replace(model, attributes=(plan, Attribute("another", Type(Kind.TEXT))))
    with database.write() as connection:
        assert add_columns(connection, changed) == (TypeChanged(plan, was_textual=True),)
        assert "a_another" not in [column["name"] for column in inspect(connection).get_columns("customer")]
