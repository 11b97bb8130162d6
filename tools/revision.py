"""Drafts the next revision: what changed in `sql/tables.py` since the newest one, as operations.

`make revision M="what changes"` writes the file. Read it before it is committed: a column that must have a value needs
to be told which (`fill`), and that a column only has another name now, its author alone knows.
`tests/store/test_revisions.py` proves that it leads to the tables, on both databases.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from alembic.autogenerate import render_python_code
from alembic.operations.ops import (
    AddColumnOp,
    CreateIndexOp,
    CreateTableOp,
    DropIndexOp,
    DropTableOp,
    MigrateOperation,
    UpgradeOps,
)
from sqlalchemy import Connection, MetaData, create_engine

from flowrules.sql import tables
from flowrules.store.revisions import MIGRATIONS, VERSION_TABLE, known
from flowrules.store.upgrade import run
from tools.schema import Shape, shapes

_FILE = '''"""{words}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from flowrules.store.migrations.rebuild import rebuild

revision = "{number}"
down_revision = {before}


def upgrade() -> None:
{body}'''


def draft(metadata: MetaData, before: Callable[[Connection], object] = run) -> str:
    """The body of `upgrade`, empty if nothing changed. Compared on SQLite, whose tables are the pickier ones.

    before: makes the tables as they were.
    """
    old, new = _made_by(before), _made_by(metadata.create_all)
    lines = []
    for table in metadata.sorted_tables:
        was, now = old.get(table.name), new[table.name]
        indexes = {str(index.name): CreateIndexOp.from_index(index) for index in table.indexes}
        if was is None:
            lines += [_code(CreateTableOp.from_table(table)), *map(_code, _sorted(indexes))]
        elif _only_more_columns(was, now):
            kept = {name for name, words in was.indexes.items() if now.indexes.get(name) == words}
            lines += [_code(DropIndexOp(name, table.name)) for name in sorted(was.indexes.keys() - kept)]
            added = [column for column in table.columns if column.name not in was.columns]
            lines += [_code(AddColumnOp(table.name, column)) for column in added]
            lines += map(_code, _sorted({name: index for name, index in indexes.items() if name not in kept}))
        else:
            needed = [name for name, words in now.columns.items() if name not in was.columns and "NOT NULL" in words]
            shape = _code(CreateTableOp.from_table(table)).replace("op.create_table(", "rebuild(", 1)
            fill = f", fill={dict.fromkeys(needed, '?')})" if needed else ")"
            lines += [shape.removesuffix(")").rstrip() + fill, *map(_code, _sorted(indexes))]
    lines += [_code(DropTableOp(name)) for name in sorted(old.keys() - new.keys() - {VERSION_TABLE})]
    return "".join(f"    {line}\n" for line in lines)


def _sorted(indexes: dict[str, CreateIndexOp]) -> list[CreateIndexOp]:
    return [indexes[name] for name in sorted(indexes)]


def _only_more_columns(was: Shape, now: Shape) -> bool:
    kept = {name: words for name, words in now.columns.items() if name in was.columns}
    more = [words for name, words in now.columns.items() if name not in was.columns]
    return was.rest == now.rest and was.columns == kept and not any("NOT NULL" in words for words in more)


def _code(operation: MigrateOperation) -> str:
    lines = render_python_code(UpgradeOps(ops=[operation])).splitlines()
    return "\n".join(line for line in lines if not line.strip().startswith("# ###")).strip()


def _made_by(make: Callable[[Connection], object]) -> dict[str, Shape]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        make(connection)
        found = shapes(connection)
    engine.dispose()
    return found


def main(words: str) -> None:
    body = draft(tables.metadata)
    if not body:
        sys.exit("the newest revision is what sql/tables.py says")
    before = known()[-1] if known() else None
    number = f"{int(before or 0) + 1:04}"
    path = MIGRATIONS / "versions" / f"revision_{number}.py"
    quoted = f'"{before}"' if before else "None"
    path.write_text(_FILE.format(words=words[:1].upper() + words[1:], number=number, before=quoted, body=body))
    ruff = Path(sys.executable).with_name("ruff")
    subprocess.run([ruff, "check", "--quiet", "--fix", "--select", "F401,I", path], check=True)  # what it does not need
    subprocess.run([ruff, "format", "--quiet", path], check=True)
    sys.stdout.write(f"wrote {path.relative_to(Path.cwd())}\n")


if __name__ == "__main__":
    main(sys.argv[1])
