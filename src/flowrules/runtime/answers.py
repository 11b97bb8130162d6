"""What a virtual channel says of a message: the reactions that will come, as future facts.

Simulations and tests give the tick a function of this shape; a real channel reports through the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SentMessage:
    """Accepted at `at` (UTC microseconds). customer: the external id; step: its key; pass_: from 1."""

    customer: str
    campaign: str
    instance: int
    step: str
    pass_: int
    channel: str
    template: str
    at: int


@dataclass(frozen=True, slots=True)
class Reaction:
    """event: `email_opened`; at: after the message was accepted."""

    message: SentMessage
    event: str
    at: int
    machine: bool = False


Answer = Callable[[Sequence[SentMessage]], Sequence[Reaction]]


def silent(_sent: Sequence[SentMessage]) -> tuple[Reaction, ...]:
    """Every message is accepted, nobody reacts."""
    return ()
