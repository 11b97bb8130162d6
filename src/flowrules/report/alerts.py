"""What wants a person's attention, of a closed list.

Takes figures that were read already; reads nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AlertKind(StrEnum):
    """The closed list, the gravest first. What `number` and `of` count stands behind each."""

    ENGINE_STANDS = "engine_stands"  # nobody has ticked for two minutes; since: the last tick
    UNKNOWN_DELIVERY = "unknown_delivery"  # number: messages of a campaign, sent or not; since: the oldest
    CHANNEL_FAILING = "channel_failing"  # number: refused or unknown, of: all outcomes, in the last hour
    DELIVERY_STANDS = "delivery_stands"  # number: messages to be sent; since: the oldest, more than ten minutes ago
    TEMPLATE_FAILING = "template_failing"  # number: messages of a campaign that wait for a repaired template
    PAUSED_OVERDUE = "paused_overdue"  # number: journeys that wait for a campaign to be resumed; since: the pause
    MOSTLY_WITHHELD = "mostly_withheld"  # number: withheld for `reason`, of: sent and withheld, in the last 24 hours
    DAILY_LIMIT = "daily_limit"  # number: sent by the channel today, of: its limit


@dataclass(frozen=True, slots=True)
class Alert:
    """more: there are at least `number`, counting ended there. reason: of the closed list of reasons."""

    kind: AlertKind
    campaign: str | None = None
    channel: str | None = None
    reason: str | None = None
    number: int = 0
    of: int = 0
    more: bool = False
    since: int | None = None
