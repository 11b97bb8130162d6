"""What would have let a message out: with an outbox, under other deployments, where nobody can tell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from flowrules.channels.base import Accepted
from flowrules.content.deployed import Deployed
from flowrules.report.explain import explain
from flowrules.report.explain_text import explanation_lines
from flowrules.report.print import printed
from flowrules.report.supposed import Supposed
from flowrules.runtime.answers import silent
from flowrules.runtime.deliver import deliver
from flowrules.runtime.deploy import apply
from flowrules.sql import tables as t
from flowrules.store.database import Database
from flowrules.store.journal import NewChange, add_changes
from flowrules.store.zones import END
from flowrules.whatif import answer, record
from flowrules.whatif.answer import suppose, supposing
from flowrules.whatif.then import as_of
from tests.delivery.test_deliver import Scripted
from tests.support.world import START, World, world

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

FLOW = """\
attribute first_name: text
attribute plan: one of "free", "pro"
event signup
event visit

segment pros: plan is "pro" and tagged news

policy:
    purpose marketing: ask first
    class marketing: purpose marketing, limited, counted
    cap 2 contacts per 7 days

campaign welcome:
    class marketing
    enter when signup, once
    stage hello:
        send email one
        wait 1 hour
        send email two
        wait 1 hour
        send email three
        wait 1 hour
        send email four
        tag news

campaign pro:
    class marketing
    enter when every day at 12:00 for segment pros, once
    stage only:
        wait 1 day
