"""`flowrules help`: what a code means, with an example; or how a command is used."""

from __future__ import annotations

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
        emit(format_, "help", {"code": page.code, "title": page.title, "text": page.page}, page.page.rstrip("\n"))
        return
    if isinstance(program, click.Group) and (named := program.get_command(context, code)) is not None:
        with click.Context(named, info_name=code, parent=context.parent) as inner:
            click.echo(named.get_help(inner))
        return
    near = nearest(code.upper(), CODES)
    raise UserError(
        f"there is no code `{code}`", f"did you mean {near}?" if near else "`flowrules help` lists them all"
    )
