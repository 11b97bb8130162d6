"""Statements of caps: who is refused by one, and when it has room again (docs/meaning.md, Messages).

A rolling cap looks back its length; a calendar cap to where the customer's day, week or month began, which is
computed once for all caps of that period.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flowrules.model import campaign as m
from flowrules.sql.bundle import Bundle
from flowrules.sql.codes import Reason
from flowrules.sql.guards import Row
from flowrules.sql.local_time import DAY, local_day, resolve
from flowrules.sql.statement import Statement

NEVER = 9_000_000_000_000_000_000
"""Later than any instant."""


@dataclass(frozen=True, slots=True)
class Caps:
    """periods: where the customer's calendar periods began; judge: in this order for each rank; room: of those refused
    that may wait, when the last of the caps that refuse them has room; rows: what the ledger says of each.
    """

    periods: tuple[Statement, ...]
    judge: tuple[Statement, ...]
    room: tuple[Statement, ...]
    rows: tuple[dict[str, int | None], ...]


def caps(bundle: Bundle, *, waiting: bool) -> Caps:
    """waiting: some capped messages wait for room."""
    known: list[tuple[m.Cap, str, str]] = []
    if bundle.model is not None:
        limited = "ask.campaign_id IN (SELECT o.campaign_id FROM force o WHERE o.limited = 1)"
        known += [(cap, limited, " AND c.counted = 1") for cap in bundle.model.policy.caps]
    for version, _ in bundle.now:
        whose, own = f"ask.campaign_id = {version.campaign_id}", " AND c.campaign_id = ask.campaign_id"
        known += [(cap, whose, own) for cap in version.machine.campaign.caps]
    found = [_Cap(bundle, number, *each) for number, each in enumerate(known, 1)]
    return Caps(
        periods=tuple(_periods(bundle, [cap for cap, _, _ in known])),
        judge=tuple(each.judge() for each in found),
        room=tuple(statement for each in found for statement in each.room()) if waiting else (),
        rows=tuple(
            {"id": each.number, "number": each.cap.number, "per": each.cap.per or None,
             "place_id": bundle.label(each.cap.place)}
            for each in found
        ),
    )  # fmt: skip


class _Cap:
    """counted: the contacts it looks at; over: whom it concerns."""

    def __init__(self, bundle: Bundle, number: int, cap: m.Cap, whose: str, which: str) -> None:
        self.bundle, self.number, self.cap = bundle, number, cap
        over = ""
        if cap.channels:
            ids = ", ".join(str(bundle.catalogue.channels[name]) for name in cap.channels)
            over = f" AND c.channel_id IN ({ids})"
            whose += f" AND ask.channel_id IN ({ids})"
        since = f"c.at >= ask.this_{cap.calendar}" if cap.calendar else f"c.at > ask.at - {cap.per}"
        self.counted = (
            f"FROM contact c WHERE c.customer_id = ask.customer_id AND {since} AND c.at <= ask.at{which}{over} "
            "AND (c.ghost = 0 OR c.ghost = ask.ghost)"
        )
        counter = f"(SELECT count(*) {self.counted})"
        self.counter, self.full = counter, f"{whose} AND {counter} >= {cap.number}"

    def judge(self) -> Statement:
        return self.bundle.writer.statement(
            f"UPDATE ask SET reason = {int(Reason.CAPPED)}, cap_id = {self.number}, counter = {self.counter} "
            f"WHERE rank = :rank AND reason IS NULL AND {self.full}"
        )

    def room(self) -> list[Statement]:
        """Every cap must have room: the last to have it decides."""
        cap, w = self.cap, self.bundle.writer
        who = f"reason = {int(Reason.CAPPED)} AND patience IS NOT NULL AND {self.full}"
        if not cap.number:
            return [w.statement(f"UPDATE ask SET until = {NEVER} WHERE {who}")]
        if cap.calendar is None:
            # With so many contacts from it on, the window is full until this one has left it.
            last = f"(SELECT c.at + {cap.per} {self.counted} ORDER BY c.at DESC LIMIT 1 OFFSET {cap.number - 1})"
            return [w.statement(f"UPDATE ask SET until = {_later('until', last)} WHERE {who}")]
        next_one = w.fragment(resolve(Row("ask").zone, Row("ask")["local"]))
        today = w.fragment(local_day(Row("ask").zone, Row("ask").at))
        return [
            w.statement(f"UPDATE ask SET local = {_first_day(cap.calendar, str(today), 1)} * {DAY} WHERE {who}", today),
            w.statement(f"UPDATE ask SET until = {_later('until', str(next_one))} WHERE {who}", next_one),
        ]


def _later(one: str, other: str) -> str:
    return f"CASE WHEN {one} > {other} THEN {one} ELSE {other} END"


def _periods(bundle: Bundle, known: Iterable[m.Cap]) -> list[Statement]:
    w, row = bundle.writer, Row("ask")
    made: list[Statement] = []
    for period in sorted({cap.calendar for cap in known if cap.calendar is not None}):
        today, begun = w.fragment(local_day(row.zone, row.at)), w.fragment(resolve(row.zone, row["local"]))
        made += [
            w.statement(f"UPDATE ask SET local = {_first_day(period, str(today), 0)} * {DAY} WHERE 1 = 1", today),
            w.statement(f"UPDATE ask SET this_{period} = {begun} WHERE 1 = 1", begun),
        ]
    return made


def _first_day(period: m.Period, today: str, later: int) -> str:
    """The first day of the period of a day, or of the next one."""
    match period:
        case "day":
            return f"({today} + {later})"
        case "week":
            # 1970-01-01 was a Thursday: day + 3 counts from a Monday.
            return f"({today} - ({today} + 3) % 7 + {7 * later})"
        case "month":
            return (
                "(SELECT o.first_day FROM calendar k CROSS JOIN month o "
                f"WHERE k.day = {today} AND o.month = k.month + {later})"
            )
