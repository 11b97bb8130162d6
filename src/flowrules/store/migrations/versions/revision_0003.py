"""Proof of consent, bounces that close an address, what came under a fact's key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("consent", sa.Column("proof", sa.Text(), nullable=True))
    op.add_column("event", sa.Column("permanent", sa.SmallInteger(), autoincrement=False, nullable=True))
    op.add_column("intake", sa.Column("content", sa.BigInteger(), autoincrement=False, nullable=True))
    # What `apply` stores from now on, and a tick needs before the next one.
    op.execute(
        "INSERT INTO label (id, text) SELECT coalesce(max(id), 0) + 1, 'hard bounce' FROM label "
        "HAVING NOT EXISTS (SELECT 1 FROM label WHERE text = 'hard bounce') AND EXISTS (SELECT 1 FROM deployment)"
    )
