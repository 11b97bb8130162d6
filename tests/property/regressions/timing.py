"""Waits, schedules, dates and windows, across clock changes and late."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from tests.property.regressions.facts import PEOPLE, numbered, scenario, starts
from tests.reference.workspace import at, changed, did, said

if TYPE_CHECKING:
    from tests.reference.scenario import Scenario

WAITS = """
campaign waits:
    enter when begin, again after exit
    stage s:
        wait 1 day
        wait until 02:30
        wait until 02:30 tomorrow
        wait until 18:00 on sunday
        wait 1 month
        wait until 2026-05-03 12:00
        wait 25 hours
        wait 1 week
"""
SCHEDULES = """
campaign daily:
    class marketing
    enter when every day at 02:30 for segment pro, again after exit
    stage s:
        send email welcome
campaign monthly:
    class marketing
    enter when every month on day 31 at 00:00 for segment pro, again after exit
    stage s:
        wait 1 day
campaign sundays:
    class marketing
    enter when every sunday at 02:00 for segment pro, again after 6 days
    stage s:
        tag warm
campaign at_once:
    class marketing
    enter when once at 2026-03-29 02:30 for segment pro
    stage s:
        wait until 02:30
"""
TIME_ALONE = """
segment soon: birthday is 2 days away
segment idle: no purchase in last 3 days
campaign c:
    class marketing
    enter when begin, again after exit
    goal purchase (amount > 10 EUR) within 2 days and stay
    exclude segment soon
    exit when idle
    stage s:
        wait 9 days
campaign d:
    class marketing
    enter when begin, again after exit
    exit when last other more than 1 day ago
    exit when birthday is today
    stage s:
        wait for purchase up to 9 days
        wait for purchase up to 2 days, else exit "none"
        on login go to t
    stage t:
        wait for a new login up to 36 hours
        go to s
"""
LATE = """
campaign c:
    enter when begin, again after exit
    stage s:
        wait 3 days
        wait for login up to 1 day
        wait for login (n is 1) up to 1 day
        if last login.n is 2 exit "last received"
        if first login.n is 2 exit "first happened"
"""
SETTLE = """
campaign c:
    enter when begin, again after exit
    settle 1 day
    stage s:
        wait for login up to 2 days, else tag late
        send email welcome
        if email unopened after 2 days:
            send sms offer
        else:
            tag warm
        wait for a new purchase up to 1 day
        wait 3 days
        if email unclicked after 4 days tag cold
        wait 1 day
"""
OF_MESSAGES = """
campaign aa:
    enter when begin, again after exit
    goal purchase within 1 day of a message
    stage s:
        wait 1 day
        send email welcome
        wait 1 day
        send sms offer
campaign b:
    enter when begin
    hold out 50%
    goal purchase within 1 day of email offer and stay
    cap 2 contacts per 9 days
    stage s:
        send email welcome
        wait 6 hours
        send sms offer
        wait 1 day
        send email offer
        wait 3 days
campaign c:
    enter when begin
    goal purchase within 36 hours of sms
    stage s:
        send email offer
        wait 1 day
        send sms offer
"""
DATES = """
campaign yearly:
    enter when on birthday at 02:30, again after exit
    stage s:
        wait 1 hour
campaign before_it:
    enter when 1 day before birthday at 00:00, again after exit
    stage s:
        wait 1 hour
campaign after_it:
    enter when 1 week after birthday at 23:30, again after exit
    stage s:
        wait 1 hour
campaign sets:
    enter when begin, again after exit
    stage s:
        set birthday to 2026-03-29
        wait 1 hour
"""
LOOKING_BACK = """
campaign c:
    enter when login (n >= 2), keyed by n, again after 2 days
    goal purchase within 3 days
    stage s:
        send email nice
        wait 4 days
campaign d:
    enter when login, every time
    exit when purchase
    stage s:
        wait for login up to 2 days
        send email nice
"""
TOLD_LATE = """
campaign c:
    enter when begin, again after exit
    stage s:
        send email nice
        if consents to email tag warm
        wait 6 hours
        send email news
"""

FIRST_OF_EQUALS = """
campaign firsts:
    enter when begin, again after exit
    stage s:
        if first login.n > 5 tag early
        if last login.n > 5 tag late
