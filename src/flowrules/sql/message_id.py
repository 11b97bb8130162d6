"""The name of a message, made from its row: `campaign.customer.instance.step.pass`.

Campaign names hold no dot and the three last parts none either, so that it can be read back whatever the customer's
id holds. Never changes for a message: providers, reaction files and people refer to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote_plus, unquote_plus


@dataclass(frozen=True, slots=True)
class MessageKey:
    """`customer` is the external id, `step` the step's key."""

    campaign: str
    customer: str
    instance: int
    step: str
    pass_: int


def message_id(key: MessageKey) -> str:
    step = quote_plus(key.step, safe="/").replace(".", "%2E")
    return f"{key.campaign}.{key.customer}.{key.instance}.{step}.{key.pass_}"


def parse(text: str) -> MessageKey | None:
    """None: no message has this name."""
    campaign, _, rest = text.partition(".")
    parts = rest.rsplit(".", 3)
    if len(parts) != 4 or not parts[1].isdecimal() or not parts[3].isdecimal():  # noqa: PLR2004 -- the four just cut
        return None
    key = MessageKey(campaign, parts[0], int(parts[1]), unquote_plus(parts[2]), int(parts[3]))
    return key if message_id(key) == text else None
