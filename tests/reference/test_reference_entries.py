"""The reference interpreter against meaning.md: entries and holdouts. Worked out by hand, as test_reference."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from tests.reference.interpreter import outcome
from tests.reference.scenario import Scenario
from tests.reference.workspace import ANA, at, changed, did, expect, workspace

MADRID = replace(ANA, timezone="Europe/Madrid")
SIMPLE = """
campaign c:
    enter when begin, again after exit
    stage s:
        tag warm
"""


# --- 7. Entries ---------------------------------------------------------------------------------------


def test_reasons_not_to_enter() -> None:
    rules = """
campaign aa:
    class marketing
    enter when begin (n is known), again after 3 days
    exclude campaign c, segment pro
    stage s:
        wait 1 day
campaign b:
    class marketing
    enter when other
    stage s:
        tag warm
campaign c:
    class marketing
    enter when login
    stage s:
        wait for purchase up to 1 day
"""
    facts = (
        did("03-02 10:00 begin", n=1),
        did("03-02 11:00 begin"),  # does not match: no row
        did("03-02 11:00 begin", n=1),  # two of an instant: one verdict
        did("03-02 11:00 begin", n=1),
        did("03-05 09:59 begin", n=1),
        did("03-05 10:00 begin", n=1),
        did("03-10 10:00 begin", n=1),
        did("03-10 10:00 login"),
        did("03-02 10:00 other"),
        did("03-03 10:00 other"),
    )
    expect(
        workspace(rules, *facts, changed("03-09 10:00 plan", "pro")),
        """
        03-02 10:00 ana 1.0 aa#1 entered
        03-02 10:00 ana 1.0 b#1 entered
        03-02 11:00 ana 1.0 aa#0 not_entered already_inside
        03-03 10:00 ana 1.0 b#0 not_entered entered_before
        03-05 09:59 ana 1.0 aa#0 not_entered too_soon
        03-05 10:00 ana 1.0 aa#2 entered
        03-10 10:00 ana 1.0 aa#0 not_entered excluded by=segment pro
        03-10 10:00 ana 1.0 c#1 entered
        """,
        leave_out=("stage", "wait", "tag", "exit", "timed_out"),
    )


def test_who_ends_at_an_instant_may_enter_again_at_it() -> None:
    rules = SIMPLE.replace("tag warm", "wait 9 days").replace("    stage", "    exit when begin\n    stage", 1)
    expect(
        workspace(rules, did("03-02 10:00 begin"), did("03-03 10:00 begin"), until=at("03-05 00:00")),
        """
        03-02 10:00 ana 1.0 c#1 entered
        03-03 10:00 ana 1.0 c#1 exit exit_when
        03-03 10:00 ana 1.0 c#2 entered
        """,
        leave_out=("stage", "wait"),
    )


def mutual(priority: int) -> str:
    return f"""
campaign aa:
    class marketing
    enter when begin, again after exit
    exclude campaign b
    stage s:
        wait 9 days
campaign b:
    class marketing
    priority {priority}
    enter when other, again after exit
    exclude campaign aa
    stage s:
        wait 9 days
"""


def test_of_two_that_exclude_each_other_the_higher_enters() -> None:
    facts = (did("03-02 10:00 begin"), did("03-02 10:00 other"))
    for priority, winner, loser in ((0, "aa", "b"), (1, "b", "aa")):
        rows = sorted(
            [
                f"03-02 10:00 ana 1.0 {winner}#1 entered",
                f"03-02 10:00 ana 1.0 {loser}#0 not_entered excluded by=campaign {winner}",
            ],
            key=lambda row: row[20:],
        )
        scenario = workspace(mutual(priority), *facts, until=at("03-03 00:00"))
        expect(scenario, "\n".join(rows), leave_out=("stage", "wait"))


def test_a_running_campaign_is_not_pushed_out_by_a_higher_one_that_it_excludes_too() -> None:
    expect(
        workspace(mutual(1), did("03-02 10:00 begin"), did("03-03 10:00 other"), until=at("03-04 00:00")),
        """
        03-02 10:00 ana 1.0 aa#1 entered
        03-03 10:00 ana 1.0 b#0 not_entered excluded by=campaign aa
        """,
        leave_out=("stage", "wait"),
    )


def test_schedules_enter_the_segment_at_local_times_from_when_the_customer_is_known() -> None:
    rules = """
campaign c:
    enter when every month on day 31 at 02:30 for segment pro, again after exit
    stage s:
        tag warm
