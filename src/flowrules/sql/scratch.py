"""The tick's working tables: temporary, one set a connection, empty between slices.

They drive every statement of a tick: each joins customer-keyed tables from here, by customer.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, MetaData, Table, Text
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.schema import CreateTable
from sqlalchemy.types import TypeEngine

from flowrules.sql.tables import KEY

scratch = MetaData()

_KEPT = "kept"
_TYPES: dict[str, TypeEngine[Any]] = {"key": KEY, "words": Text()}


def _temporary(name: str, keys: int, columns: str, *, first: str = "", kept: bool = False, rows: bool = False) -> Table:
    """Columns by name; the first `keys` of them are the primary key. All are integers but `key` and `words`.

    first: columns before those: to look at one SQLite reads the lengths of all before it. kept: longer than a slice.
    rows: changed often, so the key is an index beside the rows and not the rows' order.
    """
    names, before = [*first.split(), *columns.split()], len(first.split())
    return Table(
        name,
        scratch,
        *(
            Column(
                column,
                _TYPES.get(column, BigInteger),
                primary_key=before <= position < before + keys,
                nullable=not before <= position < before + keys,
                autoincrement=False,
            )
            for position, column in enumerate(names)
        ),
        prefixes=["TEMPORARY"],
        sqlite_with_rowid=rows,
        info={_KEPT: kept},
    )


agenda = _temporary("agenda", 3, "customer_id at what", kept=True)
"""Instants of the slice's customers. what: an event type's id, 0 for a timer, or one of AGENDA."""

occurrence = _temporary("occurrence", 4, "zone_id at what day", kept=True)
"""Occurrences of schedules and clock times in this tick; what: -(100 + campaign id); day: the local date meant."""

focus = _temporary("focus", 1, "customer_id at zone_id")
"""The round: one instant a customer."""

run = _temporary(
    "run",
    3,
    "customer_id campaign_id instance at zone_id version_id entered_at entry_seq entry_at stage_at stage_id ghost "
    "key link_campaign_id link_instance goal_at exit words_id born depth place_id by_id pick local until ev_at ev_seq "
    "renew came",
    first="state code was ended_at dirty due_at recheck_at ending",
    rows=True,
)
"""The live instances of the round's customers, moved here and written back once.

state: see STATE; code: the position; was: the position when the instant began, 0 of those who enter, -1 of those who
had left; ending: marked by the watch; pick: the edge to take; local, until: of a wait; ev_*: the event met; renew: seq
of the event that replaces the entry; link_*: the journey it ends with; depth: in the chain of what was set off within
this instant; dirty: differs from the stored row; born: the turn of its entry at this instant; came: the turn in which
it came to a wait where it rests, if it does.
"""

start = _temporary("start", 5, "customer_id target plain key instance campaign_id ghost depth linked place_id by_id")
"""Who may enter a campaign, the target, because of a step: of the instance that took it, its campaign's place in plain
order. place_id: of the `start campaign` it was; linked: the new journey ends with that instance.

Nobody's step (plain and instance 0, no key): a change of the profile, a segment joined or left.
"""

before = _temporary("before", 5, "customer_id attribute plain key instance campaign_id ghost depth number words")
"""The value an attribute had before the facts of the instant or a step changed it; whose step as in `start`."""

belongs = _temporary("belongs", 1, "customer_id at was holds recheck_at had")
"""One segment: who was a member, who is one now, and when time alone may change that; had: what was stored of it."""

candidate = _temporary(
    "candidate",
    2,
    "customer_id nth at zone_id seq key last_instance last_at place_id ghost by_id link_campaign_id link_instance "
    "depth number reason canary",
)
"""Verdicts on entering one campaign. nth: 1, or in their order where a customer may enter several times at once;
last_*: of the customer's earlier journeys in it (with that key); number: of the new one; canary: 1 where that is in the
version that only a share of customers enters.
"""

ask = _temporary(
    "ask",
    3,
    "customer_id campaign_id instance at version_id node step_id place_id channel_id ghost total key rank pass "
    "entry_at entry_seq zone_id asked_at lasts patience reason counter cap_id by_id held_reason held_place held "
    "rule_id until local this_day this_week this_month",
)
"""Messages asked for, contending; total: the campaign in the total order; rank: among its customer's asks.

lasts, patience: microseconds from `asked_at` until it expires, and until a cap is waited for in vain; held_*: what held
it until now; held: 1 where it is held now, by rule_id or the cap, `until`; this_*: where the customer's day, week and
month began; local: a step on the way to an instant.
"""

force = _temporary("force", 1, "campaign_id limited counted", kept=True)
"""The campaigns of the versions in use, by the policy in force now."""

cap = _temporary("cap", 1, "id number per place_id", kept=True)
"""The caps in force, for the ledger's limit and window."""

spot = _temporary("spot", 1, "code place_id", kept=True)
"""Where the messages and stages of what is in force stand in the files: the table of nodes knows where they stood when
their version was new.
"""


class STATE:
    """Of a row of `run`."""

    REST = 0
    RUNNING = 1
    ASKING = 2
    MOVED = 3  # on in this micro step already
    DUE = 7  # to go on as if a timer had run out
    MET = 8  # what it waited for came
    INTERRUPTED = 9  # `on E go to`


class AGENDA:
    """Of a row of `agenda` that is neither an event nor an occurrence."""

    TIMER = 0
    CHANGE = -1
    OUTCOME = -2
    CONSENT = -3
    KNOWN = -4
    OPERATOR = -5
    MEMBER = -1_000_000  # less the segment's id: time alone may change its members


def emptied() -> str:
    """For PostgreSQL: rows deleted one by one stay in the way of every statement after. Dear: not for every commit."""
    return f"TRUNCATE {', '.join(table.name for table in scratch.sorted_tables if not table.info[_KEPT])}"


def definitions(dialect: str) -> tuple[str, ...]:
    """CREATE TEMPORARY TABLE statements for `sqlite` or `postgresql`."""
    target = SQLiteDialect() if dialect == "sqlite" else PGDialect()  # type: ignore[no-untyped-call]  # SQLAlchemy has no types there
    return tuple(str(CreateTable(table).compile(dialect=target)) for table in scratch.sorted_tables)
