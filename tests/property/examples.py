"""How many examples a property is tried with, and what becomes of one that fails.

It is told at once as it was found, with the blob that plays it again: one example takes seconds, so making it small
takes many minutes, longer than any test may. `FLOWRULES_SHRINK=1` does that, with `-o timeout=0`.
`FLOWRULES_EXAMPLES=200` tries so many.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

_PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
if os.environ.get("FLOWRULES_SHRINK"):
    _PHASES.append(Phase.shrink)


def examples(number: int) -> settings:
    """A database is emptied between examples, which is why a fixture of the function's scope serves."""
    number = int(os.environ.get("FLOWRULES_EXAMPLES", number))
    return settings(max_examples=number, phases=_PHASES, suppress_health_check=list(HealthCheck))
