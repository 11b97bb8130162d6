"""The reference interpreter against meaning.md, paragraph by paragraph; every ledger here was worked out by hand.

Times are UTC in 2026; the zone is UTC unless a customer has one. See show.line for how a row reads.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.reference import messages
from tests.reference.scenario import Customer
from tests.reference.workspace import ANA, at, changed, did, expect, said, workspace

SIMPLE = """
campaign c:
    enter when begin, again after exit
    stage s:
        tag warm
"""
HELD = """
campaign c:
    enter when begin, again after exit
    stage s:
        wait for purchase up to 9 days
"""


@pytest.fixture
def reactions(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[tuple[str, str, bool]]]:
    """What messages bring back: by instant of sending, (event, instant, machine)."""
    found: dict[str, list[tuple[str, str, bool]]] = {}

    def answers(*arguments: object) -> list[tuple[str, int, bool]]:
        sent_at = arguments[-1]
        return [
            (event, at(when), machine)
            for sent, listed in found.items()
            if at(sent) == sent_at
            for event, when, machine in listed
        ]

    monkeypatch.setattr(messages, "answers", answers)
    return found


# --- Instants -----------------------------------------------------------------------------------------


def test_a_journey_row_by_row() -> None:
    expect(
        workspace(
            """
campaign c:
    enter when begin
    goal purchase
    exclude list robinson
    cap 1 contact per 7 days
    stage s:
        send email welcome
        send sms offer
        wait 1 day
        if plan is "pro" exit "is pro"
        go to t
    stage t:
        tag warm
""",
            did("03-02 10:00 begin"),
        ),
        """
        03-02 10:00 ana 1.0 c#1 entered rule=20
        03-02 10:00 ana 1.1 c#1 stage: s rule=24
        03-02 10:00 ana 1.end c#1 send: s/send email welcome rule=25
        03-02 10:00 ana 2.end c#1 withheld: s/send sms offer capped counter=1 limit=1 window=168h rule=23
        03-02 10:00 ana 3.1 c#1 wait: s/wait until=03-03 10:00 rule=27
        03-03 10:00 ana 1.1 c#1 branch: s/if no rule=28
        03-03 10:00 ana 1.2 c#1 stage: t rule=30
        03-03 10:00 ana 1.3 c#1 tag: t/tag warm rule=31
        03-03 10:00 ana 1.4 c#1 exit: t completed rule=30
        """,
        rule=True,
    )


def test_facts_before_the_deployment_enter_nobody_but_are_history() -> None:
    expect(
        workspace(
            """
campaign c:
    enter when begin, again after exit
    stage s:
        if has begin at least 2 times exit "twice"
""",
            did("02-20 10:00 begin"),
            did("03-01 00:00 begin"),
        ),
        """
        03-01 00:00 ana 1.0 c#1 entered
        03-01 00:00 ana 1.1 c#1 stage: s
        03-01 00:00 ana 1.2 c#1 branch: s/if yes
        03-01 00:00 ana 1.3 c#1 exit: s/exit exit words=twice
        """,
    )


def test_a_fact_received_after_the_deployment_of_before_enters_nobody() -> None:
    expect(workspace(SIMPLE, did("03-02 10:00 begin", happened="02-28 23:59")), "")


def test_a_fact_counts_at_its_receipt_but_in_a_window_by_its_event_time() -> None:
    """Received on the 5th, it happened on the 2nd: outside of the last 2 days, yet known from the 5th on."""
    expect(
        workspace(
            """
campaign c:
    enter when begin, again after exit
    stage s:
        if has other in last 2 days exit "recent"
        else if has other exit "known"
