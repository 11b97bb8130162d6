"""What the ledger and the outcomes add up to: how many entered, came to a stage, left, were sent something or not.

Takes a connection; gives counts. Decisions up to the last tick are final, so each stretch of time is counted once and
kept as rows of `tally` (`sum_up`); a reader adds what has happened since. However far it was summed up, the sums are
the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from sqlalchemy import Connection, Row, func, select, text

from flowrules.sql import tables
from flowrules.sql.codes import Decision, Reason, Status
from flowrules.store.zones import BEGINNING, END

QUARTER = 900_000_000
"""Messages are counted by quarter hours: the offset of every zone there is now is a whole number of them."""
TAIL = 20_000
"""So many decisions behind what was summed up are counted anew by each reader; of more, only those that are final."""


class What(IntEnum):
    """Stored; numbers are never reused."""

    UNTIL = 0  # one row: its number is the instant up to which all is summed up
    ENTERED = 1
    STAGE = 2  # came to a stage for the first time on a journey
    EXIT = 3
    GOAL = 4
    MESSAGE = 5
    WITHHELD = 6  # finally: one that is held may still be sent
    MOVED = 7  # went on from a stage, less those who came back to it


@dataclass(frozen=True, slots=True)
class Count:
    """Counted together. version_id: of ENTERED. step_id: the stage, of MOVED the one left; channel_id: of MESSAGE.

    code: Reason of EXIT and WITHHELD, Status of MESSAGE. label_id: the words of an EXIT, the cap's place of a WITHHELD.
    at: the quarter hour of MESSAGE and WITHHELD, the local day when that is past, 0 when it is long past; else 0.
    """

    what: int
    campaign_id: int
    at: int = 0
    version_id: int = 0
    step_id: int = 0
    channel_id: int = 0
    held_out: int = 0
    code: int = 0
    label_id: int = 0


COLUMNS = tuple(Count.__dataclass_fields__)

_IN = "d.at > :after AND d.at <= :until"
_QUARTER = f"d.at - d.at % {QUARTER}"
# A message that was accepted where it was decided on, by a channel that answers at once.
_AT_ONCE = (
    "SELECT 1 FROM message m WHERE m.customer_id = d.customer_id AND m.campaign_id = d.campaign_id "
    "AND m.instance = d.instance AND m.step_id = d.step_id AND m.decided_at = d.at AND m.turn = d.turn "
    "AND m.sent_at = d.at"
)
_MESSAGES = text(
    "SELECT d.decision, d.campaign_id, "  # noqa: S608  # our own words, as below
    f"CASE WHEN d.decision = {int(Decision.ENTERED)} THEN d.version_id ELSE 0 END AS version_id, "
    f"CASE WHEN d.decision = {int(Decision.SEND)} THEN d.step_id ELSE 0 END AS step_id, d.reason, "
    f"CASE WHEN d.reason = {int(Reason.CAPPED)} THEN d.place_id ELSE 0 END AS place_id, "
    f"CASE WHEN d.decision = {int(Decision.ENTERED)} THEN 0 ELSE {_QUARTER} END AS quarter, count(*) AS number "
    f"FROM decision d WHERE {_IN} AND (d.decision = {int(Decision.ENTERED)} "
    f"OR d.decision = {int(Decision.SEND)} AND (d.reason IS NOT NULL OR EXISTS ({_AT_ONCE})) "
    f"OR d.decision = {int(Decision.WITHHELD)} AND d.until IS NULL AND d.reason <> {int(Reason.ON_HOLD)}) "
    "GROUP BY 1, 2, 3, 4, 5, 6, 7"
)
_OUTCOMES = text(
    f"SELECT d.campaign_id, d.step_id, d.status, {_QUARTER} AS quarter, count(*) AS number FROM outcome d "  # noqa: S608
    f"WHERE d.at + 0 > :after AND d.at + 0 <= :until AND d.status <> {int(Status.HELD)} GROUP BY 1, 2, 3, 4"
)
EARLIER_STAYS = (
    "FROM visit v JOIN decision p ON p.at = v.at AND p.customer_id = v.customer_id "
    "WHERE v.customer_id = d.customer_id AND v.at >= e.entered_at AND v.at <= d.at "
    f"AND p.campaign_id = d.campaign_id AND p.instance = d.instance AND p.decision = {int(Decision.STAGE)} "
    "AND (p.at < d.at OR p.turn < d.turn)"
)
"""Of the journey of a decision `d`, whose enrollment is `e`: by the customer's visits since it began."""
ENROLLED = (
    "JOIN enrollment e ON e.customer_id = d.customer_id AND e.campaign_id = d.campaign_id AND e.instance = d.instance"
)
_STAGE = f"d.decision = {int(Decision.STAGE)}"
_JOURNEYS = text(
    "SELECT decision, campaign_id, held_out, step_id, left_id, again, reason, words_id, count(*) AS number FROM ("  # noqa: S608
    "SELECT d.decision, d.campaign_id, CASE WHEN e.ghost > 0 THEN 1 ELSE 0 END AS held_out, "
    f"CASE WHEN {_STAGE} THEN d.step_id WHEN d.decision = {int(Decision.EXIT)} THEN e.stage_id ELSE 0 END AS step_id, "
    f"CASE WHEN {_STAGE} THEN (SELECT p.step_id {EARLIER_STAYS} ORDER BY p.at DESC, p.turn DESC LIMIT 1) "
    f"END AS left_id, CASE WHEN {_STAGE} AND EXISTS (SELECT 1 {EARLIER_STAYS} AND p.step_id = d.step_id) "
    f"THEN 1 ELSE 0 END AS again, d.reason, d.words_id FROM decision d {ENROLLED} WHERE {_IN} AND d.decision IN "
    f"({int(Decision.STAGE)}, {int(Decision.GOAL)}, {int(Decision.EXIT)})) AS counted GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"
)


