"""What every command is given: where the workspace is, and how talkative to be.

Finds the workspace, checks its files and opens the database when a command first asks, and not before.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowrules.errors import FlowRulesError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowrules.check import Checked
    from flowrules.diagnostics.model import Diagnostic
    from flowrules.model.campaign import Model
    from flowrules.model.snapshot import Snapshot
    from flowrules.store.database import Database
    from flowrules.workspace import Workspace


class UserError(FlowRulesError):
    """The user's files, data or the world are at fault: exit 1."""


class FilesError(FlowRulesError):
    """The workspace's files have mistakes; the diagnostics are shown, in the format asked for."""

    def __init__(self, diagnostics: Sequence[Diagnostic], files: int = 0, campaigns: int = 0) -> None:
        super().__init__("the files of the workspace have mistakes")
        self.diagnostics = tuple(diagnostics)
        self.files, self.campaigns = files, campaigns


@dataclass(slots=True)
class Context:
    """Filled by the global options; a command takes it with `@click.pass_obj`."""

    directory: Path | None = None
    format_: str | None = None
    quiet: bool = False
    debug: bool = False

    def set(self, option: str, value: object) -> None:
        setattr(self, option, value)

    def root(self) -> Path:
        """The folder of the workspace."""
        from flowrules.diagnostics.model import Diagnostic  # noqa: PLC0415 -- not for `help`
        from flowrules.files import find  # noqa: PLC0415 -- only what a command needs

        start = Path() if self.directory is None else self.directory
        if not start.is_dir():
            raise UserError(f"there is no folder `{start}`", "-C names the folder of a workspace")
        root = find(start)
        if isinstance(root, Diagnostic):
            raise UserError(root.message, root.hint)
        return root

    def workspace(self) -> Workspace:
        from flowrules.workspace import load  # noqa: PLC0415 -- as above

        workspace, diagnostics = load(self.root())
        if workspace is None:
            raise FilesError(diagnostics)
        return workspace

    def model(self, workspace: Workspace) -> tuple[Snapshot, Model]:
        """What the rule files say now; their mistakes end the command."""
        files, checked = self.checked(workspace)
        if checked.model is None:
            raise FilesError(errors_of(checked), checked.files, checked.campaigns)
        return files, checked.model

    def checked(self, workspace: Workspace) -> tuple[Snapshot, Checked]:
        """The same with its tests, and with all that is wrong."""
        from flowrules.check import check  # noqa: PLC0415 -- as above
        from flowrules.workspace import snapshot  # noqa: PLC0415 -- as above

        files = snapshot(workspace)
        return files, check(files)

    def database(self, workspace: Workspace) -> Database:
        """Open it; a missing one is an error that says so."""
        from flowrules.store.database import Database  # noqa: PLC0415 -- SQLAlchemy is slow to import

        return Database.open(workspace.database)

    def note(self, line: str) -> None:
        """Progress and log: stderr, unless quiet."""
        if not self.quiet:
            say(line)

    def warn(self, line: str) -> None:
        say(f"warning: {line}")


def errors_of(checked: Checked) -> list[Diagnostic]:
    return [diagnostic for diagnostic in checked.diagnostics if diagnostic.severity == "error"]


def say(line: str) -> None:
    """On stderr, without the control characters that a name or a value of somebody else's may hold."""
    click.echo("".join(each if each.isprintable() or each == "\n" else "\ufffd" for each in line), err=True)
