"""The reference interpreter against meaning.md: messages that are held, capped, or sent another way. By hand."""

from __future__ import annotations

from dataclasses import replace

from tests.reference.scenario import Customer
from tests.reference.workspace import ANA, changed, did, expect, said, workspace

MADRID = (replace(ANA, timezone="Europe/Madrid"),)
ONLY = ("entered", "stage", "wait")
ONE = """
campaign c:
    enter when begin, again after exit
    stage s:
        send sms offer
"""
TWO = """
campaign first:
    class marketing
    priority 9
    enter when begin, again after exit
    stage s:
        send email offer
campaign second:
    class marketing
    enter when begin, again after exit
    stage s:
        send email offer
"""


# --- classes and calendar caps ------------------------------------------------------------------------


def test_classes_outside_the_limits() -> None:
    rules = """
campaign bill:
    class bill
    enter when begin, again after exit
    stage s:
        send email bill
campaign card:
    class card
    enter when begin, again after exit
    stage s:
        send email card
campaign news:
    class marketing
    enter when begin, again after exit
    stage s:
        send email news
"""
    # Marketing is the first class: its message is judged before what would have filled the cap.
    policy = """
class bill: purpose marketing, not limited, counted
class card: purpose marketing, not limited, not counted
cap 1 contact per 7 days
"""
    expect(
        workspace(rules, did("03-02 10:00 begin"), did("03-02 11:00 begin"), policy=policy.strip()),
        """
        03-02 10:00 ana 1.end bill#1 send: s/send email bill
        03-02 10:00 ana 1.end card#1 send: s/send email card
        03-02 10:00 ana 1.end news#1 send: s/send email news
        03-02 11:00 ana 1.end bill#2 send: s/send email bill
        03-02 11:00 ana 1.end card#2 send: s/send email card
        03-02 11:00 ana 1.end news#2 withheld: s/send email news capped counter=2 limit=1 window=168h
        """,
        leave_out=(*ONLY, "exit"),
    )


def test_a_calendar_month_is_the_customers() -> None:
    """In Madrid the first of April begins at 22:00 UTC."""
    expect(
        workspace(
            ONE,
            *(did(f"{when} begin") for when in ("03-01 00:00", "03-31 21:59", "03-31 22:00", "04-30 21:59")),
            policy="cap 1 contact per calendar month",
            customers=MADRID,
        ),
        """
        03-01 00:00 ana 1.end c#1 send: s/send sms offer
        03-31 21:59 ana 1.end c#2 withheld: s/send sms offer capped counter=1 limit=1
        03-31 22:00 ana 1.end c#3 send: s/send sms offer
        04-30 21:59 ana 1.end c#4 withheld: s/send sms offer capped counter=1 limit=1
        """,
        leave_out=(*ONLY, "exit"),
    )


def test_a_calendar_week_begins_on_monday() -> None:
    expect(
        workspace(
            ONE,
            *(did(f"{when} begin") for when in ("03-02 00:00", "03-08 23:59", "03-09 00:00")),
            policy="cap 1 contact per calendar week by sms",
        ),
        """
        03-02 00:00 ana 1.end c#1 send: s/send sms offer
        03-08 23:59 ana 1.end c#2 withheld: s/send sms offer capped counter=1 limit=1
        03-09 00:00 ana 1.end c#3 send: s/send sms offer
        """,
        leave_out=(*ONLY, "exit"),
    )


# --- quiet hours --------------------------------------------------------------------------------------


def test_quiet_hours_include_their_start_and_not_their_end() -> None:
    expect(
        workspace(
            ONE,
            *(did(f"{when} begin") for when in ("03-02 20:59", "03-02 21:00", "03-03 09:00")),
            policy="quiet hours 21:00 to 09:00 for sms, push",
        ),
        """
        03-02 20:59 ana 1.end c#1 send: s/send sms offer
        03-02 21:00 ana 1.end c#2 withheld: s/send sms offer quiet_until until=03-03 09:00
        03-03 09:00 ana 1.0 c#0 not_entered already_inside
        03-03 09:00 ana 1.end c#2 send: s/send sms offer
        """,
        leave_out=(*ONLY, "exit"),
    )


