"""A new version for a share of those who enter: docs/meaning.md, Canary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from hashlib import sha256

import pytest
from sqlalchemy import select

from flowrules.errors import PlanError
from flowrules.program.plan import Plan
from flowrules.report.explain import explain
from flowrules.report.funnel import funnel
from flowrules.runtime.answers import silent
from flowrules.runtime.deploy import Applied, apply
from flowrules.runtime.plan import plan
from flowrules.sql import tables as t
from tests.plans.test_migrations import HEAD, LATER, STAGES, TEMPLATES, put
from tests.support.engine import ledger
from tests.support.world import World, at, world

PEOPLE = [f"c{number:02}" for number in range(60)]
FASTER = STAGES.replace("5 days", "4 days")
DAY = 86_400_000_000


@pytest.fixture
def made(database_url: str) -> Iterator[World]:
    """Nobody has entered yet."""
    found = world(database_url, HEAD + STAGES, TEMPLATES)
    found.customers(PEOPLE)
    yield found
    found.database.close()


def of_share(made: World, percent: int) -> set[str]:
    """Counted by hand."""
    with made.database.read() as connection:
        salt = connection.execute(select(t.workspace.c.value).where(t.workspace.c.key == "salt")).scalar_one()
    buckets = {who: sha256(f"{salt}/canary/trial/{who}".encode()).digest()[:7] for who in PEOPLE}
    return {who for who, bucket in buckets.items() if int.from_bytes(bucket) * 100 < percent << 56}


def tried(made: World, percent: int | None, when: str, stages: str = FASTER, migrate: str = "") -> Applied:
    put(made, migrate, stages)
    canary = None if percent is None else percent * 10_000
    return apply(made.database, made.snapshot(), made.model(), at(when), canary=canary)


def planned(made: World, percent: int | None = None) -> Plan:
    return plan(made.database, made.snapshot(), made.model(), None if percent is None else percent * 10_000)


def enter(made: World, who: list[str], when: str) -> None:
    made.event(who, "signup", at(when))
    made.tick(at(when), silent)


def versions(made: World) -> dict[str, int]:
    """Of those on their way."""
    e, v, c = t.enrollment.c, t.version.c, t.customer.c
    query = select(c.external_id, v.number).join_from(t.enrollment, t.version, v.id == e.version_id)
    query = query.join(t.customer, c.id == e.customer_id).where(e.ended_at.is_(None))
    with made.database.read() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def test_a_share_enters_the_new_version_and_all_others_the_one_before(made: World) -> None:
    enter(made, PEOPLE[:10], "2026-03-02 10:00")
    tried(made, 30, LATER)
    enter(made, PEOPLE[10:], "2026-03-04 13:00")
    share = of_share(made, 30)
    assert 5 < len(share) < 30
    assert versions(made) == {who: 2 if who in share and who in PEOPLE[10:] else 1 for who in PEOPLE}
    with made.database.read() as connection:
        said = {row.customer: row.words for row in ledger(connection) if row.decision == "entered"}
    assert said == {
        **dict.fromkeys(PEOPLE[:10]),
        **{who: "canary 30%" if who in share else "not in canary 30%" for who in PEOPLE[10:]},
    }


def test_each_goes_the_way_of_the_version_entered(made: World) -> None:
    tried(made, 50, LATER)
    enter(made, PEOPLE, "2026-03-04 13:00")
    made.tick(at("2026-03-08 13:00"), silent)
    share = of_share(made, 50)
    with made.database.read() as connection:
        thanked = {row.customer for row in ledger(connection) if row.step == "trying/send email thanks"}
    assert thanked == share


def test_widened_it_takes_more_and_moves_nobody(made: World) -> None:
    tried(made, 20, LATER)
    enter(made, PEOPLE[:20], "2026-03-04 13:00")
    first = versions(made)
    assert tried(made, 60, "2026-03-04 14:00").campaigns == (("trial", 2, "unchanged"),)
    enter(made, PEOPLE[20:40], "2026-03-04 15:00")
    second = versions(made)
    tried(made, None, "2026-03-04 16:00")
    enter(made, PEOPLE[40:], "2026-03-04 17:00")
    few, many = of_share(made, 20), of_share(made, 60)
    assert few < many  # who is in stays in
    assert first == {who: 2 if who in few else 1 for who in PEOPLE[:20]}
    assert second == first | {who: 2 if who in many else 1 for who in PEOPLE[20:40]}
    assert versions(made) == second | dict.fromkeys(PEOPLE[40:], 2)
    with made.database.read() as connection:
        entered = Counter(row.customer for row in ledger(connection) if row.decision == "entered")
    assert entered == Counter(PEOPLE)


def test_at_the_instant_of_a_deployment_everybody_enters_once(made: World) -> None:
    """Facts of that very instant, and those of the one before it, told late."""
    tried(made, 50, LATER)
    made.event(PEOPLE[:30], "signup", at("2026-03-04 13:00") - 1)
    made.event(PEOPLE[30:], "signup", at("2026-03-04 13:00"))
    tried(made, None, "2026-03-04 13:00")
    made.tick(at("2026-03-04 14:00"), silent)
    share = of_share(made, 50)
    assert versions(made) == {who: 1 if who in PEOPLE[:30] and who not in share else 2 for who in PEOPLE}


def test_another_canary_leaves_the_others_where_they_are(made: World) -> None:
    """The version before is that of the last deployment for everybody."""
    tried(made, 30, LATER)
    tried(made, 30, "2026-03-04 13:00", STAGES.replace("5 days", "3 days"))
    (change,) = planned(made, 50).campaigns
    assert (change.version, change.share, change.others, change.until_now) == (3, 500_000, 1, 300_000)
    enter(made, PEOPLE, "2026-03-04 14:00")
    share = of_share(made, 30)
    assert versions(made) == {who: 3 if who in share else 1 for who in PEOPLE}
    tried(made, None, "2026-03-04 15:00", STAGES)  # back to what it was, by another plan
    assert versions(made) == {who: 3 if who in share else 1 for who in PEOPLE}


def test_lines_of_migrate_wait_until_it_is_for_everybody(made: World) -> None:
    enter(made, PEOPLE, "2026-03-02 10:00")
    lines = "from every stage follow, recompute waits"
    assert tried(made, 50, LATER, migrate=lines).moved == 0
    assert all(step.move == 0 for step in planned(made, 70).steps)
    assert [step.move for step in planned(made).steps] == [60]
    assert tried(made, None, "2026-03-04 13:00", migrate=lines).moved == 60
    made.tick(at("2026-03-04 13:00"), silent)
    assert set(versions(made).values()) == {2}


def test_a_step_that_goes_is_refused_when_it_is_for_everybody(made: World) -> None:
    enter(made, PEOPLE[:5], "2026-03-02 10:00")
    shorter = STAGES.replace("        wait 5 days\n", "")
    tried(made, 50, LATER, shorter)
    with pytest.raises(PlanError, match="5 customers on their way would be lost: `trying/wait` of `trial`"):
        tried(made, None, "2026-03-04 13:00", shorter)
    tried(made, None, "2026-03-04 13:00", shorter, 'from "trying/wait" keep')


def test_explain_and_the_funnel_tell_who_entered_which(made: World) -> None:
    tried(made, 30, LATER)
    enter(made, PEOPLE, "2026-03-04 13:00")
    share = of_share(made, 30)
    inside, outside = min(share), min(set(PEOPLE) - share)
    with made.database.read() as connection:
        told = {
            who: next(each.label for each in explain(connection, who, "trial", at("2026-03-04 14:00")).timeline
                      if each.what == "entered")
            for who in (inside, outside)
        }  # fmt: skip
        side_by_side = funnel(connection, "trial").facts()["canary"]
    assert told == {inside: "version 2: canary 30%", outside: "version 1: not in canary 30%"}
    assert side_by_side == {
        "version": 2, "entered": len(share), "goals": 0, "share": "30%", "since": "2026-03-04T12:00:00Z",
        "others": {"version": 1, "entered": len(PEOPLE) - len(share), "goals": 0},
    }  # fmt: skip


CAP = "    cap 1 contact per 7 days\n    enter when"
OTHER = "campaign other:\n    class marketing\n    enter when visit\n    stage all:\n        wait 1 day\n"
REFUSED = {
    "the policy changes": (HEAD.replace("unless refused", "ask first"), STAGES),
    "`trial` changes in what holds for everybody at once: `cap 1": (HEAD.replace("    enter when", CAP), FASTER),
    "the attribute `first_name` changes": (HEAD.replace("attribute first_name: text\n", ""), FASTER),
    "`other` is new": (HEAD.replace("campaign trial", f"{OTHER}campaign trial"), FASTER),
    "`trial` is entered otherwise": (HEAD.replace("enter when signup", "enter when visit"), FASTER),
    "no campaign changes": (HEAD, STAGES),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_holds_for_everybody_can_not_be_for_a_share(made: World, why: str) -> None:
    head, stages = REFUSED[why]
    put(made, "", stages, head)
    with pytest.raises(PlanError) as refused:
        planned(made, 10)
    assert refused.value.message.startswith("this can not be for a share of customers: ")
    assert why in refused.value.message
    with pytest.raises(PlanError):
        apply(made.database, made.snapshot(), made.model(), at(LATER), canary=100_000)


def test_a_template_in_use_can_not_change_for_a_share(made: World) -> None:
    put(made, "", FASTER.replace("send email thanks", "send email other"))
    made.templates["email/other.txt"] = TEMPLATES["email/thanks.txt"]
    assert planned(made, 10).campaigns[0].share == 100_000
    for path in ("email/thanks.txt", "email/thanks.es.txt"):
        made.templates[path] = "---\nsubject: Another\n---\n"
        with pytest.raises(PlanError, match=f"templates/{path} changes for everybody"):
            planned(made, 10)
        del made.templates[path]
        made.templates.update(TEMPLATES)
