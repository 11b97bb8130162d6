"""A file of a snapshot to its tree, unless it can not be read at all.

A snapshot carries bytes that are not UTF-8 as escapes (`surrogateescape`): they are reported here and shown nowhere.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flowrules.syntax import tree
from flowrules.syntax.parser import MAX_BYTES, decode, parse

if TYPE_CHECKING:
    from flowrules.diagnostics.model import Diagnostic
    from flowrules.source import Source

_ESCAPED = re.compile("[\udc80-\udcff]")


def read(source: Source) -> tuple[tree.File, tuple[Diagnostic, ...]]:
    wrong = unreadable(source)
    return (tree.File(source, ()), wrong) if wrong else parse(source)


def unreadable(source: Source) -> tuple[Diagnostic, ...]:
    """Too large, or not UTF-8; also for files that are not rules."""
    if len(source.text) > MAX_BYTES:
        return parse(source)[1]
    bad = _ESCAPED.search(source.text)
    if bad is None:
        return ()
    return decode(source.name, source.text[: bad.start()].encode(errors="replace") + b"\xff")[1]
