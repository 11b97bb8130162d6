"""Measures what the monitor costs: its questions at many customers beside few, and a tick while three of it look on.

`python -m bench.monitor --n 1000000` prints a table, and with `--json` one JSON object as the last line. SQLite only.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import Connection

from bench import work
from bench.campaign import HOUR, START, model, prepare
from bench.engine import Intake, fact, signup
from bench.measure import Used
from flowrules.content.deployed import Deployed
from flowrules.report.campaign import campaign
from flowrules.report.home import home
from flowrules.report.search import search
from flowrules.runtime.answers import silent
from flowrules.runtime.sum_up import sum_up
from flowrules.runtime.tick import planner
from flowrules.sql import tables as t
from flowrules.store.database import Database

SEED = 10_000
"""Customers of the small database: W itself; those of the large one are copies of them."""
STANDS = 47
"""The hour of W at which they look: in the next one the wait of all who have not opened is over."""
JOURNEYS = 8
"""Messages of earlier journeys a customer, so that there are about ten."""
TICKED = 50_000
"""Customers of the tick that is looked at."""
TIMES = 9
MONITORS = 3

Ask = Callable[[Connection, int, dict[int, Deployed]], object]
QUESTIONS: dict[str, Ask] = {
    "home": lambda connection, now, known: home(connection, now, known=known),
    "campaign": lambda connection, now, known: campaign(connection, "w", now, known=known),
    "find u123": lambda connection, _now, _known: search(connection, "u123"),
    "find part of an email": lambda connection, _now, _known: search(connection, "99@x.te"),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.monitor", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--n", type=int, default=100_000, help=f"customers, a multiple of {SEED:,}")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="flowrules-bench-") as folder:
        few, many = Path(folder) / "few.sqlite", Path(folder) / "many.sqlite"
        _make(few)
        began = time.perf_counter()
        _multiply(few, many, options.n // SEED)
        print(f"made {options.n:,} customers in {time.perf_counter() - began:.0f} s, {many.stat().st_size >> 20} MB")
        costs = {name: (_cost(few, ask), _cost(many, ask)) for name, ask in QUESTIONS.items()}
        for name, (small, large) in costs.items():
            print(f"{name:24} {small * 1000:8.1f} ms at {SEED:,} {large * 1000:8.1f} ms {large / small:6.2f}")
        some = Path(folder) / "some.sqlite"
        _multiply(few, some, TICKED // SEED)
        alone, watched = _ticks(some, Path(folder))
        for name in ("cpu", "wall"):
            one, other = getattr(alone, name), getattr(watched, name)
            print(f"tick of {TICKED:,}, {name:10} {one:8.2f} s alone {other:8.2f} s with {MONITORS} {other / one:6.2f}")
    if options.json:
        found: dict[str, Any] = {name: round(large / small, 2) for name, (small, large) in costs.items()}
        ticks = {"cpu": round(watched.cpu / alone.cpu, 2), "wall": round(watched.wall / alone.wall, 2)}
        print(json.dumps({"n": options.n, "ratios": found, "tick_with_monitors": ticks}))


# --- databases ----------------------------------------------------------------------------------------


def _make(path: Path) -> None:
    """W as far as hour STANDS, summed up."""
    url = f"sqlite:///{path}"
    database = prepare(url, SEED)
    events = work.events_by_hour(SEED)
    with planner(database) as planning:
        take = Intake(database, planning.session, model(), Used())
        take.all(signup(number) for number in range(SEED))
        for hour in range(STANDS + 1):
            take.all(fact(number, event, hour) for number, event in events.get(hour, ()))
            planning.tick(START + hour * HOUR, answer=silent)
    with database.engine.connect() as connection:
        old = "customer_id, campaign_id, instance + j.number, step_id, pass, version_id, node, channel_id, status, "
        journeys = ", ".join(f"({number})" for number in range(1, JOURNEYS + 1))
        connection.exec_driver_sql(
            f"INSERT INTO message ({old.replace(' + j.number', '')}decided_at, turn, sent_at) "  # noqa: S608  # our names
            f"SELECT {old}decided_at, turn, sent_at FROM message m "
            f"JOIN (SELECT column1 AS number FROM (VALUES {journeys})) j WHERE m.step_id = "
            "(SELECT min(step_id) FROM message)"
        )
        # The engine lets so many rows of the ledger be without visits, however many customers there are: here none are,
        # for those that are would be copied with them.
        connection.exec_driver_sql(
            "INSERT INTO visit (customer_id, at) SELECT DISTINCT customer_id, at FROM decision "
            "WHERE at >= (SELECT visited_at FROM clock) ON CONFLICT DO NOTHING"
        )
        connection.exec_driver_sql("UPDATE clock SET visited_at = last_tick, visited_customer = ?", (1 << 62,))
        connection.exec_driver_sql("COMMIT")
    sum_up(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def _multiply(few: Path, many: Path, times: int) -> None:
    """Everybody so many times, in the order of the keys."""
    shutil.copyfile(few, many)
    database = Database.open(f"sqlite:///{many}")
    with database.engine.connect() as connection, closing(connection.connection.cursor()) as cursor:
        cursor.execute("ATTACH ? AS few", (str(few),))
        cursor.execute("CREATE TEMPORARY TABLE copy (number INTEGER PRIMARY KEY)")
        cursor.executemany("INSERT INTO copy VALUES (?)", [(number,) for number in range(1, times)])
        for table in t.metadata.sorted_tables:
            if "customer_id" in table.c or table is t.customer:
                cursor.execute("BEGIN IMMEDIATE")
                cursor.execute(_copies(table.name))
                cursor.execute("COMMIT")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for table, where in (("tally", "WHERE what > 0"), ("resting", "")):
            cursor.execute(f"UPDATE {table} SET number = number * {times} {where}")  # noqa: S608  # our names
    database.close()


def _copies(name: str) -> str:
    table = t.metadata.tables[name]
    moved = {"id": f"s.id + c.number * {SEED}", "customer_id": f"s.customer_id + c.number * {SEED}"}
    renamed = {"external_id": "s.external_id || '-' || c.number"}
    if name == "identity":
        renamed = {"value": "c.number || '-' || s.value"}
    made = moved | renamed
    columns = [f'"{column.name}"' for column in table.columns]
    values = [made.get(column.name, f's."{column.name}"') for column in table.columns]
    order = ", ".join(made.get(column.name, f's."{column.name}"') for column in table.primary_key)
    return (
        f"INSERT INTO {name} ({', '.join(columns)}) SELECT {', '.join(values)} "  # noqa: S608  # our names
        f"FROM few.{name} s CROSS JOIN copy c ORDER BY {order}"
    )


# --- what it costs ------------------------------------------------------------------------------------


def _cost(path: Path, ask: Ask) -> float:
    """Seconds of CPU, of the median of some; rules are built before, as in a monitor that stays open."""
    database, known = Database.open(f"sqlite:///{path}"), {}
    now = START + STANDS * HOUR
    took = []
    for _ in range(TIMES):
        with database.read() as connection:
            began = time.process_time()
            ask(connection, now, known)
            took.append(time.process_time() - began)
    database.close()
    return median(took[1:])


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds, of the tick's process and by the clock."""

    cpu: float
    wall: float


