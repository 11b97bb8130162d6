"""What the ledger and the outcomes add up to: how many entered, came to a stage, left, were sent something or not.

Takes a connection; gives counts. A count is of decisions and outcomes in an open stretch of time, so that what was
counted once never is again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from sqlalchemy import Connection, text

from flowrules.sql.codes import Decision, Reason, Status
from flowrules.store.zones import BEGINNING

QUARTER = 900_000_000
"""Messages are counted by quarter hours: the offset of every zone there is now is a whole number of them."""


class What(IntEnum):
    """Stored; numbers are never reused."""

    ENTERED = 1
    STAGE = 2  # came to a stage for the first time on a journey
    EXIT = 3
    GOAL = 4
    MESSAGE = 5
    WITHHELD = 6
    MOVED = 7  # went on from a stage, less those who came back to it


@dataclass(frozen=True, slots=True)
class Count:
    """version_id: of ENTERED. step_id: the stage (of MOVED the one left), or the step of a message. label_id: the words
    of an EXIT, the place of a WITHHELD. code: Reason of EXIT and WITHHELD, Status of MESSAGE. at: the quarter hour of
    MESSAGE and WITHHELD; else 0.
    """

    what: What
    campaign_id: int
    version_id: int
    step_id: int
    held_out: int
    code: int
    label_id: int
    at: int
    number: int


_COLUMNS = "what, campaign_id, version_id, step_id, held_out, code, label_id, at"

_ENROLLED = (
    "JOIN enrollment e ON e.customer_id = d.customer_id AND e.campaign_id = d.campaign_id AND e.instance = d.instance"
)
_HELD_OUT = "CASE WHEN e.ghost > 0 THEN 1 ELSE 0 END"
_IN = "d.at > :after AND d.at <= :until"
# A message that was accepted where it was decided on, by a channel that answers at once.
_AT_ONCE = (
    "SELECT 1 FROM message m WHERE m.customer_id = d.customer_id AND m.campaign_id = d.campaign_id "
    "AND m.instance = d.instance AND m.step_id = d.step_id AND m.decided_at = d.at AND m.turn = d.turn "
    "AND m.sent_at = d.at"
)
# The earlier stays of the journey, by the customer's visits since it began.
_EARLIER = (
    "FROM visit v JOIN decision p ON p.at = v.at AND p.customer_id = v.customer_id "
    "WHERE v.customer_id = d.customer_id AND v.at >= e.entered_at AND v.at <= d.at "
    f"AND p.campaign_id = d.campaign_id AND p.instance = d.instance AND p.decision = {int(Decision.STAGE)} "
    "AND (p.at < d.at OR p.turn < d.turn)"
)
_THERE_BEFORE = f"EXISTS (SELECT 1 {_EARLIER} AND p.step_id = d.step_id)"


def _part(
    what: What,
    rest: str,
    *,
    version_id: str = "0",
    step_id: str = "0",
    held_out: str = "0",
    code: str = "0",
    label_id: str = "0",
    at: str = "0",
    number: str = "1",
) -> str:
    columns = f"{version_id} AS version_id, {step_id} AS step_id, {held_out} AS held_out, {code} AS code, "
    return (
        f"SELECT {int(what)} AS what, d.campaign_id AS campaign_id, {columns}{label_id} AS label_id, {at} AS at, "
        f"{number} AS number {rest}"
    )


def _quarter(at: str) -> str:
    return f"{at} - {at} % {QUARTER}"


def _decided(decision: Decision, *, enrolled: bool = False) -> str:
    return f"FROM decision d {_ENROLLED if enrolled else ''} WHERE {_IN} AND d.decision = {int(decision)}"


_PARTS = (
    _part(
        What.ENTERED,
        _decided(Decision.ENTERED),
        version_id="d.version_id",
        held_out=f"CASE WHEN d.reason = {int(Reason.HELD_OUT)} THEN 1 ELSE 0 END",
    ),
    _part(
        What.STAGE,
        f"{_decided(Decision.STAGE, enrolled=True)} AND NOT {_THERE_BEFORE}",
        step_id="d.step_id",
        held_out=_HELD_OUT,
    ),
    # Who comes to another stage has moved on from the one before; who comes back has not moved on from there after all.
    _part(
        What.MOVED,
        f"{_decided(Decision.STAGE, enrolled=True)} AND {_THERE_BEFORE}",
        step_id="d.step_id",
        held_out=_HELD_OUT,
        number="-1",
    ),
    _part(
        What.MOVED,
        f"{_decided(Decision.STAGE, enrolled=True)} AND EXISTS (SELECT 1 {_EARLIER})",
        step_id=f"(SELECT p.step_id {_EARLIER} ORDER BY p.at DESC, p.turn DESC LIMIT 1)",
        held_out=_HELD_OUT,
    ),
    _part(
        What.EXIT,
        _decided(Decision.EXIT, enrolled=True),
        step_id="e.stage_id",
        held_out=_HELD_OUT,
        code="d.reason",
        label_id="coalesce(d.words_id, 0)",
    ),
    _part(What.GOAL, _decided(Decision.GOAL, enrolled=True), held_out=_HELD_OUT),
    _part(
        What.MESSAGE,
        f"{_decided(Decision.SEND)} AND (d.reason IS NOT NULL OR EXISTS ({_AT_ONCE}))",
        step_id="d.step_id",
        held_out="CASE WHEN d.reason IS NULL THEN 0 ELSE 1 END",
        code=f"CASE WHEN d.reason IS NULL THEN {int(Status.SENT)} ELSE {int(Status.GHOST)} END",
        at=_quarter("d.at"),
    ),
    _part(
        What.MESSAGE,
        f"FROM outcome d WHERE d.at + 0 > :after AND d.at + 0 <= :until AND d.status <> {int(Status.HELD)}",
        step_id="d.step_id",
        code="d.status",
        at=_quarter("d.at"),
    ),
    # One that is held may still be sent.
    _part(
        What.WITHHELD,
        f"{_decided(Decision.WITHHELD)} AND d.until IS NULL AND d.reason <> {int(Reason.ON_HOLD)}",
        step_id="d.step_id",
        code="d.reason",
        label_id="d.place_id",
        at=_quarter("d.at"),
    ),
)
_COUNTED = text(
    f"SELECT {_COLUMNS}, sum(number) AS number FROM ({' UNION ALL '.join(_PARTS)}) AS counted GROUP BY {_COLUMNS}"  # noqa: S608  # our own words
)


def counts(connection: Connection, after: int = BEGINNING, until: int | None = None) -> Iterator[Count]:
    """Of decisions and outcomes in (after, until]."""
    for row in connection.execute(_COUNTED, {"after": after, "until": (1 << 62) if until is None else until}):
        what, campaign_id, version_id, step_id, held_out, code, label_id, at, number = row
        yield Count(What(what), campaign_id, version_id, step_id, held_out, code, label_id, at, int(number))


class Tallies:
    """All there is, as one connection sees it now."""

    def __init__(self, connection: Connection) -> None:
        self._tail = list(counts(connection))

    def sums(
        self,
        by: Sequence[str],
        *whats: What,
        campaign_id: int | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> Counter[tuple[int, ...]]:
        """Numbers by columns of Count. since, until: of the quarter hours from the one to before the other."""
        found: Counter[tuple[int, ...]] = Counter()
        for each in self._tail:
            if (
                each.what in whats
                and (campaign_id is None or each.campaign_id == campaign_id)
                and (since is None or each.at >= since)
                and (until is None or each.at < until)
            ):
                found[tuple(getattr(each, name) for name in by)] += each.number
        return found
