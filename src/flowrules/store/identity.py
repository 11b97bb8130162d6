"""Identifiers of customers in the one form that is compared: in `identity`, lists, and look-ups.

Takes what people and files write. Never guesses a country of a phone number.
"""

from __future__ import annotations

import unicodedata
from typing import Literal

IdentityKind = Literal["id", "email", "phone"]


def normalised(kind: IdentityKind, value: str) -> str | None:
    """None: nothing usable."""
    text = unicodedata.normalize("NFC", value.strip()) if kind != "id" else value.strip()
    if kind == "email":
        text = text.lower()
    elif kind == "phone":
        digits = "".join(character for character in text if character in "0123456789")
        text = f"+{digits}" if digits and text.startswith("+") else digits
    return text or None


def kinds_of(reference: str) -> tuple[IdentityKind, ...]:
    """As what a customer named on a command line or in a file is looked for, the first that is found."""
    if "@" in reference:
        return ("id", "email")
    if reference.strip().startswith("+"):
        return ("id", "phone")
    return ("id",)
