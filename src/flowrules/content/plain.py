"""The text of an HTML part, for messages that have no text of their own.

Takes HTML of any quality; gives plain text. What a link leads to stands behind its words.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

_UNREAD = frozenset({"head", "script", "style", "template", "title"})
_LINE = frozenset(
    "address article aside dd div dt fieldset figure footer form header li main nav section tr".split()  # noqa: SIM905 -- words
)
_APART = frozenset("blockquote dl h1 h2 h3 h4 h5 h6 hr ol p pre table ul".split())  # noqa: SIM905 -- as above
"""With an empty line before and behind."""
_BLANKS = re.compile(r"[ \t\r\n\f]+")
_LINES = re.compile(r" *\n *")
_GAPS = re.compile(r"\n{3,}")


def plain(html: str) -> str:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    text = _GAPS.sub("\n\n", _LINES.sub("\n", "".join(reader.pieces))).strip()
    return f"{text}\n" if text else ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._unread = 0
        self._breaks = 2  # behind what was written last
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in _UNREAD:
            self._unread += 1
        elif tag == "br":
            self._broken(self._breaks + 1)
        elif tag == "img":
            self.handle_data(given.get("alt") or "")
        elif tag == "a":
            self._links.append(((given.get("href") or "").strip(), len(self.pieces)))
        elif tag in {"td", "th"}:
            self.handle_data(" ")
        self._break(tag)
        if tag == "li":
            self.handle_data("- ")
            self._breaks = 2

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNREAD:
            self._unread = max(0, self._unread - 1)
        elif tag == "a" and self._links:
            href, since = self._links.pop()
            words = "".join(self.pieces[since:]).strip()
            if href and href.removeprefix("mailto:") != words:
                self.pieces.append(f" ({href})" if words else href)
        self._break(tag)

    def handle_data(self, data: str) -> None:
        text = "" if self._unread else _BLANKS.sub(" ", data)
        if self._breaks or (self.pieces and self.pieces[-1].endswith(" ")):
            text = text.lstrip(" ")
        if text:
            self.pieces.append(text)
            self._breaks = 0

    def parse_marked_section(self, i: int, report: bool = True) -> int:  # noqa: FBT001, FBT002  # the library's
        """`<![if ...]>` is a comment to every browser; the library gives up at some."""
        return self.parse_bogus_comment(i, report)

    def _break(self, tag: str) -> None:
        self._broken(2 if tag in _APART else 1 if tag in _LINE else 0)

    def _broken(self, lines: int) -> None:
        """At least so many ends of lines behind what was written last."""
        if lines > self._breaks:
            self.pieces.append("\n" * (lines - self._breaks))
            self._breaks = lines
