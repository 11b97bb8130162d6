"""A database with a small model's columns, once of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flowrules.model.campaign import Model, Policy, Purpose
from flowrules.model.schema import BUILTIN_ATTRIBUTES, Attribute, Channel, EventType, Kind, Property, Type
from flowrules.store.columns import add_columns
from flowrules.store.database import Database
from flowrules.store.imports.records import Options
from flowrules.store.imports.run import Imported, What, import_file
from tests.store.importing import DAY, Run, options
from tests.support.prepared import blank

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
    database = blank(database_url)
    with database.write() as connection:
        assert add_columns(connection, model) == ()
    yield database
    database.close()


@pytest.fixture
def run(database: Database, model: Model, tmp_path: Path) -> Run:
    def run(
        what: What, content: str, given: Options | None = None, *, name: str = "file.csv", **how: object
    ) -> Imported:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8", newline="")
        return import_file(database, model, what, path, given or options(), now=9 * DAY, **how)  # type: ignore[arg-type]

    return run
