"""The ledger summed up, and the parts that slices wrote put together, beside the engine.

Takes a database; writes `tally` and `resting` in short transactions of its own. Counts before it takes SQLite's one
lock, and touches no row that a tick or a delivery writes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import astuple, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Table, bindparam, delete, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from flowrules.content.stages import renames
from flowrules.model.values import instant
from flowrules.sql import tables
from flowrules.store.database import ADVISORY, Database, Session
from flowrules.store.tallies import COLUMNS, Count, What, counts, summed_until

_LOCK = ADVISORY + 4
_STEP = 100_000
"""Decisions counted at once."""
_HOUR = 3_600_000_000
_QUARTERS_KEPT, _DAYS_KEPT = 26 * _HOUR, 32 * 24 * _HOUR
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = Count(What.UNTIL, 0)


def sum_up(database: Database, *, stopped: Callable[[], bool] = lambda: False) -> None:
    """Up to the last tick. Several may do so at once: what one has counted the others leave alone."""
    with database.session() as session:
        while not stopped() and _step(session):
            pass
        if not stopped():
            _put_together(session)


def _step(session: Session) -> bool:
    """Count a part and keep it; whether there may be more."""
    with session.read() as connection:
        after, until = summed_until(connection), _until(connection)
        decided = tables.decision.c.at
        fresh = select(decided).where(decided > after, decided <= until).limit(1)
        if connection.execute(fresh).first() is None:
            return False
        found = counts(connection, after, until, renames(connection))
        last: int = connection.execute(select(tables.clock.c.last_tick)).scalar_one()
    with session.write("READ COMMITTED") as connection:
        _alone(connection)
        if summed_until(connection) != after:
            return True  # somebody else was faster
        _add(connection, tables.tally, COLUMNS, [(*astuple(of), number) for of, number in found.items() if number])
        _mark(connection, until)
        if until // _HOUR != after // _HOUR:
            _age(connection, until)
    return until < last


def _alone(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":  # SQLite has one writer
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _until(connection: Connection) -> int:
    """The last tick, or as far as a step goes: up to all decisions of an instant."""
    decision = tables.decision.c
    last: int = connection.execute(select(tables.clock.c.last_tick)).scalar_one()
    after = summed_until(connection)
    nth = select(decision.at).where(decision.at > after).order_by(decision.at).offset(_STEP).limit(1)
    far: int | None = connection.execute(nth).scalar()
    return last if far is None else min(last, far)


def _mark(connection: Connection, until: int) -> None:
    tally = tables.tally
    changed = connection.execute(update(tally).where(tally.c.what == What.UNTIL).values(number=until))
    if not changed.rowcount:
        connection.execute(insert(tally), dict(zip((*COLUMNS, "number"), (*astuple(_NEVER), until), strict=True)))


def _add(connection: Connection, table: Table, key: Iterable[str], rows: list[tuple[int, ...]]) -> None:
    """What is there already grows by it."""
    if not rows:
        return
    made = (postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert)(table)
    grown = {"number": table.c.number + made.excluded.number}
    names = (*key, "number")
    connection.execute(
        made.on_conflict_do_update(index_elements=list(key), set_=grown),
        [dict(zip(names, row, strict=True)) for row in rows],
    )


# --- what is past -------------------------------------------------------------------------------------


def _age(connection: Connection, now: int) -> None:
    """Quarter hours of past days become days, and days that nobody looks at singly become one number."""
    tally = tables.tally
    zone = connection.execute(select(tables.workspace.c.value).where(tables.workspace.c.key == "zone")).scalar_one()
    past = tally.c.what.in_((What.MESSAGE, What.WITHHELD)), tally.c.at > 0, tally.c.at < now - _QUARTERS_KEPT
    moved: list[tuple[Count, Count, int]] = []
    for *values, number in connection.execute(
        select(*(tally.c[name] for name in COLUMNS), tally.c.number).where(*past)
    ):
        of = Count(*values)
        at = _as_kept(of.at, now, zone)
        if at != of.at:
            moved.append((of, replace(of, at=at), number))
    if moved:
        this = (tally.c[name] == bindparam(f"b_{name}") for name in COLUMNS)
        names = [f"b_{name}" for name in COLUMNS]
        connection.execute(
            delete(tally).where(*this), [dict(zip(names, astuple(of), strict=True)) for of, _, _ in moved]
        )
    together: Counter[Count] = Counter()
    for _, into, number in moved:
        together[into] += number
    _add(connection, tally, COLUMNS, [(*astuple(of), number) for of, number in together.items()])


def _as_kept(at: int, now: int, zone: str) -> int:
    day = (_EPOCH + timedelta(microseconds=at)).astimezone(ZoneInfo(zone)).date()
    begun, over = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
    if over > now - _QUARTERS_KEPT:
        return at
    return 0 if over <= now - _DAYS_KEPT else begun


def _midnight(day: date, zone: str) -> int:
    return instant(datetime.combine(day, time()), zone)


# --- who rests where ----------------------------------------------------------------------------------


def _put_together(session: Session) -> None:
    resting = tables.resting
    key = ("version_id", "node", "held_out", "part_at", "part")
    of_slices = resting.c.part_at != 0
    with session.read() as connection:
        if connection.execute(select(resting.c.node).where(of_slices).limit(1)).first() is None:
            return
    with session.write("READ COMMITTED") as connection:
        _alone(connection)
        gone = delete(resting).where(of_slices)
        rows = connection.execute(
            gone.returning(resting.c.version_id, resting.c.node, resting.c.held_out, resting.c.number)
        )
        together: Counter[tuple[int, int, int]] = Counter()
        for version_id, node, held_out, number in rows:
            together[version_id, node, held_out] += number
        _add(connection, resting, key, [(*of, 0, 0, number) for of, number in sorted(together.items()) if number])
        connection.execute(delete(resting).where(resting.c.part_at == 0, resting.c.number == 0))