""",
            did("03-04 10:00 begin"),
            did("03-05 10:00 other", happened="03-02 10:00"),
            did("03-05 10:00 begin"),
        ),
        """
        03-04 10:00 ana 1.2 c#1 branch: s/if no
        03-04 10:00 ana 1.3 c#1 branch: s/if #2 no
        03-04 10:00 ana 1.4 c#1 exit: s completed
        03-05 10:00 ana 1.2 c#2 branch: s/if no
        03-05 10:00 ana 1.3 c#2 branch: s/if #2 yes
        03-05 10:00 ana 1.4 c#2 exit: s/exit #2 exit words=known
        """,
        leave_out=("entered", "stage"),
    )


# --- Local time ---------------------------------------------------------------------------------------

MADRID = replace(ANA, timezone="Europe/Madrid")


@pytest.mark.parametrize(
    ("step", "entered", "over"),
    [
        # Clocks go forward on 29 March at 01:00 UTC, back on 25 October at 01:00 UTC.
        ("wait 2 days", "03-28 09:00", "03-30 08:00"),
        ("wait 48 hours", "03-28 09:00", "03-30 09:00"),
        ("wait 1 week", "10-20 08:00", "10-27 09:00"),
        ("wait 1 month", "03-31 08:00", "04-30 08:00"),
        ("wait 1 day", "03-28 01:30", "03-29 01:00"),  # 02:30 is in the gap: its end
        ("wait 1 day", "10-24 00:30", "10-25 00:30"),  # 02:30 comes twice: the first
        ("wait 1 day", "10-25 01:30", "10-26 01:30"),  # from the second 02:30
        ("wait until 02:30", "03-28 23:00", "03-29 01:00"),
        ("wait until 02:30 tomorrow", "10-24 08:00", "10-25 00:30"),
        ("wait until 02:30", "10-25 01:10", "10-26 01:30"),  # at 02:10, the second time: 02:30 is past
        ("wait until 09:00", "04-01 07:00:00.000001", "04-02 07:00"),
        ("wait until 00:30 tomorrow", "04-01 22:30", "04-02 22:30"),  # local 2 April 00:30
        ("wait until 18:00 on sunday", "03-29 15:00", "03-29 16:00"),
        ("wait until 18:00 on sunday", "03-29 17:00", "04-05 16:00"),
        ("wait until 2026-04-02 09:00", "04-01 07:00", "04-02 09:00"),  # in the zone of the policy, UTC
    ],
)
def test_waits_by_the_local_clock(step: str, entered: str, over: str) -> None:
    rules = f"""
campaign c:
    enter when begin
    stage s:
        {step}
"""
    expect(
        workspace(rules, did(f"{entered} begin"), customers=(MADRID,)),
        f"""
        {entered} ana 1.2 c#1 wait: s/{"wait until" if "until" in step else "wait"} until={over}
        {over} ana 1.1 c#1 exit: s completed
        """,
        leave_out=("entered", "stage"),
    )


@pytest.mark.parametrize(
    ("step", "entered"),
    [("wait until 09:00", "04-01 07:00"), ("wait until 2026-04-01 06:00", "04-01 07:00")],
)
def test_wait_until_now_or_a_past_moment_goes_on_at_once_without_a_row(step: str, entered: str) -> None:
    rules = f"""
campaign c:
    enter when begin
    stage s:
        {step}
"""
    expect(
        workspace(rules, did(f"{entered} begin"), customers=(MADRID,)),
        f"""
        {entered} ana 1.0 c#1 entered
        {entered} ana 1.1 c#1 stage: s
        {entered} ana 1.3 c#1 exit: s completed
        """,
    )


def test_an_unknown_zone_is_that_of_the_policy() -> None:
    rules = """
campaign c:
    enter when every day at 09:00 for segment pro
    stage s:
        tag warm
"""
    people = tuple(
        Customer(name, timezone=zone, attributes={"plan": "pro"})
        for name, zone in (("ana", None), ("ben", "Mars/Base"), ("cai", "Asia/Kathmandu"))
    )
    expect(
        workspace(rules, customers=people, until=at("03-01 12:00")),
        """
        03-01 03:15 cai 1.0 c#1 entered
        03-01 09:00 ana 1.0 c#1 entered
        03-01 09:00 ben 1.0 c#1 entered
        """,
        leave_out=("stage", "tag", "exit"),
    )


# --- 1. Profile, 2. Watch, 3. Exit on event -----------------------------------------------------------


def test_changes_of_the_instant_come_first_the_last_of_them_wins() -> None:
    expect(
        workspace(
            """
campaign c:
    enter when begin
    stage s:
        if plan is "pro" exit "pro"
