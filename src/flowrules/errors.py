"""What can go wrong outside the program: one clear sentence, and the way out.

Mistakes in authors' files are diagnostics, not errors; anything else that is raised is a bug.
"""

from __future__ import annotations


class FlowRulesError(Exception):
    """`hint` says what to do about it. Both are shown to people as they are."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class StoreError(FlowRulesError):
    """The database can not be used as it is."""


class DatabaseMissingError(StoreError):
    """There is no database yet; `apply` makes one."""


class DatabaseExistsError(StoreError):
    pass


class DatabaseLockedError(StoreError):
    """Another program writes; the same again may work."""


class DatabaseReadOnlyError(StoreError):
    pass


class SchemaNewerError(StoreError):
    pass


class SchemaOlderError(StoreError):
    """`db upgrade` mends it."""


class ServerUnreachableError(StoreError):
    pass


class InstantPassedError(StoreError):
    """A later tick has been; what has been decided can not be decided again."""


class PlanError(StoreError):
    """What would become of those on their way is not said, or is not what was planned."""
