"""Several journeys of one customer, and campaigns that set off others."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.property.regressions.facts import PEOPLE, numbered, scenario, starts
from tests.reference.workspace import at, changed, did, said

if TYPE_CHECKING:
    from tests.reference.scenario import Scenario

LEFT_BY_A_CAP = """
campaign alpha:
    enter when begin
    cap 1 contact per 3 days
    when capped exit "too much"
    stage s:
        start campaign beta, linked
        send sms offer
        start campaign gamma, linked
        send sms offer
campaign beta:
    enter again after exit
    stage s:
        start campaign delta, linked
        wait for login up to 9 days
        send push note
campaign delta:
    enter again after exit
    stage s:
        wait 5 days
        send push note
campaign gamma:
    enter again after exit
    stage s:
        send push note
        wait 2 days
        send push note
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

SCENARIOS: dict[str, Scenario] = {
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
    "campaigns that start others, left by a cap": scenario(
        LEFT_BY_A_CAP, *starts("03-02 10:00"), *starts("03-03 10:00", event="login")
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
}
