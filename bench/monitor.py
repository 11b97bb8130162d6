"""What the monitor costs: its questions at many customers beside few, and a tick while three of it look on.

`python -m bench.monitor --n 1000000 --json`; those of the large database are copies of those of the small one.
"""

from __future__ import annotations

import multiprocessing
import shutil
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Connection, make_url, text

from bench import work
from bench.campaign import HOUR, START, model, prepare
from bench.command import Result, on_each, parser, table
from bench.databases import Place
from bench.engine import Intake, fact, signup
from bench.measure import Used, backend_cpu, measured
from bench.settings import driver_url
from flowrules.content.deployed import Deployed
from flowrules.report.campaign import campaign
from flowrules.report.home import home
from flowrules.report.search import search
from flowrules.runtime.answers import silent
from flowrules.runtime.sum_up import sum_up
from flowrules.runtime.tick import planner
from flowrules.sql import tables as t
from flowrules.sql.visits import CHUNK
from flowrules.store.database import Database

FEW = 10_000
STANDS = 47
"""The hour of W at which they look: in the next one the wait of all who have not opened is over."""
JOURNEYS = 8
"""Messages of earlier journeys a customer, so that there are about ten."""
LAG = CHUNK // 2 - 1
"""Rows of the ledger without its index by customer: the most that the engine leaves, of few customers and of many."""
TICKED = 50_000
"""Customers of the tick that is looked at, where there are so many."""
TURNS, ASKS = 5, 10
"""Questions are counted by the turn: the system counts a server's CPU time in hundredths of a second."""
TICKS, MONITORS = 3, 3

Ask = Callable[[Connection, int, dict[int, Deployed]], object]
QUESTIONS: dict[str, Ask] = {
    "home": lambda connection, now, known: home(connection, now, known=known),
    "campaign": lambda connection, now, known: campaign(connection, "w", now, known=known),
    "find u12": lambda connection, _now, _known: search(connection, "u12"),
    "find part of an email": lambda connection, _now, _known: search(connection, "9@x.te"),
}


def main() -> None:
    options = parser("monitor", __doc__, FEW * 2)
    options.add_argument("--few", type=int, default=FEW, help="customers of the small database; n is a multiple of it")
    given = options.parse_args()
    if given.n % given.few:
        options.error("--n: a multiple of --few")
    on_each(given, lambda where: _measure(where, given))


