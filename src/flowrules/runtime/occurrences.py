"""When a schedule comes round, in one zone. Pure."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flowrules.model.campaign import ScheduleTrigger
from flowrules.model.values import instant

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def occurrences(trigger: ScheduleTrigger, zone: str, after: int, until: int) -> Iterator[int]:
    """Instants in (after, until], in order; local times of the zone, day 31 clipped to the month's last."""
    if trigger.every is None:
        if trigger.moment is not None and after < (at := instant(trigger.moment, zone)) <= until:
            yield at
        return
    clock = trigger.clock or time()
    day = _local_date(after, zone) - timedelta(days=1)
    last = _local_date(until, zone) + timedelta(days=1)
    while day <= last:
        if _falls_on(trigger, day) and after < (at := instant(datetime.combine(day, clock), zone)) <= until:
            yield at
        day += timedelta(days=1)


def _falls_on(trigger: ScheduleTrigger, day: date) -> bool:
    match trigger.every:
        case "week":
            return day.weekday() == trigger.weekday
        case "month":
            return day.day == min(trigger.day or 1, monthrange(day.year, day.month)[1])
        case _:
            return True


def _local_date(at: int, zone: str) -> date:
    return (_EPOCH + timedelta(microseconds=at)).astimezone(ZoneInfo(zone)).date()
