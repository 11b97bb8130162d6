"""What would have been, against the reference interpreter: random programs and journals, one thing otherwise.

The reference plays the scenario with that thing changed in its own words: the text of a rule, or a fact of the journal.
What is said to go out must go out at that instant, and with the limit that is one less it must not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Connection, select

from flowrules.check import check
from flowrules.content.deployed import Deployed, Library
from flowrules.report.supposed import Supposed
from flowrules.runtime.deliver import deliver
from flowrules.runtime.tick import planner
from flowrules.sql import tables as t
from flowrules.store.database import Database
from flowrules.store.zones import END
from flowrules.whatif.answer import suppose
from flowrules.whatif.record import record
from flowrules.whatif.replay import Otherwise, staged
from tests.property.test_outbox import Moody
from tests.reference.generate import scenarios
from tests.reference.interpreter import Runner, run
from tests.reference.program import load
from tests.reference.scenario import HOUR, Consent, Customer, LedgerRow, OperatorExit, Scenario
from tests.reference.show import line
from tests.reference.workspace import at, changed, did, workspace
from tests.support.engine import deployed, finished, ledger, snapshot_of

# A database is emptied between examples by `finished`, which is why a fixture of the function's scope serves.
QUICK = settings(
    max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
THOROUGH = settings(
    QUICK, max_examples=int(os.environ.get("FLOWRULES_EXAMPLES", "40")), suppress_health_check=list(HealthCheck)
)


@contextmanager
def reading(database: Database) -> Iterator[tuple[Connection, dict[int, Deployed]]]:
    with database.read() as connection:
        yield connection, {}


@QUICK
@given(scenarios())
def test_what_happened_comes_out_again(database_url: str, scenario: Scenario) -> None:
    comes_out_again(database_url, scenario)


@QUICK
@given(scenarios())
def test_what_would_have_been_would_have_been(database_url: str, scenario: Scenario) -> None:
    would_have_been(database_url, scenario)


@QUICK
@given(scenarios())
def test_what_happened_by_an_outbox_comes_out_again(database_url: str, scenario: Scenario) -> None:
    """Refused, tried again, unknown, given back, late: what became of each message is a fact of the record."""
    # Of an attribute that changes nobody knows what it was at first: without changes more can be compared.
    with posted(replace(scenario, changes=()), database_url) as database:
        _again(database)


@contextmanager
def posted(scenario: Scenario, url: str) -> Iterator[Database]:
    """Ticks and hand-overs, now and then late."""
    channels = dict.fromkeys(scenario.channels, Moody())
    with deployed(scenario, url) as database:
        with planner(database) as planning:
            for number, at in enumerate(range(scenario.deployed_at, scenario.until, 30 * HOUR)):
                planning.tick(at)
                deliver(database, channels, at + (0, HOUR, 5 * HOUR)[number % 3])
            planning.tick(scenario.until)
        yield database


@pytest.mark.slow
@pytest.mark.timeout(3600)
@THOROUGH
@given(scenarios())
def test_both_thoroughly(database_url: str, scenario: Scenario) -> None:
    comes_out_again(database_url, scenario)
    with posted(scenario, database_url) as database:
        _again(database)
    would_have_been(database_url, scenario)


def comes_out_again(database_url: str, scenario: Scenario) -> None:
    """From what one customer's records hold, the same rows; but where nobody knows what an attribute was at first."""
    with finished(scenario, database_url) as database:
        _again(database)


def _again(database: Database) -> None:
    with reading(database) as (connection, known):
        library = Library(connection, known)
        for number in connection.execute(select(t.customer.c.id).limit(2)).scalars().all():
            past = record(connection, library, number, "UTC", END)
            if any(not each.known for each in past.changing):
                continue
            with staged(connection, past) as stage:
                played = stage.play(Otherwise())
                assert [tuple(row) for row in played] == [tuple(row) for row in past.ledger]
                # Of none of these it must be said that nobody knows.
                kept_back = {(hand_over.at, key) for hand_over in stage.gate.hand_overs for key in hand_over.kept_back}
                explained = {(at, key) for (at, _), keys in stage.gate.explained.items() for key in keys}
                assert kept_back == explained


