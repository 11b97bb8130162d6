"""What an `unsubscribed` row takes back: the channels and purposes whose consent it withdraws.

Takes the fields of a row; gives a Withdrawal. A refusal is never lost for naming too little, or something unknown: what
is not known narrows nothing, and is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from flowrules.model.campaign import Model
from flowrules.sql.tables import EVERY
from flowrules.store.journal import NewEvent, Ref, Withdrawal

UNSUBSCRIBED = "unsubscribed"
OWN = frozenset({"channel", "purpose"})
"""Its properties, whether an author has declared them or not."""

Tell = Callable[[str, str], None]
"""Which field is odd, and what came of it."""


class Unsubscribes:
    def __init__(self, model: Model) -> None:
        self._channels = tuple(channel.name for channel in model.channels)
        self._purposes = tuple(purpose.name for purpose in model.policy.purposes)

    def channel(self, given: Mapping[str, object]) -> str | None:
        """The channel that a row names, if it is one of the workspace."""
        return _known(given.get("channel"), self._channels)

    def withdrawal(self, given: Mapping[str, object], ref: Ref | None, source: str, tell: Tell) -> Withdrawal:
        channels = self._named(given, "channel", self._channels, tell) if ref is None else self._of(ref)
        return Withdrawal(channels, self._named(given, "purpose", self._purposes, tell), source)

    def about(self, event: NewEvent, ref: Ref) -> NewEvent:
        """The message has been found: it is the channel of that message that was refused."""
        withdrawal = None if event.withdrawal is None else replace(event.withdrawal, channels=self._of(ref))
        return event._replace(ref=ref, withdrawal=withdrawal)

    def _of(self, ref: Ref) -> tuple[str, ...]:
        channel = channel_of(ref[3])
        return (channel,) if channel in self._channels else (*self._channels, EVERY)

    @staticmethod
    def _named(given: Mapping[str, object], field: str, all_: Sequence[str], tell: Tell) -> tuple[str, ...]:
        raw = given.get(field)
        known = _known(raw, all_)
        if known is not None:
            return (known,)
        if raw is not None and str(raw).strip():
            tell(field, f"`{raw}` is no {field} of this workspace; taken as every {field}")
        return (*all_, EVERY)


def channel_of(step: str) -> str:
    """`lead/send email hello` -> email."""
    words = step.partition("/")[2].split(" ")
    return words[1] if words[0] == "send" and len(words) > 1 else ""


def _known(raw: object, names: Sequence[str]) -> str | None:
    word = str(raw).strip()
    return next((name for name in names if name.casefold() == word.casefold()), None)
