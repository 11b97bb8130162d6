"""The reference interpreter against meaning.md: entries from within, changes, membership, dates, splits."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from tests.reference.interpreter import run
from tests.reference.workspace import ANA, at, changed, did, expect, said, workspace

QUIET = ("wait", "send", "set")


def test_a_step_lets_in_at_the_end_of_its_micro_step() -> None:
    rules = """
campaign aa:
    enter when begin
    stage lead:
        tag warm
        send email hello
        go to last
    stage last:
        untag warm
campaign by_stage:
    enter when reaches stage aa.last
    stage s:
        tag cold
campaign by_tag:
    priority 90
    enter when gets tag warm
    stage s:
        send email nice
campaign too_late:
    enter when gets tag cold
    exclude campaign by_stage
    stage s:
        exit
"""
    expect(
        workspace(rules, did("03-02 10:00 begin")),
        """
        03-02 10:00 ana 1.0 aa#1 entered
        03-02 10:00 ana 1.1 aa#1 stage: lead
        03-02 10:00 ana 1.2 aa#1 tag: lead/tag warm
        03-02 10:00 ana 1.2 by_tag#1 entered
        03-02 10:00 ana 1.3 by_tag#1 stage: s
        03-02 10:00 ana 1.end aa#1 send: lead/send email hello
        03-02 10:00 ana 1.end by_tag#1 send: s/send email nice
        03-02 10:00 ana 2.1 aa#1 stage: last
        03-02 10:00 ana 2.1 by_stage#1 entered
        03-02 10:00 ana 2.1 by_tag#1 exit: s completed
        03-02 10:00 ana 2.2 aa#1 untag: last/untag warm
        03-02 10:00 ana 2.2 by_stage#1 stage: s
        03-02 10:00 ana 2.3 aa#1 exit: last completed
        03-02 10:00 ana 2.3 by_stage#1 tag: s/tag cold
        03-02 10:00 ana 2.3 too_late#0 not_entered excluded by=campaign by_stage
        03-02 10:00 ana 2.4 by_stage#1 exit: s completed
        """,
    )


def test_a_tag_that_is_there_already_is_not_got() -> None:
    rules = """
campaign aa:
    enter when begin, again after exit
    stage s:
        tag warm
        untag warm
        tag warm
campaign bb:
    enter when gets tag warm, again after exit
    stage s:
        wait 1 hour
"""
    scenario = workspace(rules, did("03-02 10:00 begin"), did("03-03 10:00 begin"))
    expect(
        scenario,
        """
        03-02 10:00 ana 1.0 aa#1 entered
        03-02 10:00 ana 1.2 bb#1 entered
        03-02 10:00 ana 1.4 bb#0 not_entered already_inside
        03-03 10:00 ana 1.0 aa#2 entered
        03-03 10:00 ana 1.4 bb#2 entered
        """,
        leave_out=("stage", "tag", "untag", "wait", "exit"),
    )


def test_what_a_ghost_starts_is_a_ghost() -> None:
    rules = """
campaign aa:
    enter when begin
    hold out 100%
    stage s:
        tag warm
campaign bb:
    enter when gets tag warm
    stage s:
        send email hello
campaign cc:
    enter when joins segment tagged_ones
    stage s:
        send email hello
segment tagged_ones: tagged warm or in stage aa.s
"""
    expect(
        workspace(rules, did("03-02 10:00 begin")),
        """
        03-02 10:00 ana 1.0 aa#1 entered held_out
        03-02 10:00 ana 1.2 bb#1 entered held_out
        03-02 10:00 ana 1.2 cc#1 entered
        03-02 10:00 ana 1.end bb#1 send: s/send email hello held_out
        03-02 10:00 ana 1.end cc#1 send: s/send email hello
        """,
        leave_out=("stage", "tag", "exit"),
    )


def test_a_change_is_one_of_the_whole_profile() -> None:
    rules = """
campaign any_change:
    enter when plan changes, again after exit
    stage s:
        exit
campaign upgrade:
    enter when plan changes from "free" to "pro", again after exit
    stage s:
        exit
campaign setter:
    enter when begin
    stage s:
        set plan to "free"
        set plan to "free"
        set plan to "pro"
"""
    facts = (
        did("03-02 10:00 begin"),
        changed("03-03 10:00 plan", "free"),
        changed("03-03 10:00 plan", "pro"),  # behind the profile it is what it was
        changed("03-04 10:00 plan", None),
        changed("03-05 10:00 plan", "free"),
        changed("03-06 10:00 plan", "pro"),
    )
    expect(
        workspace(rules, *facts),
        """
        03-02 10:00 ana 1.0 setter#1 entered
        03-02 10:00 ana 1.2 any_change#1 entered
        03-02 10:00 ana 1.4 any_change#2 entered
        03-02 10:00 ana 1.4 upgrade#1 entered
        03-04 10:00 ana 1.0 any_change#3 entered
        03-05 10:00 ana 1.0 any_change#4 entered
        03-06 10:00 ana 1.0 any_change#5 entered
        03-06 10:00 ana 1.0 upgrade#2 entered
        """,
        leave_out=("stage", "set", "exit"),
    )


def test_segments_are_joined_by_facts_steps_ends_and_time() -> None:
    rules = """
