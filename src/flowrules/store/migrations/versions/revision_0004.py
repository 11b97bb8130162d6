"""Segments kept, arms drawn, messages held, journeys by key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from flowrules.store.migrations.rebuild import rebuild

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
    rebuild(
        "contact",
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("campaign_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("instance", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("pass", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("channel_id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("counted", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("ghost", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "at", "campaign_id", "instance", "step_id", "pass"),
        sqlite_with_rowid=False,
        # Of a campaign's hold-out it is told which campaign's.
        fill={"ghost": "CASE ghost WHEN 2 THEN 1 + campaign_id ELSE ghost END"},
    )
    op.create_index("customer_known_at", "customer", [sa.literal_column("(known_at + 0)")], unique=False)
    rebuild(
        "decision",
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("turn", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("campaign_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("instance", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("decision", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), server_default="", nullable=False
        ),
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
        sa.PrimaryKeyConstraint("at", "customer_id", "turn", "campaign_id", "instance", "decision", "key"),
        sqlite_with_rowid=False,
        fill={"key": "''"},
    )
    rebuild(
        "enrollment",
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("campaign_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("instance", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("node", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("recheck_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("entered_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_seq", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("entry_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("stage_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("stage_id", sa.Integer(), nullable=False),
        sa.Column("ghost", sa.Integer(), nullable=False),
        sa.Column(
            "key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), server_default="", nullable=False
        ),
        sa.Column("link_campaign_id", sa.Integer(), nullable=True),
        sa.Column("link_instance", sa.Integer(), nullable=True),
        sa.Column("goal_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("ended_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("exit", sa.SmallInteger(), autoincrement=False, nullable=True),
        sa.Column("words_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("customer_id", "campaign_id", "instance"),
        sqlite_with_rowid=False,
        fill={"key": "''", "ghost": "CASE ghost WHEN 2 THEN 1 + campaign_id ELSE ghost END"},
    )
    op.create_index(
        "enrollment_due",
        "enrollment",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "enrollment_recheck",
        "enrollment",
        ["recheck_at"],
        unique=False,
        sqlite_where=sa.text("recheck_at IS NOT NULL"),
        postgresql_where=sa.text("recheck_at IS NOT NULL"),
    )
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
    op.add_column("message", sa.Column("entry_at", sa.BigInteger(), autoincrement=False, nullable=True))
    op.add_column("message", sa.Column("entry_seq", sa.BigInteger(), autoincrement=False, nullable=True))
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
