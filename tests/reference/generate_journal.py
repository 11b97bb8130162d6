"""Random customers and facts for generated programs, in weeks in which clocks change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from tests.reference.clock import microseconds, moment
from tests.reference.generate_words import TEMPLATES, ZONES, Dice
from tests.reference.scenario import DAY, HOUR, Change, Consent, Customer, Event, OperatorExit, Pause, Scenario

if TYPE_CHECKING:
    from tests.reference.scenario import Value

# Around the changes of the clocks of ZONES in 2026.
STARTS = tuple(
    microseconds(datetime(2026, month, day, hour, tzinfo=UTC))
    for month, day, hour in ((3, 27, 9), (3, 6, 0), (4, 3, 12), (10, 2, 18), (10, 23, 1), (10, 30, 6))
)
DAYS = (9, 12, 16, 40)
LISTED = (("email", "ben@example.com"), ("email", "ana@example.com"), ("phone", "+34600000001"), ("email", "x@x.x"))
IDS = ("ana", "Zoe", "ben", "c4", "éva", "dan")


def journal(dice: Dice) -> dict[str, object]:
    """Every field of a scenario but the rules."""
    start = dice.pick(STARTS)
    ids = IDS[: dice.number(1, 6)]
    customers = tuple(_customer(dice, name, start) for name in ids)
    lists = {
        "robinson": tuple(
            dice.distinct((("email", "ben@example.com"), ("phone", "+34600000001"), ("email", "x@x.x")), 0, 2)
        ),
        "staff": tuple(("id", name) for name in dice.distinct(ids, 0, 1)),
    }
    return {
        "deployed_at": start,
        "since": start - dice.pick((DAY, 3 * DAY, 1)) if dice.chance(30) else None,
        "until": start + dice.pick(DAYS) * DAY,
        "customers": customers,
        "consents": tuple(_since_known(_consents(dice, ids, start), customers)),
        "events": tuple(_since_known(_events(dice, ids, start), customers)),
        "changes": tuple(_since_known(_changes(dice, ids, start), customers)),
        "lists": lists,
        "shares": {
            "email_opened": dice.pick((400, 900, 0)),
            "email_clicked": dice.pick((0, 300, 700)),
            "email_bounced": dice.pick((0, 0, 200)),
            "sms_delivered": dice.pick((0, 500)),
        },
        "zone": dice.pick(("Europe/Madrid", "America/New_York")),
        "salt": dice.pick(("salt", "pepper", "sugar")),
    }


Fact = TypeVar("Fact", Consent, Event, Change)


def orders(dice: Dice, scenario: Scenario, campaigns: list[str]) -> dict[str, Any]:
    """Pauses and exits by operators, from the deployment on; of one campaign each later than the one before."""
    pauses: list[Pause] = []
    for name in campaigns if dice.chance(60) else []:
        at = scenario.deployed_at
        while dice.chance(70):
            since = max(at, _instant(dice, scenario.deployed_at))
            if dice.chance(20):
                pauses.append(Pause(name, since, None, None))
                break
            until = since + dice.pick((DAY, 2 * DAY, HOUR, 1, 5 * DAY))
            pauses.append(Pause(name, since, until, dice.pick(("send", "send", "skip", "exit"))))
            at = until + 1
    exits = {
        OperatorExit(dice.pick(scenario.customers).id, dice.pick(campaigns), _instant(dice, scenario.deployed_at))
        for _ in range(dice.number(0, 4) if dice.chance(40) else 0)
    }
    return {
        "pauses": tuple(pauses),
        "operator_exits": tuple(sorted(exits, key=lambda each: (each.at, each.customer, each.campaign))),
    }


def _since_known(facts: list[Fact], customers: tuple[Customer, ...]) -> list[Fact]:
    """What would be older than its customer comes with the customer, or (an event that happened before) not at all."""
    known = {customer.id: customer.known_at for customer in customers}
    moved = [replace(fact, at=max(fact.at, known[fact.customer])) for fact in facts]
    return [fact for fact in moved if (getattr(fact, "event_time", None) or fact.at) >= known[fact.customer]]


def _customer(dice: Dice, name: str, start: int) -> Customer:
    attributes = {
        attribute: _value(dice, attribute, start) for attribute in VALUES if attribute != "timezone" and dice.chance(40)
    }
    return Customer(
        name,
        email=None if dice.chance(15) else f"{name}@example.com",
        phone=dice.pick(("+34600000001", None, "+34600000002")),
        country=dice.pick(("ES", None, "US")),
        timezone=dice.pick((*ZONES, None, "Mars/Base")),
        attributes={key: value for key, value in attributes.items() if value is not None},
        known_at=start + dice.pick((2 * DAY, DAY + 6 * HOUR)) if dice.chance(10) else start - 10 * DAY,
    )


def _instant(dice: Dice, start: int, first_day: int = 0) -> int:
    """On a coarse grid, so that facts meet each other and the ends of waits and windows; sometimes just beside it."""
    halves = dice.number(first_day * 2, 20)
    instant = start + halves * 12 * HOUR + (6 * HOUR if dice.chance(20) else 0)
    return instant + (dice.pick((1, -1, 90 * 60_000_000)) if dice.chance(10) else 0)


def _consents(dice: Dice, ids: tuple[str, ...], start: int) -> list[Consent]:
    """Most are there before the campaigns; some change, also twice at one instant."""
    found = [
        Consent(name, channel, purpose, "granted", start - DAY)
        for name in ids
        for channel in TEMPLATES
        for purpose in ("marketing", "service")
        if not dice.chance(15)
    ]
    for _ in range(dice.number(0, 3)):
        state = dice.pick(("refused", "withdrawn", "granted"))
        channel, purpose = dice.pick(tuple(TEMPLATES)), dice.pick(("marketing", "service"))
        at = _instant(dice, start, -1)
        said = at - dice.pick((DAY, 3 * DAY, 1)) if dice.chance(40) else None
        found.append(Consent(dice.pick(ids), channel, purpose, state, at, said))
    return found


def _events(dice: Dice, ids: tuple[str, ...], start: int) -> list[Event]:
    found: list[Event] = []
    for _ in range(dice.number(4 + 4 * len(ids), 8 + 9 * len(ids))):
        name = dice.pick(ids)
        event = dice.pick(("login", "login", "form", "purchase", "purchase", "booked"))
        event = "email_bounced" if dice.chance(2) else event
        at = found[-1].at if found and dice.chance(15) else _instant(dice, start, -2)
        late = dice.pick((DAY, HOUR, 2 * DAY, 1, 3 * DAY)) if dice.chance(18) else 0
        properties = {key: dice.pick(values) for key, values in PROPERTIES[event].items() if not dice.chance(15)}
        row = Event(name, event, at - late, at, properties)
        found += [row, row] if dice.chance(8) else [row]
    return found


def _changes(dice: Dice, ids: tuple[str, ...], start: int) -> list[Change]:
    found: list[Change] = []
    for _ in range(dice.number(0, 2 * len(ids))):
        at = found[-1].at if found and dice.chance(20) else _instant(dice, start, -1)
        attribute = dice.pick(tuple(VALUES))
        found.append(Change(dice.pick(ids), at, attribute, _value(dice, attribute, start)))
    return found


def _value(dice: Dice, attribute: str, start: int) -> Value:
    if dice.chance(12):
        return None
    if attribute == "birthday":  # days of the run, this year or long ago; or a leap day
        day = moment(start).date() + timedelta(days=dice.number(0, 8))
        return dice.pick((day, day.replace(year=1990), date(2004, 2, 29)))
    return dice.pick(VALUES[attribute])


REFS = ("r1", "r2", "1")
VALUES: dict[str, tuple[Value, ...]] = {
    "plan": ("free", "pro", "team"),
    "score": (10, 3, 5, -1),
    "balance": (Decimal("10.00"), Decimal("10.50"), Decimal("99.99")),
    "weight": (Decimal("1.5"), Decimal("2.25"), Decimal(2)),
    "vip": (True, False),
    "birthday": (),
    "seen": (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)),
    "patience": (timedelta(days=2), timedelta(hours=36)),
    "interests": (("golf",), ("golf", "chess"), ("tea", "chess")),
    "city": ("Rome", "Bern", "rome"),
    "timezone": ZONES,
    "email": ("ben@example.com", "new@example.com"),
    "phone": ("+34600000001", "+34600000003"),
}
PROPERTIES: dict[str, dict[str, tuple[Value, ...]]] = {
    "login": {},
    "email_bounced": {"permanent": (True,)},
    "form": {"kind": ("quote", "trial", "quote"), "pages": (1, 2, 3, 10), "ref": REFS},
    "purchase": {
        "amount": (Decimal("10.00"), Decimal("15.00"), Decimal("30.50"), Decimal("0.01")),
        "category": ("shoes", "hats", "tea"),
        "pieces": (1, 2, 3, 10),
        "ref": REFS,
    },
    "booked": {"for_day": (date(2026, 4, 1), date(2026, 3, 31)), "urgent": (True, False), "ref": REFS},
}
