"""A customer as they were at an instant that ticks have gone past: attributes, tags, positions.

Takes a connection, a customer and an instant; gives a connection to ask, in which nothing later has happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, select

from flowrules.content.deployed import Deployed, Library
from flowrules.report.lookup import find_customer
from flowrules.sql import tables as t
from flowrules.whatif.record import NotOnRecordError, record
from flowrules.whatif.replay import Otherwise, differ, staged


@contextmanager
def as_of(connection: Connection, customer: str, at: int, known: dict[int, Deployed]) -> Iterator[Connection | None]:
    """The connection itself where no tick has gone past the instant; None: what was then is not on record."""
    if at >= connection.execute(select(t.clock.c.last_tick)).scalar_one():
        yield connection
        return
    try:
        past = record(connection, Library(connection, known), find_customer(connection, customer), "UTC", at)
    except NotOnRecordError:
        yield None
        return
    if past.unsure(at) is not None:
        yield None
        return
    with staged(connection, past) as stage:
        if differ(past.ledger, stage.play(Otherwise())) is not None:
            yield None
            return
        with stage.session.read() as then:
            yield then