def test_an_address_a_list_and_a_bounce(database_url: str) -> None:
    """Which random scenarios seldom tell of with nothing else in the way."""
    rules = """
campaign c:
    enter when begin, again after exit
    stage s:
        send email hello
"""
    ann = Customer("ana", email=None, phone=None)
    facts = (
        did("03-02 10:00 begin"),
        changed("03-02 20:00 email", "ben@example.com"),
        did("03-03 10:00 begin"),
        changed("03-03 20:00 email", "new@example.com"),
        did("03-05 10:00 email_bounced", permanent=True),
        did("03-05 11:00 begin"),
    )
    listed = "suppress list robinson for email"
    scenario = workspace(rules, *facts, policy=listed, customers=(ann,), until=at("03-08 00:00"))
    told = would_have_been(database_url, scenario)
    assert [(each.change, each.at) for each in told] == [
        ("address", at("03-02 10:00")), ("list", at("03-03 10:00")), ("bounce", at("03-05 11:00")),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("header", "stage", "change"),
    [
        ("exit when login", "", "exit_when"),
        ("exit when has login in last 1 day", "", "exit_when"),
        ("goal login", "", "goal"),
        ("", "on login go to behind", "on"),
        ("", "", "operator"),
    ],
)
def test_a_message_that_its_journey_went_away_from(database_url: str, header: str, stage: str, change: str) -> None:
    """Held in the night, and no more there in the morning."""
    rules = f"""
campaign c:
    enter when begin, again after exit
    {header}
    stage s:
        {stage}
        send sms hello
        go to behind
    stage behind:
        wait 1 day
"""
    facts = did("03-02 22:00 begin"), did("03-02 23:00 login")
    orders = (OperatorExit("ana", "c", at("03-02 23:00")),) if change == "operator" else ()
    quiet = "quiet hours 21:00 to 09:00 for sms"
    scenario = workspace(rules, *facts, policy=quiet, until=at("03-08 00:00"), operator_exits=orders)
    told = would_have_been(database_url, scenario)
    assert [(each.change, each.at) for each in told] == [
        ("quiet_hours", at("03-02 22:00")), (change, at("03-03 09:00")),
    ]  # fmt: skip


def would_have_been(database_url: str, scenario: Scenario) -> list[Supposed]:
    scenario = replace(scenario, shares={})  # nobody reacts, to whatever is sent
    told: list[Supposed] = []
    rows = run(scenario)[0]
    with finished(scenario, database_url) as database, reading(database) as (connection, known):
        for customer in scenario.customers[:3]:
            assert rows == ledger(connection)
            found = suppose(connection, customer.id, None, "UTC", END, known)
            mine = {
                (row.at, row.turn, row.campaign, row.instance, row.decision, row.key): row
                for row in rows
                if row.customer == customer.id
            }
            for where, answer in found.supposed.items():
                _judge(scenario, mine[where], answer, _cause(mine[where], list(mine.values())))
                told.append(answer)
    return told


def _cause(row: LedgerRow, rows: list[LedgerRow]) -> LedgerRow:
    """Of a message that its journey went away from: the row by which it did."""
    by = {"journey_ended": "exit", "moved_on": "interrupted"}.get(row.reason or "")
    here = (row.at, row.turn, row.campaign, row.instance, by)
    found = (each for each in rows if (each.at, each.turn, each.campaign, each.instance, each.decision) == here)
    return row if by is None else next(found)


def _judge(scenario: Scenario, row: LedgerRow, answer: Supposed, cause: LedgerRow) -> None:
    if answer.why_not is not None and ("known" in answer.why_not or "computed" in answer.why_not):
        return
    if answer.change in {"address", "list", "bounce"}:
        assert (row.at in _from_there(scenario, row, answer)) == (answer.at == row.at), _failure(scenario, row, answer)
        return
    changed = _changed(scenario, cause, answer, answer.limit)
    if check(snapshot_of(changed)).model is None:
        return  # a policy that nobody may write
    sent = _sent(changed, row, answer)
    if answer.at is None:
        if answer.change == "cap":
            return
        assert row.at not in sent, _failure(changed, row, answer)
        return
    assert answer.at in sent, _failure(changed, row, answer)
    if answer.change == "cap" and answer.limit is not None and answer.limit - 1 > (row.limit or 0):
        less = _changed(scenario, row, answer, answer.limit - 1)
        assert not {row.at, answer.at} & _sent(less, row, answer), _failure(less, row, answer)


