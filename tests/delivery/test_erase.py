"""Whoever is erased is nowhere any more, and does not come back by an import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import time
from pathlib import Path
from time import sleep

import pytest
from sqlalchemy import Connection, select, text

from flowrules.channels.base import Outcome, OutgoingMessage, Refused
from flowrules.channels.file import FileChannel
from flowrules.report.customer import export, show
from flowrules.report.funnel import funnel
from flowrules.report.lookup import UnknownError, find_customer
from flowrules.runtime import outbox
from flowrules.runtime.deliver import deliver
from flowrules.runtime.erase import Erased, erase
from flowrules.runtime.outbox import Attempt
from flowrules.sql import tables
from flowrules.sql.codes import Reason, Status
from flowrules.store.imports.records import Options
from flowrules.store.imports.run import import_file
from flowrules.store.imports.times import Times
from flowrules.store.journal import NewConsent, add_consents
from tests.support.engine import ledger
from tests.support.world import START, World, world

HOUR = 3_600_000_000
OPTIONS = Options(Times("UTC", time(12), None))


@pytest.fixture
def made(database_url: str) -> World:
    """Ana and ben have a message each that waits; ana has taken back her consent to sms."""
    made = world(database_url)
    made.customers(["ana", "ben"])
    made.consent(["ana"], "sms", "withdrawn", START)
    made.event(["ana"], "signup", START + HOUR, source="ana's own words")
    made.event(["ben"], "signup", START + HOUR, source="web")
    made.tick(START + 2 * HOUR)
    return made


def gone(made: World) -> Erased:
    with made.database.read() as connection:
        number = find_customer(connection, "ana@example.com")
    return erase(made.database, number, START + 3 * HOUR)


def everything(made: World) -> str:
    with made.database.read() as connection:
        names = [name for name in tables.metadata.tables if name != "deployment"]
        return "\n".join(
            str(tuple(row))
            for name in names
            for row in connection.execute(text(f"SELECT * FROM {name}"))  # noqa: S608  # our names
        )


def test_nothing_is_left_of_who_it_was(made: World, tmp_path: Path) -> None:
    assert "ana" in everything(made)
    assert "+34600000000" in everything(made)
    erased = gone(made)
    assert (erased.journeys, erased.messages, erased.refusals) == (1, 1, 1)
    left = everything(made)
    assert "ana" not in left
    assert "+34600000000" not in left
    made.tick(START + 4 * HOUR)
    channels = {name: FileChannel(tmp_path, name) for name in ("email", "sms")}
    assert deliver(made.database, channels, START + 4 * HOUR).sent == 1, "ben's alone"


def test_what_was_counted_stays(made: World) -> None:
    erased = gone(made)
    made.tick(START + 4 * HOUR)
    with made.database.read() as connection:
        mine = [(row.decision, row.reason) for row in ledger(connection) if row.customer == erased.anonymous_id]
        assert mine == [
            ("entered", None), ("stage", None), ("send", None), ("exit", Reason.ERASED.word),
            ("outcome", Reason.JOURNEY_ENDED.word),
        ]  # fmt: skip
        found = funnel(connection, "welcome").facts()
        assert (found["entered"], found["exits"]) == (2, {"erased": 1})
        card = show(connection, find_customer(connection, erased.anonymous_id), START)
        assert (card["attributes"], card["events"], card["consents"]) == ({}, [], [])
        assert [row.status for row in connection.execute(select(tables.message.c.status))].count(Status.CANCELLED) == 1


@pytest.mark.parametrize(
    "row",
    ["ana,new@example.com,+34699,yes", "anna,ana@example.com,+34699,yes", "anna,new@example.com,+34600000000,yes"],
)
def test_a_refusal_outlives_the_erasure(made: World, tmp_path: Path, row: str) -> None:
    """Known again by id, email or phone, as a new customer: what was refused is refused, and nothing else."""
    gone(made)
    path = tmp_path / "customers.csv"
    path.write_text(f"id,email,phone,consent_sms,consent_email\n{row},yes\n")
    import_file(made.database, made.model(), "customers", path, OPTIONS, now=START + 5 * HOUR)
    with made.database.read() as connection:
        number = find_customer(connection, row.partition(",")[0])
        consent = tables.consent.c
        states = connection.execute(select(consent.channel, consent.state).where(consent.customer_id == number)).all()
        assert sorted(tuple(each) for each in states) == [("email", "granted"), ("sms", "refused")]
        everything_known = export(connection, number, START)
    assert everything_known["events"] == []
    assert everything_known["decisions"] == []


def test_a_later_change_of_address_finds_it_too(made: World, tmp_path: Path) -> None:
    gone(made)
    path = tmp_path / "customers.csv"
    path.write_text("id,email\nben,ana@example.com\n")
    import_file(made.database, made.model(), "customers", path, OPTIONS, now=START + 5 * HOUR)
    with made.database.read() as connection:
        card = show(connection, find_customer(connection, "ben"), START)
    assert [each["state"] for each in card["consents"] if each["channel"] == "sms"] == ["granted", "refused"]


@pytest.mark.parametrize(("given", "last"), [(START, "outdated"), (START + 4 * HOUR, "granted")])
def test_only_a_consent_given_since_undoes_it(made: World, given: int, last: str) -> None:
    gone(made)
    record = NewConsent("ana@example.com", "sms", "marketing", "granted", given, "old list", given)
    made.customers(["ana"], consent=False)
    with made.database.intake() as connection:
        add_consents(connection, made.model(), [record])
        card = show(connection, find_customer(connection, "ana"), START)
    assert [each["state"] for each in card["consents"] if each["channel"] == "sms"] == ["refused", last]


EVENTS = "event,customer,time,id,source\nsignup,ana,2026-03-02T11:00:00Z,{id},fair\n"


def taken_in(made: World, folder: Path, id_: str) -> tuple[int, int]:
    """How many events are added, and how many were known."""
    path = folder / "events.csv"
    path.write_text(EVENTS.format(id=id_))
    found = import_file(made.database, made.model(), "events", path, OPTIONS, now=START + 5 * HOUR)
    return found.added, found.unchanged


def test_events_are_known_again_by_an_id_that_names_nobody_any_more(made: World, tmp_path: Path) -> None:
    """Ids are often made of addresses."""
    assert taken_in(made, tmp_path, "ana@example.com/1") == (1, 0)
    assert taken_in(made, tmp_path, "ana@example.com/1") == (0, 1)
    gone(made)
    assert "ana" not in everything(made)
    assert taken_in(made, tmp_path, "ana@example.com/1") == (0, 1)
    with made.database.read() as connection, pytest.raises(UnknownError):
        find_customer(connection, "ana")
    assert taken_in(made, tmp_path, "ana@example.com/2") == (1, 0)


def test_ids_taken_in_before_they_were_hashed_are_known_too(made: World, tmp_path: Path) -> None:
    with made.database.write() as connection:
        connection.execute(tables.intake.insert().values(key="id/old"))
    assert taken_in(made, tmp_path, "old") == (0, 1)
    assert taken_in(made, tmp_path, "new") == (1, 0)


BY_KEY = """\
attribute first_name: text
event asked:
    address: text

