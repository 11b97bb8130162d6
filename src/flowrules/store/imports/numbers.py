"""Numbers as spreadsheets of all countries write them.

Takes text, gives the same number with a point and without thousands. Which sign parts the decimals is told by the
numbers themselves, or asked for.
"""

from __future__ import annotations

import re
from typing import Literal

Decimal = Literal[".", ","]
DECIMALS: dict[str, Decimal] = {"point": ".", "comma": ","}

_BLANKS = " \u00a0\u202f'\u2019"
_CURRENCY = re.compile(r"(.*\d)\s*([A-Z]{3})")


def _form(decimal: str, thousands: str) -> re.Pattern[str]:
    return re.compile(
        rf"([+-]?)(?:(\d+)|(\d{{1,3}}(?:([{thousands}{_BLANKS}])\d{{3}})(?:\4\d{{3}})*))(?:{re.escape(decimal)}(\d+))?"
    )


_FORMS: dict[Decimal, re.Pattern[str]] = {".": _form(".", ","), ",": _form(",", ".")}


def plain(text: str, decimal: Decimal) -> str | None:
    """`1.234,50 EUR` as `1234.50 EUR`; None: it is not written so."""
    amount, currency = text.strip(), ""
    if named := _CURRENCY.fullmatch(amount):
        amount, currency = named[1], f" {named[2]}"
    match = _FORMS[decimal].fullmatch(amount)
    if match is None:
        return None
    sign, whole, grouped, mark, part = match.groups()
    digits = whole if grouped is None else grouped.replace(mark, "")
    return f"{sign}{digits}{f'.{part}' if part else ''}{currency}"


def tells(text: str) -> Decimal | Literal["both", ""]:
    """Which decimal sign a number needs; both: it means one thing or the other; empty: nothing."""
    with_point, with_comma = plain(text, "."), plain(text, ",")
    if with_point == with_comma:
        return ""
    if with_point is not None and with_comma is not None:
        return "both"
    return "." if with_comma is None else ","
