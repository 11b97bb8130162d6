"""When a schedule or a clock time comes round, in one zone. Pure."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from flowrules.model.campaign import DateTrigger, ScheduleTrigger
from flowrules.model.values import instant

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400_000_000


def occurrences(
    trigger: ScheduleTrigger | DateTrigger, zone: str, lives_from: int, after: int, until: int
) -> Iterator[tuple[int, int]]:
    """Instants in (after, until], in order, with the local date meant (days since 1970-01-01).

    Local times of the zone, day 31 clipped to the month's last; of a date trigger every day. None before `lives_from`.
    """
    after = max(after, lives_from - 1)
    if isinstance(trigger, ScheduleTrigger) and trigger.every is None:
        at = lives_from if trigger.moment is None else instant(trigger.moment, zone)
        if after < at <= until:
            yield at, _number(_local_date(at, zone))
        return
    every, weekday, day = "day", None, None
    if isinstance(trigger, ScheduleTrigger):
        every, weekday, day = trigger.every or "day", trigger.weekday, trigger.day
    # Wherever it is, the local date is at most a day from that of UTC.
    first, last = after // _DAY - 1, until // _DAY + 1
    for month in range(_month(first), _month(last) + 1):
        for at, number in _of_month(every, weekday, day, trigger.clock or time(), zone, month):
            if after < at <= until:
                yield at, number


@lru_cache(maxsize=10_000)
def _of_month(
    every: str, weekday: int | None, day: int | None, clock: time, zone: str, month: int
) -> tuple[tuple[int, int], ...]:
    """Those whose local date lies in a month: the same ones are asked for again and again."""
    year, number = divmod(month, 12)
    length = monthrange(year, number + 1)[1]
    dates = [date(year, number + 1, each) for each in range(1, length + 1)]
    if every == "week":
        dates = [each for each in dates if each.weekday() == weekday]
    elif every == "month":
        dates = [dates[min(day or 1, length) - 1]]
    return tuple((instant(datetime.combine(each, clock), zone), _number(each)) for each in dates)


def _month(day: int) -> int:
    """Of a day since 1970-01-01, counted from the year 0."""
    found = _EPOCH.date() + timedelta(days=day)
    return found.year * 12 + found.month - 1


def _number(day: date) -> int:
    return (day - _EPOCH.date()).days


def _local_date(at: int, zone: str) -> date:
    return (_EPOCH + timedelta(microseconds=at)).astimezone(ZoneInfo(zone)).date()