def test_quiet_hours_over_the_changes_of_the_clock() -> None:
    """02:30 does not exist on 29 March (the gap ends at 01:00 UTC); it comes twice on 25 October."""
    expect(
        workspace(
            ONE,
            *(did(f"{when} begin") for when in ("03-28 22:30", "10-24 23:40", "10-25 00:29", "10-25 00:30")),
            policy="quiet hours 23:30 to 02:30 for sms",
            customers=MADRID,
        ),
        """
        03-28 22:30 ana 1.end c#1 withheld: s/send sms offer quiet_until until=03-29 01:00
        03-29 01:00 ana 1.end c#1 send: s/send sms offer
        10-24 23:40 ana 1.end c#2 withheld: s/send sms offer quiet_until until=10-25 00:30
        10-25 00:29 ana 1.0 c#0 not_entered already_inside
        10-25 00:30 ana 1.0 c#0 not_entered already_inside
        10-25 00:30 ana 1.end c#2 send: s/send sms offer
        """,
        leave_out=(*ONLY, "exit"),
    )


def test_what_is_released_contends_in_the_total_order() -> None:
    """The weaker asked first, in the evening; a held message has no slot."""
    rules = TWO.replace("enter when begin", "enter when login").replace("enter when login", "enter when begin", 1)
    expect(
        workspace(
            rules,
            did("03-02 21:00 login"),
            did("03-02 22:00 begin"),
            policy="quiet hours 21:00 to 09:00 for email\ncap 1 contact per 7 days",
        ),
        """
        03-02 21:00 ana 1.end second#1 withheld: s/send email offer quiet_until until=03-03 09:00
        03-02 22:00 ana 1.end first#1 withheld: s/send email offer quiet_until until=03-03 09:00
        03-03 09:00 ana 1.end first#1 send: s/send email offer
        03-03 09:00 ana 1.end second#1 withheld: s/send email offer capped counter=1 limit=1 window=168h
        """,
        leave_out=(*ONLY, "exit"),
    )


def test_consent_and_the_way_out_are_asked_again_at_the_release() -> None:
    rules = """
campaign c:
    enter when begin, again after exit
    exit when other
    stage s:
        send sms offer
        wait 1 day
        on login go to t
    stage t:
        wait 1 day
"""
    policy = "quiet hours 21:00 to 09:00 for sms"
    expect(
        workspace(rules, did("03-02 22:00 begin"), said("03-02 23:00 sms refused"), policy=policy),
        """
        03-02 22:00 ana 1.end c#1 withheld: s/send sms offer quiet_until until=03-03 09:00
        03-03 09:00 ana 1.end c#1 withheld: s/send sms offer unsubscribed
        03-03 09:00 ana 2.1 c#1 wait: s/wait until=03-04 09:00
        03-04 09:00 ana 1.1 c#1 exit: s completed
        """,
        leave_out=("entered", "stage"),
    )
    expect(
        workspace(rules, did("03-02 22:00 begin"), did("03-02 23:00 other"), policy=policy),
        """
        03-02 22:00 ana 1.end c#1 withheld: s/send sms offer quiet_until until=03-03 09:00
        03-02 23:00 ana 1.0 c#1 exit exit_when
        03-02 23:00 ana 1.0 c#1 withheld: s/send sms offer journey_ended
        """,
        leave_out=ONLY,
    )
    expect(
        workspace(rules, did("03-02 22:00 begin"), did("03-02 23:00 login"), policy=policy),
        """
        03-02 22:00 ana 1.end c#1 withheld: s/send sms offer quiet_until until=03-03 09:00
        03-02 23:00 ana 1.0 c#1 interrupted: s
        03-02 23:00 ana 1.0 c#1 withheld: s/send sms offer moved_on
        """,
        leave_out=(*ONLY, "exit"),
    )


# --- when capped --------------------------------------------------------------------------------------


def test_a_capped_message_waits_for_room() -> None:
    """The third contact leaves the window at 03-09 10:00; the row is written once."""
    expect(
        workspace(
            ONE,
            *(did(f"{when} begin") for when in ("03-02 10:00", "03-04 10:00", "03-07 12:00")),
            policy="cap 2 contacts per 7 days\nwhen capped wait up to 3 days, else skip",
        ),
        """
        03-02 10:00 ana 1.end c#1 send: s/send sms offer
        03-04 10:00 ana 1.end c#2 send: s/send sms offer
        03-07 12:00 ana 1.end c#3 withheld: s/send sms offer capped counter=2 limit=2 window=168h until=03-09 10:00
        03-09 10:00 ana 1.end c#3 send: s/send sms offer
        """,
        leave_out=(*ONLY, "exit"),
    )


