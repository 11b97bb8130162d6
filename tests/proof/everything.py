"""A scenario with every construct of the language, and what happens to its customers: the ground of the proofs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from tests.reference.scenario import DAY, HOUR, MINUTE, Change, Consent, Customer, Event, Scenario
from tests.reference.workspace import at

RULES = """\
attribute plan: text
attribute score: integer
attribute birthday: date
attribute interests: list of text
event begin:
    n: integer
event login
event form:
    kind: text
event purchase:
    amount: money
    category: text
event stop
list robinson from "data/robinson.csv" by email, phone
list staff from "data/staff.csv" by id
segment pro: plan is "pro"
segment soon: birthday is 2 days away or birthday is today
segment idle: has login and no login in last 2 days
segment spender: total of purchase.amount in last 6 days > 60 EUR
segment golfer: interests has any of ("golf", "chess") and score is known
segment asleep: has login and no login in last 12 hours and consents to push for service
segment cheerful: birthday within the next 2 days or tagged warm and in stage welcome.lead
segment calm: count of purchase in last 4 days < 9 and first begin more than 1 hour ago

policy:
    time zone of customer, else "Europe/Madrid"
    purpose marketing: unless refused
    purpose service: ask first
    class notice: purpose service, not limited, counted
    class service: purpose service, limited, not counted
    class marketing: purpose marketing, limited, counted
    cap 2 contacts per 2 days across email, sms
    cap 5 contacts per 6 days
    cap 7 contacts per calendar month
    when capped wait up to 1 day, else skip
    quiet hours 21:00 to 09:00 for sms
    hold out 6% of customers from class marketing

campaign welcome:
    class marketing
    priority 5
    enter when begin (n >= 1), again after exit
    goal purchase (amount > 40 EUR) within 5 days
    exclude list robinson, segment soon
    exclude campaign rival
    exit when stop
    exit when spender
    cap 3 contacts per 3 days across email
    hold out 10%
    stage lead:
        send email hello
        if email unopened after 1 day:
            send sms nudge
        else:
            tag warm
        wait for form (kind is "quote") up to 2 days, else go to late
        if in segment golfer and consents to sms:
            send sms golf
        else if average of purchase.amount > 10 EUR or distinct of purchase.category >= 2:
            send push shop
        else:
            set plan to "pro"
        on login go to visited
    stage visited:
        untag warm
        wait until 09:00 tomorrow
        wait for a new login up to 36 hours
        if email clicked send email reader
        if email hello opened exit "opened"
        go to late
    stage late:
        wait 2 days
        wait until 10:00 on friday
        send email last

campaign rival:
    class service
    enter when purchase (category is "shoes"), again after 2 days
    goal login and stay
    exclude campaign welcome
    hold while in segment golfer and no login in last 12 hours
    exit when idle
    stage all:
        send push note
        split pause:
            60% long:
                wait 1 hour
            40% longer:
                wait 2 hours
        if last purchase.category is "shoes" and first purchase less than 9 days ago send email service
        wait for email_opened up to 1 day
        wait 1 month

campaign daily:
    class marketing
    enter when every day at 10:00 for segment calm, again after 3 days
    exclude list staff
    stage all:
        wait for login up to 5 hours
        wait for login up to 5 hours
        if not tagged warm and in stage welcome.lead exit "inside"
        if has purchase at least 2 times in last 5 days tag buyer
        send first of: email digest, push digest, expires after 2 days

campaign fridays:
    class marketing
    enter when every friday at 09:00 for segment pro
    stage all:
        wait until 2026-03-09 12:00
        send email once_a_week

campaign monthly:
    class marketing
    enter when every month on day 5 at 08:00 for segment pro
    stage all:
        tag fifth

campaign launch:
    class marketing
    enter when once at 2026-03-04 12:00 for segment pro
    exit when email bounced
    stage all:
        send email launch
        if email unclicked after 12 hours send sms launch
        wait for stop up to 1 week

campaign thanks:
    class notice
    cap 1 contact per calendar week by push
    when capped exit "thanked"
    enter when email_clicked, again after exit
    stage all:
        send push thanks
        wait 26 hours

campaign late_ones:
    class marketing
    enter when reaches stage welcome.late, again after exit
    stage all:
        split length:
            50% short:
                send push short
            40% long:
                tag long_one
                send email long
            10% none:
                wait 1 hour
        wait 5 hours

campaign buyers:
    class service
    enter when gets tag buyer
    stage all:
        send push bought

campaign sleepers:
    class marketing
    enter when joins segment asleep, again after 5 hours
    stage all:
        send push wake_up
        wait 1 hour

campaign awake:
    class marketing
    enter when leaves segment asleep, again after exit
    stage all:
        wait 30 minutes

campaign cheered:
    class marketing
    enter when joins segment cheerful, again after 1 hour
    stage all:
        tag cheered
        set score to 3

campaign pros:
    class marketing
    enter when plan changes from "free" to "pro", again after exit
    stage all:
        set birthday to 2026-03-05

campaign scored:
    class marketing
    enter when score changes, again after 2 hours
    stage all:
        tag scored

campaign birthdays:
    class marketing
    enter when on birthday at 09:00, again after 300 days
    stage all:
        send email birthday

campaign before_birthday:
    class marketing
    enter when 2 days before birthday at 17:00, again after exit
    stage all:
        wait 1 hour

campaign stopped:
    class marketing
    enter when stop
    stage one:
        tag gone
        untag gone
        set score to 1
        go to two
    stage two:
        wait until 12:00
        exit "stopped"

