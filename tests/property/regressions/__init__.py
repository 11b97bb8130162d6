"""Scenarios by name, in plain data: edges that random ones seldom hit, and those on which the two sides differed."""

from __future__ import annotations

from tests.property.regressions import contention, journeys, timing

REGRESSIONS = timing.SCENARIOS | contention.SCENARIOS | journeys.SCENARIOS