segment quiet: has purchase and no purchase in last 10 days
segment inside: in stage aa
segment agrees: consents to email for service
campaign aa:
    enter when begin
    exit when login
    stage s:
        wait 3 days
campaign grows_quiet:
    enter when joins segment quiet, again after exit
    stage s:
        exit
campaign wakes:
    enter when leaves segment quiet
    stage s:
        exit
campaign comes:
    enter when joins segment inside
    stage s:
        exit
campaign goes:
    enter when leaves segment inside
    stage s:
        exit
campaign agreed:
    enter when joins segment agrees, again after exit
    stage s:
        exit
"""
    facts = (
        did("02-15 10:00 purchase"),
        did("03-02 10:00 begin"),
        did("03-04 11:00 login"),
        did("03-05 10:00 purchase"),
        said("02-20 10:00 email granted", purpose="service"),
        said("03-07 10:00 email refused", purpose="service"),
        said("03-08 10:00 email granted", purpose="service"),
    )
    expect(
        workspace(rules, *facts),
        """
        03-02 10:00 ana 1.0 aa#1 entered
        03-02 10:00 ana 1.1 comes#1 entered
        03-04 11:00 ana 1.0 goes#1 entered
        03-05 10:00 ana 1.0 wakes#1 entered
        03-08 10:00 ana 1.0 agreed#1 entered
        03-15 10:00 ana 1.0 grows_quiet#1 entered
        """,
        leave_out=("stage", "wait", "exit"),
    )


def test_an_end_by_the_watch_lets_in_for_the_next_pass() -> None:
    rules = """
segment inside: in stage aa.s
campaign aa:
    enter when begin
    exit when tagged warm
    stage s:
        tag warm
        wait 1 day
campaign goes:
    enter when leaves segment inside
    stage s:
        send email hello
campaign other_one:
    enter when begin
    stage s:
        send email hello
"""
    expect(
        workspace(rules, did("03-02 10:00 begin")),
        """
        03-02 10:00 ana 1.0 aa#1 entered
        03-02 10:00 ana 1.0 other_one#1 entered
        03-02 10:00 ana 1.end aa#1 exit exit_when
        03-02 10:00 ana 1.end goes#1 entered
        03-02 10:00 ana 1.end other_one#1 send: s/send email hello
        03-02 10:00 ana 2.1 other_one#1 exit: s completed
        03-02 10:00 ana 2.end goes#1 send: s/send email hello
        03-02 10:00 ana 3.1 goes#1 exit: s completed
        """,
        leave_out=("stage", "wait", "tag"),
    )


def test_dates_are_those_of_the_customers_calendar() -> None:
    rules = """
campaign yearly:
    enter when on birthday at 02:30, again after exit
    stage s:
        exit
campaign before_it:
    enter when 3 days before birthday at 09:00, again after exit
    stage s:
        exit
"""
    people = (
        replace(ANA, attributes={"birthday": date(2004, 2, 29)}, timezone="Europe/Madrid"),
        replace(ANA, id="gap", attributes={"birthday": date(1999, 3, 29)}, timezone="Europe/Madrid"),
        replace(ANA, id="new", attributes={"birthday": date(2026, 4, 5)}, known_at=at("04-02 08:00")),
    )
    facts = (changed("04-03 00:00 birthday", date(2026, 4, 6), who="new"),)
    expect(
        workspace(rules, *facts, customers=people, deployed_at=at("02-28 01:30"), until=at("12-31 00:00")),
        """
        02-28 01:30 ana 1.0 yearly#1 entered
        03-29 01:00 gap 1.0 yearly#1 entered
        04-02 09:00 new 1.0 before_it#1 entered
        04-03 09:00 new 1.0 before_it#2 entered
        04-06 02:30 new 1.0 yearly#1 entered
        """,
        leave_out=("stage", "exit"),
    )


def test_arms_are_kept() -> None:
    rules = """
campaign c:
    enter when begin, again after exit
    stage s:
        split ab:
            50% one:
                tag warm
            50% two:
                exit "two"
        wait 1 hour
"""
    people = tuple(replace(ANA, id=f"c{number:02}") for number in range(40))
    facts = [did(f"03-0{day} 10:00 begin", who=each.id) for each in people for day in (2, 3)]
    branches = [
        (row.customer, row.step, row.words)
        for row in run(workspace(rules, *facts, customers=people))[0]
        if row.decision == "branch"
    ]
    assert len(branches) == 80
    assert len(set(branches)) == 40
    assert 10 < sum(words == "one" for _, _, words in set(branches)) < 30
