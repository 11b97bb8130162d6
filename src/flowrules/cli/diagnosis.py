"""Diagnostics as the commands print them: for people, for programs, for a code review on GitHub."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

import click

from flowrules.cli.output import emit
from flowrules.diagnostics import github
from flowrules.diagnostics.json import as_dict
from flowrules.diagnostics.model import Diagnostic
from flowrules.diagnostics.text import render

FORMATS = ("text", "json", "jsonl", "github")


def show(format_: str, diagnostics: Sequence[Diagnostic], files: int, campaigns: int, *, ok: bool) -> None:
    errors = sum(diagnostic.severity == "error" for diagnostic in diagnostics)
    warnings = len(diagnostics) - errors
    if format_ == "github":
        for diagnostic in diagnostics:
            click.echo(annotation(diagnostic))
        return
    if format_ == "jsonl":
        for diagnostic in diagnostics:
            click.echo(json.dumps(as_dict(diagnostic), ensure_ascii=False))
        return
    facts = {
        "ok": ok,
        "files": files,
        "campaigns": campaigns,
        "errors": errors,
        "warnings": warnings,
        "diagnostics": [as_dict(diagnostic) for diagnostic in diagnostics],
    }
    summary = f"{counted(errors, 'error')}, {counted(warnings, 'warning')} in {counted(files, 'file')}"
    if not diagnostics:
        summary = f"{counted(campaigns, 'campaign')} in {counted(files, 'file')}: no mistakes found"
    emit(format_, "check", facts, "\n\n".join([*map(as_text, diagnostics), summary]))


def as_text(diagnostic: Diagnostic) -> str:
    """As people read it; in colours on a terminal."""
    return render(diagnostic, colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ)


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def annotation(diagnostic: Diagnostic) -> str:
    message = diagnostic.message + (f" ({diagnostic.hint})" if diagnostic.hint else "")
    return github.annotation(diagnostic.severity, diagnostic.span, diagnostic.code, message)
