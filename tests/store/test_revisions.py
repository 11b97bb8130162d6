"""The migrations lead to the tables, and the tool that drafts them does what it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, Column, Connection, Index, Integer, MetaData, Table, Text, insert, text

from flowrules.sql import tables
from flowrules.store import revisions, upgrade
from flowrules.store.database import Database
from tests.support.revisions import folder_of_its_own
from tools import revision as tool
from tools.schema import Shape, shapes


def made(url: str) -> Database:
    """By the migrations alone, from nothing."""
    database = Database._of(url)
    with database.write() as connection:
        upgrade.run(connection)
    return database


def of(database: Database) -> dict[str, Shape]:
    with database.read() as connection:
        return shapes(connection)


def test_the_migrations_lead_to_the_tables(database_url: str, tmp_path: Path) -> None:
    migrated = of(made(database_url))
    if database_url.startswith("sqlite"):
        (tmp_path / "flowrules.sqlite").unlink()
    else:
        with Database._of(database_url).write() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    created = of(Database.create(database_url))
    assert created == migrated
    assert len(created) == len(tables.metadata.tables) + 1
    assert any("WITHOUT ROWID" in each.rest for each in created.values()) == database_url.startswith("sqlite")
    assert "(type_id + 0)" in created["event"].indexes["event_due"]
    assert "WHERE" in created["message"].indexes["message_open"]


def test_no_table_changed_without_a_revision() -> None:
    changes = tool.draft(tables.metadata)
    if changes:
        pytest.fail(f'sql/tables.py changed; write it down: make revision M="what changes"\n{changes}', pytrace=False)


def test_the_revisions_are_one_line() -> None:
    assert revisions.known() == tuple(f"{number:04}" for number in range(1, len(revisions.known()) + 1))


@pytest.fixture
def changed() -> MetaData:
    """Ours, with every kind of change."""
    changed = MetaData()
    for table in tables.metadata.sorted_tables:
        if table.name not in {"tagging", "exposure", "channel", "event"}:
            table.to_metadata(changed)
    Table("novelty", changed, Column("id", Integer, primary_key=True), Column("words", Text, unique=True))
    Index("novelty_words", changed.tables["novelty"].c.words, sqlite_where=text("id > 3"))
    # One more column, and another index.
    changed.tables["step"].append_column(Column("since", BigInteger))
    Index("step_since", changed.tables["step"].c.since)
    customer = changed.tables["customer"]
    index = next(each for each in customer.indexes if each.name == "customer_zone")
    customer.indexes.remove(index)
    Index("customer_zone", customer.c.zone_id, customer.c.id)
    # One more that must have a value; another key.
    changed.tables["message"].append_column(Column("again", Integer, nullable=False))
    Table(
        "tagging",
        changed,
        Column("tag_id", Integer, primary_key=True, autoincrement=False),
        Column("customer_id", Integer, primary_key=True, autoincrement=False),
        Column("since", Text, nullable=False),
    )
    event = tables.event.to_metadata(changed)
    event.append_column(Column("late", BigInteger, nullable=False))
    # A column is gone.
    tables.channel.to_metadata(changed)._columns.remove(changed.tables["channel"].c.name)
    changed.tables["channel"].constraints = {changed.tables["channel"].primary_key}
    return changed


def with_rows(connection: Connection) -> None:
    connection.execute(insert(tables.tag).values(id=1, name="x"))
    connection.execute(insert(tables.tagging).values(customer_id=1, tag_id=1, since=5))
    connection.execute(insert(tables.channel).values(id=1, name="email"))
    connection.execute(text('ALTER TABLE event ADD COLUMN "p_amount__money" BIGINT'))
    connection.execute(text('ALTER TABLE customer ADD COLUMN "a_plan" TEXT'))
    connection.execute(
        text("INSERT INTO event (customer_id, type_id, at, seq, event_time, p_amount__money) VALUES (1, 2, 3, 4, 5, 6)")
    )
    connection.execute(text("INSERT INTO customer (id, external_id, known_at, a_plan) VALUES (1, 'ana', 0, 'pro')"))


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    yield from folder_of_its_own(tmp_path, monkeypatch)


def test_a_drafted_revision_leads_to_what_changed(
    own: Path, changed: MetaData, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database.create(database_url)
    with database.write() as connection:
        with_rows(connection)
    monkeypatch.setattr(tables, "metadata", changed)
    monkeypatch.chdir(own)
    tool.main("every kind of change")
    revisions.known.cache_clear()
    (path,) = set(own.glob("versions/revision_*.py")) - set(revisions_shipped(own))
    draft = path.read_text()
    assert draft.count("'?'") + draft.count('"?"') == 2
    path.write_text(draft.replace('{"again": "?"}', '{"again": "7"}').replace('{"late": "?"}', '{"late": "at + 1"}'))

    assert upgrade.upgrade(database_url).after == path.stem.removeprefix("revision_")
    with database.read() as connection:
        assert connection.execute(text("SELECT tag_id, customer_id, since FROM tagging")).all() == [(1, 1, "5")]
        assert connection.execute(text("SELECT id FROM channel")).all() == [(1,)]
        assert connection.execute(text("SELECT at, late, p_amount__money FROM event")).all() == [(3, 4, 6)]
        assert connection.execute(text("SELECT external_id, a_plan FROM customer")).all() == [("ana", "pro")]
        got = shapes(connection)
    del got["event"].columns["p_amount__money"], got["customer"].columns["a_plan"]
    with database.write() as connection:
        for name in got:
            connection.execute(text(f'DROP TABLE "{name}"'))
        changed.create_all(connection)
    del got[revisions.VERSION_TABLE]
    assert of(database) == got


def revisions_shipped(own: Path) -> Iterator[Path]:
    shipped = Path(revisions.__file__).with_name("migrations") / "versions"
    return (own / "versions" / path.name for path in shipped.glob("revision_*.py"))


def test_the_tool_has_nothing_to_write_where_nothing_changed() -> None:
    with pytest.raises(SystemExit, match=r"is what sql/tables\.py says"):
        tool.main("nothing")
