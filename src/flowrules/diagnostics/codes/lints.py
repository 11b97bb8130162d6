"""FR4xx: what is allowed and probably not meant."""

from __future__ import annotations

from flowrules.diagnostics.code import Code

CODES: tuple[Code, ...] = ()