def test_a_capped_message_waits_so_long_and_no_longer() -> None:
    expect(
        workspace(
            ONE,
            *(did(f"{when} begin") for when in ("03-02 10:00", "03-03 10:00")),
            policy='cap 1 contact per 7 days\nwhen capped wait up to 3 days, else exit "enough"',
        ),
        """
        03-02 10:00 ana 1.end c#1 send: s/send sms offer
        03-02 10:00 ana 2.1 c#1 exit: s completed
        03-03 10:00 ana 1.end c#2 withheld: s/send sms offer capped counter=1 limit=1 window=168h until=03-06 10:00
        03-06 10:00 ana 1.end c#2 exit: s/send sms offer exit words=enough
        03-06 10:00 ana 1.end c#2 withheld: s/send sms offer capped counter=1 limit=1 window=168h
        """,
        leave_out=ONLY,
    )
    rules = """
campaign c:
    enter when begin, again after exit
    when capped wait up to 1 day, else go to t
    stage s:
        send sms offer
        tag warm
    stage t:
        tag cold
"""
    expect(
        workspace(
            rules,
            *(did(f"{when} begin") for when in ("03-02 10:00", "03-03 10:00")),
            policy="cap 1 contact per 7 days\nwhen capped exit",
        ),
        """
        03-02 10:00 ana 1.end c#1 send: s/send sms offer
        03-02 10:00 ana 2.1 c#1 tag: s/tag warm
        03-03 10:00 ana 1.end c#2 withheld: s/send sms offer capped counter=1 limit=1 window=168h until=03-04 10:00
        03-04 10:00 ana 1.end c#2 withheld: s/send sms offer capped counter=1 limit=1 window=168h
        03-04 10:00 ana 2.2 c#2 tag: t/tag cold
        """,
        leave_out=(*ONLY, "exit"),
    )


def test_never_and_not_at_all_are_different() -> None:
    """Cap 0 has no room ever: it waits as long as it may."""
    expect(
        workspace(
            ONE, did("03-02 10:00 begin"), policy="cap 0 contacts per 1 day\nwhen capped wait up to 2 days, else skip"
        ),
        """
        03-02 10:00 ana 1.end c#1 withheld: s/send sms offer capped counter=0 limit=0 window=24h until=03-04 10:00
        03-04 10:00 ana 1.end c#1 withheld: s/send sms offer capped counter=0 limit=0 window=24h
        """,
        leave_out=(*ONLY, "exit"),
    )
    expect(
        workspace(ONE, did("03-02 10:00 begin")),
        "03-02 10:00 ana 1.end c#1 send: s/send sms offer",
        leave_out=(*ONLY, "exit"),
    )


# --- expires after, first of, hold while --------------------------------------------------------------


def test_a_message_expires_while_it_waits() -> None:
    expect(
        workspace(
            ONE.replace("send sms offer", "send sms offer, expires after 6 hours"),
            did("03-02 22:00 begin"),
            policy="quiet hours 21:00 to 09:00 for sms",
        ),
        """
        03-02 22:00 ana 1.end c#1 withheld: s/send sms offer quiet_until until=03-03 04:00
        03-03 04:00 ana 1.end c#1 withheld: s/send sms offer expired
        """,
        leave_out=(*ONLY, "exit"),
    )


def test_the_first_that_reaches_the_customer() -> None:
    rules = """
campaign c:
    enter when begin, again after exit
    stage s:
        send first of: email offer, sms offer, push offer
"""
    only_push = (Customer("ana", phone="+341"),)
    expect(
        workspace(rules, did("03-02 10:00 begin"), said("03-01 10:00 sms refused"), customers=only_push),
        """
        03-02 10:00 ana 1.99900 c#1 withheld: s/send email offer no_address
        03-02 10:00 ana 1.99901 c#1 withheld: s/send sms offer unsubscribed
        03-02 10:00 ana 1.end c#1 send: s/send push offer
        """,
        leave_out=(*ONLY, "exit"),
    )
    expect(
        workspace(rules, did("03-02 22:00 begin"), policy="quiet hours 21:00 to 09:00 for email"),
        """
        03-02 22:00 ana 1.end c#1 withheld: s/send email offer quiet_until until=03-03 09:00
        03-03 09:00 ana 1.end c#1 send: s/send email offer
        """,
        leave_out=(*ONLY, "exit"),
    )


def test_hold_while_stops_messages_and_nothing_else() -> None:
    rules = """
campaign c:
    enter when begin
    hold while in segment pro
    hold while has login in last 1 day
    stage s:
        wait 1 hour
        send sms offer
"""
    expect(
        workspace(
            rules,
            did("03-02 10:00 begin"),
            changed("03-02 10:30 plan", "pro"),
            did("03-03 10:00 login"),
            changed("03-03 12:00 plan", "free"),
        ),
        """
        03-02 10:00 ana 1.2 c#1 wait: s/wait until=03-02 11:00 rule=24
        03-02 11:00 ana 1.end c#1 withheld: s/send sms offer on_hold rule=21
        03-04 10:00 ana 1.end c#1 send: s/send sms offer rule=25
        """,
        leave_out=("entered", "stage", "exit"),
        rule=True,
    )
