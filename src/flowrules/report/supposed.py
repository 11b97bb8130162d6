"""What would have let a message out, and when: the words for it. What the condition found that decided.

Values alone; they are computed elsewhere, by the planner.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from flowrules.report.clauses import Clause
from flowrules.report.words import clock, day, iso, moment

Change = Literal[
    "cap", "consent", "address", "list", "bounce", "quiet_hours", "hold", "expiry", "pause", "holdout", "exclusion",
    "exit_when", "goal", "operator", "on",
]  # fmt: skip

Where = tuple[int, int, str, int, str, str]
"""Of a decision about one customer: instant, turn, campaign, instance, what was decided, and the key."""


@dataclass(frozen=True, slots=True)
class Supposed:
    """change, limit, condition: what would have been otherwise, `had the cap been 4`. at: when the message, or the
    first that would then have followed (`message`), would have been sent; why_not: why it would still not have been,
    or why nobody can tell.
    """

    change: Change
    condition: str
    at: int | None = None
    limit: int | None = None
    message: str | None = None
    why_not: str | None = None

    def words(self, zone: str, decided_at: int) -> str:
        if self.at is None:
            return self.why_not or ""
        same = day(self.at, zone) == day(decided_at, zone)
        when = f"at {clock(self.at, zone)}" if same else moment(self.at, zone)
        what = "" if self.message is None else f"{self.message} "
        return f"{what}would have been sent {when} {self.condition}"

    def facts(self, zone: str, decided_at: int) -> dict[str, object]:
        return {
            "change": self.change,
            "limit": self.limit,
            "words": self.words(zone, decided_at),
            "message": self.message,
            "sent_at": iso(self.at),
            "why_not": self.why_not,
        }


@dataclass(frozen=True, slots=True)
class Answers:
    """evaluated: of what a condition about the customer decided, each part with what it found."""

    supposed: Mapping[Where, Supposed] = field(default_factory=dict)
    evaluated: Mapping[Where, tuple[Clause, ...]] = field(default_factory=dict)
