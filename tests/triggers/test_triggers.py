"""What lets in beside events and schedules, over several deployments and imports; on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from flowrules.report.explain import explain
from flowrules.sql import tables as t
from tests.property.test_engine_matches_reference import same
from tests.reference.interpreter import run
from tests.reference.scenario import LedgerRow
from tests.reference.workspace import did, workspace
from tests.support.engine import ledger, run_scenario
from tests.support.world import START, World, at, world

DAY = 86_400_000_000
POLICY = """
attribute first_name: text
policy:
    purpose marketing: unless refused
    class marketing: purpose marketing, limited, counted
"""
SEGMENTS = """\
attribute plan: text
event signup
segment paying: plan is "pro"
campaign paid:
    enter when joins segment paying, again after exit
    stage s:
        tag warm
campaign lost:
    enter when leaves segment paying, again after exit
    stage s:
        tag warm
"""
SPLIT = """\
attribute plan: text
event signup
campaign c:
    enter when signup, again after exit
    stage s:
        split ab:
            50% one:
                tag warm
            50% two:
                tag warm
"""
NAMES = ("ana", "bea", "cid", "dan", "eva", "fay", "gil", "hal")


@pytest.fixture
def made(database_url: str) -> Iterator[World]:
    found = world(database_url, SPLIT + POLICY, {})
    yield found
    found.database.close()


def rows(made: World, decision: str) -> list[LedgerRow]:
    with made.database.read() as connection:
        return [row for row in ledger(connection) if row.decision == decision]


def entered(made: World) -> list[tuple[str, str, int]]:
    return [(row.customer, row.campaign, row.at) for row in rows(made, "entered")]


def deploy(made: World, flow: str, when: int) -> None:
    made.flow = flow + POLICY
    made.apply(when)


def test_those_who_are_in_a_segment_at_a_deployment_do_not_enter(made: World) -> None:
    made.customers(["ana"], plan="pro")
    made.customers(["bea"], plan="free")
    deploy(made, SEGMENTS, START + DAY)
    made.tick(START + 2 * DAY)
    assert entered(made) == []
    # Those whom another meaning of the segment lets in or out have neither joined nor left.
    deploy(made, SEGMENTS.replace('"pro"', '"free"'), START + 3 * DAY)
    made.tick(START + 4 * DAY)
    assert entered(made) == []
    made.customers(["bea"], plan="pro")  # known already: a change, received at START and so raised
    made.tick(START + 5 * DAY)
    assert entered(made) == [("bea", "lost", START + 4 * DAY + 1)]


def test_customers_taken_in_later_join_when_they_are_known(made: World) -> None:
    deploy(made, SEGMENTS, START + DAY)
    made.tick(START + 2 * DAY)
    made.customers(["ana"], plan="pro")  # known since START, says the file; the planner is beyond
    made.customers(["bea"], plan="free")
    made.tick(START + 3 * DAY)
    assert entered(made) == [("ana", "paid", START + 2 * DAY + 1)]


def test_a_segment_nobody_waits_for_is_not_kept(made: World) -> None:
    made.customers(["ana"], plan="pro")
    deploy(made, SEGMENTS, START + DAY)
    with made.database.read() as connection:
        assert connection.execute(select(t.membership)).all()
    deploy(made, SPLIT, START + 2 * DAY)
    with made.database.read() as connection:
        assert not connection.execute(select(t.membership)).all()


def test_the_first_arm_holds(made: World) -> None:
    made.customers(NAMES)
    made.event(NAMES, "signup", START + 1)
    made.tick(START + DAY)
    first = {row.customer: row.words for row in rows(made, "branch")}
    assert set(first.values()) == {"one", "two"}
    deploy(made, SPLIT.replace("50% one", "100% one").replace("50% two", "0% two"), START + 2 * DAY)
    made.customers(["new"])
    made.event((*NAMES, "new"), "signup", START + 3 * DAY)
    made.tick(START + 4 * DAY)
    again = {row.customer: row.words for row in rows(made, "branch") if row.at > START + 2 * DAY}
    assert again == {**first, "new": "one"}
    # An arm that is gone is drawn anew, and then holds.
    deploy(made, SPLIT.replace("50% one", "100% three").replace("50% two", "0% two"), START + 5 * DAY)
    made.event(NAMES, "signup", START + 6 * DAY)
    made.tick(START + 7 * DAY)
    last = {row.customer: row.words for row in rows(made, "branch") if row.at > START + 5 * DAY}
    assert last == {name: "two" if arm == "two" else "three" for name, arm in first.items()}


def test_explain_says_what_never_happened(made: World) -> None:
    flow = SEGMENTS + "".join(
        f"campaign c{number}:\n    enter when {trigger}\n    stage s:\n        tag warm\n"
        for number, trigger in enumerate(
            ("reaches stage paid.s", "gets tag warm", 'plan changes to "x"', "2 days before birthday at 09:00")
        )
    )
    made.customers(["ana"], plan="pro")
    deploy(made, "attribute birthday: date\n" + flow, START + DAY)
    made.tick(START + 2 * DAY)
    with made.database.read() as connection:
        words = {each.campaign: each.words for each in explain(connection, "ana", None, START + 2 * DAY).standings}
    assert {name: text.split("; ")[1].split(" (in force")[0] for name, text in words.items() if name != "c"} == {
        "paid": "was in segment `paying` already, which does not count",
        "lost": "never left segment `paying`",
        "c0": "never came to stage `paid.s`",
        "c1": "was never given the tag `warm`",
        "c2": "`plan` never changed so",
        "c3": "the day by `birthday` did not come",
    }


def test_campaigns_that_go_round_in_spite_of_the_proof_stop(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the proof taken away: no chain is longer than there are campaigns."""
    monkeypatch.setattr("flowrules.check.check_triggers", lambda _campaigns, _names: [])
    rules = """
campaign aa:
    enter when begin, again after exit
    stage s:
        tag warm
campaign bb:
    enter when gets tag warm, again after exit
    stage s:
        untag warm
        tag cold
campaign cc:
    enter when gets tag cold, again after exit
    stage s:
        untag cold
        tag warm
"""
    scenario = workspace(rules, did("03-02 10:00 begin"))
    found = run_scenario(scenario, database_url, [])
    same(run(scenario)[0], found, scenario)
    assert [(row.campaign, row.reason) for row in found if row.decision == "not_entered"] == [("cc", "loop")]


