"""Journal in, ledger out: the same bytes, however often the clock was looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrules.runtime import tick
from flowrules.runtime.deliver import deliver
from flowrules.store.journal import NewChange, NewConsent, NewEvent, add_changes, add_consents, add_events
from tests.proof.copies import Copies, opened
from tests.proof.everything import DEPLOYED, RULES, later, only, scenario
from tests.proof.replay import canonical, remember, replay
from tests.proof.story import Outside, answering, deploy, make
from tests.reference.scenario import HOUR, MINUTE
from tests.support.engine import model_of

STORY = scenario(40, days=3, facts=3)
FEW = scenario(40, days=2, facts=2, rules=only(RULES, "welcome", "rival", "daily"))
AGAIN = DEPLOYED + 40 * HOUR + 7


@pytest.fixture
def other(copies: Copies) -> str:
    return copies.fresh()


def test_a_replay_is_equal_byte_for_byte(copies: Copies, other: str) -> None:
    """Facts that came late are stored with the instant they got, and are not late again."""
    url = copies.fresh()
    make(url, STORY)
    virtual = answering(STORY).answer
    with opened(url) as database:
        deploy(database, STORY, DEPLOYED)
        tick.tick(database, DEPLOYED + 30 * HOUR, answer=virtual)
        late = DEPLOYED + 20 * HOUR
        names = [customer.id for customer in STORY.customers]
        model = model_of(STORY)
        with database.intake() as connection:
            add_events(
                connection,
                model,
                [
                    NewEvent("begin", name, late - HOUR, late, f"late {name}", {"n": 2}) for name in names[::3]
                ] + [NewEvent("login", name, late, late, f"login {name}", {}) for name in names[::2]],
            )  # fmt: skip
            add_consents(
                connection, model, [NewConsent(names[1], "email", "marketing", "withdrawn", late, "test", late)]
            )
            add_changes(connection, [NewChange(name, late, "plan", "pro") for name in names[::5]])
        tick.tick(database, AGAIN - 1, answer=virtual)
        deploy(database, later(STORY), AGAIN)
        for hours in (41, 43, 60):
            tick.tick(database, DEPLOYED + hours * HOUR, answer=virtual)
        expected = canonical(database)
        past = remember(database, STORY, [(STORY, DEPLOYED), (later(STORY), AGAIN)])
    assert len(expected.splitlines()) > 400
    raised = DEPLOYED + 30 * HOUR + 1
    columns, events = past.facts["event"]
    assert sum(row[columns.index("at")] == raised for row in events) > 30
    assert replay(past, other) == expected


def test_a_replay_of_hand_overs_is_equal(copies: Copies, other: str, tmp_path: Path) -> None:
    """What the outbox reported is a fact like others."""
    url = copies.fresh()
    make(url, FEW)
    real = Outside(folder=tmp_path)
    with opened(url) as database:
        deploy(database, FEW, DEPLOYED)
        for number in range(1, 6):
            tick.tick(database, DEPLOYED + number * 6 * HOUR)
            deliver(database, real.channels(), DEPLOYED + number * 6 * HOUR + MINUTE)
        tick.tick(database, DEPLOYED + 34 * HOUR)
        expected = canonical(database)
        past = remember(database, FEW, [(FEW, DEPLOYED)])
    assert len(past.outcomes) > 10
    assert replay(past, other, outbox=True) == expected
