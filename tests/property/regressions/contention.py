"""Messages of one instant, caps, exclusions, ghosts, effects side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.property.regressions.facts import PEOPLE, numbered, scenario, starts
from tests.reference.workspace import said

if TYPE_CHECKING:
    from tests.reference.scenario import Scenario

CAP_EDGE = """
campaign c:
    enter when begin, again after exit
    cap 3 contacts per 3 days
    stage s:
        send email welcome
        send sms offer
"""
CONTEND = """
campaign aa:
    class marketing
    enter when begin, again after exit
    exclude campaign b
    stage s:
        send email welcome
        wait 2 days
campaign b:
    class marketing
    priority 9
    enter when other, again after exit
    exclude campaign aa
    stage s:
        send email welcome
        wait 1 day
campaign c:
    class service
    enter when begin, again after exit
    exclude campaign b
    exit when not in stage aa.s
    stage s:
        send email welcome
        send push note
        wait 3 days
"""
CHAIN = """
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
        wait 9 days
campaign c:
    class marketing
    enter when begin
    exit when not in stage aa.s
    stage s:
        wait 9 days
campaign d:
    class marketing
    enter when begin
    exit when not in stage c.s
    stage s:
        wait 9 days
"""
EFFECTS = """
campaign p:
    class marketing
    enter when begin, again after exit
    stage s:
        tag warm
        if tagged warm exit "warm"
        set plan to "p"
        tag cold
campaign q:
    class marketing
    enter when begin, again after exit
    stage s:
        untag warm
        set plan to "q"
        set plan to "q"
        if plan is "q" exit "q"
campaign r:
    class marketing
    enter when begin, again after exit
    exit when plan is "p"
    stage s:
        if tagged warm exit "warm"
        if in stage q.s exit "with q"
        wait 1 day
"""
ANSWERS = """
campaign c:
    enter when begin, again after exit
    hold out 40%
    stage s:
        send email welcome
        if email unopened after 2 days:
            send sms offer
        else:
            if email welcome unclicked after 1 day exit "opened only"
        if email clicked:
            tag warm
        wait for email_opened up to 1 day
        send email offer
        if email unclicked after 1 day send push note
        if email opened exit "opened"
"""
GHOSTS = """
campaign held:
    class marketing
    enter when begin, again after exit
    hold out 50%
    stage s:
        send email welcome
        send sms offer
        wait 1 day
campaign real:
    class service
    enter when other, again after exit
    stage s:
        if in stage held.s tag warm
        send push note
        send sms offer
        if push not sent exit "none"
"""
RIVALS = """
campaign aa:
    enter when begin, keyed by n
    stage s:
        wait for login up to 1 day, else go to u
        go to t
    stage t:
        set plan to "met"
        untag warm
        go to v
    stage u:
        set plan to "late"
        tag warm
        go to v
    stage v:
        if plan is "met" exit "met"
        if tagged warm exit "warm"
campaign b:
    enter when begin, keyed by n
    stage s:
        wait for login up to 1 day, else go to u
        go to t
    stage u:
        set plan to "late"
        tag warm
        go to v
    stage t:
        set plan to "met"
        untag warm
        go to v
    stage v:
        if plan is "met" exit "met"
        if tagged warm exit "warm"
"""

SCENARIOS: dict[str, Scenario] = {
    "caps at their very edge": scenario(
        CAP_EDGE,
        *starts("03-02 10:00", "03-03 09:59:59.999999", "03-03 10:00", "03-05 10:00", "03-05 10:00:00.000001"),
        policy="cap 1 contact per 1 day across email\ncap 2 contacts per 36 hours",
    ),
    "campaigns that exclude each other": scenario(
        CONTEND,
        *starts("03-02 10:00", "03-06 10:00"),
        *starts("03-02 10:00", "03-03 10:00", "03-04 10:00", "03-08 10:00", event="other"),
        *(said("03-01 10:00 email granted", purpose="service", who=person.id) for person in PEOPLE[:3]),
        policy="cap 1 contact per 7 days",
    ),
    "one end brings the next": scenario(CHAIN, *starts("03-02 10:00"), *starts("03-03 10:00", event="other")),
    "effects side by side": scenario(EFFECTS, *starts("03-02 10:00", "03-04 10:00")),
    "answers to messages": scenario(
        ANSWERS,
        *starts("03-02 10:00", "03-12 10:00", "03-27 10:00", "04-20 10:00"),
        shares={"email_opened": 700, "email_clicked": 400},
    ),
    "answers to few messages": scenario(
        ANSWERS,
        *starts("03-02 10:00", "03-12 10:00", "03-27 10:00", "04-20 10:00"),
        shares={"email_opened": 900, "email_clicked": 500},
        policy="hold out 30%\ncap 1 contact per 2 days across email",
        salt="pepper",
    ),
    "the last key has its way": scenario(
        RIVALS,
        *numbered("03-02 10:00 begin 3", "03-02 12:00 begin 2", "03-03 10:00 login 2"),
        *numbered("03-02 10:00 begin 2", "03-02 12:00 begin 3", "03-03 10:00 login 3", who="Zoe"),
        *numbered("03-02 10:00 begin 10", "03-02 12:00 begin 2", "03-03 10:00 login 2", who="ben"),
        *numbered("03-02 10:00 begin 2", "03-02 12:00 begin 10", "03-03 10:00 login 10", who="éva"),
    ),
    "ghosts beside real messages": scenario(
        GHOSTS,
        *starts("03-02 10:00", "03-03 10:00", "03-04 10:00"),
        *starts("03-02 10:00", "03-02 11:00", "03-03 10:00", event="other"),
        *(
            said(f"03-01 10:00 {channel} granted", purpose="service", who=person.id)
            for person in PEOPLE
            for channel in ("sms", "push")
        ),
        policy="cap 2 contacts per 2 days\nhold out 60% of customers from class marketing",
    ),
}
