"""What is executed of one position: its statements, by when they are."""

from __future__ import annotations

from dataclasses import dataclass

from flowrules.model.touches import Thing
from flowrules.sql.statement import Statement


@dataclass(frozen=True, slots=True)
class Match:
    """What a fact of this type may do to those who rest here: mark them as met."""

    type_id: int
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Draw:
    """Who came to a split without an arm yet; shares: of each arm the bound of its buckets in millionths, and label."""

    unassigned: Statement
    name: str
    split_id: int
    shares: tuple[tuple[int, int], ...]
    assign: str


@dataclass(frozen=True, slots=True)
class Script:
    """draw, arrive: what is computed of all who come here; record: their ledger rows; then effects, then move.

    starts: what this sets off in other campaigns, found out before any effect; touches: what it changes that a
    segment may look at.

    ask and done: of a message; instead: ask for another one where that can not reach its customer (the first counts
    whom it concerns); capped: those who leave it because of a cap. match, met and due: of those who rest here. over:
    the journey ends here. rests: `arrive` ends with who rests here at rest, so that `move` is for the others. leads:
    the positions that `move` may lead to.
    """

    draw: Draw | None = None
    arrive: tuple[Statement, ...] = ()
    record: tuple[Statement, ...] = ()
    starts: tuple[Statement, ...] = ()
    touches: Thing | None = None
    effects: tuple[Statement, ...] = ()
    move: tuple[Statement, ...] = ()
    over: bool = False
    rests: bool = False
    leads: frozenset[int] = frozenset()
    ask: tuple[Statement, ...] = ()
    instead: tuple[Statement, ...] = ()
    instead_code: int = -1
    capped: tuple[Statement, ...] = ()
    capped_ends: bool = False
    done: tuple[Statement, ...] = ()
    match: Match | None = None
    met: tuple[Statement, ...] = ()
    due: tuple[Statement, ...] = ()
