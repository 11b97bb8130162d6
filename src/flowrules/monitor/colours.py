"""The colours of a rule file.

Takes a Source; gives its text, styled. Words are coloured by what the grammar took them for; in a block with a mistake
by how they look.
"""

from __future__ import annotations

import re
from functools import lru_cache

from rich.text import Text

from flowrules.source import Source
from flowrules.syntax.parser import Lexeme, keywords, parse

_LOOKS = re.compile(
    r'(?P<comment>#[^\n]*)|(?P<text>"[^"\n]*"?)|(?P<word>[A-Za-z_]\w*)'
    r"|(?P<number>-?\d[\w.:-]*(?: *%| +[A-Z]{3}\b| +(?:second|minute|hour|day|week|month)s?\b)?)"
)
_DECLARES = frozenset({"attribute", "campaign", "event", "list", "policy", "segment", "stage", "test"})

KEYWORD, DECLARES, STRING, NUMBER, COMMENT = "blue", "bold magenta", "green", "cyan", "dim italic"
_KINDS = {
    "STRING": STRING,
    "NAME": "",
    **dict.fromkeys(
        ("DATETIME", "DATE", "CLOCK", "DURATION", "MONEY", "PERCENT", "DECIMAL", "INT", "BAD_NUMBER"), NUMBER
    ),
}


@lru_cache(maxsize=64)
def coloured(source: Source) -> Text:
    """Styles only: every character stays."""
    text = Text(source.text, no_wrap=True, end="")
    lexemes: list[Lexeme] = []
    parse(source, lexemes)
    # The end of a line holds the comments that follow.
    known = sorted((each for each in lexemes if source.text[each.start] not in "\r\n"), key=lambda each: each.start)
    at = 0
    for start, end, kind in [*((each.start, each.end, each.kind) for each in known), (len(text), len(text), "")]:
        _by_look(text, source.text, at, start)
        at = max(at, end)
        word = source.text[start:end]
        style = _KINDS.get(kind, DECLARES if word in _DECLARES else KEYWORD if word[:1].isalpha() else "")
        if style:
            text.stylize(style, start, end)
    return text


def _by_look(text: Text, said: str, start: int, end: int) -> None:
    """A stretch that the parser could make nothing of, or the blanks between two words."""
    for found in _LOOKS.finditer(said, start, end):
        word = found["word"]
        style = COMMENT if found["comment"] else STRING if found["text"] else NUMBER if found["number"] else ""
        if word in _DECLARES:
            style = DECLARES
        elif word in keywords():
            style = KEYWORD
        if style:
            text.stylize(style, found.start(), found.end())