def counts(connection: Connection, after: int = BEGINNING, until: int = END) -> Counter[Count]:
    """Of decisions and outcomes in (after, until]."""
    found: Counter[Count] = Counter()
    between = {"after": after, "until": until}
    channels = _channels(connection)
    for row in connection.execute(_MESSAGES, between):
        ghost = int(row.reason == Reason.HELD_OUT)
        match row.decision:
            case Decision.ENTERED:
                of = Count(What.ENTERED, row.campaign_id, version_id=row.version_id, held_out=ghost)
            case Decision.SEND:
                status = Status.GHOST if ghost else Status.SENT
                channel = channels[row.step_id]
                of = Count(What.MESSAGE, row.campaign_id, row.quarter, channel_id=channel, held_out=ghost, code=status)
            case _:
                of = Count(What.WITHHELD, row.campaign_id, row.quarter, code=row.reason, label_id=row.place_id)
        found[of] += row.number
    for row in connection.execute(_OUTCOMES, between):
        channel = channels[row.step_id]
        found[Count(What.MESSAGE, row.campaign_id, row.quarter, channel_id=channel, code=row.status)] += row.number
    for row in connection.execute(_JOURNEYS, between):
        for of, sign in _journey(row):
            found[of] += sign * row.number
    return found


def _journey(row: Row[*tuple[Any, ...]]) -> Iterator[tuple[Count, int]]:
    def of(what: What, step_id: int, code: int = 0, label_id: int = 0) -> Count:
        return Count(what, row.campaign_id, step_id=step_id, held_out=row.held_out, code=code, label_id=label_id)

    match row.decision:
        case Decision.GOAL:
            yield of(What.GOAL, 0), 1
        case Decision.EXIT:
            yield of(What.EXIT, row.step_id, row.reason, row.words_id or 0), 1
        case _:
            # Who comes back to a stage has not moved on from there after all.
            yield (of(What.MOVED, row.step_id), -1) if row.again else (of(What.STAGE, row.step_id), 1)
            if row.left_id is not None:
                yield of(What.MOVED, row.left_id), 1


def _channels(connection: Connection) -> dict[int, int]:
    """Of the steps that send."""
    node = tables.node.c
    query = select(node.step_id, node.channel_id).where(node.channel_id.is_not(None)).distinct()
    return {row.step_id: row.channel_id for row in connection.execute(query)}


def summed_until(connection: Connection) -> int:
    tally = tables.tally.c
    found = connection.execute(select(tally.number).where(tally.what == What.UNTIL)).scalar()
    return BEGINNING if found is None else found


class Tallies:
    """All there is, as one connection sees it now. as_of: what was decided later is not counted; None: all is.

    That is while a long tick goes on: its decisions are counted when it is through.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        after = summed_until(connection)
        decision = tables.decision.c
        some = select(decision.at).where(decision.at > after).limit(TAIL + 1).subquery()
        fresh = connection.execute(select(func.count()).select_from(some)).scalar_one()
        self.as_of: int | None = None
        if fresh > TAIL:
            self.as_of = connection.execute(select(tables.clock.c.last_tick)).scalar_one()
        self._tail = counts(connection, after, END if self.as_of is None else self.as_of)

    def sums(
        self,
        by: Sequence[str],
        *whats: What,
        campaign_id: int | None = None,
        held_out: int | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Counter[tuple[int, ...]]:
        """Numbers by columns of Count. since, until: of the quarter hours from the one to before the other."""
        tally = tables.tally.c
        columns = [tally[name] for name in by]
        query = select(*columns, func.sum(tally.number)).where(tally.what.in_(whats)).group_by(*columns)
        # Of all campaigns, each by its own part of the key.
        whose = select(tables.campaign.c.id) if campaign_id is None else [campaign_id]
        query = query.where(tally.campaign_id.in_(whose))
        if held_out is not None:
            query = query.where(tally.held_out == held_out)
        if since is not None:
            query = query.where(tally.at >= since)
        if until is not None:
            query = query.where(tally.at < until)
        found: Counter[tuple[int, ...]] = Counter()
        for *values, number in self._connection.execute(query):
            found[tuple(values)] += int(number)
        for of, number in self._tail.items():
            if (
                of.what in whats
                and (campaign_id is None or of.campaign_id == campaign_id)
                and (held_out is None or of.held_out == held_out)
                and (since is None or of.at >= since)
                and (until is None or of.at < until)
            ):
                found[tuple(getattr(of, name) for name in by)] += number
        return found
