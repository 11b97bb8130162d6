"""The outbox: what is handed over is a fact, and the ledger follows from facts however the ticks are cut."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import and_, exists, insert, select

from flowrules.channels.base import Accepted, Outcome, OutgoingMessage, Refused, Retry, Unknown
from flowrules.runtime.deliver import deliver
from flowrules.runtime.tick import planner
from flowrules.sql import tables as t
from flowrules.sql.codes import Decision, Status
from flowrules.store.database import Database
from tests.property.contacts import exceeded, in_quiet_hours
from tests.property.examples import examples
from tests.reference.generate import cuts, scenarios
from tests.reference.outcome import Contact
from tests.reference.scenario import DAY, HOUR, LedgerRow, Scenario
from tests.reference.show import difference
from tests.reference.workspace import did, workspace
from tests.support.engine import deployed, ledger

KEY = ("customer_id", "campaign_id", "instance", "step_id")
UNTOLD = select(t.outcome).where(
    ~exists().where(
        *(t.decision.c[name] == t.outcome.c[name] for name in (*KEY, "at")), t.decision.c.decision == Decision.OUTCOME
    )
)
COUNTED = select(t.contact).join(
    t.message,
    and_(
        *(t.message.c[name] == t.contact.c[name] for name in (*KEY, "pass")),
        t.message.c.status.in_((Status.HELD, Status.SKIPPED, Status.REFUSED, Status.EXPIRED, Status.CANCELLED)),
    ),
)


@dataclass
class Moody:
    """Answers by the message's own key, the same in every run; remembers what it has taken."""

    taken: list[OutgoingMessage] = field(default_factory=list)
    together: int = 3

    def send(self, message: OutgoingMessage) -> Outcome:
        mood = hashlib.sha256(f"{message.message_id}/{message.sent_at}".encode()).digest()[0]
        if mood < 30:
            return Refused("no such mailbox")
        if mood < 60:
            return Retry("busy")
        self.taken.append(message)
        return Unknown("timeout") if mood < 75 else Accepted()

    def flush(self) -> None:
        pass

    def settle(self, keys: Collection[str]) -> Mapping[str, Outcome]:
        del keys
        return {}


def facts(database: Database) -> tuple[list[LedgerRow], list[dict[str, Any]]]:
    """Both runs could lose the same: so in any case what became of a message is told, and only what was sent counts."""
    with database.read() as connection:
        assert connection.execute(UNTOLD).all() == []
        assert connection.execute(COUNTED).all() == []
        return ledger(connection), [row._asdict() for row in connection.execute(select(t.outcome))]


def by_wall_clock(scenario: Scenario, url: str, steps: Sequence[int]) -> tuple[Any, list[Contact]]:
    """Ticks at the steps; what waits is handed over some time after each, when the planner is behind."""
    channel = Moody()
    channels = dict.fromkeys(scenario.channels, channel)
    with deployed(scenario, url) as database:
        with planner(database) as planning:
            for number, step in enumerate(steps):
                planning.tick(step)
                if number % 3 != 1:
                    deliver(database, channels, step + (0, HOUR, 5 * HOUR)[number % 3])
            planning.tick(scenario.until)
        taken = [
            Contact(each.sent_at, each.customer, each.campaign, each.instance, each.step, each.channel, None)
            for each in channel.taken
        ]
        return facts(database), taken


def once_more(scenario: Scenario, url: str, outcomes: list[dict[str, Any]], steps: Sequence[int]) -> Any:  # noqa: ANN401
    with deployed(scenario, url) as database:
        if outcomes:
            with database.write() as connection:
                connection.execute(insert(t.outcome), outcomes)
        with planner(database) as planning:
            for step in [*steps, scenario.until]:
                planning.tick(step)
        return facts(database)


def test_what_once_failed(database_url: str) -> None:
    """Ana has left when her message shall leave, and nobody is inside in the round that tells so."""
    scenario = workspace(
        """
campaign c:
    enter when begin
    goal purchase
    stage s:
        send email welcome
        wait 1 month
""",
        did("03-01 02:00 begin"),
        did("03-01 03:00 purchase"),
    )
    days = [scenario.deployed_at + day * DAY + HOUR for day in range(9)]
    (expected, outcomes), _ = by_wall_clock(scenario, database_url, days)
    assert [row.reason for row in expected if row.decision == "outcome"] == ["journey_ended"]
    assert once_more(scenario, database_url, outcomes, [])[0] == expected


def test_each_of_several_outcomes_of_one_instant_is_told(database_url: str) -> None:
    """Ana was led away from the first message, and both leave at once, after she has left."""
    scenario = workspace(
        """
campaign c:
    enter when begin
    goal purchase
    stage s:
        send email welcome
        on login go to t
    stage t:
        send email offer
        wait 1 month
""",
        did("03-01 02:00 begin"),
        did("03-01 03:00 login"),
        did("03-01 04:00 purchase"),
    )
    days = [scenario.deployed_at + day * DAY + HOUR for day in range(9)]
    (expected, outcomes), _ = by_wall_clock(scenario, database_url, days)
    assert [row.step for row in expected if row.decision == "outcome"] == ["s/send email welcome", "t/send email offer"]
    assert once_more(scenario, database_url, outcomes, [])[0] == expected


@pytest.mark.slow
@pytest.mark.timeout(1200)
@examples(8)
@given(st.data())
def test_the_ledger_follows_from_what_was_handed_over(database_url: str, data: st.DataObject) -> None:
    scenario = data.draw(scenarios())
    days = [scenario.deployed_at + day * DAY + HOUR for day in range(9)]
    (expected, outcomes), taken = by_wall_clock(scenario, database_url, days)
    assert not exceeded(scenario, taken)
    assert not in_quiet_hours(scenario, taken)
    got, _ = once_more(scenario, database_url, outcomes, data.draw(cuts(scenario)))
    if got != expected:
        pytest.fail(difference(expected, got, scenario), pytrace=False)