def _measure(where: Place, options: Namespace) -> tuple[Result, str]:
    few = where.empty("few")
    _make(few, options.few)
    many = _copy(where, few, "many")
    _multiply(many, options.few, options.n // options.few)
    some = _copy(where, few, "some")
    _multiply(some, options.few, min(options.n, TICKED) // options.few)
    for url in (few, many, some):
        _lag(url)
        _settle(url)
    costs = {name: (_cost(few, ask), _cost(many, ask)) for name, ask in QUESTIONS.items()}
    alone, elsewhere, watched = _ticks(where, some)
    ratios = {name: large / small for name, (small, large) in costs.items()}
    found = {
        "few": options.few,
        "cpu_ms": {name: round(large, 2) for name, (_, large) in costs.items()},
        "few_cpu_ms": {name: round(small, 2) for name, (small, _) in costs.items()},
        "ratios": {name: round(ratio, 2) for name, ratio in ratios.items()},
        "tick_with_monitors": {
            "cpu": round(watched.cpu / alone.cpu, 2),
            "wall": round(watched.wall / alone.wall, 2),
            "cpu_to_elsewhere": round(watched.cpu / elsewhere.cpu, 2),
            "wall_to_elsewhere": round(watched.wall / elsewhere.wall, 2),
        },
    }
    shown = table(
        f"questions on {where.kind}, CPU ms, median of {TURNS} times {ASKS}",
        ("", f"at {options.few:,}", f"at {options.n:,}", "ratio"),
        *((name, *costs[name], ratios[name]) for name in QUESTIONS),
    )
    shown += table(
        f"tick of {min(options.n, TICKED):,} on {where.kind}, s, the best of {TICKS}",
        ("", "alone", f"{MONITORS} of another", f"with {MONITORS}", "to alone", "to another"),
        ("CPU", alone.cpu, elsewhere.cpu, watched.cpu, watched.cpu / alone.cpu, watched.cpu / elsewhere.cpu),
        ("wall", alone.wall, elsewhere.wall, watched.wall, watched.wall / alone.wall, watched.wall / elsewhere.wall),
    )
    return found, shown


# --- databases ----------------------------------------------------------------------------------------


def _make(url: str, n: int) -> None:
    """W as far as hour STANDS, summed up, and the ledger's index by customer whole."""
    database = prepare(url, n)
    events = work.events_by_hour(n)
    with planner(database) as planning:
        take = Intake(database, planning.session, model(), Used())
        take.all(signup(number) for number in range(n))
        for hour in range(STANDS + 1):
            take.all(fact(number, event, hour) for number, event in events.get(hour, ()))
            planning.tick(START + hour * HOUR, answer=silent)
    old = "customer_id, campaign_id, instance + j.number, step_id, pass, version_id, node, channel_id, status, "
    journeys = " UNION ALL ".join(f"SELECT {number} AS number" for number in range(1, JOURNEYS + 1))
    with database.write() as connection:
        connection.exec_driver_sql(
            f"INSERT INTO message ({old.replace(' + j.number', '')}decided_at, turn, sent_at) "  # noqa: S608  # our names
            f"SELECT {old}decided_at, turn, sent_at FROM message m CROSS JOIN ({journeys}) j "
            "WHERE m.step_id = (SELECT min(step_id) FROM message)"
        )
        connection.exec_driver_sql(
            "INSERT INTO visit (customer_id, at) SELECT DISTINCT customer_id, at FROM decision "
            "WHERE at >= (SELECT visited_at FROM clock) ON CONFLICT DO NOTHING"
        )
    sum_up(database)
    _flush(database)
    database.close()


def _multiply(url: str, few: int, times: int) -> None:
    """Everybody so many times, in the order of the keys."""
    database = Database.open(url)
    with database.session() as session:
        for each in t.metadata.sorted_tables:
            if "customer_id" in each.c or each is t.customer:
                with session.write() as connection:
                    connection.exec_driver_sql(_copies(each.name, few, times))
                _flush(database)
        with session.write() as connection:
            for name, where in (("tally", "WHERE what > 0"), ("resting", "")):
                connection.exec_driver_sql(f"UPDATE {name} SET number = number * {times} {where}")  # noqa: S608  # our names
    _flush(database)
    database.close()


def _copies(name: str, few: int, times: int) -> str:
    each = t.metadata.tables[name]
    made = {"id": f"s.id + c.number * {few}", "customer_id": f"s.customer_id + c.number * {few}"}
    made["external_id"] = "s.external_id || '-' || CAST(c.number AS TEXT)"
    if name == "identity":
        made["value"] = "CAST(c.number AS TEXT) || '-' || s.value"
    columns = [f'"{column.name}"' for column in each.columns]
    values = [made.get(column.name, f's."{column.name}"') for column in each.columns]
    order = ", ".join(made.get(column.name, f's."{column.name}"') for column in each.primary_key)
    copy = (
        f"WITH RECURSIVE copy(number) AS (SELECT 1 WHERE {times} > 1 "  # noqa: S608  # numbers
        f"UNION ALL SELECT number + 1 FROM copy WHERE number < {times - 1})"
    )
    return (
        f"INSERT INTO {name} ({', '.join(columns)}) {copy} SELECT {', '.join(values)} "  # noqa: S608  # our names
        f"FROM {name} s CROSS JOIN copy c ORDER BY {order}"
    )


def _lag(url: str) -> None:
    """As a running engine leaves it: the newest LAG rows of the ledger, or half of it, have no index by customer."""
    database = Database.open(url)
    with database.write() as connection:
        rows = connection.execute(text("SELECT count(*) FROM decision")).scalar_one()
        nth = "SELECT at, customer_id FROM decision ORDER BY at DESC, customer_id DESC LIMIT 1 OFFSET :lag"
        at, customer = connection.execute(text(nth), {"lag": min(LAG, rows // 2)}).one()
        since = {"at": at, "customer": customer}
        connection.execute(text("DELETE FROM visit WHERE (at, customer_id) > (:at, :customer)"), since)
        connection.execute(text("UPDATE clock SET visited_at = :at, visited_customer = :customer"), since)
    _flush(database)
    database.close()


def _copy(where: Place, url: str, name: str) -> str:
    if where.kind == "sqlite":
        copy = f"{where.base}/{name}.sqlite"
        shutil.copyfile(_path(url), copy)
        return f"sqlite:///{copy}"
    with psycopg.connect(driver_url(where.base), autocommit=True) as connection:
        make = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(make.format(sql.Identifier(name), sql.Identifier(make_url(url).database or "")))
    return make_url(where.base).set(database=name).render_as_string(hide_password=False)


def _path(url: str) -> Path:
    return Path(make_url(url).database or "")


def _flush(database: Database) -> None:
    """SQLite's log into its file, so that a copy of it is whole."""
    if database.dialect == "sqlite":
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _settle(url: str) -> None:
    """What a server would do by itself in time."""
    if not url.startswith("sqlite"):
        with psycopg.connect(driver_url(url), autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")


# --- what it costs ------------------------------------------------------------------------------------


def _cost(url: str, ask: Ask) -> float:
    """CPU ms of a question with its connection, a server's too; rules are built before, as in a monitor left open."""
    database, known = Database.open(url, read_only=True), dict[int, Deployed]()
    turns = []
    for _ in range(1 + TURNS):
        with measured(url) as used:
            for _ in range(ASKS):
                with database.read() as connection:
                    ask(connection, START + STANDS * HOUR, known)
        turns.append(used.cpu_s / ASKS * 1000)
    database.close()
    return median(turns[1:])


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds: of the tick's process with its own part of the server, and by the clock."""

    cpu: float
    wall: float


def _ticks(where: Place, source: str) -> tuple[Took, Took, Took]:
    """The tick of the next hour, the best of some: alone, beside monitors of another database, and of this one.

    Two cores that share their parts are slower when both are busy, whoever is: the second tells that from the third.
    """
    alone: list[Took] = []
    elsewhere: list[Took] = []
    watched: list[Took] = []
    for _ in range(TICKS):
        for took, monitors in ((alone, 0), (elsewhere, MONITORS), (watched, MONITORS)):
            url = _copy(where, source, "tick")
            database = Database.open(url)
            with _looking_on(url if took is watched else source, monitors), planner(database) as planning:
                cpu, wall = _own_cpu(planning.session.connection), time.perf_counter()
                planning.tick(START + (STANDS + 1) * HOUR, answer=silent)
                took.append(Took(_own_cpu(planning.session.connection) - cpu, time.perf_counter() - wall))
            database.close()
            where.forget(url)
    return _best(alone), _best(elsewhere), _best(watched)


def _own_cpu(connection: Connection) -> float:
    """Of this process, and of what the server does for it alone."""
    driver = connection.connection.driver_connection
    server = backend_cpu(driver.info.backend_pid) if isinstance(driver, psycopg.Connection) else 0.0
    return time.process_time() + server


def _best(found: list[Took]) -> Took:
    return Took(min(each.cpu for each in found), min(each.wall for each in found))


@contextmanager
def _looking_on(url: str, monitors: int) -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    ready = [context.Event() for _ in range(monitors)]
    over = context.Event()
    processes = [context.Process(target=_look, args=(url, each, over)) for each in ready]
    for process in processes:
        process.start()
    for begun in ready:
        begun.wait()
    try:
        yield
    finally:
        over.set()
        for process in processes:
            process.join()


def _look(url: str, ready: Any, over: Any) -> None:  # noqa: ANN401  # events of multiprocessing
    """As a monitor does: home and a campaign, each second."""
    database, known = Database.open(url, read_only=True), dict[int, Deployed]()
    while not over.is_set():
        with database.read() as connection:
            home(connection, START + STANDS * HOUR, known=known)
        with database.read() as connection:
            campaign(connection, "w", START + STANDS * HOUR, known=known)
        ready.set()
        over.wait(1)
    database.close()


if __name__ == "__main__":
    main()
