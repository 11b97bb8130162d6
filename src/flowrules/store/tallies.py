"""What the ledger and the outcomes add up to: how many entered, came to a stage, left, were sent something or not.

Takes a connection; gives counts. Decisions up to the last tick are final, so each stretch of time is counted once and
kept as rows of `tally` (`sum_up`); a reader adds what has happened since. However far it was summed up, the sums are
the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row, func, select

from flowrules.sql import tables
from flowrules.sql.codes import Decision, Reason, Status
from flowrules.sql.counting import counting
from flowrules.sql.visits import EVERYBODY
from flowrules.store.zones import BEGINNING, END

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


def counts(
    connection: Connection, after: int = BEGINNING, until: int = END, renamed: Mapping[int, int] = MappingProxyType({})
) -> Counter[Count]:
    """Of decisions and outcomes in (after, until]. renamed: stages that have another name now, and what they became:
    whoever comes back under another name has been there before.
    """
    found: Counter[Count] = Counter()
    between = {"after": after, "until": until}
    near, whom = min(visited(connection), (after, EVERYBODY))
    queries = counting(connection.dialect.name, tuple(sorted(renamed.items())))
    channels = _channels(connection)
    for row in connection.execute(queries.messages, between):
        ghost = int(row.reason == Reason.HELD_OUT)
        match row.decision:
            case Decision.ENTERED:
                of = Count(What.ENTERED, row.campaign_id, version_id=row.version_id, held_out=ghost)
            case Decision.SEND:
                status = Status.GHOST if ghost else Status.SENT
                channel = channels.get(row.step_id, 0)
                of = Count(What.MESSAGE, row.campaign_id, row.quarter, channel_id=channel, held_out=ghost, code=status)
            case _:
                of = Count(What.WITHHELD, row.campaign_id, row.quarter, code=row.reason, label_id=row.place_id)
        found[of] += row.number
    for row in connection.execute(queries.outcomes, between):
        channel = channels.get(row.step_id, 0)
        found[Count(What.MESSAGE, row.campaign_id, row.quarter, channel_id=channel, code=row.status)] += row.number
    for row in connection.execute(queries.journeys, {**between, "near": near, "whom": whom}):
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


def visited(connection: Connection) -> tuple[int, int]:
    """Up to this instant, there up to this customer, the ledger has its index by customer."""
    clock = tables.clock.c
    row = connection.execute(select(clock.visited_at, clock.visited_customer)).one()
    return row.visited_at, row.visited_customer


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

    That is while a long tick goes on: its decisions are counted when it is through. renamed: see counts(); who asks
    for no stage needs none.
    """

    def __init__(self, connection: Connection, renamed: Mapping[int, int] = MappingProxyType({})) -> None:
        self._connection = connection
        after = summed_until(connection)
        decision = tables.decision.c
        some = select(decision.at).where(decision.at > after).limit(TAIL + 1).subquery()
        fresh = connection.execute(select(func.count()).select_from(some)).scalar_one()
        self.as_of: int | None = None
        if fresh > TAIL:
            self.as_of = connection.execute(select(tables.clock.c.last_tick)).scalar_one()
        self._tail = counts(connection, after, END if self.as_of is None else self.as_of, renamed)

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
            found[tuple(values)] += int(number or 0)
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
