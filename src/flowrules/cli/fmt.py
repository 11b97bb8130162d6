"""`flowrules fmt`: rule files in the one layout, so that reviews show what changed and nothing else."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from flowrules.cli.context import Context, UserError
from flowrules.cli.diagnosis import as_text, counted
from flowrules.cli.output import emit, formats
from flowrules.diagnostics.json import as_dict
from flowrules.diagnostics.model import Diagnostic
from flowrules.files import MORE_THAN_ANY, replace, rule_files, text
from flowrules.source import Source
from flowrules.syntax.layout import lay_out
from flowrules.syntax.reading import unreadable


@click.command("fmt")
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(exists=True, allow_dash=True, path_type=Path))
@click.option("--check", "only_check", is_flag=True, help="Change nothing; fail where a file would change.")
@click.option("--diff", "show_diff", is_flag=True, help="Change nothing; show what would change.")
@formats("text", "json")
@click.pass_obj
def command(context: Context, paths: Sequence[Path], *, only_check: bool, show_diff: bool, format_: str) -> int:
    """Lay out rule files in the one way: spaces and blank lines, never the order or a comment.

    PATH is a file or a folder; without one, the rules of the workspace. `-` reads stdin and writes stdout.
    """
    if Path("-") in paths:
        if len(paths) > 1 or format_ != "text":
            raise click.UsageError("'-' stands alone, and prints the rules themselves.")
        return _filter(only_check=only_check, show_diff=show_diff)
    changed: list[str] = []
    failed: list[str] = []
    diagnostics: list[Diagnostic] = []
    diffs: list[str] = []
    count = 0
    for path in _files(context, paths):
        count += 1
        name = os.path.relpath(path)
        source = Source(name, text(path))
        laid = _laid_out(source)
        if not isinstance(laid, str):
            failed.append(name)
            diagnostics += laid
        elif laid != source.text:
            changed.append(name)
            diffs += _diff(source, laid) if show_diff else ()
            if not (only_check or show_diff):
                replace(path, laid)
    facts = {
        "changed": changed,
        "unchanged": count - len(changed) - len(failed),
        "failed": failed,
        "diagnostics": [as_dict(diagnostic) for diagnostic in diagnostics],
    }
    would = "would be " if only_check or show_diff else ""
    said = [f"{name} {would}changed" for name in changed]
    said += [f"{name} can not be read as rules and stays as it is" for name in failed]
    said.append(f"{counted(len(changed), 'file')} {would}changed, {facts['unchanged']} unchanged, {len(failed)} failed")
    shown = ["".join(diffs).rstrip("\n")] if diffs else []
    emit(format_, "fmt", facts, "\n\n".join([*shown, *map(as_text, diagnostics), "\n".join(said)]))
    return 1 if failed or (only_check and changed) else 0


def _files(context: Context, paths: Sequence[Path]) -> Iterator[Path]:
    seen: set[Path] = set()
    for path in paths or (context.root() / "rules",):
        if path.exists() and not path.is_dir() and not path.is_file():
            raise UserError(f"{path} is no file", "name a rule file or a folder")
        for each in rule_files(path) if path.is_dir() else (path,):
            if (real := each.resolve()) not in seen:
                seen.add(real)
                yield each


def _laid_out(source: Source) -> str | tuple[Diagnostic, ...]:
    return unreadable(source) or lay_out(source)


def _filter(*, only_check: bool, show_diff: bool) -> int:
    """Stdin to stdout, for editors; what is wrong goes to stderr, for stdout may become the file."""
    source = Source("-", sys.stdin.buffer.read(MORE_THAN_ANY).decode(errors="surrogateescape"))
    laid = _laid_out(source)
    if not isinstance(laid, str):
        click.echo("\n\n".join(map(as_text, laid)), err=True)
        return 1
    if show_diff:
        click.echo("".join(_diff(source, laid)), nl=False)
    elif not only_check:
        sys.stdout.buffer.write(laid.encode())
    return 1 if only_check and laid != source.text else 0


def _diff(source: Source, laid: str) -> Iterator[str]:
    before, after = source.text.splitlines(), laid.splitlines()
    for line in difflib.unified_diff(before, after, source.name, source.name, lineterm=""):
        yield "".join(each if each.isprintable() else " " for each in line) + "\n"
