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
    day = _local_date(after, zone) - timedelta(days=1)
    last = _local_date(until, zone) + timedelta(days=1)
    while day <= last:
        if _falls_on(trigger, day) and after < (at := instant(datetime.combine(day, clock), zone)) <= until:
            yield at, _number(day)
        day += timedelta(days=1)


def _number(day: date) -> int:
    return (day - _EPOCH.date()).days


def _falls_on(trigger: ScheduleTrigger | DateTrigger, day: date) -> bool:
    if isinstance(trigger, DateTrigger):
        return True
    match trigger.every:
        case "week":
            return day.weekday() == trigger.weekday
        case "month":
            return day.day == min(trigger.day or 1, monthrange(day.year, day.month)[1])
        case _:
            return True


def _local_date(at: int, zone: str) -> date:
    return (_EPOCH + timedelta(microseconds=at)).astimezone(ZoneInfo(zone)).date()
