"""What may be written next: the grammar says which words, what stands before says which names.

Takes the text up to the cursor and the names of the workspace; gives suggestions. Knows no editor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowrules.syntax.parser import accepted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flowrules.editor.words import Word
    from flowrules.model.snapshot import Snapshot

_WORD = re.compile(r"\w*\Z")
_CAMPAIGN = re.compile(r"^campaign[ \t]+(\w+)", re.MULTILINE)
_MESSAGE = re.compile(r"\b(?:send|first of:|,)[ \t]+(\w+)[ \t]+\Z")
_BEHIND = {
    "segment": re.compile(r"\bsegment[ \t]+\Z"),
    "list": re.compile(r"\blist[ \t]+\Z"),
    "campaign": re.compile(r"\b(?:campaign|left|goal of|in stage)[ \t]+\Z"),
    "stage": re.compile(r"\b(?:go to|move to stage|from stage)[ \t]+\Z"),
    "event": re.compile(
        r"\b(?:has|no|on|goal|does|enter when|wait for(?: a new)?|(?:total|average|distinct|count) of)[ \t]+\Z"
    ),
    "channel": re.compile(r"\b(?:send|first of:|consents to|across)[ \t]+\Z"),
    "attribute": re.compile(
        r"\b(?:if|and|or|not|set|exit when|hold while)[ \t]+\Z|^segment\b[^:\n]*:\s*\Z", re.MULTILINE
    ),
}
_DECLARING = re.compile(r"^[ \t]*(?:attribute|event|list|segment|campaign|customer|stage)[ \t]+\Z", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Suggestion:
    text: str
    kind: str


def typed(text: str) -> tuple[str, str]:
    """The text before the word that is being written, and what there is of it."""
    begun = _WORD.search(text)
    at = begun.start() if begun else len(text)
    return text[:at], text[at:]


def suggested(before: str, words: Iterable[Word], files: Snapshot | None) -> list[Suggestion]:
    line = before[before.rfind("\n") + 1 :]
    if "#" in line or line.count('"') % 2:
        return []
    follow = accepted(before)
    names = list(_names(before, words, files)) if not follow or "NAME" in follow else []
    return [*names, *(Suggestion(word, "word") for word in sorted(follow) if word.isalpha() and word.islower())]


def _names(before: str, words: Iterable[Word], files: Snapshot | None) -> Iterator[Suggestion]:
    if _DECLARING.search(before):
        return  # a new name is the author's own
    if files is not None and (message := _MESSAGE.search(before)) is not None:
        found = {each.name for each in files.templates if each.channel == message[1]}
        yield from (Suggestion(name, "template") for name in sorted(found))
        return
    kinds = {kind for kind, pattern in _BEHIND.items() if pattern.search(before)}
    if files is not None and "channel" in kinds:
        yield from (Suggestion(each.name, "channel") for each in files.channels)
    campaigns = _CAMPAIGN.findall(before)
    within = f"{campaigns[-1]}." if campaigns else ""
    seen = set()
    for word in words:
        if word.whole is None or word.kind not in kinds:
            continue
        name = word.name
        if word.kind == "stage":
            if not name.startswith(within):
                continue
            name = name.removeprefix(within)
        seen.add(Suggestion(name, word.kind))
    yield from sorted(seen, key=lambda each: (each.kind, each.text))
