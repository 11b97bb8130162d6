"""The reference interpreter against meaning.md: micro steps, messages, watch. Worked out by hand, as test_reference."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from tests.reference.interpreter import outcome
from tests.reference.workspace import ANA, at, changed, did, expect, said, workspace

# --- Micro steps --------------------------------------------------------------------------------------


def test_side_by_side_each_reads_the_step_before_and_the_later_wins() -> None:
    rules = """
campaign aa:
    class marketing
    enter when begin
    stage s:
        tag warm
        if tagged warm exit "warm"
campaign b:
    class marketing
    enter when begin
    stage s:
        untag warm
        set plan to "b"
        if plan is "b" exit "b"
campaign c:
    class marketing
    enter when begin
    stage s:
        if tagged warm exit "warm"
        set plan to "c"
        exit
"""
    scenario = workspace(rules, did("03-02 10:00 begin"))
    expect(
        scenario,
        """
        03-02 10:00 ana 1.2 aa#1 tag: s/tag warm
        03-02 10:00 ana 1.2 b#1 untag: s/untag warm
        03-02 10:00 ana 1.2 c#1 branch: s/if no
        03-02 10:00 ana 1.3 aa#1 branch: s/if no
        03-02 10:00 ana 1.3 b#1 set: s/set plan
        03-02 10:00 ana 1.3 c#1 set: s/set plan
        03-02 10:00 ana 1.4 aa#1 exit: s completed
        03-02 10:00 ana 1.4 b#1 branch: s/if no
        03-02 10:00 ana 1.4 c#1 exit: s/exit #2 exit
        03-02 10:00 ana 1.5 b#1 exit: s completed
        """,
        leave_out=("entered", "stage"),
    )
    assert outcome(scenario).tags == ()


def test_go_to_and_the_end_of_an_arm_take_no_micro_step() -> None:
    rules = """
campaign c:
    enter when begin
    stage s:
        if plan is "pro":
            tag warm
        else:
            if plan is unknown:
                go to t
        exit
    stage t:
        go to u
    stage u:
        if plan is unknown:
            tag cold
        tag done
"""
    expect(
        workspace(rules, did("03-02 10:00 begin")),
        """
        03-02 10:00 ana 1.0 c#1 entered
        03-02 10:00 ana 1.1 c#1 stage: s
        03-02 10:00 ana 1.2 c#1 branch: s/if no
        03-02 10:00 ana 1.3 c#1 branch: s/if #2 yes
        03-02 10:00 ana 1.4 c#1 stage: t
        03-02 10:00 ana 1.5 c#1 stage: u
        03-02 10:00 ana 1.6 c#1 branch: u/if yes
        03-02 10:00 ana 1.7 c#1 tag: u/tag cold
        03-02 10:00 ana 1.8 c#1 tag: u/tag done
        03-02 10:00 ana 1.9 c#1 exit: u completed
        """,
    )


def test_a_loop_with_a_wait_runs_on_and_a_stage_is_reached_anew() -> None:
    rules = """
campaign c:
    enter when begin
    stage s:
        wait for login up to 1 day, else exit "no login"
        wait 1 day
        go to s
"""
    expect(
        workspace(rules, did("03-02 10:00 begin"), did("03-03 09:00 login"), did("03-04 08:00 login")),
        """
        03-02 10:00 ana 1.1 c#1 stage: s
        03-02 10:00 ana 1.2 c#1 wait: s/wait for login until=03-03 10:00
        03-03 09:00 ana 1.0 c#1 met: s/wait for login
        03-03 09:00 ana 1.1 c#1 wait: s/wait until=03-04 09:00
        03-04 09:00 ana 1.1 c#1 stage: s
        03-04 09:00 ana 1.2 c#1 wait: s/wait for login until=03-05 09:00
        03-05 09:00 ana 1.0 c#1 timed_out: s/wait for login
        03-05 09:00 ana 1.1 c#1 exit: s/exit exit words=no login
        """,
        leave_out=("entered",),
    )


def test_reactions_in_conditions_are_about_the_last_message_of_this_journey() -> None:
    rules = """
campaign c:
    enter when begin
    stage s:
        if email not sent:
            send email welcome
        if email unopened:
            tag warm
        if email offer not sent exit "no offer"
"""
    expect(
        workspace(rules, did("03-02 10:00 begin")),
        """
        03-02 10:00 ana 1.2 c#1 branch: s/if yes
        03-02 10:00 ana 2.1 c#1 branch: s/if #2 yes
        03-02 10:00 ana 2.3 c#1 branch: s/if #3 yes
        """,
        leave_out=("entered", "stage", "send", "tag", "exit"),
    )


# --- 9. Messages --------------------------------------------------------------------------------------


def test_why_a_message_does_not_leave() -> None:
    rules = """
campaign c:
    class service
    enter when begin
    stage s:
        send sms offer
        send email welcome
        send email offer
        send push note
