"""Operators, refusals and visits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from flowrules.store.migrations.rebuild import rebuild

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "daily_count",
        sa.Column("channel_id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("channel_id", "day"),
        sqlite_with_rowid=False,
    )
    rebuild(
        "decision",
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("turn", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("campaign_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("instance", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("decision", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("step_id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.SmallInteger(), autoincrement=False, nullable=True),
        sa.Column("place_id", sa.Integer(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("counter", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("limit", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("window", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("until", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("words_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("at", "customer_id", "turn", "campaign_id", "instance", "decision"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "kept_refusal",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("hash", "channel", "purpose"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "operator_exit",
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("campaign_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "at", "campaign_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("operator_exit_at", "operator_exit", [sa.literal_column("(at + 0)")], unique=False)
    op.create_table(
        "pause",
        sa.Column("campaign_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("overdue", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("campaign_id", "since"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "scheduler",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("leads", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("owner"),
    )
    op.create_table(
        "visit",
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "at"),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO visit (customer_id, at) SELECT DISTINCT customer_id, at FROM decision")
    # What `apply` stores from now on, and a tick needs before the next one.
    op.execute(
        "INSERT INTO label (id, text) SELECT coalesce(max(id), 0) + 1, 'operator' FROM label "
        "HAVING NOT EXISTS (SELECT 1 FROM label WHERE text = 'operator') AND EXISTS (SELECT 1 FROM deployment)"
    )
