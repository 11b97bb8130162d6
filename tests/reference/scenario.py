"""What a run is made from, as plain data, and what it leaves: the two sides of every comparison.

Instants are integer UTC microseconds. Values of attributes and properties are plain Python: text and
`one of` str; integer int; number and money Decimal (money in the workspace's currency); bool; date;
datetime aware, in UTC; duration timedelta; list of text a tuple of str; missing None.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.sends import sends

if TYPE_CHECKING:
    from collections.abc import Mapping

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

Value = Any  # one of the types named above


@dataclass(frozen=True, slots=True)
class Customer:
    """Known from `known_at` on; no fact of a customer is older than that."""

    id: str
    email: str | None = None
    phone: str | None = None
    country: str | None = None
    timezone: str | None = None
    attributes: Mapping[str, Value] = field(default_factory=dict)
    known_at: int = 0


@dataclass(frozen=True, slots=True)
class Consent:
    """`state`: granted, refused or withdrawn, received `at`; said at `event_time`, None: then too."""

    customer: str
    channel: str
    purpose: str
    state: str
    at: int
    event_time: int | None = None

    @property
    def said_at(self) -> int:
        return self.at if self.event_time is None else self.event_time


@dataclass(frozen=True, slots=True)
class Event:
    """Happened at `event_time`, received `at`."""

    customer: str
    event: str
    event_time: int
    at: int
    properties: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """`value` None: the attribute becomes missing. Built-in attributes change likewise."""

    customer: str
    at: int
    attribute: str
    value: Value


@dataclass(frozen=True, slots=True)
class Pause:
    """From `since` up to, not including, `until`; None: to the end. `overdue`: send, skip or exit."""

    campaign: str
    since: int
    until: int | None
    overdue: str | None


@dataclass(frozen=True, slots=True)
class OperatorExit:
    customer: str
    campaign: str
    at: int


@dataclass(frozen=True, slots=True)
class Deployment:
    """`canary`: for so many millionths of customers; None: for everybody."""

    rules: str
    at: int
    canary: int | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """Consents, events and changes each in order of import: what comes first has the smaller `seq`.

    `lists`: by name, the identifiers in the file as (email, phone or id; value).
    `channels`: by name, the attribute that must be known to send, None where none is needed.
    `shares`: by event (`email_opened`), how many messages of a thousand are answered by it.
    `since`: the deployment lets in also by what has happened since then. `deployments`: later ones, in order of time.
    The rules are the file RULES; everything up to and including `until` happens.
    """

    rules: str
    deployed_at: int
    until: int
    customers: tuple[Customer, ...]
    consents: tuple[Consent, ...] = ()
    events: tuple[Event, ...] = ()
    changes: tuple[Change, ...] = ()
    since: int | None = None
    deployments: tuple[Deployment, ...] = ()
    pauses: tuple[Pause, ...] = ()
    operator_exits: tuple[OperatorExit, ...] = ()
    lists: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    channels: Mapping[str, str | None] = field(default_factory=lambda: {"email": "email", "sms": "phone", "push": None})
    shares: Mapping[str, int] = field(default_factory=dict)
    zone: str = "Europe/Madrid"
    currency: str = "EUR"
    salt: str = "salt"

    @property
    def templates(self) -> tuple[tuple[str, str], ...]:
        """Channel and name of every template the rules send."""
        return sends(self.rules)


RULES = "rules/rules.flow"  # the name of the one file, as ledger rows name places in it


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """None where empty; `limit` a number of contacts, `window` microseconds."""

    at: int
    turn: int
    customer: str
    campaign: str
    instance: int
    step: str | None
    decision: str
    reason: str | None = None
    rule: str | None = None
    by: str | None = None
    counter: int | None = None
    limit: int | None = None
    window: int | None = None
    until: int | None = None
    words: str | None = None
    key: str = ""


def ledger_order(row: LedgerRow) -> tuple[int, str, int, str, int, str, str, str]:
    return (row.at, row.customer, row.turn, row.campaign, row.instance, row.step or "", row.decision, row.key)


# Exact days so that deadlines are hit exactly; a microsecond for what comes at once.
DELAYS = (1, 7 * MINUTE, HOUR, 5 * HOUR, DAY, DAY, 2 * DAY, 2 * DAY, DAY + 1, 2 * DAY - 1, 3 * DAY, 9 * DAY)
MACHINE_PER_MILLE = 250


def answers(
    scenario: Scenario,
    customer: str,
    step_key: str,
    instance: int,
    nth_pass: int,  # `sent_at` tells the passes of a step apart already
    sent_at: int,
) -> list[tuple[str, int, bool]]:
    """What a message brings back, as (event, instant, made by a machine), in order of creation.

    Only events of the message's own channel, which the step's key names; machines only open.
    """
    channel = step_key.rsplit("/", 1)[1].split()[1]
    found = []
    for event, share in sorted(scenario.shares.items()):
        if not event.startswith(f"{channel}_"):
            continue
        seed = f"{scenario.salt}/answer/{event}/{customer}/{step_key}/{instance}/{sent_at}"
        digest = hashlib.sha256(seed.encode()).digest()
        yes, delay, machine, machine_delay = (int.from_bytes(digest[i : i + 4]) for i in (0, 4, 8, 12))
        if event.endswith("_opened") and machine % 1000 < MACHINE_PER_MILLE:
            found.append((event, sent_at + DELAYS[machine_delay % len(DELAYS)], True))
        if yes % 1000 < share:
            found.append((event, sent_at + DELAYS[delay % len(DELAYS)], False))
    return found