campaign orders:
    class service
    enter when purchase, keyed by category, again after 1 day
    goal form
    exit when stop
    settle 3 hours
    stage open:
        on purchase (amount > 30 EUR) refresh entry
        on purchase (amount > 60 EUR) refresh entry and go to large
        start campaign aside, linked
        send push order
        wait for a new login up to 6 hours
        set plan to "free"
        tag buyer
    stage large:
        set plan to "pro"
        untag buyer
        start campaign survey
        wait 9 hours

campaign aside:
    class service
    enter when form (kind is "quote"), every time
    exclude list staff
    stage all:
        start campaign survey
        wait 2 days
        send push aside

campaign survey:
    class marketing
    hold out 20%
    enter again after exit
    exclude segment soon
    stage all:
        send sms survey
        wait 5 hours
"""

LATER_RULES = (
    RULES.replace("wait 2 days\n        wait until 10:00 on friday", "wait 1 day\n        tag older")
    .replace("cap 2 contacts per 2 days across email, sms", "cap 3 contacts per 2 days across email, sms")
    .replace(
        "exit when idle\n    stage all:\n        send push note",
        "migrate:\n        from every stage keep\n    stage s:\n        send push note",
    )
)
"""Deployed later: two campaigns changed, so that two versions of them have customers."""


def only(rules: str, *campaigns: str) -> str:
    """The same with these campaigns alone."""
    head, *blocks = rules.split("\ncampaign ")
    return "\ncampaign ".join([head, *(block for block in blocks if block.partition(":")[0] in campaigns)])


DEPLOYED = at("03-02 00:00")
_EVENTS = ("begin", "login", "form", "purchase", "purchase", "login", "begin", "stop")
_ZONES = ("Europe/Madrid", "America/New_York", None, "Asia/Kathmandu", "Mars/Base")


def draw(*words: object) -> int:
    return int.from_bytes(hashlib.sha256("/".join(map(str, words)).encode()).digest()[:6], "big")


def scenario(active: int, *, days: int = 7, facts: int = 6, passive: int = 0, **fields: Any) -> Scenario:  # noqa: ANN401
    """`active` customers with `facts` events each within the days; `passive` ones have only a login each.

    Their instants are shared by some and stand close together, so that facts, timers and schedules meet.
    """
    people = tuple(_customer(number) for number in range(active + passive))
    busy = people[:active]
    events = sorted(
        (
            *(event for person in busy for event in _events(person.id, days, facts)),
            *(Event(person.id, "login", DEPLOYED + HOUR, DEPLOYED + HOUR) for person in people[active:]),
        ),
        key=lambda event: (event.at, event.customer),
    )
    return Scenario(
        **{
            "rules": RULES,
            "deployed_at": DEPLOYED,
            "until": DEPLOYED + days * DAY,
            "customers": people,
            "consents": tuple(consent for person in busy for consent in _consents(person.id)),
            "events": tuple(events),
            "changes": tuple(
                sorted(
                    (change for person in busy for change in _changes(person.id, days)),
                    key=lambda change: (change.at, change.customer),
                )
            ),
            "lists": {
                "robinson": tuple(("email", f"{person.id}@example.com") for person in busy[3::17]),
                "staff": tuple(("id", person.id) for person in busy[5::13]),
            },
            "shares": {"email_opened": 450, "email_clicked": 300, "email_bounced": 60, "sms_delivered": 500},
            **fields,
        }
    )


def _customer(number: int) -> Customer:
    name = f"c{number:05}"
    chance = draw("customer", number)
    return Customer(
        name,
        email=None if chance % 11 == 0 else f"{name}@example.com",
        phone=f"+34600{number:06}",
        timezone=_ZONES[chance % 5],
        attributes={
            "plan": ("pro", "free", None)[chance // 5 % 3],
            "score": chance // 7 % 20 if chance % 3 else None,
            "birthday": date(1990, 3, 1 + chance % 25),
            "interests": (("golf",), ("chess", "tennis"), ())[chance // 3 % 3],
        },
    )


def _events(name: str, days: int, facts: int) -> Iterator[Event]:
    for number in range(facts):
        chance = draw("event", name, number)
        happened = DEPLOYED + chance % (days * 24) * HOUR + (chance // 5 % 4) * 15 * MINUTE
        event = "begin" if number == 0 else _EVENTS[chance // 7 % 8]
        properties: dict[str, Any] = {}
        if event == "begin":
            properties = {"n": chance // 3 % 4}
        elif event == "form":
            properties = {"kind": ("quote", "trial")[chance // 3 % 2]}
        elif event == "purchase":
            properties = {
                "amount": Decimal(chance // 3 % 90),
                "category": ("shoes", "hats", "socks")[chance // 11 % 3],
            }
        received = happened + (0, 0, 0, 40 * MINUTE)[chance // 13 % 4]
        yield Event(name, event, happened, received, properties)


def _consents(name: str) -> Iterator[Consent]:
    chance = draw("consent", name)
    for channel in ("email", "sms", "push"):
        if chance % 3:
            yield Consent(name, channel, "service", "granted", DEPLOYED - DAY)
        if chance % 7 == 0:
            yield Consent(name, channel, "marketing", "withdrawn", DEPLOYED + 2 * DAY)
        chance //= 2


def _changes(name: str, days: int) -> Iterator[Change]:
    chance = draw("change", name)
    when = DEPLOYED + chance % (days * 24) * HOUR
    if chance % 2:
        yield Change(name, when, "plan", ("pro", "free", None)[chance // 5 % 3])
    if chance % 3 == 0:
        yield Change(name, when, "timezone", _ZONES[chance // 7 % 5])
    if chance % 5 == 0:
        yield Change(name, when + HOUR, "email", f"new-{name}@example.com")


def later(given: Scenario, *campaigns: str) -> Scenario:
    """The same with the later rules, of these campaigns if any are named."""
    return replace(given, rules=only(LATER_RULES, *campaigns) if campaigns else LATER_RULES)
