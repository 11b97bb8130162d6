"""FR9xx: our own mistakes."""

from __future__ import annotations

from flowrules.diagnostics.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "FR900",
        "a mistake inside FlowRules",
        "The program met a state its makers did not foresee. Your files are unharmed. Please report it with the file"
        " that caused it and what `--debug` prints.",
    ),
)