def _sent(scenario: Scenario, row: LedgerRow, answer: Supposed) -> set[int]:
    """When the message of the row is sent; of what did not enter, or was ended, any message of that campaign."""
    any_ = row.decision in {"not_entered", "exit"}
    return {
        each.at
        for each in run(scenario)[0]
        if (each.customer, each.campaign) == (row.customer, row.campaign)
        and (any_ or (each.instance, each.step) == (row.instance, row.step))
        and each.decision == "send"
        and each.reason is None
    }


class _Otherwise(Runner):
    """From the instant of a message on the customer has an address, is in no such list, or nothing has come back."""

    def visit(self) -> None:
        if self.now == self.row.at:
            self._change()
        super().visit()

    def _change(self) -> None:
        match self.answer.change:
            case "list":
                name = self.answer.condition.rpartition(" ")[2]
                self.world.scenario = replace(self.scenario, lists={**self.scenario.lists, name: ()})
            case "bounce":
                for fact in self.person.facts:
                    fact.properties = {**fact.properties, "permanent": None}
            case "address":
                kind = re.findall(r"`(\w+)`", self.answer.condition)[0]
                self.person.attributes[kind] = {"email": "a@b.example", "phone": "+14155552671"}[kind]
            case other:
                raise NotImplementedError(other)

    row: LedgerRow
    answer: Supposed


def _from_there(scenario: Scenario, row: LedgerRow, answer: Supposed) -> set[int]:
    """When the message of the row is sent then."""
    program, customer = load(scenario), next(each for each in scenario.customers if each.id == row.customer)
    runner = _Otherwise(scenario, program, customer)
    runner.row, runner.answer = row, answer
    runner.run()
    step = (row.campaign, row.instance, row.step)
    return {
        each.at
        for each in runner.rows
        if (each.campaign, each.instance, each.step) == step and each.decision == "send" and each.reason is None
    }


def _changed(scenario: Scenario, row: LedgerRow, answer: Supposed, limit: int | None) -> Scenario:
    lines = scenario.rules.splitlines()
    place = (row.rule or "").rpartition(":")[2]
    number = int(place) - 1 if place.isdecimal() else 0  # of what an operator did there is none
    match answer.change:
        case "cap":
            lines[number] = re.sub(r"cap \d+ contacts?", f"cap {limit} contacts", lines[number])
        case "quiet_hours" | "hold" | "exit_when" | "on":
            lines[number] = ""
        case "goal":
            lines[number] += " and stay"
        case "operator":
            exits = (each for each in scenario.operator_exits if (each.customer, each.at) != (row.customer, row.at))
            resumed = (replace(each, overdue="send") if each.until == row.at else each for each in scenario.pauses)
            return replace(scenario, operator_exits=tuple(exits), pauses=tuple(resumed))
        case "expiry":
            lines[number] = re.sub(r",? *expires after [\w ]+", "", lines[number])
        case "exclusion":
            kept = [each for each in re.split(r", ", lines[number].strip().removeprefix("exclude ")) if each != row.by]
            lines[number] = f"    exclude {', '.join(kept)}" if kept else ""
        case "pause":
            pauses = [
                each
                for each in scenario.pauses
                if each.campaign != row.campaign
                or not (each.since <= row.at and (each.until is None or each.until >= row.at))
            ]
            return replace(scenario, pauses=tuple(pauses))
        case "consent":
            purpose, channel = re.findall(r"to (\w+) by (\w+)", answer.condition)[0]
            given = Consent(row.customer, channel, purpose, "granted", row.at)
            return replace(scenario, consents=(*scenario.consents, given))
        case "holdout":
            block = (re.findall(r"of (campaign \w+)$", answer.condition) or ["policy"])[0]
            start = next(i for i, each in enumerate(lines) if re.match(rf"{block}\b", each))
            lines[next(i for i in range(start, len(lines)) if lines[i].strip().startswith("hold out"))] = ""
        case _:
            raise NotImplementedError(answer.change)
    return replace(scenario, rules="\n".join(lines) + "\n")


def _failure(changed: Scenario, row: LedgerRow, answer: Supposed) -> str:
    mine = [line(each) for each in run(changed)[0] if each.customer == row.customer]
    return f"{answer}\n{line(row)}\n\n" + "\n".join(mine) + "\n" + changed.rules
