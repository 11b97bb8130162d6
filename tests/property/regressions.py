"""Scenarios by name, in plain data: edges that random ones seldom hit, and those on which the two sides differed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.reference.workspace import ANA, at, changed, did, said, workspace

if TYPE_CHECKING:
    from tests.reference.scenario import Scenario

MADRID = replace(ANA, timezone="Europe/Madrid")
PEOPLE = (
    replace(ANA, id="Zoe", timezone="Australia/Lord_Howe", attributes={"plan": "pro"}),
    replace(MADRID, attributes={"plan": "pro", "birthday": date(2004, 2, 29)}),
    replace(ANA, id="ben", timezone="Mars/Base", email=None),
    replace(ANA, id="éva", timezone="America/New_York", attributes={"plan": "pro", "birthday": date(2026, 3, 29)}),
)

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

KEYED = """
campaign aa:
    enter when begin, keyed by n
    cap 1 contact per 1 day
    goal login within 9 days and stay
    exit when purchase (amount > 50 EUR)
    stage s:
        on login go to t
        send email welcome
        wait for purchase up to 2 days
        send email offer
        wait for login up to 2 days, else exit "late"
    stage t:
        set plan to "t"
        tag warm
        untag cold
        wait 1 day
campaign b:
    enter when begin, keyed by n, again after exit
    hold out 30%
    exit when login
    stage s:
        send sms ping
        if in stage aa.t tag cold
        if tagged warm:
            set plan to "warm"
            untag warm
        else:
            set plan to "cold"
        wait 36 hours
        set plan to "s"
campaign c:
    enter when begin (n is known), keyed by n, again after 2 days
    exclude segment pro
    stage s:
        wait 1 day
campaign d:
    enter when begin, every time
    exclude campaign c
    stage s:
        set plan to "one"
        wait for begin up to 1 day
        set plan to "two"
        send push note
        wait for a new begin up to 3 days
campaign f:
    enter when begin, keyed by n, every time
    exclude list robinson
    stage s:
        wait for login up to 3 days, else exit
        send push note
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
REFRESH = """
campaign aa:
    enter when begin, keyed by n, again after exit
    stage s:
        on begin refresh entry
        on login go to t
        send email welcome
        wait for a new begin up to 2 days
        wait 1 day
    stage t:
        on begin (n is 1) refresh entry
        on begin refresh entry and go to s
        wait 3 days
campaign b:
    enter when begin
    stage s:
        on begin (n is 1) refresh entry
        on begin (n is known) refresh entry
        on begin (n is 2) refresh entry and go to s
        on begin (n is 3) go to s
        wait for begin (n is 1) up to 2 days
        wait 9 days
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
STARTED = """
campaign aa:
    class marketing
    enter when begin, again after exit
    exit when other
    hold out 40%
    cap 2 contacts per 2 days
    stage s:
        start campaign b, linked
        send email welcome
        start campaign c
        start campaign b
        wait 1 day
        start campaign d, linked
        start campaign e
        wait for login up to 3 days, else exit "late"
        tag warm
        start campaign aa
        go to t
    stage t:
        wait 2 days
        start campaign aa
campaign b:
    class service
    goal purchase and stay
    stage s:
        start campaign d, linked
        send email offer
        wait 5 days
        send email news
campaign c:
    class marketing
    priority 9
    enter again after 2 days
    exclude segment pro
    hold out 50%
    stage s:
        send sms ping
        exit
campaign d:
    class marketing
    enter every time
    stage s:
        if in stage b.s tag cold
        wait for purchase up to 2 days
        send push note
        wait 9 days
campaign e:
    class marketing
    enter when begin, again after exit
    exclude campaign b
    stage s:
        start campaign d
        start campaign c
        wait 1 hour
        start campaign aa
"""
STARTED_BY_KEY = """
campaign aa:
    enter when begin, keyed by n, every time
    stage s:
        start campaign b
        start campaign c
        start campaign d, linked
        wait for login up to 2 days
campaign b:
    enter when login, keyed by n, again after exit
    stage s:
        start campaign d
        wait for login up to 1 day
        send email welcome
campaign c:
    exclude campaign d
    stage s:
        wait 1 day
        send sms ping
campaign d:
    enter every time
    stage s:
        wait 3 days
        send push note
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