"""
    people = (
        replace(MADRID, attributes={"plan": "pro"}),
        replace(MADRID, id="ben", attributes={"plan": "pro"}, known_at=at("03-31 00:30:00.000001")),
        replace(MADRID, id="cai", attributes={"plan": "free"}),
    )
    expect(
        workspace(rules, customers=people, until=at("05-01 00:00")),
        """
        03-31 00:30 ana 1.0 c#1 entered
        04-30 00:30 ana 1.0 c#2 entered
        04-30 00:30 ben 1.0 c#1 entered
        """,
        leave_out=("stage", "tag", "exit"),
    )


@pytest.mark.parametrize(
    ("schedule", "occurs"),
    [
        ("every day at 02:30", ["03-28 01:30", "03-29 01:00", "03-30 00:30"]),
        ("every sunday at 02:30", ["03-29 01:00"]),
        ("once at 2026-03-29 02:30", ["03-29 01:00"]),
        ("once at 2026-03-27 02:30", []),
    ],
)
def test_occurrences_across_a_change_of_the_clock(schedule: str, occurs: list[str]) -> None:
    rules = f"""
campaign c:
    enter when {schedule} for segment pro, again after exit
    stage s:
        tag warm
"""
    people = (replace(MADRID, attributes={"plan": "pro"}),)
    expect(
        workspace(rules, customers=people, deployed_at=at("03-28 00:00"), until=at("03-31 00:00")),
        "\n".join(f"{when} ana 1.0 c#{number} entered" for number, when in enumerate(occurs, 1)),
        leave_out=("stage", "tag", "exit"),
    )


# --- Held out -----------------------------------------------------------------------------------------


def bucket(name: str, salt: str = "salt") -> float:
    """Where in 0..1 ana falls."""
    digest = hashlib.sha256(f"{salt}/{name}/ana".encode()).hexdigest()
    return int(digest[:14], 16) / 2**56


def ghosts(universal: int, campaign: int) -> Scenario:
    rules = f"""
campaign c:
    class marketing
    enter when begin, again after exit
    hold out {campaign}%
    cap 1 contact per 1 day
    stage s:
        send email welcome
        if email unopened exit "unopened"
campaign d:
    class service
    enter when login, again after exit
    stage s:
        if in stage c.s exit "seen"
        if has email_opened exit "opened"
"""
    facts = [did("03-02 10:00 begin"), did("03-02 10:00 login"), did("03-02 11:00 begin")]
    return workspace(rules, *facts, policy=f"hold out {universal}% of customers from class marketing",
                     shares={"email_opened": 1000})  # fmt: skip


def test_a_universal_ghost_sends_nothing_that_is_answered_and_meets_its_own_caps() -> None:
    share = int(bucket("holdout") * 100) + 1
    scenario = ghosts(share, 0)
    expect(
        scenario,
        """
        03-02 10:00 ana 1.0 c#1 entered held_out
        03-02 10:00 ana 1.0 d#1 entered
        03-02 10:00 ana 1.2 d#1 branch: s/if no
        03-02 10:00 ana 1.3 d#1 branch: s/if #2 no
        03-02 10:00 ana 1.4 d#1 exit: s completed
        03-02 10:00 ana 1.end c#1 send: s/send email welcome held_out
        03-02 10:00 ana 2.1 c#1 branch: s/if yes
        03-02 10:00 ana 2.2 c#1 exit: s/exit exit words=unopened
        03-02 11:00 ana 1.0 c#2 entered held_out
        03-02 11:00 ana 1.end c#2 withheld: s/send email welcome capped counter=1 limit=1 window=24h
        03-02 11:00 ana 2.1 c#2 branch: s/if no
        03-02 11:00 ana 2.2 c#2 exit: s completed
        """,
        leave_out=("stage",),
    )
    assert [each.ghost for each in outcome(scenario).journeys] == ["holdout", "holdout", None]


def test_who_is_not_in_the_universal_holdout_may_be_in_that_of_the_campaign() -> None:
    below, above = int(bucket("holdout") * 100), int(bucket("holdout/c") * 100) + 1
    assert [each.ghost for each in outcome(ghosts(below, above)).journeys] == ["holdout/c", "holdout/c", None]
    assert [each.ghost for each in outcome(ghosts(below, above - 1)).journeys] == [None, None, None]


def test_real_messages_count_no_ghosts_and_ghosts_only_those_of_their_holdout() -> None:
    """Campaign b holds ana out, c does not: the cap of one contact a week is met by what each may see."""
    share = int(bucket("holdout/b") * 100) + 1
    rules = "".join(
        f"""
campaign {name}:
    class marketing
    enter when begin
{hold_out}    stage s:
        {wait}
        send email welcome
"""
        for name, hold_out, wait in (
            ("b", f"    hold out {share}%\n", "tag warm"),
            ("c", "", "wait 1 day"),
            ("d", "", "wait 2 days"),
        )
    )
    expect(
        workspace(rules, did("03-02 10:00 begin"), policy="cap 1 contact per 7 days"),
        """
        03-02 10:00 ana 1.end b#1 send: s/send email welcome held_out
        03-03 10:00 ana 1.end c#1 send: s/send email welcome
        03-04 10:00 ana 1.end d#1 withheld: s/send email welcome capped counter=1 limit=1 window=168h
        """,
        leave_out=("entered", "stage", "tag", "wait", "exit"),
    )