""",
            did("03-02 10:00 begin"),
            changed("03-02 10:00 plan", "free"),
            changed("03-02 10:00 plan", "pro"),
        ),
        """
        03-02 10:00 ana 1.2 c#1 branch: s/if yes
        03-02 10:00 ana 1.3 c#1 exit: s/exit exit words=pro
        """,
        leave_out=("entered", "stage"),
    )


def test_exclusions_come_before_exits_and_those_before_the_event_that_would_be_met() -> None:
    rules = HELD.replace(
        "    stage", '    exit when other\n    exit when plan is "pro"\n    exclude segment pro\n    stage', 1
    )
    facts = (did("03-02 10:00 begin"), did("03-03 10:00 other"), did("03-03 10:00 purchase"))
    entered = """
        03-02 10:00 ana 1.0 c#1 entered
        03-02 10:00 ana 1.1 c#1 stage: s
        03-02 10:00 ana 1.2 c#1 wait: s/wait for purchase until=03-11 10:00"""
    expect(
        workspace(rules, *facts, changed("03-03 10:00 plan", "pro")),
        entered + "\n        03-03 10:00 ana 1.0 c#1 exit excluded by=segment pro",
    )
    expect(workspace(rules, *facts), entered + "\n        03-03 10:00 ana 1.0 c#1 exit exit_when")


def test_the_first_exit_clause_in_order_of_text_is_named() -> None:
    rules = HELD.replace("    stage", "    exit when login (n is 1)\n    exit when login\n    stage", 1)
    scenario = workspace(rules, did("03-02 10:00 begin"), did("03-03 10:00 login", n=2), did("03-03 10:00 login", n=1))
    expect(
        scenario,
        "03-03 10:00 ana 1.0 c#1 exit exit_when rule=21",
        leave_out=("entered", "stage", "wait"),
        rule=True,
    )


# --- 4. Goal ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "rows"),
    [
        ("03-03 10:00", ["03-03 10:00 ana 1.0 c#1 exit goal", "03-03 10:00 ana 1.0 c#1 goal"]),
        ("03-04 09:59", ["03-04 09:59 ana 1.0 c#1 exit goal", "03-04 09:59 ana 1.0 c#1 goal"]),
        ("03-04 10:00", []),  # the very end of the 2 days is outside
    ],
)
def test_the_goal_ends_the_journey_within_its_time(when: str, rows: list[str]) -> None:
    rules = HELD.replace("    stage", "    goal other within 2 days\n    stage", 1)
    scenario = workspace(rules, did("03-02 10:00 begin"), did(f"{when} other"), until=at("03-05 00:00"))
    expect(scenario, "\n".join(rows), leave_out=("entered", "stage", "wait"))


def test_and_stay_counts_once_and_ends_nothing() -> None:
    rules = HELD.replace("    stage", "    goal other and stay\n    stage", 1)
    facts = (did("03-02 10:00 begin"), did("03-03 10:00 other"), did("03-04 10:00 other"), did("03-05 10:00 purchase"))
    expect(
        workspace(rules, *facts),
        """
        03-03 10:00 ana 1.0 c#1 goal
        03-05 10:00 ana 1.0 c#1 met: s/wait for purchase
        03-05 10:00 ana 1.1 c#1 exit: s completed
        """,
        leave_out=("entered", "stage", "wait"),
    )


def test_a_goal_after_the_end_is_still_counted_also_at_the_instant_of_the_end() -> None:
    rules = HELD.replace("    stage", "    goal other within 2 days\n    exit when other\n    stage", 1)
    facts = (did("03-02 10:00 begin"), did("03-03 10:00 other"), did("03-03 12:00 other"))
    expect(
        workspace(rules, *facts),
        """
        03-03 10:00 ana 1.0 c#1 exit exit_when
        03-03 10:00 ana 1.0 c#1 goal journey_ended
        """,
        leave_out=("entered", "stage", "wait"),
    )
    over = SIMPLE.replace("    stage", "    goal other within 2 days\n    stage", 1)
    expect(
        workspace(over, *facts),
        "03-03 10:00 ana 1.0 c#1 goal journey_ended",
        leave_out=("entered", "stage", "tag", "exit"),
    )


