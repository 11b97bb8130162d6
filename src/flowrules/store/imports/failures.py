"""Why a file is not taken in."""

from __future__ import annotations

from flowrules.errors import FlowRulesError


class ImportFileError(FlowRulesError):
    """Nothing, or nothing more, of the file can be taken in."""