"""
SCENARIOS: dict[str, Scenario] = {
    "the first of those that happened at once": scenario(
        FIRST_OF_EQUALS,
        # Told last, whatever its number.
        did("03-05 10:00 login", happened="03-02 10:00", n=9),
        did("03-02 10:00 login", n=1),
        did("03-03 10:00 begin"),
        did("03-06 10:00 begin"),
    ),
    "waits across clock changes": scenario(
        WAITS, *starts("03-01 00:00", "03-07 07:30", "03-27 13:00", "03-28 01:30", "04-03 15:00", "04-04 15:15")
    ),
    "waits when clocks go back": scenario(
        WAITS,
        *starts("10-02 15:30", "10-24 00:30", "10-25 00:30", "10-25 01:30", "10-31 05:30", "11-01 06:30"),
        deployed_at=at("10-01 00:00"),
        until=at("12-31 00:00"),
    ),
    "schedules across clock changes": scenario(SCHEDULES, deployed_at=at("03-01 00:30"), until=at("05-01 00:00")),
    "schedules when clocks go back": scenario(SCHEDULES, deployed_at=at("10-24 00:30"), until=at("11-03 00:00")),
    "schedules of who moves": scenario(
        SCHEDULES,
        *(
            changed(f"03-{day} 10:00 timezone", zone, who=who)
            for who in ("ana", "Zoe")
            for day, zone in (("05", "Asia/Kathmandu"), ("06", "America/New_York"), ("28", None))
        ),
        until=at("04-02 00:00"),
    ),
    "time alone": scenario(
        TIME_ALONE,
        did("03-01 10:00 purchase"),
        *starts("03-02 10:00", "03-02 10:00", "03-26 00:00"),
        *starts("03-02 09:00", "03-25 23:00", "03-26 00:00", event="purchase"),
        *starts("03-03 10:00", "03-05 10:00", event="login"),
        *starts("03-02 12:00", event="other"),
        did("03-03 07:30 purchase", happened="03-03 06:00"),
        did("03-04 10:00 purchase", happened="03-04 09:59"),
    ),
    "late events": scenario(
        LATE,
        *starts("03-02 10:00"),
        did("03-03 10:00 login", n=1),
        did("03-04 10:00 login", happened="03-02 12:00", n=2),
        did("03-03 10:00 login", who="éva", n=2),
        did("03-04 10:00 login", who="éva", happened="03-02 12:00", n=1),
    ),
    "facts that settle": scenario(
        SETTLE,
        *starts("03-02 10:00", "03-20 10:00"),
        did("03-05 09:59:59 login", happened="03-04 09:59:59"),
        did("03-04 11:00 login", happened="03-04 10:00", who="Zoe"),
        did("03-05 10:00 login", happened="03-04 09:00", who="ben"),
        did("03-04 10:30 login", who="éva"),
        did("03-21 10:30 login", who="ben"),
        *(
            did(f"03-{day:02} {hour}:00 purchase", happened=f"03-{day - 1:02} 23:00", who=person.id)
            for person in PEOPLE
            for day, hour in ((7, 10), (8, 12), (26, 11))
        ),
        shares={"email_opened": 700, "email_clicked": 400},
    ),
    "goals after messages": scenario(
        OF_MESSAGES,
        *starts("03-02 10:00", "03-10 10:00"),
        did("03-02 12:00 purchase"),
        did("03-03 10:00 purchase"),
        did("03-03 10:00:00.000001 purchase", who="Zoe"),
        did("03-04 12:00 purchase", happened="03-04 09:59:59.999999", who="Zoe"),
        *starts("03-04 16:00", "03-05 09:59", "03-12 09:00", event="purchase"),
        *(did("03-04 18:00 purchase", happened="03-03 15:59", who=person.id) for person in PEOPLE),
        did("03-05 10:00 purchase", who="ben"),
    ),
    "dates across clock changes": scenario(
        DATES,
        *starts("03-27 10:00", "03-28 05:00"),
        changed("03-29 00:10 timezone", "Europe/Madrid", who="éva"),
        changed("03-29 12:00 birthday", date(1980, 3, 30), who="ben"),
        deployed_at=at("02-27 00:00"),
        until=at("04-10 00:00"),
    ),
    "looking back": scenario(
        LOOKING_BACK,
        *(
            fact
            for person in PEOPLE
            for fact in numbered(
                *("02-26 10:00 login 2", "02-27 10:00 login 3", "02-27 11:00 login 2", "02-28 10:00 login -"),
                *("02-28 10:00 login 2", "03-01 00:00 login 2", "03-02 10:00 login 3", "03-04 10:00 login 2"),
                who=person.id,
            )
        ),
        did("02-28 12:00 purchase"),
        did("03-02 12:00 login", happened="02-27 09:00", n=5),
        did("03-02 12:00 login", happened="02-26 23:00", n=6),
        did("03-03 12:00 purchase", who="ben"),
        since=at("02-27 00:00"),
    ),
    "consents told late": scenario(
        TOLD_LATE,
        *starts("03-02 10:00", "03-03 10:00", "03-04 10:00", "03-05 10:00", "03-06 10:00"),
        said("03-01 10:00 email granted"),
        said("03-02 12:00 email refused"),
        said("03-02 13:00 email granted", happened="03-02 11:00"),
        said("03-03 12:00 email granted", happened="03-02 12:00:00.000001"),
        said("03-03 14:00 email withdrawn", happened="03-01 09:00"),
        said("03-04 12:00 email granted", happened="03-02 12:00"),
        said("03-05 12:00 email refused", happened="03-05 11:00"),
        said("03-05 12:00 email granted", happened="03-05 10:00"),
    ),
}
