"""Who is in a segment of the deployed rules, and what each of its clauses says of one customer.

Takes a connection and an instant. Asks with the guards that the planner uses; writes nothing.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, func, select

from flowrules.content.deployed import Library
from flowrules.diagnostics.suggest import nearest
from flowrules.model.condition import Segment
from flowrules.report.clauses import ROW, Asking, Clause, written_of
from flowrules.report.lookup import UnknownError, find_customer


class Members:
    def __init__(self, connection: Connection, name: str, at: int) -> None:
        """As things stand at the instant `at`, by the newest deployment."""
        deployed = Library(connection).newest
        known = {} if deployed is None else {each.name: each for each in deployed.model.segments}
        if deployed is None or name not in known:
            near = nearest(name, known)
            hint = f"did you mean `{near}`?" if near else "`flowrules apply` deploys what the rule files say"
            raise UnknownError(f"no segment `{name}` is deployed", hint)
        self.segment: Segment = known[name]
        self._connection = connection
        self._deployed = deployed
        self._asking = Asking(connection, deployed, at)

    def count(self) -> int:
        members = self._query().subquery()
        return self._connection.execute(select(func.count()).select_from(members)).scalar_one()

    def customers(self) -> list[str]:
        return sorted(self._connection.execute(self._query()).scalars())

    def sql(self) -> str:
        dialect = self._connection.dialect
        return str(self._query().compile(dialect=dialect, compile_kwargs={"literal_binds": True}))

    def explain(self, customer: str) -> list[Clause]:
        number = find_customer(self._connection, customer)
        return self._asking.of_customer(number, written_of(self._deployed, self.segment.name), self.segment.condition)

    def _query(self) -> Select[Any]:
        asking = self._asking
        holds = asking.guards.test(self.segment.condition, ROW)
        return asking.focus(asking.customer.c.external_id).where(holds)
