"""`flowrules lsp`: the language server that an editor starts."""

from __future__ import annotations

import click


@click.command("lsp")
def command() -> int:
    """Answer an editor over stdin and stdout, by the Language Server Protocol. The editor starts it."""
    from flowrules.editor.server import serve  # noqa: PLC0415 -- not for `lsp --help`

    serve()
    return 0
