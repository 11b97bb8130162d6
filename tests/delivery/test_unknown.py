"""A message whose outcome is unknown: settled by what comes back, or by a person, and never sent again by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import pytest
from sqlalchemy import func, select

from flowrules.channels.base import Accepted, Outcome, OutgoingMessage, Unknown
from flowrules.content.outgoing import key_of
from flowrules.model.schema import Stored
from flowrules.report.lookup import find_message
from flowrules.runtime import operate, outbox
from flowrules.runtime.deliver import Delivered, deliver
from flowrules.sql import tables
from flowrules.sql.codes import Reason, Status
from flowrules.store.journal import NewEvent, add_events
from tests.support.engine import ledger
from tests.support.world import START, World, world

HOUR = 3_600_000_000
ID = "welcome.ana.1.lead/send+email+hello.1"
SENT = START + 2 * HOUR


@dataclass
class Line:
    """Tells what becomes of a message, or that it does not know."""

    outcome: Outcome
    sent: list[str] = field(default_factory=list)
    together: int = 10

    def send(self, message: OutgoingMessage) -> Outcome:
        self.sent.append(message.idempotency_key)
        return self.outcome

    def flush(self) -> None: ...

    def settle(self, keys: Collection[str]) -> Mapping[str, Outcome]:
        del keys
        return {}


@pytest.fixture
def made(database_url: str) -> World:
    """Ana's first message is of unknown outcome."""
    made = world(database_url)
    made.customers(["ana"])
    made.event(["ana"], "signup", START + HOUR, source="web")
    made.tick(SENT)
    assert hand_over(made, Line(Unknown("no answer")), SENT).unknown == 1
    return made


def hand_over(made: World, line: Line, now: int) -> Delivered:
    return deliver(made.database, {"email": line, "sms": line}, now)


def settle(made: World, verdict: operate.Verdict, now: int) -> bool:
    with made.database.read() as connection:
        detail = find_message(connection, ID)
    return operate.settle(made.database, detail, verdict, now)


def state(made: World) -> tuple[int, int | None, int]:
    """Status, when it was sent, and how many contacts caps count."""
    with made.database.read() as connection:
        status, sent_at = connection.execute(select(tables.message.c.status, tables.message.c.sent_at)).one()
        contacts = connection.execute(select(func.count()).select_from(tables.contact)).scalar_one()
    return status, sent_at, contacts


def reaction(made: World, event: str) -> None:
    nothing: dict[str, Stored] = {}
    ref = ("ana", "welcome", 1, "lead/send email hello", 1)
    with made.database.intake() as connection:
        add_events(connection, made.model(), [NewEvent(event, "ana", SENT + 5, SENT + 5, "x", nothing, ref=ref)])


def outcomes(made: World) -> list[str | None]:
    with made.database.read() as connection:
        return [row.reason for row in ledger(connection) if row.decision == "outcome"]


def test_two_who_settle_it_at_once(made: World) -> None:
    """She has opened it, and two dispatchers see that at the same moment: it is sent once."""
    reaction(made, "email_opened")
    with made.database.read() as connection:
        key = key_of(find_message(connection, ID))
    with outbox.writing(made.database) as connection:
        outbox.finish(connection, SENT + HOUR, [outbox.End(key, Status.SENT, None)])
        other = threading.Thread(target=hand_over, args=(made, Line(Accepted()), SENT + HOUR))
        other.start()
        time.sleep(0.5)
    other.join()
    made.tick(SENT + 2 * HOUR)
    assert outcomes(made) == ["outcome_unknown", "accepted"]


def test_a_person_found_it_sent(made: World) -> None:
    assert settle(made, "sent", SENT + HOUR)
    # Known since then: before, it was neither sent nor not sent.
    assert state(made) == (Status.SENT, SENT + HOUR, 1)
    assert not settle(made, "failed", SENT + HOUR)
    made.tick(SENT + 2 * HOUR)
    assert outcomes(made) == [Reason.OUTCOME_UNKNOWN.word, Reason.ACCEPTED.word]


def test_a_person_found_it_lost(made: World) -> None:
    assert settle(made, "failed", SENT + HOUR)
    made.tick(SENT + HOUR)
    assert state(made) == (Status.REFUSED, None, 0)
    line = Line(Accepted())
    hand_over(made, line, SENT + 2 * HOUR)
    assert line.sent == []


def test_a_person_sends_it_again(made: World) -> None:
    line = Line(Accepted())
    hand_over(made, line, SENT + HOUR)
    assert line.sent == [], "never by itself"
    assert settle(made, "resend", SENT + HOUR)
    assert hand_over(made, line, SENT + HOUR).sent == 1
    assert state(made) == (Status.SENT, SENT + HOUR, 1)
    with made.database.read() as connection:
        attempts = (
            connection.execute(select(tables.attempt.c.outcome).order_by(tables.attempt.c.number)).scalars().all()
        )
    assert attempts == ["unknown: no answer", "accepted"]


@pytest.mark.parametrize(("event", "status"), [("email_opened", Status.SENT), ("email_bounced", Status.UNKNOWN)])
def test_who_opens_it_has_it(made: World, event: str, status: Status) -> None:
    reaction(made, event)
    hand_over(made, Line(Accepted()), SENT + HOUR)
    assert state(made)[0] == status
    hand_over(made, Line(Accepted()), SENT + HOUR)
    made.tick(SENT + 2 * HOUR)
    assert outcomes(made) == ["outcome_unknown", *(["accepted"] if status is Status.SENT else [])]
