"""The tables, once for SQLite and PostgreSQL.

Customer leads every key of a customer-keyed table; keys are made from the row, never from a sequence.
Instants are UTC microseconds. Names that repeat in every row are small integers, spelled out in the
catalogue tables (and in `codes` for decisions and reasons).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

UNTIL_RESUMED = 1 << 62
"""`due_at` of those whose message a pause holds: this, and the instant since when they ask."""
OPERATOR = "operator"
"""The place of what no rule decided but a person with a command."""


def _int(name: str, *, key: bool = False, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, primary_key=key, nullable=null, autoincrement=False)


def _small(name: str, *, key: bool = False, null: bool = False) -> Column[int]:
    return Column(name, SmallInteger, primary_key=key, nullable=null, autoincrement=False)


def _text(name: str, *, key: bool = False, null: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=null)


KEY = Text().with_variant(Text(collation="C"), "postgresql")
"""By code points on both databases."""


def _key(*, primary_key: bool = False) -> Column[str]:
    """What tells a customer's journeys in one campaign apart; empty where nothing does."""
    return Column("key", KEY, primary_key=primary_key, nullable=False, server_default="")


def _ghost() -> Column[int]:
    """Which holdout: 0 none, 1 the universal one, 1 + campaign id that of a campaign."""
    return Column("ghost", Integer, nullable=False)


_DUE = text("(at + 0)")
"""What the agenda is written from. An expression that no guard uses: those shall go by customer, whatever PostgreSQL
thinks of it, or many customers' facts of one instant are read for each of them."""

# --- the workspace and its clock ----------------------------------------------------------------------

workspace = Table("workspace", metadata, _text("key", key=True), _text("value"))
"""salt (written once), zone, currency; region of phone numbers, hashes kept in `identity`."""

clock = Table(
    "clock",
    metadata,
    _small("id", key=True),  # always 0
    _int("last_tick"),  # every customer has passed this instant
    _int("target"),  # a tick under way (or interrupted) goes to here; equal to last_tick when none is
    _int("cursor"),  # customers up to this id have passed the target
    _int("visited_at"),  # the ledger has its visits up to here, and
    _int("visited_customer"),  # of this instant up to this customer
)
journal = Table(
    "journal",
    metadata,
    _small("id", key=True),  # always 0
    _int("next_seq"),  # the next order number of an incoming fact
)
"""Apart from the clock: intake takes numbers while a slice holds the clock."""

scheduler = Table(
    "scheduler",
    metadata,
    _text("owner", key=True),
    _small("leads"),  # 1: it ticks and delivers; the others stand by
    _int("since"),  # by the machine's clock, as
    _int("expires_at"),
)
"""Processes that `run`; who does not renew its row in time is taken for gone."""

# --- catalogues ---------------------------------------------------------------------------------------

zone = Table("zone", metadata, _small("id", key=True), Column("name", Text, nullable=False, unique=True))
zone_offset = Table(
    "zone_offset",
    metadata,
    _small("zone_id", key=True),
    _int("utc_from", key=True),
    _int("utc_to"),
    _int("offset"),  # microseconds east of UTC
    sqlite_with_rowid=False,
)
calendar = Table(
    "calendar",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),  # days since 1970-01-01, 1900 to 2099
    _small("month_day"),  # month * 100 + day
    _small("also"),  # 229 on 28 February of a year without a 29th, else month_day
    _int("month"),  # year * 12 + month - 1
    Index("calendar_month_day", "month_day"),
)
month = Table(
    "month",
    metadata,
    Column("month", Integer, primary_key=True, autoincrement=False),  # year * 12 + month - 1
    _int("first_day"),
    _int("last_day"),
)
label = Table(
    "label", metadata, Column("id", Integer, primary_key=True), Column("text", Text, nullable=False, unique=True)
)
"""Words that ledger rows point to: places (`rules/x.flow:12`), what excluded, the author's exit words."""
event_type = Table(
    "event_type",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
)
tag = Table(
    "tag",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
)
segment = Table(
    "segment",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
)
"""Those that some trigger has waited for to be joined or left."""
campaign = Table(
    "campaign",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    _int("lives_from", null=True),  # null: not deployed now; earlier facts enter nobody,
    _int("looks_back_to", null=True),  # but those that happened since then, where a deployment said so
)
step = Table(
    "step",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # 0 is the header of every campaign
    Column("campaign_id", Integer, nullable=False),
    _text("key"),
    UniqueConstraint("campaign_id", "key"),
)
deployment = Table(
    "deployment",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _int("at"),
    _text("digest"),
    _text("snapshot"),  # JSON: every file the meaning was made from
    _text("commit", null=True),  # of git, where the workspace is in a repository; with `+` where files differ from it
    _text("author", null=True),  # of that commit
    _int("canary", null=True),  # millionths of customers who enter what changed; null: everybody
)
version = Table(
    "version",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("campaign_id", Integer, nullable=False),
    _int("number"),
    _text("digest"),
    Column("deployment_id", Integer, nullable=False),  # the snapshot this version is compiled from
    _int("at"),
)
node = Table(
    "node",
    metadata,
    Column("version_id", Integer, primary_key=True, autoincrement=False),
    Column("node", Integer, primary_key=True, autoincrement=False),
    _small("kind"),  # program.machine.NodeKind
    Column("step_id", Integer, nullable=False),
    Column("stage_id", Integer, nullable=False),  # step id of the stage the node is in
    Column("place_id", Integer, nullable=False),
    _small("channel_id", null=True),  # of a send
    _text("template", null=True),
    sqlite_with_rowid=False,
)
"""The positions of every version ever deployed: what a row of the ledger or of the outbox points at."""

