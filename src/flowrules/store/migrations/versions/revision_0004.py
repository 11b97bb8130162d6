"""Segments kept, arms drawn, messages held."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "assignment",
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("split_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("arm_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "split_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("calendar_month_day", "calendar", ["month_day"], unique=False)
    op.create_index("consent_at", "consent", [sa.literal_column("(at + 0)")], unique=False)
    op.create_index("customer_known_at", "customer", [sa.literal_column("(known_at + 0)")], unique=False)
    op.create_table(
        "membership",
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("segment_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("member", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("recheck_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("customer_id", "segment_id"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "membership_recheck",
        "membership",
        ["recheck_at"],
        unique=False,
        sqlite_where=sa.text("recheck_at IS NOT NULL"),
        postgresql_where=sa.text("recheck_at IS NOT NULL"),
    )
    op.add_column("message", sa.Column("asked_at", sa.BigInteger(), autoincrement=False, nullable=True))
    op.add_column("message", sa.Column("place_id", sa.Integer(), nullable=True))
    op.add_column("message", sa.Column("until", sa.BigInteger(), autoincrement=False, nullable=True))
    op.create_table(
        "segment",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