def test_the_entering_event_and_what_happened_before_it_are_no_goal() -> None:
    rules = HELD.replace("    stage", "    goal begin\n    stage", 1)
    scenario = workspace(rules, did("03-02 10:00 begin"), did("03-03 10:00 begin", happened="03-02 09:59"))
    expect(
        scenario,
        "03-03 10:00 ana 1.0 c#0 not_entered already_inside",
        leave_out=("entered", "stage", "wait", "timed_out", "exit"),
    )


# --- 5. Reactions and waits ---------------------------------------------------------------------------


def test_on_goes_before_the_awaited_event_and_takes_the_earliest_fact() -> None:
    rules = """
campaign c:
    enter when begin
    stage s:
        wait for purchase up to 9 days
        on purchase go to t
        on login (n is 1) go to s
        on other go to u
    stage t:
        exit "t"
    stage u:
        exit "u"
"""
    facts = (
        did("03-02 10:00 begin"),
        did("03-03 10:00 login", n=2),
        did("03-03 10:00 other"),
        did("03-03 10:00 purchase"),
    )
    expect(
        workspace(rules, *facts),
        """
        03-02 10:00 ana 1.0 c#1 entered
        03-02 10:00 ana 1.1 c#1 stage: s
        03-03 10:00 ana 1.0 c#1 interrupted: s
        03-03 10:00 ana 1.1 c#1 stage: u
        03-03 10:00 ana 1.2 c#1 exit: u/exit exit words=u
        """,
        leave_out=("wait",),
    )


@pytest.mark.parametrize(
    ("received", "happened", "decision"),
    [
        ("03-03 10:00", "03-03 10:00", "met"),
        ("03-04 10:00", "03-04 09:59", "met"),  # received at the deadline, happened before it
        ("03-04 10:00", "03-04 10:00", "timed_out"),
    ],
)
def test_wait_for_is_met_before_its_deadline(received: str, happened: str, decision: str) -> None:
    rules = """
campaign c:
    enter when begin
    stage s:
        wait for purchase up to 2 days, else exit "none"
        exit "bought"
"""
    words = {"met": "bought", "timed_out": "none"}[decision]
    expect(
        workspace(rules, did("03-02 10:00 begin"), did(f"{received} purchase", happened=happened)),
        f"""
        03-02 10:00 ana 1.2 c#1 wait: s/wait for purchase until=03-04 10:00
        {received} ana 1.0 c#1 {decision}: s/wait for purchase
        {received} ana 1.1 c#1 exit: s/{"exit #2" if decision == "met" else "exit"} exit words={words}
        """,
        leave_out=("entered", "stage"),
    )


def test_an_event_since_the_stage_was_reached_is_not_lost_and_used_up_once() -> None:
    rules = """
campaign c:
    enter when begin
    stage s:
        wait 2 days
        wait for login up to 1 day
        wait for login (n is 1) up to 1 day
        wait for a new login up to 1 day
        wait for login up to 1 day
"""
    facts = (did("03-02 10:00 begin"), did("03-03 10:00 login", n=1), did("03-03 11:00 login", n=2))
    expect(
        workspace(rules, did("03-02 10:00 login", n=1), *facts),
        """
        03-02 10:00 ana 1.2 c#1 wait: s/wait until=03-04 10:00
        03-04 10:00 ana 1.1 c#1 met: s/wait for login
        03-04 10:00 ana 1.2 c#1 wait: s/wait for login #2 until=03-05 10:00
        03-05 10:00 ana 1.0 c#1 timed_out: s/wait for login #2
        03-05 10:00 ana 1.1 c#1 wait: s/wait for login #3 until=03-06 10:00
        03-06 10:00 ana 1.0 c#1 timed_out: s/wait for login #3
        03-06 10:00 ana 1.1 c#1 met: s/wait for login #4
        03-06 10:00 ana 1.2 c#1 exit: s completed
        """,
        leave_out=("entered", "stage"),
    )


def test_one_event_meets_the_waits_of_several_journeys() -> None:
    other = HELD.replace("campaign c", "campaign d").strip("\n")
    expect(
        workspace(HELD.strip("\n") + "\n" + other, did("03-02 10:00 begin"), did("03-03 10:00 purchase")),
        """
        03-03 10:00 ana 1.0 c#1 met: s/wait for purchase
        03-03 10:00 ana 1.0 d#1 met: s/wait for purchase
        """,
        leave_out=("entered", "stage", "wait", "exit"),
    )


