"""Sums, moves, looking back, the ledger's index behind it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from flowrules.store.migrations.rebuild import rebuild

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("campaign", sa.Column("looks_back_to", sa.BigInteger(), autoincrement=False, nullable=True))
    rebuild(
        "clock",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("last_tick", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("target", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("cursor", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("visited_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("visited_customer", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        # Until now every row of the ledger had its visit at once.
        fill={"visited_at": "last_tick", "visited_customer": str(1 << 62)},
    )
    op.add_column("deployment", sa.Column("commit", sa.Text(), nullable=True))
    op.add_column("deployment", sa.Column("author", sa.Text(), nullable=True))
    op.create_table(
        "move",
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("campaign_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("instance", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("node", sa.Integer(), nullable=False),
        sa.Column("fresh", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("place_id", sa.Integer(), nullable=False),
        sa.Column("words_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("customer_id", "at", "campaign_id", "instance"),
        sqlite_with_rowid=False,
    )
    op.create_index("move_at", "move", [sa.literal_column("(at + 0)")], unique=False)
    op.add_column("outcome", sa.Column("place_id", sa.Integer(), nullable=True))
    op.add_column("outcome", sa.Column("by_id", sa.Integer(), nullable=True))
    op.create_table(
        "resting",
        sa.Column("version_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("node", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("held_out", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("part_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("part", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("version_id", "node", "held_out", "part_at", "part"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO resting (version_id, node, held_out, part_at, part, number) SELECT version_id, node, "
        "CASE WHEN ghost > 0 THEN 1 ELSE 0 END AS held_out, 0, 0, count(*) FROM enrollment WHERE ended_at IS NULL "
        "GROUP BY 1, 2, 3"
    )
    op.create_table(
        "tally",
        sa.Column("what", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("campaign_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("channel_id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("held_out", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("label_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint(
            "what", "campaign_id", "at", "version_id", "step_id", "channel_id", "held_out", "code", "label_id"
        ),
        sqlite_with_rowid=False,
    )
