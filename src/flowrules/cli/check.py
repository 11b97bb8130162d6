"""`flowrules check`: every mistake in the files of a workspace, with its place and the way out."""

from __future__ import annotations

from pathlib import Path

import click

from flowrules.check import check
from flowrules.cli.context import Context
from flowrules.cli.diagnosis import FORMATS, show
from flowrules.cli.output import formats
from flowrules.workspace import snapshot


@click.command("check")
@click.argument("path", type=click.Path(exists=True, path_type=Path), required=False)
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@formats(*FORMATS)
@click.pass_obj
def command(context: Context, path: Path | None, *, strict: bool, format_: str) -> int:
    """Find the mistakes in the rule files, templates, and settings.

    PATH is a workspace, or a folder or file in one: then only what is wrong there is shown.
    """
    if path is not None:
        context.directory = path if path.is_dir() else path.parent
    workspace = context.workspace()
    checked = check(snapshot(workspace))
    diagnostics = checked.diagnostics
    if path is not None and (below := path.resolve()) != workspace.root.resolve():
        diagnostics = tuple(
            each for each in diagnostics if (workspace.root / each.span.source.name).resolve().is_relative_to(below)
        )
    ok = not any(strict or each.severity == "error" for each in diagnostics)
    show(format_, diagnostics, checked.files, checked.campaigns, ok=ok)
    return 0 if ok else 1
