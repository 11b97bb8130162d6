"""Where the links of a page lead: nothing but the web, mail and phones.

Takes HTML as it would be sent, so that what a customer's data put there is seen too.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from flowrules.model.template import SCHEMES

_LINKS = frozenset("action background cite data formaction href poster src srcset xlink:href".split())  # noqa: SIM905 -- words read better
_IGNORED = re.compile(r"[\x00-\x20]+")
"""Browsers read `java\\nscript:` as one word."""

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)


class WrongLinkError(Exception):
    """Holds nothing of the customer's."""


def check_links(html: str) -> None:
    reader = _Reader()
    reader.feed(html)
    reader.close()


class _Reader(HTMLParser):
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        for name, value in attrs:
            scheme = _SCHEME.match(_IGNORED.sub("", value or "")) if name in _LINKS else None
            if scheme is not None and scheme[1].lower() not in SCHEMES:
                raise WrongLinkError("a link leads to something other than http, https, mailto or tel")
