"""The tables of the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "attempt",
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("campaign_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("instance", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("pass", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("started_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("finished_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("customer_id", "campaign_id", "instance", "step_id", "pass", "number"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "attribute_change",
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("attribute", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("customer_id", "at", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_index("attribute_change_at", "attribute_change", [sa.literal_column("(at + 0)")], unique=False)
    op.create_table(
        "calendar",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("month_day", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("also", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("month", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("day"),
    )
    op.create_table(
        "campaign",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("lives_from", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "channel",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "clock",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("last_tick", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("target", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("cursor", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "consent",
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("event_time", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "channel", "purpose", "at", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "consumption",
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("campaign_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("instance", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("type_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "campaign_id", "instance", "type_id", "at", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "contact",
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("campaign_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("instance", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("pass", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("channel_id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("counted", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("ghost", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "at", "campaign_id", "instance", "step_id", "pass"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "customer",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("known_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("zone_id", sa.SmallInteger(), autoincrement=False, nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("customer_zone", "customer", ["zone_id"], unique=False)
    op.create_table(
        "decision",
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
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
        sa.PrimaryKeyConstraint("customer_id", "at", "turn", "campaign_id", "instance", "decision"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "deployment",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
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
        sa.Column("stage_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("stage_id", sa.Integer(), nullable=False),
        sa.Column("ghost", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("goal_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("ended_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("exit", sa.SmallInteger(), autoincrement=False, nullable=True),
        sa.Column("words_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("customer_id", "campaign_id", "instance"),
        sqlite_with_rowid=False,
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
        "event",
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("type_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_time", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ref_campaign_id", sa.Integer(), nullable=True),
        sa.Column("ref_instance", sa.Integer(), nullable=True),
        sa.Column("ref_step_id", sa.Integer(), nullable=True),
        sa.Column("ref_pass", sa.Integer(), nullable=True),
        sa.Column("machine", sa.SmallInteger(), autoincrement=False, nullable=True),
        sa.Column("extra", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("customer_id", "type_id", "at", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "event_due", "event", [sa.literal_column("(type_id + 0)"), sa.literal_column("(at + 0)")], unique=False
    )
    op.create_table(
        "event_type",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "exposure",
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("held_out", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "identity",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("kind", "value", "customer_id", "since"),
        sqlite_with_rowid=False,
    )
    op.create_index("identity_customer", "identity", ["customer_id", "kind", "since"], unique=False)
    op.create_table(
        "intake", sa.Column("key", sa.Text(), nullable=False), sa.PrimaryKeyConstraint("key"), sqlite_with_rowid=False
    )
    op.create_table(
        "journal",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("next_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "label",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("text"),
    )
    op.create_table(
        "list_entry",
        sa.Column("list", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("list", "kind", "value"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "message",
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("campaign_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("instance", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("pass", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("node", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("status", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.SmallInteger(), autoincrement=False, nullable=True),
        sa.Column("decided_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("turn", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sent_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("customer_id", "campaign_id", "instance", "step_id", "pass"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "message_open",
        "message",
        ["status"],
        unique=False,
        sqlite_where=sa.text("status < 10"),
        postgresql_where=sa.text("status < 10"),
    )
    op.create_table(
        "month",
        sa.Column("month", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_day", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last_day", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("month"),
    )
    op.create_table(
        "node",
        sa.Column("version_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("node", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("step_id", sa.Integer(), nullable=False),
        sa.Column("stage_id", sa.Integer(), nullable=False),
        sa.Column("place_id", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.SmallInteger(), autoincrement=False, nullable=True),
        sa.Column("template", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("version_id", "node"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outcome",
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("campaign_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("instance", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("pass", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.SmallInteger(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("customer_id", "at", "campaign_id", "instance", "step_id", "pass"),
        sqlite_with_rowid=False,
    )
    op.create_index("outcome_at", "outcome", [sa.literal_column("(at + 0)")], unique=False)
    op.create_table(
        "step",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("campaign_id", "key"),
    )
    op.create_table(
        "tag",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "tagging",
        sa.Column("customer_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tag_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "tag_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "version",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "workspace",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "zone",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "zone_offset",
        sa.Column("zone_id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("utc_from", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("utc_to", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("zone_id", "utc_from"),
        sqlite_with_rowid=False,
    )
