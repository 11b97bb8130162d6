"""What is kept of a version that only a share of customers enters: docs/meaning.md, Canary."""

from __future__ import annotations


def name(campaign: str) -> str:
    """What buckets are made of: the same customers come first in every canary of a campaign, however large."""
    return f"canary/{campaign}"


def exposure(campaign: str, millionths: int) -> str:
    """Under which the answer for a customer is stored: another share is another question."""
    return f"{name(campaign)}/{millionths}"


def percent(millionths: int) -> str:
    """`10%`, `0.5%`."""
    whole, part = divmod(millionths, 10_000)
    return f"{whole}{f'.{part:04}'.rstrip('0') if part else ''}%"


def words(millionths: int) -> tuple[str, str]:
    """Of an entry into the new version, and of one into the version before."""
    return f"canary {percent(millionths)}", f"not in canary {percent(millionths)}"
