"""`flowrules segment NAME`: who is in it, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import click
from sqlalchemy import select

from flowrules.cli import clock
from flowrules.cli.context import Context
from flowrules.cli.output import emit, formats, table
from flowrules.report.clauses import Clause
from flowrules.report.segment import Members
from flowrules.sql import tables

Show = Literal["count", "list", "sql"]


@click.command("segment")
@click.argument("name")
@click.option("--count", "show", flag_value="count", default="count", help="How many there are: the default.")
@click.option("--list", "show", flag_value="list", help="The ids of all, one a line.")
@click.option("--sql", "show", flag_value="sql", help="The statement that finds them.")
@click.option("--explain", "customer", metavar="CUSTOMER", help="Each clause, with the value this customer has.")
@formats("text", "json")
@click.pass_obj
def command(context: Context, *, name: str, show: Show, customer: str | None, format_: str) -> None:
    """Say who is in the segment NAME now, by the rules that are deployed."""
    workspace = context.workspace()
    with context.database(workspace).read() as connection:
        last = connection.execute(select(tables.clock.c.last_tick)).scalar_one()
        members = Members(connection, name, last if workspace.virtual_clock else clock.wall())
        if customer is not None:
            found = members.explain(customer)
            facts = {"name": name, "clauses": [each.facts() for each in found]}
            emit(format_, "segment", facts, table(("holds", "clause", "value", "rule"), list(_rows(found))))
        elif show == "sql":
            emit(format_, "segment", {"name": name, "sql": members.sql()}, members.sql())
        elif show == "list":
            ids = members.customers()
            emit(format_, "segment", {"name": name, "count": len(ids), "customers": ids}, "\n".join(ids))
        else:
            number = members.count()
            emit(format_, "segment", {"name": name, "count": number}, f"{number} in {name}")


def _rows(clauses: Iterable[Clause], indent: str = "") -> Iterator[tuple[str, str, object, str]]:
    for each in clauses:
        yield "yes" if each.holds else "no", f"{indent}{each.text}", each.value, each.rule
        yield from _rows(each.parts, f"{indent}  ")
