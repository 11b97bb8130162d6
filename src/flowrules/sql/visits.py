"""Statements of the ledger's index by customer, which is written behind it, tens of thousands of rows at a time.

The ledger stands in order of time. A row here for each instant of a customer would touch a page of its own; many at
once, in order of customers, share them.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, select, tuple_, union_all

from flowrules.sql import tables
from flowrules.sql.statement import Statement, Writer

CHUNK = 50_000
"""Rows of the ledger a transaction."""

EVERYBODY = 1 << 62
"""Above every customer's number: at the instant up to which there are visits, of all."""

_BEHIND = "FROM decision d WHERE (d.at, d.customer_id) > (:after, :whom)"
_PAIRS = "SELECT DISTINCT d.at, d.customer_id FROM decision d WHERE"


@dataclass(frozen=True, slots=True)
class Visits:
    """stand: up to which instant and customer there are visits; behind: how many rows have none yet, CHUNK at most;
    upto: the last one of a whole chunk.
    """

    stand: Statement
    behind: Statement
    upto: Statement
    add: Statement
    done: Statement


def visits(w: Writer) -> Visits:
    """Behind and upto take the last tick, `last`: what lies before it does not change any more."""
    return Visits(
        stand=w.statement("SELECT visited_at, visited_customer FROM clock WHERE id = 0"),
        behind=w.statement(
            f"SELECT count(*) FROM (SELECT 1 AS one {_BEHIND} AND d.at <= :last LIMIT {CHUNK}) AS found"
        ),
        upto=w.statement(
            f"SELECT d.at, d.customer_id {_BEHIND} AND d.at <= :last ORDER BY d.at, d.customer_id "
            f"LIMIT 1 OFFSET {CHUNK - 1}"
        ),
        # In the ledger's own order there is nothing to sort for DISTINCT; and of what lies between the two instants no
        # row is compared with both ends, as it would be if one condition told all of it.
        add=w.statement(
            "INSERT INTO visit (customer_id, at) SELECT n.customer_id, n.at FROM ("
            f"{_PAIRS} d.at = :after AND :after < :at AND d.customer_id > :whom UNION ALL "
            f"{_PAIRS} d.at > :after AND d.at < :at UNION ALL "
            f"{_PAIRS} d.at = :at AND d.customer_id > CASE WHEN :after < :at THEN -1 ELSE :whom END "
            "AND d.customer_id <= :customer) AS n ORDER BY n.customer_id, n.at ON CONFLICT DO NOTHING"
        ),
        done=w.statement("UPDATE clock SET visited_at = :at, visited_customer = :customer WHERE id = 0"),
    )


def of_customer(number: int) -> ColumnElement[bool]:
    """The decisions about one customer, found by the instants there are of them."""
    decision, visit, later = tables.decision.c, tables.visit.c, tables.decision.alias().c
    visited = select(visit.at).where(visit.customer_id == number)
    # An instant alone would not do: everybody may have been decided on at one.
    clock = tables.clock.c
    behind = tuple_(select(clock.visited_at).scalar_subquery(), select(clock.visited_customer).scalar_subquery())
    rest = select(later.at).where(tuple_(later.at, later.customer_id) > behind, later.customer_id == number)
    return and_(decision.customer_id == number, decision.at.in_(union_all(visited, rest)))
