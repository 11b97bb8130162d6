"""Damaged files: each is taken in or refused with a sentence, never a traceback, and no row is lost in silence.

FLOWRULES_FUZZ says how many tries (300 where it is not set), FLOWRULES_FUZZ_FROM the number of the first. A failing
one is named by its number: `damaged(NUMBER)` makes the same file again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Any

import pytest

from flowrules.errors import FlowRulesError
from flowrules.model.build import build
from flowrules.model.campaign import Model
from flowrules.model.schema import Channel
from flowrules.model.snapshot import Snapshot
from flowrules.source import Source
from flowrules.store.database import Database
from flowrules.store.imports.lists import read_list
from flowrules.store.imports.records import Options
from flowrules.store.imports.run import import_file
from flowrules.store.imports.times import Times
from flowrules.syntax.parser import parse
from tests.fuzz.damage import damaged

FIRST = int(os.environ.get("FLOWRULES_FUZZ_FROM", "0"))
TRIES = int(os.environ.get("FLOWRULES_FUZZ", "300"))
RULES = """\
attribute plan: text
attribute birthday: date
attribute visits: integer
event purchase:
    amount: money
    category: text
    at: datetime
policy:
    purpose marketing: ask first
    purpose service: unless refused
    class marketing: purpose marketing, limited, counted
"""
MANNERS: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    ({}, {}),
    ({"date_format": "DD/MM/YYYY", "decimal": ","}, {}),
    ({"date_format": "excel", "decimal": "."}, {"separated": "semicolon"}),
    ({}, {"encoding": "cp1252", "separated": "blanks"}),
)


@pytest.fixture(scope="module")
def model() -> Model:
    channels = (Channel("email", "email"), Channel("sms", "phone"))
    source = Source("rules/x.flow", RULES)
    file, mistakes = parse(source)
    assert not mistakes
    snapshot = Snapshot((source,), (), frozenset(), channels, "EUR", "Europe/Madrid", "ES")
    model, mistakes = build([file], snapshot)
    assert model is not None, mistakes
    return model


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database.create(f"sqlite:///{tmp_path_factory.mktemp('fuzz')}/x.db")
    yield database
    database.close()


@pytest.mark.timeout(0)
def test_damaged_files(database: Database, model: Model, tmp_path: Path) -> None:
    taken = refused = 0
    for number in range(FIRST, FIRST + TRIES):
        what, name, content = damaged(number)
        path = tmp_path / name
        path.write_bytes(content)
        given, how = MANNERS[number % len(MANNERS)] if number % 3 == 0 else MANNERS[0]
        options = Options(Times("Europe/Madrid", time(12), given.get("date_format")), given.get("decimal"))
        try:
            imported = import_file(database, model, what, path, options, now=2**50, dry_run=True, **how)  # type: ignore[arg-type]
        except FlowRulesError:
            refused += 1
        except Exception as failure:
            raise AssertionError(f"damaged({number})") from failure
        else:
            told = imported.added + imported.changed + imported.unchanged + imported.rejected
            assert imported.read == told, f"damaged({number}): {imported.read} read, {told} told"
            taken += 1
        try:
            read_list(path, ("email", "phone", "id"), "ES")
        except FlowRulesError:
            pass
        except Exception as failure:
            raise AssertionError(f"damaged({number}) as a list") from failure
    # Both ends of the scale are reached, or the damage is too small or too great to find anything.
    assert taken > TRIES // 10
    assert refused > TRIES // 10
