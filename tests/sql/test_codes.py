"""Numbers that stand in databases: none is ever changed, taken away, or given to another word."""

from __future__ import annotations

from enum import IntEnum

import pytest

from flowrules.program.machine import NodeKind
from flowrules.sql.codes import Decision, Move, Reason, Status

# Only ever added to. A word that is no longer written keeps its line, and the program keeps its number.
STORED: dict[type[IntEnum], str] = {
    Decision: """
        1 entered, 2 not_entered, 3 stage, 4 branch, 5 wait, 6 met, 7 timed_out, 8 no_message, 9 interrupted, 10 send,
        11 withheld, 12 tag, 13 untag, 14 set, 15 goal, 16 exit, 17 outcome, 18 refreshed, 19 start,
        20 moved
    """,
    Reason: """
        1 capped, 2 no_consent, 3 suppressed, 4 unsubscribed, 5 unwanted_channel, 6 excluded, 7 held_out,
        8 quiet_until, 9 paused, 10 on_hold, 11 outranked, 12 no_address, 13 late, 14 expired, 15 no_capacity,
        16 no_budget, 17 send_limit, 18 template_error, 19 refused, 20 outcome_unknown, 21 journey_ended,
        22 moved_on, 23 already_sent,
        30 already_inside, 31 entered_before, 32 too_soon, 33 no_key, 34 not_deployed,
        40 completed, 41 goal, 42 exit, 43 exit_when, 44 loop, 45 linked, 46 operator, 47 erased,
        48 migrated,
        50 yes, 51 no, 52 accepted
    """,
    Move: """
        1 arrive, 2 keep, 3 recompute, 4 exit
    """,
    Status: """
        1 intended, 2 claimed, 3 retrying, 4 held, 5 unknown,
        10 sent, 11 ghost, 12 skipped, 13 refused, 14 expired, 15 cancelled
    """,
    NodeKind: """
        1 stage, 2 send, 3 wait, 4 wait_until, 5 wait_for, 6 branch, 7 no_reaction, 8 tag, 9 untag, 10 set, 11 exit,
        12 end, 13 split, 14 start
    """,
}


@pytest.mark.parametrize("codes", STORED, ids=lambda codes: codes.__name__)
def test_stored_numbers_stay(codes: type[IntEnum]) -> None:
    stored = {word: int(number) for number, word in (pair.split() for pair in STORED[codes].split(","))}
    # __members__, where a second name of a number is seen too
    now = {name.lower(): int(code) for name, code in codes.__members__.items()}
    assert {word: now.get(word) for word in stored} == stored, "a stored number now means something else"
    assert len(set(now.values())) == len(now), "two words share a number"
    assert now.keys() == stored.keys(), "write the new ones into STORED above"


def test_open_statuses_lie_under_ten() -> None:
    """The index `message_open` goes by it."""
    assert [status.word for status in Status if status < 10] == ["intended", "claimed", "retrying", "held", "unknown"]