UNOPENED = """
campaign c:
    enter when begin
    stage s:
        send email welcome
        {wait}
        if email unopened after 2 days:
            exit "unopened"
        else:
            exit "opened"
        exit "no message"
"""


@pytest.mark.parametrize(
    ("wait", "opened", "machine", "rows"),
    [
        (
            "tag warm",
            "03-03 10:00",
            False,
            """
        03-02 10:00 ana 2.2 c#1 wait: s/if until=03-04 10:00
        03-03 10:00 ana 1.0 c#1 met: s/if
        03-03 10:00 ana 1.1 c#1 exit: s/exit #2 exit words=opened""",
        ),
        (
            "tag warm",
            "03-03 10:00",
            True,  # a machine's open is none
            """
        03-02 10:00 ana 2.2 c#1 wait: s/if until=03-04 10:00
        03-04 10:00 ana 1.0 c#1 timed_out: s/if
        03-04 10:00 ana 1.1 c#1 exit: s/exit exit words=unopened""",
        ),
        (
            "tag warm",
            "03-04 10:00",
            False,  # at the very deadline
            """
        03-02 10:00 ana 2.2 c#1 wait: s/if until=03-04 10:00
        03-04 10:00 ana 1.0 c#1 timed_out: s/if
        03-04 10:00 ana 1.1 c#1 exit: s/exit exit words=unopened""",
        ),
        (
            "wait 1 day",
            "03-02 11:00",
            False,  # already there
            """
        03-02 10:00 ana 2.1 c#1 wait: s/wait until=03-03 10:00
        03-03 10:00 ana 1.1 c#1 met: s/if
        03-03 10:00 ana 1.2 c#1 exit: s/exit #2 exit words=opened""",
        ),
        (
            "wait 3 days",
            "03-04 11:00",
            False,  # the 2 days count from the sending, and were over
            """
        03-02 10:00 ana 2.1 c#1 wait: s/wait until=03-05 10:00
        03-05 10:00 ana 1.1 c#1 timed_out: s/if
        03-05 10:00 ana 1.2 c#1 exit: s/exit exit words=unopened""",
        ),
    ],
)
def test_unopened_after(
    wait: str, opened: str, *, machine: bool, rows: str, reactions: dict[str, list[tuple[str, str, bool]]]
) -> None:
    reactions["03-02 10:00"] = [("email_opened", opened, machine)]
    scenario = workspace(UNOPENED.format(wait=wait), did("03-02 10:00 begin"))
    expect(scenario, rows, leave_out=("entered", "stage", "send", "tag"))


def test_unopened_after_a_message_that_was_never_sent() -> None:
    scenario = workspace(UNOPENED.format(wait="tag warm"), did("03-02 10:00 begin"), said("03-01 10:00 email refused"))
    expect(
        scenario,
        """
        03-02 10:00 ana 1.end c#1 withheld: s/send email welcome unsubscribed
        03-02 10:00 ana 2.1 c#1 tag: s/tag warm
        03-02 10:00 ana 2.2 c#1 no_message: s/if
        03-02 10:00 ana 2.3 c#1 exit: s/exit #3 exit words=no message
        """,
        leave_out=("entered", "stage"),
    )


def test_a_reaction_belongs_to_the_journey_that_sent_the_message(
    reactions: dict[str, list[tuple[str, str, bool]]],
) -> None:
    """Both wait for an open; only the message of c is opened."""
    reactions["03-02 10:00"] = [("email_opened", "03-02 11:00", False)]
    rules = """
campaign c:
    class marketing
    enter when begin
    stage s:
        send email welcome
        wait for email_opened up to 1 day
campaign d:
    class marketing
    enter when begin
    stage s:
        wait for email_opened up to 1 day
"""
    expect(
        workspace(rules, did("03-02 10:00 begin")),
        """
        03-02 11:00 ana 1.0 c#1 met: s/wait for email_opened
        03-03 10:00 ana 1.0 d#1 timed_out: s/wait for email_opened
        """,
        leave_out=("entered", "stage", "send", "wait", "exit"),
    )