"""
TEMPLATES = {f"email/{name}.txt": "---\nsubject: x\n---\nHello\n" for name in ("one", "two", "three", "four")}


@pytest.fixture
def made(database_url: str) -> Iterator[World]:
    found = world(database_url, FLOW, TEMPLATES)
    found.customers(["ana", "bea"])
    found.event(["ana"], "signup", START + MINUTE)
    yield found
    found.database.close()


def supposed(made: World, who: str = "ana", at: int = END) -> list[Supposed]:
    with made.database.read() as connection:
        return list(suppose(connection, who, None, "UTC", at, {}).supposed.values())


def hand_over(made: World, until: int) -> None:
    """A tick and a hand-over every ten minutes."""
    for now in range(START + 10 * MINUTE, until + 1, 10 * MINUTE):
        made.tick(now)
        deliver(made.database, {"email": Scripted(Accepted()), "sms": Scripted()}, now)
    made.tick(until)


@pytest.mark.parametrize("accepts", ["at once", "by outbox"])
def test_a_limit_lets_out_what_it_must_let_out_before(made: World, accepts: str) -> None:
    """The fourth message needs a cap of four: with three the third takes the place."""
    if accepts == "by outbox":
        hand_over(made, START + 5 * HOUR)
    else:
        made.tick(START + 5 * HOUR, answer=silent)
    third, fourth = supposed(made)
    assert (third.limit, fourth.limit) == (3, 4)
    with made.database.read() as connection:
        story = explain(connection, "ana", "welcome", END).timeline
    withheld = [each for each in story if each.what == "withheld"]
    assert third.at == withheld[0].at
    assert fourth.at is not None
    # What only would have been sent is accepted a microsecond later, not ten minutes.
    assert abs(fourth.at - withheld[1].at) <= 1
    assert [contact.message for contact in withheld[1].contacts] == ["email one", "email two"]


def test_under_several_deployments(made: World) -> None:
    """The cap stands in another line by then, and the text before it has changed."""
    made.tick(START + 90 * MINUTE - 1, answer=silent)
    made.flow = FLOW.replace("event visit\n", "event visit\nevent other\n\n")
    made.apply(START + 90 * MINUTE)
    made.tick(START + 5 * HOUR, answer=silent)
    assert [each.limit for each in supposed(made)] == [3, 4]


def test_who_has_changed_the_policy_meanwhile(made: World) -> None:
    """Another number is another cap: what was decided by it is asked of it."""
    made.tick(START + 100 * MINUTE - 1, answer=silent)
    made.flow = FLOW.replace("cap 2 contacts", "cap 1 contact")
    made.apply(START + 100 * MINUTE)
    made.tick(START + 5 * HOUR, answer=silent)
    assert [each.limit for each in supposed(made)] == [3, 4]


def test_what_is_not_on_record_is_not_guessed(made: World) -> None:
    made.tick(START + 5 * HOUR, answer=silent)
    with made.database.write() as connection:
        connection.execute(update(t.event).values(at=START + 2 * MINUTE))
    for each in supposed(made):
        assert each.at is None
        assert "what is on record does not lead to what was decided" in (each.why_not or "")
    with made.database.write() as connection:
        connection.execute(delete(t.event))
    assert all(each.at is None for each in supposed(made))


def test_an_attribute_whose_value_nobody_wrote_down(made: World) -> None:
    made.tick(START + 5 * HOUR, answer=silent)
    with made.database.intake() as connection:
        add_changes(connection, [NewChange("ana", START + 6 * HOUR, "plan", "pro")])
    made.tick(START + 7 * HOUR, answer=silent)
    third, _ = supposed(made)
    assert "nobody wrote down what `plan` was before Mon 2026-03-02 15:00" in (third.why_not or "")


def test_too_many_deployments_are_not_played(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "MOST_DEPLOYMENTS", 1)
    made.tick(START + 6 * HOUR - 1, answer=silent)
    made.flow = FLOW + "# later\n"
    made.apply(START + 6 * HOUR)
    made.tick(START + 7 * HOUR, answer=silent)
    assert "1 deployment since the first decision" in (supposed(made)[0].why_not or "")


@pytest.mark.parametrize("share", [1, 999_999])
def test_a_canary_is_played(made: World, share: int) -> None:
    """Whichever version she entered, in it she goes on; who is in the share is drawn as it was."""
    made.flow = FLOW.replace("wait 1 hour\n        send email two", "wait 2 hours\n        send email two")
    made.event(["bea"], "signup", START + 10 * MINUTE)
    made.tick(START + 5 * MINUTE - 1, answer=silent)
    apply(made.database, made.snapshot(), made.model(), START + 5 * MINUTE, canary=share)
    made.tick(START + 7 * HOUR, answer=silent)
    for who in ("ana", "bea"):
        assert [each.limit for each in supposed(made, who)] == [3, 4]


def test_too_many_changes_are_not_played(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "MOST_RUNS", 2)
    made.tick(START + 5 * HOUR, answer=silent)
    third, fourth = supposed(made)
    assert third.limit == 3
    assert "name a campaign" in (fourth.why_not or "")


def test_it_only_reads(made: World, tmp_path: Path) -> None:
    """By a connection that could not write, and of one customer alone."""
    made.event(["bea"], "signup", START + 10 * MINUTE)
    made.tick(START + 5 * HOUR, answer=silent)
    database = made.database
    if database.dialect == "sqlite":
        database = Database.open(f"sqlite:///{database.name}", read_only=True)
    with database.read() as connection:
        assert [each.limit for each in suppose(connection, "bea", "welcome", "UTC", END, {}).supposed.values()] == [
            3,
            4,
        ]
    assert not list(tmp_path.glob("*.db-journal"))


def test_nobody_is_kept_while_it_is_played(made: World) -> None:
    """All is read before; a server's tables may then be locked, a file's log be emptied."""
    made.tick(START + DAY, silent)
    wanted = supposed(made)
    with ExitStack() as stack:
        with made.database.read() as connection:
            answers = stack.enter_context(supposing(connection, "ana", None, "UTC", END, {}))
        with made.database.session() as session:
            if made.database.dialect == "sqlite":
                busy, *_ = session.connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
                assert busy == 0
                assert list(answers().supposed.values()) == wanted
            else:
                with session.write() as connection:
                    for table in ("decision", "customer", "event", "version", "node", "deployment"):
                        connection.exec_driver_sql(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE NOWAIT")
                    assert list(answers().supposed.values()) == wanted
    assert len(wanted) == 2


def test_an_instant_that_has_been_passed(made: World) -> None:
    """Attributes and tags as they were, also where they are otherwise now."""
    with made.database.intake() as connection:
        add_changes(connection, [NewChange("ana", START + HOUR, "plan", "free")])
        add_changes(connection, [NewChange("ana", START + 3 * HOUR, "plan", "pro")])
    made.tick(START + 30 * HOUR, answer=silent)

    def clauses(at: int) -> list[tuple[str, object, bool]]:
        known: dict[int, Deployed] = {}
        with made.database.read() as connection, as_of(connection, "ana", at, known) as then:
            found = explain(connection, "ana", "pro", at, known, lambda _: then)
        return [(each.text, each.value, each.holds) for each in found.standings[0].evaluated]

    assert clauses(START + 2 * HOUR) == [('plan is "pro"', "free", False), ("tagged news", None, False)]
    assert clauses(START + 3 * HOUR + 5) == [('plan is "pro"', "pro", True), ("tagged news", None, False)]
    assert clauses(START + 5 * HOUR) == [('plan is "pro"', "pro", True), ("tagged news", None, True)]
    # What it was before its first change is not on record.
    assert clauses(START + 30 * MINUTE) == []


def test_of_several_orders_at_one_instant_each_has_its_answer(database_url: str) -> None:
    flow = """\