def numbered(*facts: str, who: str = "ana") -> list[object]:
    """`03-02 10:00 begin 2`; without a number also without the property."""
    made: list[object] = []
    for fact in facts:
        *what, n = fact.split(" ")
        properties: dict[str, Any] = {} if n == "-" else {"n": int(n)}
        made.append(did(" ".join(what), who=who, **properties))
    return made


def starts(*instants: str, event: str = "begin") -> list[object]:
    return [did(f"{when} {event}", who=person.id) for person in PEOPLE for when in instants]


def scenario(rules: str, *facts: object, **fields: object) -> Scenario:
    return workspace(rules, *facts, **{"customers": PEOPLE, "until": at("06-20 00:00"), **fields})  # type: ignore[arg-type]


TAGS_AND_STAGES = """
campaign aa:
    enter when begin, again after exit
    hold out 50%
    stage lead:
        tag warm
        send email hello
        go to last
    stage last:
        untag warm
        tag warm
        set plan to "free"
campaign ab:
    enter when begin, again after exit
    stage s:
        tag warm
        tag warm
        tag warm
        set plan to "pro"
campaign ac:
    enter when begin, again after exit
    stage s:
        wait 1 hour
        untag warm
campaign ad:
    enter when begin, again after exit
    stage s:
        tag hot
campaign ae:
    enter when begin, again after exit
    stage s:
        untag hot
campaign by_hot:
    enter when gets tag hot, again after exit
    stage s:
        tag cold
campaign by_stage:
    enter when reaches stage aa.last, again after exit
    stage s:
        tag cold
campaign by_tag:
    priority 90
    enter when gets tag warm, again after exit
    stage s:
        send email nice
campaign by_change:
    enter when plan changes to "free", again after exit
    exclude campaign by_tag
    stage s:
        send email nice
campaign by_segment:
    enter when joins segment warm_ones, again after exit
    stage s:
        split ab:
            50% one:
                wait 1 hour
            50% two:
                exit "two"
segment warm_ones: tagged warm and in stage aa
"""
MEMBERS = """
segment quiet: has purchase and no purchase in last 10 days
segment inside: in stage aa.lead
segment party: birthday is today or birthday is 2 days away
segment soon: birthday within the next 3 days
segment day_of: birthday is today
segment agrees: consents to email for service
campaign aa:
    enter when begin, again after exit
    exit when tagged warm and in segment pro
    stage lead:
        send email hello
        wait 1 day
        tag warm
        wait 1 day
campaign goes_quiet:
    enter when joins segment quiet, again after exit
    stage s:
        untag warm
campaign wakes:
    enter when leaves segment quiet, again after exit
    stage s:
        wait 1 hour
campaign comes:
    enter when joins segment inside, again after exit
    stage s:
        send email nice
campaign goes:
    enter when leaves segment inside, again after 1 hour
    stage s:
        send email nice
campaign party_on:
    enter when joins segment party, again after exit
    stage s:
        wait 1 hour
campaign soon_over:
    enter when leaves segment soon, again after exit
    stage s:
        wait 1 hour
campaign party_over:
    enter when leaves segment day_of, again after exit
    stage s:
        wait 1 hour
campaign agreed:
    enter when joins segment agrees, again after exit
    stage s:
        wait 1 hour
campaign paying:
    enter when joins segment pro, again after exit
    stage s:
        wait 1 hour
campaign at_once:
    enter when once now for segment pro
    stage s:
        set plan to "free"
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

REGRESSIONS: dict[str, Scenario] = {
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
    "late events": scenario(
        LATE,
        *starts("03-02 10:00"),
        did("03-03 10:00 login", n=1),
        did("03-04 10:00 login", happened="03-02 12:00", n=2),
        did("03-03 10:00 login", who="éva", n=2),
        did("03-04 10:00 login", who="éva", happened="03-02 12:00", n=1),
    ),
    "journeys by key": scenario(
        KEYED,
        *(
            fact
            for person in PEOPLE
            for fact in numbered(
                *("03-02 10:00 begin 10", "03-02 10:00 begin 9", "03-02 10:00 begin -", "03-02 10:00 begin 10"),
                *("03-02 10:00 begin -", "03-02 12:00 begin 9", "03-03 10:00 begin 7", "03-03 10:00 login 9"),
                *("03-03 12:00 login -", "03-04 10:00 begin 10", "03-04 10:00 login 10", "03-04 12:00 begin 9"),
                *("03-06 10:00 login 7", "03-06 10:00 login 7", "03-07 10:00 begin 7", "03-07 10:00 begin 9"),
                *("03-07 10:00 login 9", "03-08 10:00 login 7"),
                who=person.id,
            )
        ),
        did("03-05 09:00 purchase", amount=Decimal(60)),
        did("03-03 18:00 purchase", who="Zoe", amount=Decimal(5)),
        said("03-04 09:00 sms refused"),
        policy="cap 3 contacts per 7 days across sms, push",
    ),
    "the last key has its way": scenario(
        RIVALS,
        *numbered("03-02 10:00 begin 3", "03-02 12:00 begin 2", "03-03 10:00 login 2"),
        *numbered("03-02 10:00 begin 2", "03-02 12:00 begin 3", "03-03 10:00 login 3", who="Zoe"),
        *numbered("03-02 10:00 begin 10", "03-02 12:00 begin 2", "03-03 10:00 login 2", who="ben"),
        *numbered("03-02 10:00 begin 2", "03-02 12:00 begin 10", "03-03 10:00 login 10", who="éva"),
    ),
    "refreshed entries": scenario(
        REFRESH,
        *(
            fact
            for person in PEOPLE
            for fact in numbered(
                *("03-02 10:00 begin 1", "03-02 11:00 begin 1", "03-02 12:00 begin 2", "03-02 12:00 begin 1"),
                *("03-03 10:00 login 1", "03-03 11:00 begin 1", "03-03 11:00 begin 1", "03-03 12:00 login -"),
                *("03-03 13:00 begin 2", "03-03 14:00 begin 3", "03-03 14:00 begin 2", "03-03 15:00 begin -"),
                *("03-03 16:00 begin 2", "03-03 16:00 begin 3", "03-04 10:00 begin 1", "03-04 10:00 begin 1"),
                who=person.id,
            )
        ),
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
    "campaigns that start others": scenario(
        STARTED,
        *starts("03-02 10:00", "03-04 10:00", "03-04 10:00", "03-09 10:00"),
        *starts("03-05 10:00", event="other"),
        *starts("03-03 18:00", "03-10 20:00", event="login"),
        *starts("03-03 12:00", "03-10 12:00", event="purchase"),
        *(
            said(f"03-01 10:00 {channel} granted", purpose="service", who=person.id)
            for person in PEOPLE
            for channel in ("email", "sms")
        ),
        policy="cap 3 contacts per 2 days\nhold out 30% of customers from class service",
    ),
    "campaigns that start others by key": scenario(
        STARTED_BY_KEY,
        *(
            fact
            for person in PEOPLE
            for fact in numbered(
                *("03-02 10:00 begin 2", "03-02 10:00 begin 10", "03-02 10:00 begin 2", "03-02 12:00 begin 3"),
                *("03-02 18:00 login 2", "03-03 10:00 login 10", "03-03 10:00 begin 2", "03-05 10:00 login -"),
                *("03-06 10:00 begin 2", "03-06 11:00 login 7", "03-06 11:00 begin 7"),
                who=person.id,
            )
        ),
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
    "what steps set off": scenario(
        TAGS_AND_STAGES,
        *starts("03-02 10:00", "03-02 12:00", "03-04 10:00"),
        changed("03-03 10:00 plan", "free"),
        changed("03-03 10:00 plan", "pro"),
        changed("03-03 12:00 plan", None),
        changed("03-03 13:00 plan", "free"),
    ),
    "segments joined and left": scenario(
        MEMBERS,
        *starts("03-02 10:00", "03-05 10:00"),
        *starts("02-25 10:00", "03-05 10:00", "04-05 10:00", event="purchase"),
        *(changed("03-04 12:00 plan", "pro", who=person.id) for person in PEOPLE),
        *(changed("03-28 22:30 birthday", date(2000, 3, 31), who=person.id) for person in PEOPLE[:2]),
        changed("03-29 01:00 timezone", "Australia/Lord_Howe"),
        said("03-07 10:00 email granted", purpose="service"),
        said("03-08 10:00 email withdrawn", purpose="service"),
        said("03-09 10:00 email granted", purpose="service"),
        until=at("05-01 00:00"),
    ),
    "dates across clock changes": scenario(
        DATES,
        *starts("03-27 10:00", "03-28 05:00"),
        changed("03-29 00:10 timezone", "Europe/Madrid", who="éva"),
        changed("03-29 12:00 birthday", date(1980, 3, 30), who="ben"),
        deployed_at=at("02-27 00:00"),
        until=at("04-10 00:00"),
    ),
}
