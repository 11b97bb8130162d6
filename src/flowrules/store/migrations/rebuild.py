"""A table in another shape: another key, a column less or of another type, one more that must have a value.

Takes the table as the revision wants it, as `op.create_table` does. The same on both databases; SQLite could not alter
it. Columns that `apply` had added for the workspace stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

_DECLARED = {"customer": "a_", "event": "p_"}
_BEFORE = "flowrules_before"


def rebuild(
    name: str,
    *elements: sa.schema.SchemaItem,
    fill: Mapping[str, str] | None = None,
    **options: Any,  # noqa: ANN401 -- Alembic's own
) -> None:
    """Indexes are gone afterwards. fill: SQL for the values of columns, over those of the table before."""
    connection = op.get_bind()
    quote = connection.dialect.identifier_preparer.quote
    before = {column["name"]: column["type"] for column in sa.inspect(connection).get_columns(name)}
    connection.exec_driver_sql(f"CREATE TABLE {_BEFORE} AS SELECT * FROM {quote(name)}")
    op.drop_table(name)
    table = op.create_table(name, *elements, **options)
    declared = [column for column in before if column.startswith(_DECLARED.get(name, "?")) and column not in table.c]
    for column in declared:
        op.add_column(name, sa.Column(column, before[column]))
    values = {quote(column): quote(column) for column in before if column in table.c or column in declared}
    values |= {quote(column): value for column, value in (fill or {}).items()}
    connection.exec_driver_sql(
        f"INSERT INTO {quote(name)} ({', '.join(values)}) SELECT {', '.join(values.values())} FROM {_BEFORE}"
    )
    op.drop_table(_BEFORE)
