"""The columns that declared attributes and properties live in.

Takes a model, gives the customer and event tables with their columns. Never touches a database, nor the
shared tables.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import BigInteger, Column, MetaData, Table, Text

from flowrules.model.campaign import Model
from flowrules.model.schema import Attribute, Property, Type
from flowrules.sql import tables

# PostgreSQL cuts longer names silently, so that two of them could become one.
LONGEST_NAME = 63


@dataclass(frozen=True, slots=True)
class Tables:
    customer: Table
    event: Table


def attribute_column(attribute: Attribute) -> str:
    if attribute.builtin:
        return "external_id" if attribute.name == "id" else attribute.name
    return _fit(f"a_{attribute.name}")


def attribute_index(attribute: Attribute) -> str:
    """The index by which customers are found on their date."""
    return _fit(f"customer_{attribute_column(attribute)}")


def property_column(declared: Property) -> str:
    """Events that declare a name with the same type share its column."""
    return _fit(f"p_{declared.name}__{declared.type.kind.value.replace(' ', '_')}")


def tables_for(model: Model) -> Tables:
    """The same objects for the same columns, so that statements made of them are compiled once."""
    attributes = ((name, declared.textual) for name, declared in attribute_columns(model).items())
    properties = ((name, declared.textual) for name, declared in property_columns(model).items())
    return _tables(tuple(attributes), tuple(properties))


@lru_cache(maxsize=64)
def _tables(attributes: tuple[tuple[str, bool], ...], properties: tuple[tuple[str, bool], ...]) -> Tables:
    copy = MetaData()
    customer = tables.customer.to_metadata(copy)
    event = tables.event.to_metadata(copy)
    for table, columns in ((customer, attributes), (event, properties)):
        for name, textual in columns:
            table.append_column(Column(name, Text) if textual else Column(name, BigInteger))
    return Tables(customer, event)


def attribute_columns(model: Model) -> dict[str, Type]:
    return {attribute_column(attribute): attribute.type for attribute in model.attributes if not attribute.builtin}


def property_columns(model: Model) -> dict[str, Type]:
    return {
        property_column(declared): declared.type
        for event in sorted(model.events, key=lambda event: event.name)
        for declared in event.properties
    }


def _fit(name: str) -> str:
    if len(name.encode()) <= LONGEST_NAME:
        return name
    return f"{name[:40]}_{hashlib.sha256(name.encode()).hexdigest()[:16]}"
