"""What generated programs and journals share: the vocabulary, and a hand for drawing from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence

Item = TypeVar("Item")

DECLARATIONS = """\
attribute plan: one of "free", "pro", "team" = "free"
attribute score: integer
attribute balance: money
attribute weight: number = 1.5
attribute vip: bool
attribute birthday: date
attribute seen: datetime
attribute patience: duration
attribute interests: list of text
attribute city: text

event form:
    kind: text
    pages: integer
    ref: text
event purchase:
    amount: money
    category: text
    pieces: integer
    ref: text
event login
event booked:
    for_day: date
    urgent: bool
    ref: text

list robinson from "data/robinson.csv" by phone, email
list staff from "data/staff.csv" by id
"""

CAMPAIGNS = ("alpha", "beta", "gamma", "delta")
TAGS = ("warm", "cold")
TEMPLATES = {"email": ("welcome", "offer"), "sms": ("ping", "offer"), "push": ("note",)}
# Time of a wait or window, and of the grid on which facts lie: the same, so that edges are hit.
WINDOWS = ("1 day", "2 days", "3 days", "36 hours", "6 hours", "7 days", "1 week")
ZONES = ("Europe/Madrid", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")


class Dice:
    """Draws for one example; the first and smallest choice is what Hypothesis shrinks to."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw

    def pick(self, items: Sequence[Item]) -> Item:
        return items[self.number(0, len(items) - 1)]

    def number(self, least: int, most: int) -> int:
        return self.draw(st.integers(least, most))

    def chance(self, percent: int) -> bool:
        """Shrinks to False."""
        return self.number(0, 99) >= 100 - percent

    def some(self, items: Sequence[Item], least: int, most: int) -> list[Item]:
        return [self.pick(items) for _ in range(self.number(least, most))]

    def distinct(self, items: Sequence[Item], least: int, most: int) -> list[Item]:
        return list(dict.fromkeys(self.some(items, least, most)))
