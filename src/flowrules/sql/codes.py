"""The closed lists: decisions, reasons, statuses. Numbers are stored and never reused.

Names are what people read in every output (`Reason.NO_CONSENT` is `no_consent`).
"""

from __future__ import annotations

from enum import IntEnum


class _Code(IntEnum):
    @property
    def word(self) -> str:
        return self.name.lower()


class Decision(_Code):
    ENTERED = 1
    NOT_ENTERED = 2
    STAGE = 3
    BRANCH = 4
    WAIT = 5
    MET = 6
    TIMED_OUT = 7
    NO_MESSAGE = 8
    INTERRUPTED = 9
    SEND = 10
    WITHHELD = 11
    TAG = 12
    UNTAG = 13
    SET = 14
    GOAL = 15
    EXIT = 16
    OUTCOME = 17
    REFRESHED = 18
    START = 19
    MOVED = 20


class Reason(_Code):
    # of a message
    CAPPED = 1
    NO_CONSENT = 2
    SUPPRESSED = 3
    UNSUBSCRIBED = 4
    UNWANTED_CHANNEL = 5
    EXCLUDED = 6
    HELD_OUT = 7
    QUIET_UNTIL = 8
    PAUSED = 9
    ON_HOLD = 10
    OUTRANKED = 11
    NO_ADDRESS = 12
    LATE = 13
    EXPIRED = 14
    NO_CAPACITY = 15
    NO_BUDGET = 16
    SEND_LIMIT = 17
    TEMPLATE_ERROR = 18
    REFUSED = 19
    OUTCOME_UNKNOWN = 20
    JOURNEY_ENDED = 21
    MOVED_ON = 22
    ALREADY_SENT = 23
    # of a trigger that did not enter
    ALREADY_INSIDE = 30
    ENTERED_BEFORE = 31
    TOO_SOON = 32
    NO_KEY = 33
    NOT_DEPLOYED = 34
    # of an exit
    COMPLETED = 40
    GOAL = 41
    EXIT = 42
    EXIT_WHEN = 43
    LOOP = 44
    LINKED = 45
    OPERATOR = 46
    ERASED = 47
    MIGRATED = 48
    # of a branch and of an outcome
    YES = 50
    NO = 51
    ACCEPTED = 52


class Move(_Code):
    """How a deployment moves somebody: to a position that is then come to, or to a wait that goes on, as it was or
    computed anew from when they came to it; or out.
    """

    ARRIVE = 1
    KEEP = 2
    RECOMPUTE = 3
    EXIT = 4


class Status(_Code):
    INTENDED = 1
    CLAIMED = 2
    RETRYING = 3
    HELD = 4
    UNKNOWN = 5
    SENT = 10
    GHOST = 11
    SKIPPED = 12
    REFUSED = 13
    EXPIRED = 14
    CANCELLED = 15


HELD_REASONS = (Reason.QUIET_UNTIL, Reason.CAPPED, Reason.ON_HOLD)
"""The planner holds a message for these, and decides on it again."""

UNREACHED_REASONS = (
    Reason.NO_ADDRESS,
    Reason.NO_CONSENT,
    Reason.UNSUBSCRIBED,
    Reason.SUPPRESSED,
    Reason.UNWANTED_CHANNEL,
    Reason.REFUSED,
)
"""A message that can not reach its customer this way: `send first of` tries the next."""
