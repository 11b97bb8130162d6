"""The nearest known name for one that is not known.

Takes a word and the names there are; gives the one most likely meant, or None. Never guesses across more than a
third of a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST = 60  # a longer word is no slip of the finger, and comparing it would cost


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The nearest of `known`, the alphabetically first among equals; None where nothing is near."""
    if len(word) > _LONGEST:
        return None
    best: tuple[int, str] | None = None
    for name in known:
        limit = max(1, min(len(word), len(name)) // 3)
        if name == word or len(name) < 2 or abs(len(name) - len(word)) > limit:  # noqa: PLR2004 -- a letter is near to anything
            continue
        found = distance(word.lower(), name.lower())
        if found <= limit and (best is None or (found, name) < best):
            best = found, name
    return best[1] if best else None


def alike(word: str, known: Iterable[str]) -> str | None:
    """The first of `known` with the same letters and digits, such as `First name` for `first_name`."""
    letters = _letters(word)
    return next((name for name in known if letters and _letters(name) == letters), None)


def _letters(word: str) -> str:
    return "".join(filter(str.isalnum, word.casefold()))


def distance(a: str, b: str) -> int:
    """Damerau-Levenshtein: letters inserted, dropped, replaced, or two neighbours exchanged."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        current = [i + 1]
        for j, y in enumerate(b):
            cost = min(row[j + 1] + 1, current[j] + 1, row[j] + (x != y))
            if i and j and x == b[j - 1] and a[i - 1] == y:
                cost = min(cost, before[j - 1] + 1)
            current.append(cost)
        before, row = row, current
    return row[-1]
