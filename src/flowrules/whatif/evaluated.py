"""What the condition asked of the customer that kept a message back, or the customer out.

Takes a row of the ledger, and a database that stands at its instant; gives the parts of the condition as they were
written, each with what it found.
"""

from __future__ import annotations

from sqlalchemy import Connection

from flowrules.content.deployed import Deployed
from flowrules.model.condition import Condition
from flowrules.report.clauses import Asking, Clause
from flowrules.report.segment import written
from flowrules.sql.codes import Reason
from flowrules.syntax import tree
from flowrules.whatif.changes import Decided

MOST = 12
"""Decisions of one customer that this is asked of."""

Asked = tuple[tree.Condition, Condition]


def asked(row: Decided, deployed: Deployed) -> Asked | None:
    """Of a segment that excluded, and of a `hold while`; None: no condition decided."""
    match row.reason:
        case Reason.EXCLUDED:
            name = (row.by or "").removeprefix("segment ")
            known = {each.name: each.condition for each in deployed.model.segments}
            return (written(deployed, name), known[name]) if row.by != name and name in known else None
        case Reason.ON_HOLD:
            meant = [each.condition for each in deployed.campaigns[row.campaign].holds if each.place == row.rule]
            said = [
                clause.condition
                for each in deployed.declarations
                if isinstance(each, tree.CampaignDecl) and each.name.text == row.campaign
                for clause in each.header
                if isinstance(clause, tree.HoldWhile) and clause.span.place == row.rule
            ]
            return (said[0], meant[0]) if said and meant else None
        case _:
            return None


def evaluated(connection: Connection, deployed: Deployed, row: Decided, this: Asked) -> tuple[Clause, ...]:
    """Empty where it would not decide so now: then something changed within that very instant."""
    clauses = Asking(connection, deployed, row.at).of_customer(row.customer_id, *this)
    return tuple(clauses) if all(each.holds for each in clauses) else ()
