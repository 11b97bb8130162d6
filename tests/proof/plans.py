"""How a database would execute a statement: which rows of customers it would look at without being led to them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

KEYED = (
    *("customer", "identity", "attribute_change", "consent", "exposure", "event", "enrollment", "consumption"),
    *("tagging", "message", "contact", "outcome", "decision", "visit", "attempt", "assignment", "membership", "move"),
)
"""Tables that grow with the customers."""

_LEADS = {"customer": "id"}
_EXPLAINABLE = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
_NAMED = re.compile(rf'(?<![.\w])"?({"|".join(KEYED)})"?(?![.\w])(?:\s+(?:AS\s+)?([a-z]\w*))?')
_NO_ALIAS = {"where", "set", "cross", "join", "left", "on", "order", "group", "limit", "union", "values", "default"}


@dataclass(frozen=True, slots=True)
class Access:
    """How one table is come by: `search` names index and terms, empty for a walk over all of it."""

    table: str
    search: str

    def __str__(self) -> str:
        return f"{self.table}: {self.search or 'all rows'}"

    @property
    def by_customer(self) -> bool:
        """Led there by the customer's number."""
        lead = _LEADS.get(self.table, "customer_id")
        return re.search(rf"[( ](\w+\.)?({lead}|rowid) ?=", self.search) is not None


def explain(dialect: str, cursor: Any, text: str, parameters: Any) -> list[Access]:  # noqa: ANN401  # the driver's
    """Accesses to customers' tables, on the same connection, with the working tables as they are now."""
    if not text.lstrip().upper().startswith(_EXPLAINABLE):
        return []
    return list((_sqlite if dialect == "sqlite" else _postgresql)(cursor, text, parameters))


# --- SQLite -------------------------------------------------------------------------------------------


def _sqlite(cursor: Any, text: str, parameters: Any) -> Iterator[Access]:  # noqa: ANN401  # as above
    known = aliases(text)
    probe = cursor.connection.cursor()
    probe.execute(f"EXPLAIN QUERY PLAN {text}", parameters)
    details = [row[3] for row in probe.fetchall()]
    probe.close()
    for detail in details:
        found = re.match(r"(SCAN|SEARCH) (\S+)(?: USING (.*))?", detail)
        if found is None:
            continue
        what, name, how = found.groups()
        if name not in known:
            continue
        if what == "SCAN" or "AUTOMATIC" in how or "ANY(" in how:
            yield Access(known[name], "")
        else:
            yield Access(known[name], how)


def aliases(text: str) -> dict[str, str]:
    """Names that stand for customers' tables in a statement."""
    found = {}
    for table, alias in _NAMED.findall(text):
        name = alias if alias and alias.lower() not in _NO_ALIAS else table
        found[name] = table
    return found


# --- PostgreSQL ---------------------------------------------------------------------------------------


def _postgresql(cursor: Any, text: str, parameters: Any) -> Iterator[Access]:  # noqa: ANN401  # as above
    with cursor.connection.cursor() as probe:
        probe.execute(f"EXPLAIN (FORMAT JSON) {text}", parameters)
        plan = probe.fetchone()[0]
    if isinstance(plan, str):
        plan = json.loads(plan)
    yield from _walk(plan[0]["Plan"])


def _walk(node: dict[str, Any], above: str = "") -> Iterator[Access]:
    table = node.get("Relation Name")
    if table in KEYED and "Scan" in node["Node Type"]:
        condition = node.get("Index Cond", "")
        if above == "Limit" and "Filter" not in node:
            condition = condition or "the first entry"
        yield Access(table, f"{node['Index Name']} {condition}" if condition else "")
    for child in node.get("Plans", ()):
        yield from _walk(child, node["Node Type"])


@dataclass(slots=True)
class Plans:
    """A hook for `tapped`: explains what is executed, each text anew in each `period`."""

    dialect: str
    period: str = ""
    periods: dict[str, dict[str, list[Access]]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def look(self, cursor: Any, text: str, parameters: Any) -> None:  # noqa: ANN401  # as above
        self.counts[text] = self.counts.get(text, 0) + 1
        seen = self.periods.setdefault(self.period, {})
        if text not in seen:
            seen[text] = explain(self.dialect, cursor, text, parameters)

    def items(self) -> Iterator[tuple[str, list[Access]]]:
        for seen in self.periods.values():
            yield from seen.items()
