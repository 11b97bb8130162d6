"""Identifiers of customers in the one form that is compared: in `identity`, lists, look-ups and hashes.

Takes what people and files write; gives the normal form, or None for what is no such thing. Never guesses a country of
a phone number, never asks the network.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache
from typing import Literal

IdentityKind = Literal["id", "email", "phone", "email_sha256", "phone_sha256"]

HASHES: dict[IdentityKind, IdentityKind] = {"email_sha256": "email", "phone_sha256": "phone"}
"""What partners exchange instead of addresses: SHA-256 of the normal form, in hexadecimal."""

_LABEL = r"[a-z0-9](?:(?!-)[a-z0-9]|-(?!-))*(?<!-)"
_PLAIN = re.compile(rf"[a-z0-9_+-]{{1,32}}(?:\.[a-z0-9_+-]{{1,31}})?@(?:{_LABEL}\.)+[a-z]{{2,63}}")
"""Nearly every address; the library, which is slow, says the same of these."""

_PLAIN_LENGTH = 63
_HASH = re.compile("[0-9a-f]{64}")
_REGION = re.compile("[A-Za-z]{2}")


def normalised(kind: IdentityKind, value: str, region: str | None = None) -> str | None:
    """None: nothing usable. `region`: the country of a phone number that does not name its own."""
    text = value.strip()
    if kind == "id":
        return text or None
    if kind == "email":
        return _email(unicodedata.normalize("NFC", text))
    if kind == "phone":
        return _phone(text, region)
    return text.lower() if _HASH.fullmatch(text.lower()) else None


def kinds_of(reference: str) -> tuple[IdentityKind, ...]:
    """As what a customer named on a command line or in a file is looked for, the first that is found."""
    if "@" in reference:
        return ("id", "email")
    if reference.strip().startswith("+"):  # without it a number may be an id as well
        return ("id", "phone")
    return ("id",)


def region_of(country: object, otherwise: str | None) -> str | None:
    """Of a customer: the country they have, else the workspace's; what is no country code is not replaced."""
    given = str(country or "").strip()
    if not given:
        return otherwise
    return given.upper() if _REGION.fullmatch(given) else None


def sha256_of(value: str) -> str:
    """As partners exchange it. Can be reversed by trying: never to be kept of those who were erased."""
    return hashlib.sha256(value.encode()).hexdigest()


def _email(text: str) -> str | None:
    lower = text.lower()
    if len(lower) <= _PLAIN_LENGTH and _PLAIN.fullmatch(lower):
        return lower
    if "@" not in text:
        return None
    import email_validator  # noqa: PLC0415 -- slow to import, and seldom needed

    # The library's own way: `.local` and `.test` will do. A domain without a dot will not.
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    try:
        address = email_validator.validate_email(text, check_deliverability=False)
    except (email_validator.EmailNotValidError, ValueError):
        return None
    return f"{address.local_part.lower()}@{address.ascii_domain}"


@lru_cache(maxsize=16_384)  # a row of a file asks more than once
def _phone(text: str, region: str | None) -> str | None:
    if not any(character.isdigit() for character in text):
        return None
    import phonenumbers  # noqa: PLC0415 -- slow to import

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
