"""Local time (meaning.md, *Instants*: Local time; the `wait until` paragraph; schedules)."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

if TYPE_CHECKING:
    from flowrules.syntax import tree

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
ELAPSED = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}


@cache
def known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def moment(instant: int) -> datetime:
    return EPOCH + instant * MICROSECOND


def microseconds(when: datetime | timedelta) -> int:
    return (when - EPOCH if isinstance(when, datetime) else when) // MICROSECOND


def to_local(instant: int, zone: str) -> datetime:
    return moment(instant).astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def to_instant(local: datetime, zone: str) -> int:
    """In a gap the first valid instant, where ambiguous the first occurrence."""
    first = microseconds(local.replace(tzinfo=ZoneInfo(zone), fold=0))
    if to_local(first, zone) == local:
        return first
    # In a gap. The clock jumps between these two readings; find the first instant behind the jump.
    before, behind = microseconds(local.replace(tzinfo=ZoneInfo(zone), fold=1)), first
    while behind - before > 1:
        middle = (before + behind) // 2
        if to_local(middle, zone) > local:
            behind = middle
        else:
            before = middle
    return behind


def local_date(instant: int, zone: str) -> date:
    return to_local(instant, zone).date()


def elapsed(duration: tree.Duration) -> int:
    """A duration where a day is 24 elapsed hours."""
    return microseconds(duration.amount * ELAPSED[duration.unit])


def add(instant: int, duration: tree.Duration, zone: str) -> int:
    """A duration in waits: days, weeks and months keep the local clock time, smaller units are elapsed."""
    local = to_local(instant, zone)
    match duration.unit:
        case "day" | "week":
            return to_instant(local + duration.amount * ELAPSED[duration.unit], zone)
        case "month":
            years, month = divmod(local.month - 1 + duration.amount, 12)
            return to_instant(_clipped(local, local.year + years, month + 1), zone)
        case _:
            return instant + elapsed(duration)


def begun(period: str, instant: int, zone: str) -> int:
    """The first instant of the local day, of its week (from Monday), or of its month."""
    today = local_date(instant, zone)
    first = {"day": today, "week": today - timedelta(days=today.weekday()), "month": today.replace(day=1)}[period]
    return at_clock(first, time(), zone)


def next_begins(period: str, instant: int, zone: str) -> int:
    """Of the periods to come, the first."""
    day = local_date(instant, zone) + timedelta(days=1)
    while (period == "week" and day.weekday() != 0) or (period == "month" and day.day != 1):
        day += timedelta(days=1)
    return at_clock(day, time(), zone)


def quiet_until(start: time, end: time, instant: int, zone: str) -> int | None:
    """The end of the quiet hours in which the instant lies."""
    today = local_date(instant, zone)
    for day in (today + timedelta(days=number) for number in range(-2, 3)):
        ends = at_clock(day if start < end else day + timedelta(days=1), end, zone)
        if at_clock(day, start, zone) <= instant < ends:
            return ends
    return None


def _clipped(local: datetime, year: int, month: int) -> datetime:
    last = calendar.monthrange(year, month)[1]
    return local.replace(year=year, month=month, day=min(local.day, last))


def until(wait: tree.WaitUntil, instant: int, zone: str, policy_zone: str) -> int:
    """When a `wait until` that begins at the instant is over."""
    if wait.moment is not None:
        return max(instant, to_instant(wait.moment, policy_zone))
    assert wait.clock is not None
    today = local_date(instant, zone)
    if wait.tomorrow:
        return at_clock(today + timedelta(days=1), wait.clock, zone)
    ahead = 0 if wait.weekday is None else (wait.weekday - today.weekday()) % 7
    due = at_clock(today + timedelta(days=ahead), wait.clock, zone)
    if due >= instant:
        return due
    later = ahead + (1 if wait.weekday is None else 7)
    return at_clock(today + timedelta(days=later), wait.clock, zone)


def at_clock(day: date, clock: time, zone: str) -> int:
    return to_instant(datetime.combine(day, clock), zone)


def next_midnight(instant: int, zone: str) -> int:
    return at_clock(local_date(instant, zone) + timedelta(days=1), time(), zone)


def is_occurrence(schedule: tree.Schedule, instant: int, zone: str) -> bool:
    return next_occurrence(schedule, instant - 1, zone) == instant


def next_occurrence(schedule: tree.Schedule, after: int, zone: str) -> int | None:
    if schedule.every is None:
        if schedule.moment is None:  # once now: the deployment, which the interpreter knows
            return None
        only = to_instant(schedule.moment, zone)
        return only if only > after else None
    assert schedule.clock is not None
    # From the day before: a gap can push a late clock time of a day behind its midnight.
    day = local_date(after, zone) - timedelta(days=1)
    while True:
        if _is_scheduled(schedule, day):
            instant = at_clock(day, schedule.clock, zone)
            if instant > after:
                return instant
        day += timedelta(days=1)


def days_at(instant: int, when: time, zone: str) -> list[date]:
    """The local dates whose clock time this instant is; two where a gap has swallowed one of them."""
    today = local_date(instant, zone)
    days = [today + timedelta(days=ahead) for ahead in (-2, -1, 0, 1)]
    return [day for day in days if at_clock(day, when, zone) == instant]


def next_at(when: time, after: int, zone: str) -> int:
    """The first instant that is this clock time of some day."""
    day = local_date(after, zone)
    coming = (at_clock(day + timedelta(days=ahead), when, zone) for ahead in (-1, 0, 1, 2))
    return min(instant for instant in coming if instant > after)


def falls_on(born: date, day: date) -> bool:
    """Whether it is its day of the year; 29 February falls on the 28th in other years."""
    if (born.month, born.day) == (2, 29) and not calendar.isleap(day.year):
        return (day.month, day.day) == (2, 28)
    return (born.month, born.day) == (day.month, day.day)


def _is_scheduled(schedule: tree.Schedule, day: date) -> bool:
    match schedule.every:
        case "week":
            return day.weekday() == schedule.weekday
        case "month":
            assert schedule.day is not None
            return day.day == min(schedule.day, calendar.monthrange(day.year, day.month)[1])
        case _:
            return True
