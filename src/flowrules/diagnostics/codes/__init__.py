"""The registry of codes: one module a range, each with a tuple CODES.

FR0xx syntax, FR1xx names and types, FR2xx flow and time, FR3xx consent, caps, templates, FR4xx lints, FR5xx tests,
FR9xx internal.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowrules.diagnostics.code import Code

RANGES = {
    "syntax": "FR0",
    "names": "FR1",
    "flow": "FR2",
    "policy": "FR3",
    "lints": "FR4",
    "tests": "FR5",
    "internal": "FR9",
}


def _collect() -> dict[str, Code]:
    found: dict[str, Code] = {}
    for name, prefix in RANGES.items():
        for code in import_module(f"{__name__}.{name}").CODES:
            if code.code in found or not code.code.startswith(prefix):
                raise AssertionError(f"{code.code} is registered twice or in the wrong module, {name}")
            found[code.code] = code
    return dict(sorted(found.items()))


CODES: dict[str, Code] = _collect()
"""Every code there is, in order."""
