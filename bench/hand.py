"""W by hand: a few set-based statements an hour, for this journey alone. No ledger, no caps, no rules to read."""

# ruff: noqa: S608  # nothing but constants of this module is written into a statement

from __future__ import annotations

import sqlite3
from contextlib import closing

import psycopg

from bench import work
from bench.measure import Used, measured
from bench.settings import SQLITE_SETTINGS, driver_url
from bench.work import DELAY, END, OPENED, PURCHASE, WAIT_BUY, WAIT_OPEN

_RESULT = (
    "SELECT template, count(*) FROM send GROUP BY 1 "
    "UNION ALL SELECT tag, count(*) FROM customer WHERE tag IS NOT NULL GROUP BY 1"
)


def run(url: str, n: int) -> Used:
    return _sqlite(url, n) if url.startswith("sqlite") else _postgresql(url, n)


# --- SQLite -------------------------------------------------------------------------------------------

_SQLITE_TABLES = """
CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, tag TEXT);
CREATE TABLE enrolment (customer_id INTEGER PRIMARY KEY, state TEXT, wake_at INTEGER);
CREATE INDEX due ON enrolment (wake_at) WHERE wake_at IS NOT NULL;
CREATE TABLE send (id INTEGER PRIMARY KEY, customer_id INT, template TEXT, at INT);
CREATE TABLE event (customer_id INT, name TEXT, at INT);
CREATE INDEX event_at ON event (at, name);
"""
_GOT = "customer_id IN (SELECT customer_id FROM event WHERE at = :hour AND name = "
_DUE_BUYERS = "wake_at <= :hour AND state = 'wait_buy'"
_SQLITE_HOUR = (
    f"UPDATE enrolment SET state = 'delay', wake_at = :hour + {DELAY} WHERE state = 'wait_open' AND {_GOT}'{OPENED}')",
    (
        "UPDATE customer SET tag = 'customer' "
        f"WHERE id IN (SELECT customer_id FROM enrolment WHERE state = 'wait_buy' AND {_GOT}'{PURCHASE}'))"
    ),
    f"UPDATE enrolment SET state = 'done', wake_at = NULL WHERE state = 'wait_buy' AND {_GOT}'{PURCHASE}')",
    f"UPDATE customer SET tag = 'lapsed' WHERE id IN (SELECT customer_id FROM enrolment WHERE {_DUE_BUYERS})",
    f"UPDATE enrolment SET state = 'done', wake_at = NULL WHERE {_DUE_BUYERS}",
    (
        "INSERT INTO send (customer_id, template, at) "
        "SELECT customer_id, CASE state WHEN 'delay' THEN 'offer' ELSE 'sms' END, :hour FROM enrolment "
        "WHERE wake_at <= :hour"
    ),
    f"UPDATE enrolment SET state = 'wait_buy', wake_at = :hour + {WAIT_BUY} WHERE wake_at <= :hour",
)


def _sqlite(url: str, n: int) -> Used:
    events = work.events_by_hour(n)
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        for setting in SQLITE_SETTINGS:
            connection.execute(setting)
        connection.executescript(_SQLITE_TABLES)
        connection.executemany("INSERT INTO customer VALUES (?, ?, NULL)", ((i, f"u{i}@x.test") for i in range(n)))
        connection.commit()
        with measured(url) as used:
            connection.execute(f"INSERT INTO enrolment SELECT id, 'wait_open', {WAIT_OPEN} FROM customer")
            connection.execute("INSERT INTO send (customer_id, template, at) SELECT id, 'welcome', 0 FROM customer")
            connection.commit()
            for hour in range(1, END + 1):
                came = [(customer, name, hour) for customer, name in events.get(hour, ())]
                connection.executemany("INSERT INTO event VALUES (?, ?, ?)", came)
                for statement in _SQLITE_HOUR:
                    connection.execute(statement, {"hour": hour})
                connection.commit()
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        work.check(dict(connection.execute(_RESULT)), n)
    return used


# --- PostgreSQL ---------------------------------------------------------------------------------------

_POSTGRESQL_TABLES = (
    "CREATE TABLE customer (id bigint PRIMARY KEY, email text, tag text)",
    "CREATE TABLE enrolment (customer_id bigint PRIMARY KEY, state text, wake_at int)",
    "CREATE TABLE send (customer_id bigint, template text, at int)",
    "CREATE TABLE event (customer_id bigint, name text, at int)",
    "CREATE INDEX ON enrolment (wake_at) WHERE wake_at IS NOT NULL",
    "CREATE INDEX ON event (at, name)",
)
_CAME = "(SELECT customer_id FROM event WHERE at = %(hour)s AND name = "
_POSTGRESQL_FACTS = (
    (
        f"UPDATE enrolment n SET state = 'delay', wake_at = %(hour)s + {DELAY} FROM {_CAME}'{OPENED}') v "
        "WHERE v.customer_id = n.customer_id AND n.state = 'wait_open'"
    ),
    (
        f"UPDATE customer c SET tag = 'customer' FROM enrolment n, {_CAME}'{PURCHASE}') v "
        "WHERE v.customer_id = n.customer_id AND n.customer_id = c.id AND n.state = 'wait_buy'"
    ),
    (
        f"UPDATE enrolment n SET state = 'done', wake_at = NULL FROM {_CAME}'{PURCHASE}') v "
        "WHERE v.customer_id = n.customer_id AND n.state = 'wait_buy'"
    ),
)
_POSTGRESQL_TIMERS = (
    (
        "UPDATE customer c SET tag = 'lapsed' FROM enrolment n "
        "WHERE n.customer_id = c.id AND n.wake_at <= %(hour)s AND n.state = 'wait_buy'"
    ),
    "UPDATE enrolment SET state = 'done', wake_at = NULL WHERE wake_at <= %(hour)s AND state = 'wait_buy'",
    (
        "INSERT INTO send SELECT customer_id, CASE state WHEN 'delay' THEN 'offer' ELSE 'sms' END, %(hour)s::int "
        "FROM enrolment WHERE wake_at <= %(hour)s"
    ),
    f"UPDATE enrolment SET state = 'wait_buy', wake_at = %(hour)s + {WAIT_BUY} WHERE wake_at <= %(hour)s",
)


def _postgresql(url: str, n: int) -> Used:
    events = work.events_by_hour(n)
    with psycopg.connect(driver_url(url), cursor_factory=psycopg.ClientCursor) as connection:
        for statement in _POSTGRESQL_TABLES:
            connection.execute(statement)
        with connection.cursor().copy("COPY customer (id, email) FROM STDIN") as copy:
            for number in range(n):
                copy.write_row((number, f"u{number}@x.test"))
        connection.execute("ANALYZE customer")
        connection.commit()
        with measured(url) as used:
            connection.execute(f"INSERT INTO enrolment SELECT id, 'wait_open', {WAIT_OPEN} FROM customer".encode())
            connection.execute("INSERT INTO send SELECT id, 'welcome', 0 FROM customer")
            connection.commit()
            for hour in range(1, END + 1):
                if came := events.get(hour):
                    with connection.cursor().copy("COPY event FROM STDIN") as copy:
                        for customer, name in came:
                            copy.write_row((customer, name, hour))
                for statement in (*_POSTGRESQL_FACTS, *_POSTGRESQL_TIMERS) if came else _POSTGRESQL_TIMERS:
                    connection.execute(statement.encode(), {"hour": hour})
                connection.commit()
        work.check(dict(connection.execute(_RESULT).fetchall()), n)
    return used
