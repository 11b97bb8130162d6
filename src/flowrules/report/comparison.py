"""Treated beside those held out: how much the campaign gained, and whether that may be chance.

Takes counts; gives an interval and a verdict. Never says more than the numbers do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

from flowrules.report.funnel import Group

_Z = 1.959964
"""95 %, both sides."""
_ENOUGH, _GOALS = 30, 5


class Verdict(StrEnum):
    NOT_ENOUGH = "not_enough_data"  # fewer than 30 in one of the groups, or fewer than 5 goals in both together
    CHANCE = "may_be_chance"  # the interval holds nought
    BETTER = "better"
    WORSE = "worse"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of shares that reached the goal. gained: treated less control; low, high: its interval of 95 %.

    Newcombe's hybrid score interval (Statistics in Medicine 17 (1998) 873-890, method 10): with Wilson's interval
    (l, u) of each share p, from p1 - p2 - sqrt((p1 - l1)^2 + (u2 - p2)^2) to p1 - p2 + sqrt((u1 - p1)^2 + (p2 - l2)^2).
    Wilson's (Journal of the American Statistical Association 22 (1927) 209-212), of x in n with z = 1.96:
    (x + z^2/2 ± z sqrt(x (n - x)/n + z^2/4)) / (n + z^2). Both are honest for small numbers, where the usual formula is
    not. It holds for one look: who looks every day until it turns out well will find something by chance.
    """

    treated: int
    treated_goals: int
    control: int
    control_goals: int
    gained: float
    low: float
    high: float
    verdict: Verdict


def comparison(treated: Group, control: Group) -> Comparison | None:
    """None: nobody is held out, or nobody treated."""
    if not treated.entered or not control.entered:
        return None
    low, high = difference(treated, control)
    enough = min(treated.entered, control.entered) >= _ENOUGH and treated.goals + control.goals >= _GOALS
    return Comparison(
        treated=treated.entered,
        treated_goals=treated.goals,
        control=control.entered,
        control_goals=control.goals,
        gained=treated.goals / treated.entered - control.goals / control.entered,
        low=low,
        high=high,
        verdict=_verdict(low, high) if enough else Verdict.NOT_ENOUGH,
    )


def _verdict(low: float, high: float) -> Verdict:
    if low > 0:
        return Verdict.BETTER
    return Verdict.WORSE if high < 0 else Verdict.CHANCE


def difference(treated: Group, control: Group) -> tuple[float, float]:
    """Newcombe's interval of the difference of two shares, from Wilson's of each: honest for small numbers too."""
    rate, low, high = _wilson(treated.goals, treated.entered)
    other, other_low, other_high = _wilson(control.goals, control.entered)
    gained = rate - other
    return (
        gained - sqrt((rate - low) ** 2 + (other_high - other) ** 2),
        gained + sqrt((high - rate) ** 2 + (other - other_low) ** 2),
    )


def _wilson(hits: int, number: int) -> tuple[float, float, float]:
    if not number:
        return 0.0, 0.0, 1.0
    rate = hits / number
    middle = (rate + _Z**2 / (2 * number)) / (1 + _Z**2 / number)
    half = _Z / (1 + _Z**2 / number) * sqrt(rate * (1 - rate) / number + _Z**2 / (4 * number**2))
    return rate, max(0.0, middle - half), min(1.0, middle + half)