"""
    people = (replace(ANA, phone="", email="ana@example.com"),)
    facts = (
        said("03-01 10:00 email granted", purpose="service"),
        said("03-02 10:00 email withdrawn", purpose="service"),
        said("03-01 10:00 push granted"),
    )
    expect(
        workspace(rules, did("03-02 10:00 begin"), *facts, customers=people),
        """
        03-02 10:00 ana 1.end c#1 withheld: s/send sms offer no_address
        03-02 10:00 ana 2.end c#1 withheld: s/send email welcome unsubscribed
        03-02 10:00 ana 3.end c#1 withheld: s/send email offer unsubscribed
        03-02 10:00 ana 4.end c#1 withheld: s/send push note no_consent
        """,
        leave_out=("entered", "stage", "exit"),
    )


def test_of_two_records_of_an_instant_the_later_counts() -> None:
    rules = """
campaign c:
    class service
    enter when begin
    stage s:
        send email welcome
"""
    first, second = (said(f"03-01 10:00 email {state}", purpose="service") for state in ("refused", "granted"))
    sent = "03-02 10:00 ana 1.end c#1 send: s/send email welcome"
    refused = "03-02 10:00 ana 1.end c#1 withheld: s/send email welcome unsubscribed"
    for facts, row in (((first, second), sent), ((second, first), refused)):
        expect(workspace(rules, did("03-02 10:00 begin"), *facts), row, leave_out=("entered", "stage", "exit"))


def test_a_cap_counts_up_to_its_very_edge() -> None:
    """Exactly a day later the first contact is outside, a microsecond before it is inside."""
    rules = """
campaign c:
    enter when begin, again after exit
    stage s:
        send email welcome
        send sms offer
"""
    starts = ("03-02 10:00", "03-03 09:59:59.999999", "03-03 10:00")
    expect(
        workspace(rules, *(did(f"{when} begin") for when in starts), policy="cap 1 contact per 1 day across email"),
        """
        03-02 10:00 ana 1.end c#1 send: s/send email welcome
        03-02 10:00 ana 2.end c#1 send: s/send sms offer
        03-03 09:59:59.999999 ana 1.end c#2 withheld: s/send email welcome capped counter=1 limit=1 window=24h
        03-03 09:59:59.999999 ana 2.end c#2 send: s/send sms offer
        03-03 10:00 ana 1.end c#3 send: s/send email welcome
        03-03 10:00 ana 2.end c#3 send: s/send sms offer
        """,
        leave_out=("entered", "stage", "exit"),
    )


def test_messages_of_an_instant_contend_by_class_priority_and_name() -> None:
    def campaign(name: str, message_class: str, priority: int) -> str:
        return f"""
campaign {name}:
    class {message_class}
    priority {priority}
    enter when begin
    stage s:
        send email welcome
"""

    rules = campaign("aa", "service", 90) + campaign("b", "marketing", 10) + campaign("c", "marketing", 50)
    facts = (did("03-02 10:00 begin"), said("03-01 10:00 email granted", purpose="service"))
    expect(
        workspace(rules, *facts, policy="cap 2 contacts per 7 days"),
        """
        03-02 10:00 ana 1.end aa#1 withheld: s/send email welcome capped counter=2 limit=2 window=168h
        03-02 10:00 ana 1.end b#1 send: s/send email welcome
        03-02 10:00 ana 1.end c#1 send: s/send email welcome
        """,
        leave_out=("entered", "stage", "exit"),
    )


def test_a_campaigns_own_cap_counts_its_own_contacts_and_zero_is_never() -> None:
    rules = """
campaign aa:
    class marketing
    enter when begin
    cap 1 contact per 7 days
    stage s:
        send email welcome
campaign b:
    class marketing
    enter when begin
    cap 1 contact per 7 days across email
    cap 0 contacts per 1 day across sms
    stage s:
        send email welcome
        send sms offer
        send email offer
"""
    expect(
        workspace(rules, did("03-02 10:00 begin")),
        """
        03-02 10:00 ana 1.end aa#1 send: s/send email welcome
        03-02 10:00 ana 1.end b#1 send: s/send email welcome
        03-02 10:00 ana 2.end b#1 withheld: s/send sms offer capped counter=0 limit=0 window=24h
        03-02 10:00 ana 3.end b#1 withheld: s/send email offer capped counter=1 limit=1 window=168h
        """,
        leave_out=("entered", "stage", "exit"),
    )


# --- Watch --------------------------------------------------------------------------------------------


def test_a_campaign_ends_when_one_that_it_excludes_begins_and_so_on_until_nobody_ends() -> None:
    """Campaign b enters and ends aa in the same instant; c, which leaves when a is over, follows."""
    rules = """
campaign aa:
    class marketing
    enter when begin
    exclude campaign b
    stage s:
        wait 9 days
campaign b:
    class marketing
    enter when other
    stage s:
        send email welcome
        wait 9 days
campaign c:
    class marketing
    enter when login
    exit when not in stage aa.s
    stage s:
        wait 9 days
