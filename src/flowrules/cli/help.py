"""`flowrules help`: what a code means, with an example; or how a command is used."""

from __future__ import annotations

import textwrap

import click

from flowrules.cli.context import UserError
from flowrules.cli.output import emit, formats
from flowrules.diagnostics.codes import CODES
from flowrules.diagnostics.suggest import nearest


@click.command("help")
@click.argument("code", required=False)
@formats("text", "json")
@click.pass_context
def command(context: click.Context, code: str | None, format_: str) -> None:
    """Explain a CODE such as FR203, or a command. Without one: list all codes."""
    program = context.parent.command if context.parent else None
    if code is None:
        facts = {"codes": [{"code": each.code, "title": each.title} for each in CODES.values()]}
        emit(format_, "help", facts, "\n".join(f"{each.code}  {each.title}" for each in CODES.values()))
        return
    page = CODES.get(code.upper())
    if page is not None:
        text = "\n".join(map(_wrapped, page.page.rstrip("\n").split("\n")))
        emit(format_, "help", {"code": page.code, "title": page.title, "text": page.page}, text)
        return
    if isinstance(program, click.Group) and (named := program.get_command(context, code)) is not None:
        with click.Context(named, info_name=code, parent=context.parent) as inner:
            text = named.get_help(inner)
        emit(format_, "help", {"code": code, "title": named.short_help, "text": text}, text)
        return
    near = nearest(code.upper(), CODES)
    raise UserError(
        f"there is no code `{code}`", f"did you mean {near}?" if near else "`flowrules help` lists them all"
    )


def _wrapped(line: str) -> str:
    """To 80 columns; what is indented is an example and stays as it is."""
    return line if line.startswith(" ") else textwrap.fill(line, 80, break_long_words=False, break_on_hyphens=False)
