"""What is handed to a channel, and what it answers.

A channel never raises for one message: what happened is an answer. ChannelError is for a channel that can not be used
at all. It never touches the database, and never logs an address or a text.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from flowrules.errors import FlowRulesError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ChannelError(FlowRulesError):
    """The channel can not be used as it is set up."""


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """Instants are UTC microseconds; `rule` is `file:line`; `to` is None where the channel needs no address.

    token, unsubscribe_token: signed names of the message (sql/token.py). marketing: not a service message, so that it
    must offer a way out. unsubscribe_url: where the channel's settings name one.
    """

    message_id: str
    idempotency_key: str
    customer: str
    campaign: str
    version: int
    instance: int
    stage: str
    step: str
    pass_: int
    rule: str
    channel: str
    template: str
    class_: str
    to: str | None
    subject: str | None
    text: str | None
    html: str | None
    decided_at: int
    sent_at: int
    token: str = ""
    purpose: str = ""
    marketing: bool = False
    unsubscribe_token: str = ""
    unsubscribe_url: str | None = None

    def facts(self) -> dict[str, str | int | None]:
        """As cli.md names them, in its order."""
        return {
            "message_id": self.message_id,
            "idempotency_key": self.idempotency_key,
            "customer": self.customer,
            "campaign": self.campaign,
            "version": self.version,
            "instance": self.instance,
            "stage": self.stage,
            "step": self.step,
            "pass": self.pass_,
            "rule": self.rule,
            "channel": self.channel,
            "template": self.template,
            "class": self.class_,
            "to": self.to,
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
            "decided_at": iso(self.decided_at),
            "sent_at": iso(self.sent_at),
        }


@dataclass(frozen=True, slots=True)
class Accepted:
    """It is the provider's now: the contact counts."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It will never be taken; the contact's slot comes back. code: the enhanced status code such as 5.1.1."""

    why: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """It was certainly not taken; another attempt may work. out: the channel itself is out of order, not this message:
    the others need not be tried now.
    """

    why: str
    out: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have been taken or not; never sent again by itself."""

    why: str


Outcome = Accepted | Refused | Retry | Unknown


class Channel(Protocol):
    @property
    def together(self) -> int:
        """How many messages may be under way before their outcomes are recorded: a crash leaves that many in doubt."""

    def send(self, message: OutgoingMessage) -> Outcome: ...

    def flush(self) -> None:
        """Make what was accepted so far survive a crash; called before the outcomes are recorded."""

    def settle(self, keys: Collection[str]) -> Mapping[str, Outcome]:
        """What became of messages (idempotency keys) whose sender died. Left out: the channel can not tell."""


def iso(at: int) -> str:
    moment = _EPOCH + timedelta(microseconds=at)
    return moment.isoformat(timespec="seconds" if moment.microsecond == 0 else "microseconds").replace("+00:00", "Z")