"""
    facts = (did("03-02 10:00 begin"), did("03-02 10:00 login"), did("03-03 10:00 other"))
    expect(
        workspace(rules, *facts, until=at("03-04 00:00")),
        """
        03-02 10:00 ana 1.0 aa#1 entered
        03-02 10:00 ana 1.0 c#1 entered
        03-03 10:00 ana 1.0 b#1 entered
        03-03 10:00 ana 1.end aa#1 exit excluded by=campaign b
        03-03 10:00 ana 1.end b#1 send: s/send email welcome
        03-03 10:00 ana 1.end c#1 exit exit_when
        """,
        leave_out=("stage", "wait"),
    )


def test_time_alone_ends_a_journey_at_the_instant_the_event_leaves_the_window() -> None:
    rules = """
campaign c:
    enter when begin
    exit when no purchase in last 3 days
    stage s:
        wait 9 days
"""
    facts = (did("03-01 10:00 purchase"), did("03-02 10:00 begin"), did("03-03 07:30 purchase", happened="03-03 06:00"))
    expect(
        workspace(rules, *facts),
        """
        03-02 10:00 ana 1.0 c#1 entered
        03-02 10:00 ana 1.1 c#1 stage: s
        03-02 10:00 ana 1.2 c#1 wait: s/wait until=03-11 10:00
        03-06 06:00 ana 1.0 c#1 exit exit_when
        """,
    )


def test_time_alone_excludes_at_a_local_midnight() -> None:
    rules = """
segment soon: birthday is 2 days away
campaign c:
    class marketing
    enter when begin
    exclude segment soon
    stage s:
        wait 9 days
"""
    people = (replace(ANA, timezone="America/New_York", attributes={"birthday": date(2026, 3, 10)}),)
    expect(
        workspace(rules, did("03-06 10:00 begin"), customers=people),
        """
        03-06 10:00 ana 1.0 c#1 entered
        03-06 10:00 ana 1.1 c#1 stage: s
        03-06 10:00 ana 1.2 c#1 wait: s/wait until=03-15 09:00
        03-08 05:00 ana 1.0 c#1 exit excluded by=segment soon
        """,
    )


def test_who_is_excluded_while_asking_sends_nothing() -> None:
    rules = """
campaign c:
    enter when begin
    exclude segment pro
    stage s:
        set plan to "pro"
        send email welcome
"""
    expect(
        workspace(rules, did("03-02 10:00 begin"), changed("03-05 10:00 plan", None)),
        """
        03-02 10:00 ana 1.0 c#1 entered
        03-02 10:00 ana 1.1 c#1 stage: s
        03-02 10:00 ana 1.2 c#1 set: s/set plan
        03-02 10:00 ana 1.end c#1 exit excluded by=segment pro
        """,
    )


def test_lists_look_customers_up_by_what_they_are_called_now() -> None:
    rules = """
campaign c:
    enter when begin, again after exit
    exclude list robinson
    stage s:
        wait 1 day
"""
    facts = (did("03-02 10:00 begin"), changed("03-02 20:00 email", "ben@example.com"), did("03-03 10:00 begin"))
    expect(
        workspace(rules, *facts),
        """
        03-02 10:00 ana 1.0 c#1 entered
        03-02 20:00 ana 1.0 c#1 exit excluded by=list robinson
        03-03 10:00 ana 1.0 c#0 not_entered excluded by=list robinson
        """,
        leave_out=("stage", "wait"),
    )


def test_a_list_of_the_policy_and_a_bounce_for_good_suppress() -> None:
    rules = """
campaign c:
    enter when begin, again after exit
    stage s:
        send email hello
        send sms hello
"""
    facts = (
        did("03-02 10:00 begin"),
        changed("03-02 20:00 email", "ben@example.com"),
        did("03-03 10:00 begin"),
        changed("03-03 20:00 email", "new@example.com"),
        did("03-04 10:00 email_bounced", permanent=True, happened="03-03 12:00"),  # of the address before
        did("03-04 11:00 begin"),
        did("03-05 10:00 email_bounced", permanent=True),
        did("03-05 11:00 begin"),
    )
    expect(
        workspace(rules, *facts, policy="suppress list robinson for email"),
        """
        03-02 10:00 ana 1.end c#1 send: s/send email hello
        03-02 10:00 ana 2.end c#1 send: s/send sms hello
        03-03 10:00 ana 1.end c#2 withheld: s/send email hello suppressed by=list robinson
        03-03 10:00 ana 2.end c#2 send: s/send sms hello
        03-04 11:00 ana 1.end c#3 send: s/send email hello
        03-04 11:00 ana 2.end c#3 send: s/send sms hello
        03-05 11:00 ana 1.end c#4 withheld: s/send email hello suppressed by=hard bounce
        03-05 11:00 ana 2.end c#4 send: s/send sms hello
        """,
        leave_out=("entered", "stage", "exit"),
    )
