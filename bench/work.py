"""The work W that every contestant does: who comes, what they do and when, and what must come out.

N customers: a welcome email; up to 2 days for an open. Opened: a day later an offer by email; else an SMS. Up to
3 days for a purchase; then a tag and out. Exactly 40 % open and 10 % buy. Time goes in 144 virtual hours.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping

WAIT_OPEN, DELAY, WAIT_BUY = 48, 24, 72
END = 47 + DELAY + WAIT_BUY + 1
OPENED, PURCHASE = "email_opened", "purchase"

_OPENERS = range(4)  # of ten customers

Events = Mapping[int, list[tuple[int, str]]]


def events_by_hour(n: int, seed: int = 7) -> Events:
    """Hour -> [(customer from 0, event)], the same for every contestant."""
    dice = random.Random(seed)
    events: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for number in range(n):
        base = WAIT_OPEN
        if number % 10 in _OPENERS:
            hour = dice.randint(1, WAIT_OPEN - 1)
            events[hour].append((number, OPENED))
            base = hour + DELAY
        if (number // 10) % 10 == 0:
            events[base + dice.randint(1, WAIT_BUY - 1)].append((number, PURCHASE))
    return events


def expected(n: int) -> dict[str, int]:
    """Messages by template and customers by tag; n is a multiple of 100."""
    return {"welcome": n, "offer": n * 4 // 10, "sms": n * 6 // 10, "customer": n // 10, "lapsed": n - n // 10}


def steps(n: int) -> int:
    """Nodes passed: welcome, wait, [delay, offer | sms], wait, tag and exit: 6 for openers, 5 for others."""
    return n * 54 // 10


def check(found: Mapping[str, int], n: int) -> None:
    if found != expected(n):
        raise SystemExit(f"wrong result: {dict(found)}, expected {expected(n)}")