campaign answers:
    class marketing
    enter when asked, keyed by address, again after exit
    stage only:
        send email thanks
        wait 30 days

policy:
    purpose marketing: ask first
    class marketing: purpose marketing, limited, counted
"""


def test_keys_of_journeys_are_hidden_and_still_tell_them_apart(database_url: str) -> None:
    made = world(database_url, BY_KEY)
    made.customers(["ana", "ben"])
    for address in ("ana@home.example", "ana@work.example", "ana@home.example"):
        made.event(["ana"], "asked", START + HOUR, address=address)
    made.event(["ben"], "asked", START + HOUR, address="ben@home.example")
    made.tick(START + 2 * HOUR)
    made.event(["ana"], "asked", START + 2 * HOUR + 1, address="ana@home.example")
    made.event(["ana"], "asked", START + 2 * HOUR + 1, address="ana@work.example")
    made.tick(START + 3 * HOUR - 1)
    erased = gone(made)
    made.tick(START + 4 * HOUR)
    assert "ana" not in everything(made)
    with made.database.read() as connection:
        rows = [row for row in ledger(connection) if row.customer == erased.anonymous_id]
        others = {row.key for row in ledger(connection) if row.customer != erased.anonymous_id and row.key}
        enrollment = tables.enrollment.c
        stored = list(connection.execute(select(enrollment.key).order_by(enrollment.key)).scalars())
    entered = {row.key for row in rows if row.decision == "entered"}
    refused = [row.key for row in rows if row.decision == "not_entered"]
    assert len(entered) == 2
    assert sorted(refused) == sorted(entered)
    assert all(key.startswith("erased-") for key in entered)
    assert others == {"ben@home.example"}
    assert stored == sorted(entered | others)
    assert [row.reason for row in rows if row.decision == "exit"] == [Reason.ERASED.word] * 2


class Quoting:
    """Refuses in words that name the receiver."""

    together = 1

    def __init__(self, meanwhile: Callable[[str], None]) -> None:
        self.meanwhile = meanwhile

    def send(self, message: OutgoingMessage) -> Outcome:
        self.meanwhile(message.customer)
        return Refused(f"550 5.1.1 {message.to}: no such user", "5.1.1")

    def flush(self) -> None:
        pass

    def settle(self, keys: object) -> dict[str, Outcome]:
        del keys
        return {}


def test_what_is_said_of_them_afterwards_is_not_kept(made: World) -> None:
    def erased(customer: str) -> None:
        if customer == "ana":
            gone(made)

    deliver(made.database, {"email": Quoting(erased)}, START + 3 * HOUR)
    kept = everything(made)
    assert "ana@example.com" not in kept
    assert "550 5.1.1 ben@example.com: no such user" in kept
    with made.database.read() as connection:
        statuses = connection.execute(select(tables.message.c.status)).scalars().all()
    assert set(statuses) == {Status.REFUSED}


def test_an_erasure_waits_for_who_writes_down_what_was_said(made: World) -> None:
    """And then finds it: else it would pass by a word that is not there yet."""
    with made.database.read() as connection:
        number = find_customer(connection, "ana")
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor() as pool:
        close, erasing = outbox.close, list[Future[Erased]]()

        def slowly(connection: Connection, now: int, attempts: Sequence[tuple[Attempt, str]]) -> None:
            close(connection, now, attempts)
            if attempts and attempts[0][0].key[0] == number:
                erasing.append(pool.submit(gone, made))
                sleep(0.5)

        patch.setattr(outbox, "close", slowly)
        deliver(made.database, {"email": Quoting(lambda _: None)}, START + 3 * HOUR)
        erasing[0].result(30)
    assert "ana@example.com" not in everything(made)
