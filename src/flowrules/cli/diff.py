"""`flowrules diff`: what two deployments differ in, by meaning."""

from __future__ import annotations

import click
from sqlalchemy import Connection, select

from flowrules.cli.context import Context, UserError
from flowrules.cli.output import emit, formats
from flowrules.content.deployed import Deployed, Library
from flowrules.report.history import changed
from flowrules.sql import tables


@click.command("diff")
@click.argument("before", metavar="REV")
@click.argument("after", metavar="REV")
@formats("text", "json")
@click.pass_obj
def command(context: Context, *, before: str, after: str, format_: str) -> None:
    """Compare two deployments by meaning: layout, comments and the order of files are none.

    REV: the number of a deployment, the beginning of its commit, or `files` for the workspace as it is.
    """
    workspace = context.workspace()
    with context.database(workspace).read() as connection:
        library = Library(connection)

        def found(name: str) -> Deployed:
            if name == "files":
                return Deployed(0, context.model(workspace)[0])
            return library.deployment(_number(connection, name))

        differ = changed(found(before), found(after))
    emit(format_, "diff", {"before": before, "after": after, **differ.facts()}, differ.text())


def _number(connection: Connection, name: str) -> int:
    """Of a deployment, by its number or its commit; the newest of several."""
    d = tables.deployment.c
    known = connection.execute(select(d.id, d.commit).order_by(d.id.desc())).all()
    if name.isdecimal() and any(row.id == int(name) for row in known):
        return int(name)
    for row in known:
        if row.commit and len(name) >= 4 and (row.commit.startswith(name) or name.startswith(row.commit.rstrip("+"))):  # noqa: PLR2004  # what git takes
            return int(row.id)
    raise UserError(f"there is no deployment `{name}`", "`flowrules history` lists them")
