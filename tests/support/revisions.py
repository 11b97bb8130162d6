"""A program that is one revision further than it is, to upgrade to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowrules.store import revisions, upgrade
from tools import revision as tool

NEXT = '''"""One more table, and one made anew with a column that must have a value."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from flowrules.store.migrations.rebuild import rebuild

revision = "{number}"
down_revision = "{before}"


def upgrade() -> None:
    op.create_table("novelty", sa.Column("id", sa.Integer(), nullable=False), sa.PrimaryKeyConstraint("id"))
    rebuild(
        "tagging",
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tag_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "tag_id"),
        sqlite_with_rowid=False,
        fill={{"until": "since + 1"}},
    )
'''


def folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The migrations in a folder that a test may write to."""
    folder = tmp_path / "100% own" / "migrations"
    shutil.copytree(revisions.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for module in (revisions, upgrade, tool):
        monkeypatch.setattr(module, "MIGRATIONS", folder)
    revisions.known.cache_clear()
    yield folder
    revisions.known.cache_clear()


def add_next(folder: Path) -> str:
    """From here on the program needs one more revision; gives its number."""
    before = revisions.head()
    number = f"{int(before) + 1:04}"
    (folder / "versions" / f"revision_{number}.py").write_text(NEXT.format(number=number, before=before))
    revisions.known.cache_clear()
    return number
