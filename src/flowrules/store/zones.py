"""Time zones and the calendar as tables, so that SQL can compute local time.

Takes names of zones, gives rows of whole intervals of one offset. Never keeps a clock: all of 1970 to 2099 is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, insert, select

from flowrules.sql import tables
from flowrules.store.bulk import insert_rows

# An instant before, and one behind, every instant there is.
BEGINNING = -(2**61)
END = 2**61

_SECOND = 1_000_000
_HORIZON = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
# Two changes of an offset lie at least 6.9 days apart, everywhere and ever since 1970; a test watches this.
_PROBE = 6 * 86_400
_EPOCH = date(1970, 1, 1)


def ensure_zones(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """The ids of these zones, new ones added; a name that no zone has is not in the result."""
    known = {name: number for number, name in connection.execute(select(tables.zone.c.id, tables.zone.c.name))}
    wanted = dict.fromkeys(names)
    free = max(known.values(), default=0) + 1
    offsets: list[tuple[int, int, int, int]] = []
    for name in wanted:
        if name in known or (rows := _offsets(name)) is None:
            continue
        known[name] = free
        connection.execute(insert(tables.zone), {"id": free, "name": name})
        offsets += [(free, *row) for row in rows]
        free += 1
    insert_rows(connection, tables.zone_offset, ("zone_id", "utc_from", "utc_to", "offset"), offsets)
    return {name: known[name] for name in wanted if name in known}


@cache
def _offsets(name: str) -> tuple[tuple[int, int, int], ...] | None:
    """(utc_from, utc_to, offset), in microseconds, without a gap from the beginning to the end of time."""
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of zones
        return None
    changes = list(_changes(zone))
    starts = [BEGINNING, *(second * _SECOND for second, _ in changes)]
    ends = [*starts[1:], END]
    values = [_offset(zone, 0), *(offset for _, offset in changes)]
    return tuple(zip(starts, ends, values, strict=True))


def _changes(zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    """The seconds since 1970 at which a new offset begins, with that offset."""
    before, offset = 0, _offset(zone, 0)
    for probe in range(_PROBE, _HORIZON + _PROBE, _PROBE):
        if (after := _offset(zone, probe)) != offset:
            low, high = before, probe
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
            if high >= _HORIZON:
                return
            offset = after
            yield high, offset
        before = probe


def _offset(zone: ZoneInfo, second: int) -> int:
    return (datetime.fromtimestamp(second, zone).utcoffset() or timedelta()) // timedelta(microseconds=1)


def fill_calendar(connection: Connection) -> None:
    """Every day and month of 1900 to 2099."""
    first, last = date(1900, 1, 1).toordinal(), date(2100, 1, 1).toordinal()
    epoch = _EPOCH.toordinal()
    days = []
    months: dict[int, list[int]] = {}
    for ordinal in range(first, last):
        day = date.fromordinal(ordinal)
        month_day = day.month * 100 + day.day
        month = day.year * 12 + day.month - 1
        leap = day.year % 4 == 0 and (day.year % 100 != 0 or day.year % 400 == 0)
        also = 229 if month_day == 228 and not leap else month_day  # noqa: PLR2004 -- 28 February
        days.append((ordinal - epoch, month_day, also, month))
        months.setdefault(month, []).append(ordinal - epoch)
    insert_rows(connection, tables.calendar, ("day", "month_day", "also", "month"), days)
    spans = [(month, within[0], within[-1]) for month, within in months.items()]
    insert_rows(connection, tables.month, ("month", "first_day", "last_day"), spans)
