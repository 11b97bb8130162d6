"""Reactions that a simulation makes up, the same for the same seed.

Takes rates such as `email.opened` = 0.35; gives the tick's `answer`. Each message has one draw, from SHA-256 of seed
and message: who clicks has also opened, who bounced does neither. Delays follow an exponential distribution: half
of all opens come within 6 hours, none later than 14 days; a click comes after its open, half of them within a minute;
deliveries and bounces take half a minute. Never reads a clock or draws at random.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2

from flowrules.errors import FlowRulesError
from flowrules.model.schema import REACTIONS, Channel
from flowrules.runtime.answers import Reaction, SentMessage
from flowrules.sql.message_id import MessageKey, message_id

_SECOND = 1_000_000
_LONGEST = 14 * 86_400
_MEDIANS = {"delivered": 30, "bounced": 30, "opened": 6 * 3600, "clicked": 60, "replied": 3600}
"""Seconds; of a click and a reply: after the open."""


class AssumptionError(FlowRulesError):
    pass


@dataclass(frozen=True, slots=True)
class Assumptions:
    """`rates`: (channel, reaction) to a share of the messages accepted."""

    seed: int
    rates: Mapping[tuple[str, str], float]

    def answer(self, sent: Sequence[SentMessage]) -> list[Reaction]:
        return [reaction for message in sent for reaction in self._of(message)]

    def _of(self, message: SentMessage) -> list[Reaction]:
        name = message_id(MessageKey(message.campaign, message.customer, message.instance, message.step, message.pass_))
        rates = {word: self.rates.get((message.channel, word), 0.0) for word in REACTIONS}
        if self._draw(name, "bounced") < rates["bounced"]:
            return [self._reaction(message, "bounced", self._delay(name, "bounced"))]
        draw = self._draw(name, "engaged")
        opened = self._delay(name, "opened")
        after = {"delivered": 0, "opened": 0, "clicked": opened, "replied": opened}
        return [
            self._reaction(
                message, word, min(_LONGEST, opened if word == "opened" else start + self._delay(name, word))
            )
            for word, start in after.items()
            if draw < rates[word]
        ]

    def _reaction(self, message: SentMessage, word: str, seconds: int) -> Reaction:
        return Reaction(message, f"{message.channel}_{word}", message.at + seconds * _SECOND)

    def _draw(self, name: str, what: str) -> float:
        """In [0, 1)."""
        digest = hashlib.sha256(f"{self.seed}/{name}/{what}".encode()).digest()
        return int.from_bytes(digest[:6], "big") / 2**48

    def _delay(self, name: str, word: str) -> int:
        """Whole seconds, at least one: beyond what two machines could compute differently."""
        return max(1, min(_LONGEST, round(-log2(1 - self._draw(name, f"delay of {word}")) * _MEDIANS[word])))


def parse_rates(given: Sequence[str], channels: Sequence[Channel]) -> dict[tuple[str, str], float]:
    """Of texts like `email.opened=0.35` or `email.opened=35%`."""
    names = {channel.name for channel in channels}
    rates = {}
    for text in given:
        what, equals, number = text.partition("=")
        channel, _, word = what.strip().partition(".")
        if not equals or channel not in names or word not in REACTIONS:
            known = ", ".join(f"{name}.opened" for name in sorted(names))
            raise AssumptionError(
                f"`{text}` assumes nothing of a channel here",
                f"write it like email.opened=0.35; there are {known}, and {', '.join(REACTIONS)} of each",
            )
        try:
            rate = float(number.strip().removesuffix("%")) / (100 if number.strip().endswith("%") else 1)
        except ValueError:
            rate = -1.0
        if not 0 <= rate <= 1:
            raise AssumptionError(f"`{number.strip()}` is no share of messages", "write a number from 0 to 1, or 35%")
        rates[channel, word] = rate
    return rates
