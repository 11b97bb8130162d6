"""When a schedule or a clock time comes round, in one zone. Pure."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flowrules.model.campaign import DateTrigger, ScheduleTrigger
from flowrules.model.values import instant

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
    clock = trigger.clock or time()
    first, last = _local_date(after, zone) - timedelta(days=1), _local_date(until, zone) + timedelta(days=1)
    for day in _days(trigger, first, last):
        if after < (at := instant(datetime.combine(day, clock), zone)) <= until:
            yield at, _number(day)


def _number(day: date) -> int:
    return (day - _EPOCH.date()).days


def _days(trigger: ScheduleTrigger | DateTrigger, first: date, last: date) -> Iterator[date]:
    """Those in question, from the first to the last."""
    every = None if isinstance(trigger, DateTrigger) else trigger.every
    if every == "month":
        for month in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
            year, number = divmod(month, 12)
            day = date(year, number + 1, min(_day(trigger), monthrange(year, number + 1)[1]))
            if first <= day <= last:
                yield day
        return
    step = 1
    if isinstance(trigger, ScheduleTrigger) and every == "week":
        first += timedelta(days=((trigger.weekday or 0) - first.weekday()) % 7)
        step = 7
    for ordinal in range(first.toordinal(), last.toordinal() + 1, step):
        yield date.fromordinal(ordinal)


def _day(trigger: ScheduleTrigger | DateTrigger) -> int:
    """Of the month."""
    return trigger.day or 1 if isinstance(trigger, ScheduleTrigger) else 1


def _local_date(at: int, zone: str) -> date:
    return (_EPOCH + timedelta(microseconds=at)).astimezone(ZoneInfo(zone)).date()
