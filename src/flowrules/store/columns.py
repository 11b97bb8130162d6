"""Columns of declared attributes and properties, added to the tables of a database.

Takes a model inside a write transaction. Adds only; never changes or drops a column, nor writes a value.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Integer, Table, inspect, text

from flowrules.model.campaign import DateTrigger, Model
from flowrules.model.schema import Attribute, Type
from flowrules.sql import tables
from flowrules.sql.columns import attribute_column, attribute_index, property_columns


@dataclass(frozen=True, slots=True)
class TypeChanged:
    """The attribute's column holds the other kind of values: text for numbers, or numbers for text."""

    attribute: Attribute
    was_textual: bool


def add_columns(connection: Connection, model: Model) -> tuple[TypeChanged, ...]:
    """Add what is missing; with any TypeChanged, nothing."""
    declared = [attribute for attribute in model.attributes if not attribute.builtin]
    customers = _textual(connection, tables.customer)
    changed = tuple(
        TypeChanged(attribute, not attribute.type.textual)
        for attribute in declared
        if customers.get(attribute_column(attribute), attribute.type.textual) != attribute.type.textual
    )
    if changed:
        return changed
    _add(
        connection,
        tables.customer,
        {column: attribute.type for attribute in declared if (column := attribute_column(attribute)) not in customers},
    )
    events = _textual(connection, tables.event)
    _add(
        connection,
        tables.event,
        {column: type_ for column, type_ in property_columns(model).items() if column not in events},
    )
    return ()


def index_dates(connection: Connection, model: Model) -> None:
    """An index of each date by which some campaign lets customers in."""
    quote = connection.dialect.identifier_preparer.quote
    for campaign in model.campaigns:
        trigger = campaign.entry.trigger
        if isinstance(trigger, DateTrigger):
            name, column = attribute_index(trigger.attribute), attribute_column(trigger.attribute)
            connection.execute(
                text(f"CREATE INDEX IF NOT EXISTS {quote(name)} ON {quote(tables.customer.name)} ({quote(column)})")
            )


def _textual(connection: Connection, table: Table) -> dict[str, bool]:
    return {
        column["name"]: not isinstance(column["type"], Integer)
        for column in inspect(connection).get_columns(table.name)
    }


def _add(connection: Connection, table: Table, columns: dict[str, Type]) -> None:
    quote = connection.dialect.identifier_preparer.quote
    for name, declared in columns.items():
        kind = "TEXT" if declared.textual else "BIGINT"
        connection.execute(text(f"ALTER TABLE {quote(table.name)} ADD COLUMN {quote(name)} {kind}"))
