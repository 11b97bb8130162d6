"""Names and their small numbers, as read from the catalogue tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`steps`: (campaign, step key) to id; a stage is a step whose key is its name."""

    event_types: Mapping[str, int]
    tags: Mapping[str, int]
    campaigns: Mapping[str, int]
    channels: Mapping[str, int]
    steps: Mapping[tuple[str, str], int]
    labels: Mapping[str, int]
    zones: Mapping[str, int]
    segments: Mapping[str, int]