def _ticks(source: Path, folder: Path) -> tuple[Took, Took]:
    """The tick of the next hour: alone, and while monitors look on; the best of some."""
    alone: list[Took] = []
    watched: list[Took] = []
    for _ in range(3):
        for took, monitors in ((alone, 0), (watched, MONITORS)):
            path = folder / "tick.sqlite"
            shutil.copyfile(source, path)
            database = Database.open(f"sqlite:///{path}")
            with _looking_on(path, monitors), planner(database) as planning:
                cpu, wall = time.process_time(), time.perf_counter()
                planning.tick(START + (STANDS + 1) * HOUR, answer=silent)
                took.append(Took(time.process_time() - cpu, time.perf_counter() - wall))
            database.close()
            for name in ("tick.sqlite", "tick.sqlite-wal", "tick.sqlite-shm"):
                (folder / name).unlink(missing_ok=True)
    return _best(alone), _best(watched)


def _best(found: list[Took]) -> Took:
    return Took(min(each.cpu for each in found), min(each.wall for each in found))


@contextmanager
def _looking_on(path: Path, monitors: int) -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    ready = [context.Event() for _ in range(monitors)]
    processes = [context.Process(target=_look, args=(str(path), each)) for each in ready]
    for process in processes:
        process.start()
    for each in ready:
        each.wait()
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _look(path: str, ready: Any) -> None:  # noqa: ANN401  # an event of multiprocessing
    """As a monitor does: home and a campaign, each second."""
    database, known = Database.open(f"sqlite:///{path}"), dict[int, Deployed]()
    while True:
        with database.read() as connection:
            home(connection, START + STANDS * HOUR, known=known)
        with database.read() as connection:
            campaign(connection, "w", START + STANDS * HOUR, known=known)
        ready.set()
        time.sleep(1)


if __name__ == "__main__":
    main()