attribute first_name: text
event order:
    order_id: text

list staff from "data/staff.csv" by id

policy:
    purpose marketing: ask first
    class marketing: purpose marketing, limited, counted

campaign orders:
    class marketing
    enter when order, keyed by order_id
    exclude list staff
    stage first:
        send email one
"""
    found = world(database_url, flow, TEMPLATES, {"staff": [("id", "ana")]})
    found.customers(["ana"])
    for order in ("A", "B"):
        found.event(["ana"], "order", START + MINUTE, order_id=order)
    found.tick(START + HOUR, answer=silent)
    with found.database.read() as connection:
        answers = suppose(connection, "ana", None, "UTC", END, {})
    assert {where[-1]: (each.message, each.at) for where, each in answers.supposed.items()} == {
        "A": ("email one", START + MINUTE)
    }, "the same message at the same instant is told once"
    found.database.close()


def test_what_decided_is_told_with_what_it_found(made: World) -> None:
    """Of the segment that excludes and of what holds: as things stood then, not as they stand now."""
    line = "enter when signup, once\n"
    more = "exclude segment pros", 'hold while has visit in last 2 hours and plan is "free"'
    flow = FLOW.replace(line, line + "".join(f"    {each}\n" for each in more))
    made.flow = flow.replace("and tagged news", "and has visit in last 1 day")
    made.apply(START + 1)
    made.event(["ana"], "visit", START + 30_000_000)
    for who, plan in (("ana", "free"), ("bea", "pro")):
        with made.database.intake() as connection:
            add_changes(connection, [NewChange(who, START + 10_000_000, "plan", plan)])
            add_changes(connection, [NewChange(who, START + 6 * HOUR, "plan", None)])
    made.event(["bea"], "visit", START + 30_000_000)
    made.event(["bea"], "signup", START + MINUTE)
    made.tick(START + 9 * HOUR, answer=silent)

    def told(who: str) -> list[tuple[str, list[tuple[str, object, bool]]]]:
        with made.database.read() as connection:
            found = suppose(connection, who, None, "UTC", END, {})
        return [
            (found.supposed[where].change, [(part.text, part.value, part.holds) for part in parts])
            for where, parts in found.evaluated.items()
            if where in found.supposed
        ]

    assert told("ana")[0] == ("hold", [("has visit in last 2 hours", 1, True), ('plan is "free"', "free", True)])
    assert told("bea") == [
        ("exclusion", [('plan is "pro"', "pro", True), ("has visit in last 1 day", 1, True)]),
    ]  # fmt: skip
    with made.database.read() as connection:
        found = explain(connection, "bea", "welcome", END)
        found = found.supposing(suppose(connection, "bea", "welcome", "UTC", END, {}))
    story = printed(explanation_lines(found), colour=False)
    assert 'evaluated: plan is "pro" (is pro): yes' in story
    (entry,) = [each for each in found.facts()["timeline"] if each["what"] == "not_entered"]  # type: ignore[attr-defined]  # a list
    assert [each["value"] for each in entry["evaluated"]] == ["pro", "1"]
