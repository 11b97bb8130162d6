"""What a template file is, before anything is filled in: a head with the subject, and a body.

---
subject: Welcome, {{ customer.first_name }}
---
Hello ...
"""

from __future__ import annotations

from dataclasses import dataclass

KEYS = ("subject",)
"""What a head may say."""

WORDS = ("unsubscribe_url", "postal_address")
"""What stands alone in a template, from the channel's settings of the same names."""

SCHEMES = frozenset({"http", "https", "mailto", "tel"})
"""Where a link of a message may lead."""

FILTERS = frozenset(
    """abs capitalize count d date default e escape first float int join last length list lower max min money replace
    reverse round sort string striptags sum title trim truncate unique upper urlencode wordcount""".split()  # noqa: SIM905 -- words
)
"""What a template may do to a value: nothing that makes much of little, draws at random or reaches into objects."""


@dataclass(frozen=True, slots=True)
class Head:
    """`entries`: key, value, and where the value starts in the text. `body`: where the body starts."""

    entries: tuple[tuple[str, str, int], ...] = ()
    body: int = 0

    def value(self, key: str) -> tuple[str, int] | None:
        return next(((value, at) for known, value, at in self.entries if known == key), None)


def head(text: str) -> Head | None:
    """None: a head is opened and never closed."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        return Head()
    entries: list[tuple[str, str, int]] = []
    at = len(lines[0]) + 1
    for line in lines[1:]:
        if line.rstrip() == "---":
            return Head(tuple(entries), min(at + len(line) + 1, len(text)))
        key, _, value = line.partition(":")
        if line.strip():
            indent = len(value) - len(value.lstrip())
            entries.append((key.strip(), value.strip(), at + len(key) + 1 + indent))
        at += len(line) + 1
    return None
