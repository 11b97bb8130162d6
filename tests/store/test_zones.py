from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from sqlalchemy import select

from flowrules.sql import tables
from flowrules.store.database import Database
from flowrules.store.zones import BEGINNING, END, _offsets, ensure_zones

SECOND = 1_000_000


def test_zones_get_ids_once_and_unknown_names_none(database: Database) -> None:
    with database.write() as connection:
        first = ensure_zones(connection, ["Europe/Madrid", "Mars/Olympus", "", "Europe", "../etc/passwd", "a\0b"])
        again = ensure_zones(connection, ["Asia/Kolkata", "Europe/Madrid"])
    assert first == {"Europe/Madrid": 2}
    assert again == {"Asia/Kolkata": 3, "Europe/Madrid": 2}


@pytest.mark.parametrize(
    "name", ["Europe/Madrid", "America/Sao_Paulo", "Africa/Casablanca", "Asia/Kolkata", "Asia/Gaza"]
)
def test_every_instant_has_one_offset_and_it_is_the_zones(name: str) -> None:
    rows = _offsets(name)
    assert rows is not None
    assert (rows[0][0], rows[-1][1]) == (BEGINNING, END)
    assert all(before[1] == after[0] and before[2] != after[2] for before, after in pairwise(rows))
    zone = ZoneInfo(name)
    for start, end, offset in rows:
        for second in (max(start, 0) // SECOND, min(end, 4_102_444_800 * SECOND) // SECOND - 1):
            local = datetime.fromtimestamp(second, UTC).astimezone(zone)
            assert local.utcoffset() == timedelta(microseconds=offset), (name, second)


@pytest.mark.slow
def test_no_zone_changes_twice_between_two_probes() -> None:
    """The probes of `_changes` are 6 days apart; the finest look is compared with it."""
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        fine = [datetime.fromtimestamp(second, zone).utcoffset() for second in range(0, 4_102_444_800, 86_400)]
        changes = sum(before != after for before, after in pairwise(fine))
        assert len(_offsets(name) or ()) == changes + 1, name


def test_the_calendar_holds_two_centuries(database: Database) -> None:
    calendar, month = tables.calendar, tables.month
    with database.read() as connection:
        days = {row.day: row for row in connection.execute(select(calendar))}
        months = {row.month: row for row in connection.execute(select(month))}
    assert len(days) == (date(2100, 1, 1) - date(1900, 1, 1)).days
    assert len(months) == 2400

    def number(year: int, month: int, day: int) -> int:
        return (date(year, month, day) - date(1970, 1, 1)).days

    assert tuple(days[number(2026, 2, 28)]) == (number(2026, 2, 28), 228, 229, 2026 * 12 + 1)
    assert tuple(days[number(2024, 2, 28)])[1:3] == (228, 228)
    assert tuple(days[number(2024, 2, 29)])[1:3] == (229, 229)
    assert tuple(days[number(1900, 2, 28)])[1:3] == (228, 229)
    assert tuple(months[2024 * 12 + 1]) == (2024 * 12 + 1, number(2024, 2, 1), number(2024, 2, 29))
