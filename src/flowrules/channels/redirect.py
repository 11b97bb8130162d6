"""Every message to one address instead of its customer's, for trials with real channels."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from flowrules.channels.base import Channel, ChannelError, Outcome, OutgoingMessage
from flowrules.channels.mail import one_line

_TOKEN = re.compile("[a-z0-9]+$")
"""At the end of a link, whatever stands before it; as in sql/token.py."""


class RedirectChannel:
    """The subject says for whom it was. A link to unsubscribe in it unsubscribes nobody, and if it comes back, nobody's
    address is closed.
    """

    def __init__(self, channel: Channel, address: str) -> None:
        self._channel = channel
        self._address = address

    @property
    def together(self) -> int:
        return self._channel.together

    def send(self, message: OutgoingMessage) -> Outcome:
        whom = one_line(message.to or message.customer)
        text, html = message.text, message.html
        if message.unsubscribe_url is not None:
            token = _TOKEN.findall(message.unsubscribe_url)[0]
            text, html = (None if part is None else part.replace(token, "redirected") for part in (text, html))
        return self._channel.send(
            replace(
                message,
                to=self._address,
                subject=f"[{message.channel} for {whom}] {message.subject or ''}".rstrip(),
                text=text,
                html=html,
                marketing=False,
                unsubscribe_url=None,
                token=hashlib.sha256(message.token.encode()).hexdigest()[:32],
            )
        )

    def flush(self) -> None:
        self._channel.flush()

    def settle(self, keys: Collection[str]) -> Mapping[str, Outcome]:
        return self._channel.settle(keys)


def redirect(channels: Mapping[str, Channel], mail: Collection[str], address: str) -> dict[str, Channel]:
    """`mail`: the channels that send to email addresses; the first of them takes the messages of all others too."""
    if not mail:
        raise ChannelError(
            "there is no channel for email to redirect the messages to",
            "set one up in flowrules.toml: [channels.email]",
        )
    first = channels[min(mail)]
    return {name: RedirectChannel(channel if name in mail else first, address) for name, channel in channels.items()}
