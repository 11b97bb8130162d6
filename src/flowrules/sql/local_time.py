"""Local time in SQL, from the table zone_offset: the same arithmetic on both databases.

All values are microseconds; `local` is an instant plus its zone's offset.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, case, func, literal_column, select

from flowrules.sql.tables import zone_offset

DAY = 86_400_000_000
_TWO_DAYS: ColumnElement[int] = literal_column(str(2 * DAY))


def offset_at(zone_id: ColumnElement[Any], at: ColumnElement[Any]) -> ColumnElement[int]:
    """The zone's offset in force at an instant."""
    z = zone_offset.alias()
    return (
        select(z.c.offset)
        .where(z.c.zone_id == zone_id, z.c.utc_from <= at)
        .order_by(z.c.utc_from.desc())
        .limit(1)
        .scalar_subquery()
    )


def local_day(zone_id: ColumnElement[Any], at: ColumnElement[Any]) -> ColumnElement[int]:
    """Days from 1970-01-01 to the local date of an instant."""
    return (at + offset_at(zone_id, at)).op("/", precedence=8)(literal_column(str(DAY)))


def resolve(zone_id: ColumnElement[Any], local: ColumnElement[Any]) -> ColumnElement[int]:
    """The instant of a local time: the first of two, the first valid one after a gap (language.md rule 17).

    Of the offsets still in force at or after the local time, the earliest instant wins; one that would
    lie before its offset came into force is the gap's end.
    """
    z, earlier = zone_offset.alias(), zone_offset.alias()
    instant = local - z.c.offset
    start = (
        select(func.max(earlier.c.utc_from))
        .where(earlier.c.zone_id == zone_id, earlier.c.utc_from <= local - _TWO_DAYS)
        .scalar_subquery()
    )
    return (
        select(func.min(case((instant > z.c.utc_from, instant), else_=z.c.utc_from)))
        .where(
            z.c.zone_id == zone_id,
            z.c.utc_from >= start,
            z.c.utc_from <= local + _TWO_DAYS,
            instant < z.c.utc_to,
        )
        .scalar_subquery()
    )


def still_valid(zone_id: ColumnElement[Any], at: ColumnElement[Any], span: int) -> ColumnElement[bool]:
    """Whether the offset in force at an instant still is `span` later; then local time went as much further.

    For spans of a day and more: what comes twice lies within hours behind a change.
    """
    z = zone_offset.alias()
    until = (
        select(z.c.utc_to)
        .where(z.c.zone_id == zone_id, z.c.utc_from <= at)
        .order_by(z.c.utc_from.desc())
        .limit(1)
        .scalar_subquery()
    )
    return at + literal_column(str(span)) < until