# --- customers ----------------------------------------------------------------------------------------

customer = Table(
    "customer",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _text("external_id"),  # the first external id, which buckets are made of
    _int("known_at"),
    _small("zone_id", null=True),  # null: no or unknown `timezone`
    _text("email", null=True),
    _text("phone", null=True),
    _text("country", null=True),
    _text("language", null=True),
    _text("timezone", null=True),
    Index("customer_zone", "zone_id"),
    Index("customer_known_at", text("(known_at + 0)")),
)
"""Declared attributes are added by `apply` as columns a_<name> (BigInteger or Text, nullable)."""
identity = Table(
    "identity",
    metadata,
    _text("kind", key=True),  # id, email, phone; where a list asks for it email_sha256, phone_sha256
    _text("value", key=True),  # normalised
    Column("customer_id", Integer, primary_key=True, autoincrement=False),
    _int("since", key=True),
    Index("identity_customer", "customer_id", "kind", "since"),
    sqlite_with_rowid=False,
)
"""What a customer is found by. Of each kind the newest row holds, an empty value is none; older ones still find."""
attribute_change = Table(
    "attribute_change",
    metadata,
    Column("customer_id", Integer, primary_key=True, autoincrement=False),
    _int("at", key=True),
    _int("seq", key=True),
    _text("attribute"),
    _int("number", null=True),  # the stored value, in one of the two; both null: unset
    _text("text", null=True),
    Index("attribute_change_at", _DUE),
    sqlite_with_rowid=False,
)
consent = Table(
    "consent",
    metadata,
    Column("customer_id", Integer, primary_key=True, autoincrement=False),
    _text("channel", key=True),
    _text("purpose", key=True),
    _int("at", key=True),
    _int("seq", key=True),
    _text("state"),  # granted, refused, withdrawn, or
    _int("event_time"),
    _text("source"),
    _text("proof", null=True),  # JSON of what else was given: text shown, version, IP, agent, call id
    Index("consent_at", _DUE),
    sqlite_with_rowid=False,
)
"""Rows are only ever added: the latest by (at, seq) counts, the others are the history. One that is OUTDATED never
counts.
"""
OUTDATED = "outdated"
"""State of a consent that was told late, and given before what was refused by then."""
EVERY = "*"
"""Channel or purpose of a refusal of all: of those too that come later. Nobody is judged by it; see refusals.extend."""
kept_refusal = Table(
    "kept_refusal",
    metadata,
    _text("hash", key=True),  # of an identifier, keyed: store.refusals
    _text("channel", key=True),
    _text("purpose", key=True),
    _int("since"),
    sqlite_with_rowid=False,
)
"""What erased customers had refused: all that is left of them. And what was refused under an address, whosever."""
list_entry = Table(
    "list_entry",
    metadata,
    _text("list", key=True),
    _text("kind", key=True),
    _text("value", key=True),  # normalised as in identity
    sqlite_with_rowid=False,
)
exposure = Table(
    "exposure",
    metadata,
    Column("customer_id", Integer, primary_key=True, autoincrement=False),
    _text("name", key=True),  # holdout, holdout/<campaign>
    _small("held_out"),
    sqlite_with_rowid=False,
)