def test_a_date_set_today_counts_tomorrow(made: World) -> None:
    """Also where both lie in one tick."""
    flow = """\
attribute plan: text
attribute birthday: date
event signup
campaign sets:
    enter when signup
    stage s:
        set birthday to 2000-03-05
campaign day:
    enter when on birthday at 09:00
    stage s:
        tag warm
"""
    made.customers(["ana"])
    deploy(made, flow, START + DAY)
    made.event(["ana"], "signup", at("2026-03-04 12:00"))
    made.tick(at("2026-03-05 12:00"))
    assert entered(made)[1:] == [("ana", "day", at("2026-03-05 08:00"))]


def test_once_now_is_the_first_deployment(made: World) -> None:
    flow = 'attribute plan: text\nevent signup\nsegment paying: plan is "pro"\ncampaign now_:\n'
    flow += "    enter when once now for segment paying, again after exit\n    stage s:\n        tag warm\n"
    made.customers(["ana"], plan="pro")
    made.customers(["bea"], plan="free")
    deploy(made, flow, START + DAY)
    made.tick(START + 2 * DAY)
    deploy(made, flow.replace("tag warm", "tag cold"), START + 3 * DAY)
    made.customers(["cid"], plan="pro")
    made.tick(START + 4 * DAY)
    assert entered(made) == [("ana", "now_", START + DAY)]
