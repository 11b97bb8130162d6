"""Whether a bounce closes an address for good.

Takes the fields of an event of a bounce; gives yes or no. What says nothing of it is not for good.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_NO_SUCH_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""RFC 3463. Others of 5.x.x are a full mailbox, or somebody's policy: the address is good."""

_WORDS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_TYPES = ("permanence", "bounce_type", "type")
FIELDS = frozenset({"permanent", "status", *_TYPES})
_FOR_GOOD = frozenset({"hard", "permanent"})


def for_good(given: Mapping[str, object]) -> bool:
    """By `permanent`, else by the `status` of the receiving server, else by the kind a provider calls it."""
    said = _WORDS.get(_word(given.get("permanent")))
    if said is not None:
        return said
    status = _STATUS.search(_word(given.get("status")))
    if status is not None:
        return status[1] in _NO_SUCH_ADDRESS
    return any(_word(given.get(name)) in _FOR_GOOD for name in _TYPES)


def _word(raw: object) -> str:
    return "" if raw is None else str(raw).strip().lower()