assignment = Table(
    "assignment",
    metadata,
    Column("customer_id", Integer, primary_key=True, autoincrement=False),
    Column("split_id", Integer, primary_key=True, autoincrement=False),  # label split/<campaign>/<name>
    Column("arm_id", Integer, nullable=False),  # label of the arm's name
    sqlite_with_rowid=False,
)
"""Which arm of a split a customer was sent to first, and is sent to ever after."""
membership = Table(
    "membership",
    metadata,
    Column("customer_id", Integer, primary_key=True, autoincrement=False),
    Column("segment_id", Integer, primary_key=True, autoincrement=False),
    _small("member"),
    _int("recheck_at", null=True),  # the next instant at which time alone can change it
    Index(
        "membership_recheck",
        "recheck_at",
        sqlite_where=text("recheck_at IS NOT NULL"),
        postgresql_where=text("recheck_at IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)
"""Of segments some trigger in force waits for. Without a row: no member, and time alone changes nothing."""

# --- the journal --------------------------------------------------------------------------------------

intake = Table(
    "intake",
    metadata,
    _text("key", key=True),
    _int("content", null=True),  # a hash of what came under the key, where the key is not made of it
    sqlite_with_rowid=False,
)
"""Identities of facts taken in: a keyed hash of the id, or one of the content. The same fact twice is one fact."""
event = Table(
    "event",
    metadata,
    Column("customer_id", Integer, primary_key=True, autoincrement=False),
    Column("type_id", Integer, primary_key=True, autoincrement=False),
    _int("at", key=True),  # the decision instant
    _int("seq", key=True),
    _int("event_time"),
    Column("ref_campaign_id", Integer, nullable=True),  # of a reaction: the message it is about
    Column("ref_instance", Integer, nullable=True),
    Column("ref_step_id", Integer, nullable=True),
    Column("ref_pass", Integer, nullable=True),
    _small("machine", null=True),  # 1: opened or clicked by a program, not a person
    _small("permanent", null=True),  # 1: a bounce that closes the address
    _text("extra", null=True),  # JSON of properties that are undeclared or could not be read
    Index("event_due", text("(type_id + 0)"), _DUE),
    sqlite_with_rowid=False,
)
"""Declared properties are added by `apply` as columns p_<name>__<type> (BigInteger or Text, nullable)."""

# --- where customers are ------------------------------------------------------------------------------

enrollment = Table(
    "enrollment",
    metadata,
    Column("customer_id", Integer, primary_key=True, autoincrement=False),
    Column("campaign_id", Integer, primary_key=True, autoincrement=False),
    Column("instance", Integer, primary_key=True, autoincrement=False),
    Column("version_id", Integer, nullable=False),
    Column("node", Integer, nullable=False),
    _int("due_at", null=True),
    _int("recheck_at", null=True),  # the next instant at which a watched condition can change by time alone
    _int("entered_at"),
    _int("entry_seq", null=True),  # the entering event (of the version's trigger type, at entry_at, else entered_at)
    _int("entry_at", null=True),  # where a later event replaced it
    _int("stage_at"),
    Column("stage_id", Integer, nullable=False),
    _ghost(),
    _key(),
    Column("link_campaign_id", Integer, nullable=True),  # the journey it ends with
    Column("link_instance", Integer, nullable=True),
    _int("goal_at", null=True),
    _int("ended_at", null=True),
    _small("exit", null=True),  # codes.Reason
    Column("words_id", Integer, nullable=True),
    Index(
        "enrollment_due",
        "due_at",
        sqlite_where=text("due_at IS NOT NULL"),
        postgresql_where=text("due_at IS NOT NULL"),
    ),
    Index(
        "enrollment_recheck",
        "recheck_at",
        sqlite_where=text("recheck_at IS NOT NULL"),
        postgresql_where=text("recheck_at IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)  # fmt: skip
resting = Table(
    "resting",
    metadata,
    Column("version_id", Integer, primary_key=True, autoincrement=False),
    Column("node", Integer, primary_key=True, autoincrement=False),
    _small("held_out", key=True),
    _int("part_at", key=True),  # the target of the slice that wrote it; 0: summed up
    _int("part", key=True),  # its last customer
    _int("number"),
    sqlite_with_rowid=False,
)
"""How many live journeys are at each position: the sum of all parts. A slice adds rows of its own,
of what it changed."""
tally = Table(
    "tally",
    metadata,
    _small("what", key=True),  # store.tallies.What
    Column("campaign_id", Integer, primary_key=True, autoincrement=False),
    _int("at", key=True),
    Column("version_id", Integer, primary_key=True, autoincrement=False),
    Column("step_id", Integer, primary_key=True, autoincrement=False),
    _small("channel_id", key=True),
    _small("held_out", key=True),
    _small("code", key=True),
    Column("label_id", Integer, primary_key=True, autoincrement=False),
    _int("number"),
    sqlite_with_rowid=False,
)
"""What the ledger and the outcomes add up to as far as they were summed up: see store.tallies."""
consumption = Table(
    "consumption",
    metadata,
    Column("customer_id", Integer, primary_key=True, autoincrement=False),
    Column("campaign_id", Integer, primary_key=True, autoincrement=False),
    Column("instance", Integer, primary_key=True, autoincrement=False),
    Column("type_id", Integer, primary_key=True, autoincrement=False),
    _int("at", key=True),
    _int("seq", key=True),
    sqlite_with_rowid=False,
)
"""Events used up by a wait: for other waits of the stage, and for those that a deployment brings it to."""
tagging = Table(
    "tagging",
    metadata,
    Column("customer_id", Integer, primary_key=True, autoincrement=False),
    Column("tag_id", Integer, primary_key=True, autoincrement=False),
    _int("since"),
    sqlite_with_rowid=False,
)

# --- what operators order -----------------------------------------------------------------------------

pause = Table(
    "pause",
    metadata,
    Column("campaign_id", Integer, primary_key=True, autoincrement=False),
    _int("since", key=True),
    _int("until", null=True),  # the instant of the resume
    _text("overdue", null=True),  # send, skip, exit: what it does with the messages that were held
    sqlite_with_rowid=False,
)
operator_exit = Table(
    "operator_exit",
    metadata,
    Column("customer_id", Integer, primary_key=True, autoincrement=False),
    _int("at", key=True),
    Column("campaign_id", Integer, primary_key=True, autoincrement=False),
    _small("reason"),  # codes.Reason: operator or erased
    Index("operator_exit_at", _DUE),
    sqlite_with_rowid=False,
)

move = Table(
    "move",
    metadata,
    Column("customer_id", Integer, primary_key=True, autoincrement=False),
    _int("at", key=True),  # the instant of the deployment that brings them there
    Column("campaign_id", Integer, primary_key=True, autoincrement=False),
    Column("instance", Integer, primary_key=True, autoincrement=False),
    _small("kind"),  # codes.Move
    Column("version_id", Integer, nullable=False),
    Column("node", Integer, nullable=False),
    _small("fresh"),  # 0: the step they were at; 1: another one; 2: one of a stage they had not come to
    _int("since", null=True),  # when they came to the wait that is computed anew
    Column("place_id", Integer, nullable=False),
    Column("words_id", Integer, nullable=True),
    Index("move_at", _DUE),
    sqlite_with_rowid=False,
)
"""What a deployment does to those inside, by the lines of `migrate`: the planner does it at that instant."""

# --- messages -----------------------------------------------------------------------------------------

message = Table(
    "message",
    metadata,
    Column("customer_id", Integer, primary_key=True, autoincrement=False),
    Column("campaign_id", Integer, primary_key=True, autoincrement=False),
    Column("instance", Integer, primary_key=True, autoincrement=False),
    Column("step_id", Integer, primary_key=True, autoincrement=False),
    Column("pass", Integer, primary_key=True, autoincrement=False),  # 1 for the step's first message
    Column("version_id", Integer, nullable=False),
    Column("node", Integer, nullable=False),
    _small("channel_id"),
    _small("status"),  # codes.Status
    _small("reason", null=True),  # codes.Reason
    _int("decided_at"),
    _int("turn"),
    _int("sent_at", null=True),  # when it was known that the channel had accepted it
    _int("entry_at", null=True),  # the journey's entry when this was last asked for, where it may be replaced
    _int("entry_seq", null=True),
    _int("asked_at", null=True),  # of one that was held: when its step was come to; null: at `decided_at`
    Column("place_id", Integer, nullable=True),  # the rule by which the planner holds it
    _int("until", null=True),  # held until then, if that is known
    Index(
        "message_open",
        "status",
        sqlite_where=text("status < 10"),
        postgresql_where=text("status < 10"),
    ),
    sqlite_with_rowid=False,
)
"""Statuses under 10 still want work (intended, claimed, retrying, held, unknown)."""
attempt = Table(
    "attempt",
    metadata,
    Column("customer_id", Integer, primary_key=True, autoincrement=False),
    Column("campaign_id", Integer, primary_key=True, autoincrement=False),
    Column("instance", Integer, primary_key=True, autoincrement=False),
    Column("step_id", Integer, primary_key=True, autoincrement=False),
    Column("pass", Integer, primary_key=True, autoincrement=False),
    _small("number", key=True),
    _int("started_at"),
    _int("finished_at", null=True),  # null: the process died, the outcome is unknown
    _text("outcome", null=True),
    sqlite_with_rowid=False,
)
outcome = Table(
    "outcome",
    metadata,
    Column("customer_id", Integer, primary_key=True, autoincrement=False),
    _int("at", key=True),
    Column("campaign_id", Integer, primary_key=True, autoincrement=False),
    Column("instance", Integer, primary_key=True, autoincrement=False),
    Column("step_id", Integer, primary_key=True, autoincrement=False),
    Column("pass", Integer, primary_key=True, autoincrement=False),
    _small("status"),
    _small("reason", null=True),
    Column("place_id", Integer, nullable=True),  # what decided, where it was not the step itself
    Column("by_id", Integer, nullable=True),
    Index("outcome_at", _DUE),
    sqlite_with_rowid=False,
)
"""What the outbox made of a message, as a fact: the planner goes on from here."""
contact = Table(
    "contact",
    metadata,
    Column("customer_id", Integer, primary_key=True, autoincrement=False),
    _int("at", key=True),
    Column("campaign_id", Integer, primary_key=True, autoincrement=False),
    Column("instance", Integer, primary_key=True, autoincrement=False),
    Column("step_id", Integer, primary_key=True, autoincrement=False),
    Column("pass", Integer, primary_key=True, autoincrement=False),
    _small("channel_id"),
    _small("counted"),
    _ghost(),
    sqlite_with_rowid=False,
)
"""What caps count: one row an accepted (or reserved) message."""

daily_count = Table(
    "daily_count",
    metadata,
    _small("channel_id", key=True),
    _int("day", key=True),  # local to the workspace, an ordinal
    _int("number"),
    sqlite_with_rowid=False,
)
"""How many messages left by a channel on a day, kept where it has a daily limit."""

# --- the ledger ---------------------------------------------------------------------------------------

decision = Table(
    "decision",
    metadata,
    _int("at", key=True),
    Column("customer_id", Integer, primary_key=True, autoincrement=False),
    _int("turn", key=True),
    Column("campaign_id", Integer, primary_key=True, autoincrement=False),
    Column("instance", Integer, primary_key=True, autoincrement=False),
    _small("decision", key=True),  # codes.Decision
    _key(primary_key=True),  # of entered and not_entered
    Column("step_id", Integer, nullable=False),
    Column("version_id", Integer, nullable=False),
    _small("reason", null=True),  # codes.Reason
    Column("place_id", Integer, nullable=False),
    Column("by_id", Integer, nullable=True),
    _int("counter", null=True),
    _int("limit", null=True),
    _int("window", null=True),
    _int("until", null=True),
    Column("words_id", Integer, nullable=True),
    sqlite_with_rowid=False,
)
"""In order of time, unlike the other tables of customers: a tick writes it at its end and reads nothing of it but the
entry of a journey that ends with another."""
visit = Table(
    "visit",
    metadata,
    Column("customer_id", Integer, primary_key=True, autoincrement=False),
    _int("at", key=True),
    sqlite_with_rowid=False,
)
"""The instants at which the ledger has rows of a customer, up to the one that the clock knows."""
channel = Table("channel", metadata, _small("id", key=True), Column("name", Text, nullable=False, unique=True))
