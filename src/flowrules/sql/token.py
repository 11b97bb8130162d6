"""Signed names of messages, for addresses and links that leave the house.

Takes the workspace's salt and the row of a message; gives a short text of lower-case letters and digits, fit for a
link, a local part and a Message-ID. It says nothing to others, can not be made up, and is always the same for one
message. What is read back is None unless it was made here, for this very use.

Synthetic IV (RFC 5297) with HMAC-SHA256 as its only part: the tag of the plain bytes also hides them.
"""

from __future__ import annotations

import hmac
from base64 import b32decode, b32encode
from collections.abc import Sequence
from dataclasses import dataclass

MessageRow = tuple[int, int, int, int, int]
"""customer_id, campaign_id, instance, step_id, pass."""

_TAG = 12
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """What a link to unsubscribe is about. Channel and purpose are empty in a mail address: the message tells them."""

    message: MessageRow
    channel: str
    purpose: str


def bounce_token(salt: str, message: MessageRow) -> str:
    """Of the return address and the Message-ID."""
    return _seal(salt, "bounce", _numbers(message))


def read_bounce(salt: str, token: str) -> MessageRow | None:
    plain = _open(salt, "bounce", token)
    read = None if plain is None else _read_numbers(plain)
    return read[0] if read is not None and not read[1] else None


def unsubscribe_token(salt: str, about: Unsubscribe) -> str:
    words = f"{about.channel}\0{about.purpose}" if about.channel else ""
    return _seal(salt, "unsubscribe", _numbers(about.message) + words.encode())


def read_unsubscribe(salt: str, token: str) -> Unsubscribe | None:
    plain = _open(salt, "unsubscribe", token)
    read = None if plain is None else _read_numbers(plain)
    if read is None:
        return None
    channel, _, purpose = read[1].decode().partition("\0")
    return Unsubscribe(read[0], channel, purpose)


# --- bytes --------------------------------------------------------------------------------------------


def _numbers(message: MessageRow) -> bytes:
    """Seven bits a byte, the last without the high bit: small numbers are short."""
    packed = bytearray()
    for number in message:
        while number > 127:  # noqa: PLR2004 -- seven bits
            packed.append(number & 127 | 128)
            number >>= 7  # noqa: PLW2901 -- taken apart as it is read
        packed.append(number)
    return bytes(packed)


def _read_numbers(plain: bytes) -> tuple[MessageRow, bytes] | None:
    numbers: list[int] = []
    number = shift = 0
    for at, byte in enumerate(plain, 1):
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:  # noqa: PLR2004 -- of the format above
            numbers.append(number)
            number = shift = 0
        if len(numbers) == 5:  # noqa: PLR2004 -- of the format above
            return _five(numbers), plain[at:]
    return None


def _five(numbers: Sequence[int]) -> MessageRow:
    customer, campaign, instance, step, pass_ = numbers
    return customer, campaign, instance, step, pass_


def _seal(salt: str, use: str, plain: bytes) -> str:
    tag = _mac(salt, use, plain)[:_TAG]
    return b32encode(tag + _hide(salt, use, tag, plain)).decode().rstrip("=").lower()


def _open(salt: str, use: str, token: str) -> bytes | None:
    if len(token) > _LONGEST:
        return None
    try:
        sealed = b32decode(token.upper() + "=" * (-len(token) % 8))
    except ValueError:
        return None
    tag, hidden = sealed[:_TAG], sealed[_TAG:]
    plain = _hide(salt, use, tag, hidden)
    return plain if hmac.compare_digest(tag, _mac(salt, use, plain)[:_TAG]) else None


def _hide(salt: str, use: str, tag: bytes, data: bytes) -> bytes:
    stream = b"".join(_mac(salt, f"{use} stream {block}", tag) for block in range(-(-len(data) // 32)))
    return bytes(left ^ right for left, right in zip(data, stream, strict=False))


def _mac(salt: str, use: str, data: bytes) -> bytes:
    return hmac.digest(hmac.digest(salt.encode(), use.encode(), "sha256"), data, "sha256")
