"""A canary: deployments for a share of customers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("deployment", sa.Column("canary", sa.BigInteger(), autoincrement=False, nullable=True))
