"""Channel and template of every message that rules send, so that tests can have a template for each."""

from __future__ import annotations

import re


def sends(text: str) -> tuple[tuple[str, str], ...]:
    """By their spelling alone, for rules that may be wrong. Of words in brackets some pairs are no messages, which does
    no harm.
    """
    lines = re.findall(r"\bsend (?:first of: )?(.*)", text)
    found = {pair for line in lines for pair in re.findall(r"(?:^|, )(\w+) (\w+)", line) if pair[0] != "expires"}
    return tuple(sorted(found))
