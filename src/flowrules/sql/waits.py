"""Statements of how long an instance waits at a position: a length of time, or until a clock says so.

docs/meaning.md, Micro steps. Days, weeks and months keep the local clock time.
"""

from __future__ import annotations

from datetime import time

from sqlalchemy import ColumnElement, case, func, literal_column

from flowrules.model import campaign as m
from flowrules.program.machine import Node
from flowrules.sql.bundle import Bundle
from flowrules.sql.guards import Row
from flowrules.sql.local_time import DAY, local_day, offset_at, resolve, still_valid
from flowrules.sql.statement import Statement

REST = 9
"""What `pick` says where no edge is taken."""
ELAPSED = {"second": 1_000_000, "minute": 60_000_000, "hour": 3_600_000_000}


def deadline(bundle: Bundle, node: Node, base: str, where: str) -> tuple[tuple[Statement, ...], ColumnElement[int]]:
    """The duration of the node, from `base` (a column) on: what to run first, for rows of `run`, and the expression."""
    duration, w, zone = node.duration, bundle.writer, Row("run").zone
    if duration is None:
        raise TypeError("nothing says how long this waits")
    column: ColumnElement[int] = literal_column(base)
    if duration.unit in ELAPSED:
        return (), column + number(duration.amount * ELAPSED[duration.unit])
    offset = offset_at(zone, column)
    if duration.unit == "month":
        there = w.fragment(offset)
        first = f"UPDATE run SET local = {_months(f'({base} + {there})', duration.amount)} WHERE {where}"
        return (w.statement(first, there),), resolve(zone, Row("run")["local"])
    span = duration.amount * (7 if duration.unit == "week" else 1) * DAY
    # Mostly no clock changes on the way: then a day is 24 hours.
    plain = case((still_valid(zone, column, span), column + number(span)))
    return (), func.coalesce(plain, resolve(zone, column + offset + number(span)))


def clock(bundle: Bundle, until: m.WaitUntil, where: str) -> tuple[Statement, ...]:
    """The deadline: the next such local time; pick 0 where that is now, so that it goes on at once."""
    w, row = bundle.writer, Row("run")
    rests = w.statement(f"UPDATE run SET pick = CASE WHEN until <= at THEN 0 ELSE {REST} END WHERE {where}")
    if until.moment is not None:
        moment = bundle.moment(until.moment)
        return (
            w.statement(f"UPDATE run SET until = CASE WHEN {moment} > at THEN {moment} ELSE at END WHERE {where}"),
            rests,
        )
    of_day = until.clock or time()
    past_midnight = (of_day.hour * 60 + of_day.minute) * ELAPSED["minute"]
    today = w.fragment(local_day(row.zone, row.at))
    day = f"{today}"
    if until.weekday is not None:
        # 1970-01-01 was a Thursday: day + 3 counts from a Monday.
        day = f"({today} + ({until.weekday} - ({today} + 3) % 7 + 7) % 7)"
    elif until.tomorrow:
        day = f"({today} + 1)"
    instant = w.fragment(resolve(row.zone, row["local"]))
    later = (7 if until.weekday is not None else 1) * DAY
    return (
        w.statement(f"UPDATE run SET local = {day} * {DAY} + {past_midnight} WHERE {where}", today),
        w.statement(f"UPDATE run SET until = {instant} WHERE {where}", instant),
        w.statement(f"UPDATE run SET local = local + {later} WHERE {where} AND until < at"),
        w.statement(f"UPDATE run SET until = {instant} WHERE {where} AND until < at", instant),
        rests,
    )


def number(value: int) -> ColumnElement[int]:
    return literal_column(str(value))


def _months(local: str, months: int) -> str:
    """A local time so many months later, at the same clock time; the day clipped to the month's last."""
    month = f"(SELECT k.month FROM calendar k WHERE k.day = {local} / {DAY}) + {months}"
    first = (
        f"(SELECT o.first_day FROM calendar k CROSS JOIN month o WHERE k.day = {local} / {DAY} AND o.month = k.month)"
    )
    wanted = f"t.first_day + {local} / {DAY} - {first}"
    clipped = f"CASE WHEN {wanted} < t.last_day THEN {wanted} ELSE t.last_day END"
    return f"(SELECT {clipped} FROM month t WHERE t.month = {month}) * {DAY} + {local} % {DAY}"
