"""`flowrules preview`: how a message looks, before anybody gets it."""

from __future__ import annotations

from html import escape
from pathlib import Path

import click

from flowrules.cli.context import Context, UserError
from flowrules.cli.output import emit, formats
from flowrules.content.preview import channels_with, customer_values, made_up, preview
from flowrules.content.render import Rendered, TemplateFailure
from flowrules.diagnostics.suggest import nearest
from flowrules.model.snapshot import Snapshot
from flowrules.report.lookup import find_customer


@click.command("preview")
@click.argument("words", metavar="[CHANNEL] TEMPLATE", nargs=-1, required=True)
@click.option("--customer", metavar="CUSTOMER", help="For this one; without it for somebody made up.")
@click.option("--channel", metavar="NAME", help="Where several channels have a template of this name.")
@click.option("--language", metavar="LANGUAGE", help="Such as es or es-MX, instead of the customer's.")
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the page to a file, to open.")
@formats("text", "json")
@click.pass_obj
def command(
    context: Context,
    *,
    words: tuple[str, ...],
    customer: str | None,
    channel: str | None,
    language: str | None,
    out: Path | None,
    format_: str,
) -> None:
    """Show a message as the files of the workspace write it now. Nothing is sent or stored.

    What only a journey knows is made up: the event that started it. What the send hands over is as in the rules.
    """
    template, channel = _named(words, channel)
    workspace = context.workspace()
    snapshot, model = context.model(workspace)
    channel = _channel(snapshot, template, channel)
    values = made_up(model)
    if customer is not None:
        with context.database(workspace).read() as connection:
            values = customer_values(connection, model, find_customer(connection, customer))
    content = preview(model, snapshot, channel, template, values, language)
    if isinstance(content, TemplateFailure):
        raise UserError(f"{content.place}: {content.message}", "such a message is held until the template is mended")
    if out is not None:
        try:
            out.write_text(_page(content), encoding="utf-8")
        except OSError as failure:
            raise UserError(f"{out} can not be written: {failure.strerror}") from failure
        context.note(f"wrote {out}")
    address = next(each.address for each in model.channels if each.name == channel)
    to = None if address is None else values[address][1]
    facts = {
        "template": template,
        "channel": channel,
        "customer": values["id"][1] if customer is not None else None,
        "to": to,
        "subject": content.subject,
        "text": content.text,
        "html": content.html,
        "file": None if out is None else str(out),
    }
    head = [f"to: {to}"] if to else []
    head += [f"subject: {content.subject}"] if content.subject is not None else []
    body = content.text if content.text is not None else "(no text part; -o FILE.html writes the page)"
    emit(format_, "preview", facts, "\n".join([*head, "", body.rstrip("\n")]).lstrip("\n"))


def _named(words: tuple[str, ...], channel: str | None) -> tuple[str, str | None]:
    """`email welcome`, as a rule names it, is `welcome --channel email`."""
    *before, template = words
    if not before:
        return template, channel
    if len(before) > 1 or channel not in {None, before[0]}:
        raise click.UsageError(f"one template at a time, such as `email welcome`, not `{' '.join(words)}`")
    return template, before[0]


def _channel(snapshot: Snapshot, template: str, channel: str | None) -> str:
    found = channels_with(snapshot, template)
    known = {each.name for each in snapshot.channels}
    if channel is not None and channel not in known:
        near = nearest(channel, known)
        raise UserError(f"there is no channel `{channel}`", f"did you mean `{near}`?" if near else None)
    if channel in found:
        return channel
    if channel is None and len(set(found) & known) == 1:
        return next(name for name in found if name in known)
    if channel is None and found:
        raise UserError(f"several channels have a template `{template}`", f"say --channel: {', '.join(found)}")
    near = nearest(template, {each.name for each in snapshot.templates})
    hint = f"did you mean `{near}`?" if near else "templates are files such as templates/email/welcome.txt"
    raise UserError(f"there is no template `{template}`" + (f" for {channel}" if channel else ""), hint)


def _page(content: Rendered) -> str:
    if content.html is not None:
        return content.html
    title, text = escape(content.subject or ""), escape(content.text or "")
    return f"<!doctype html>\n<meta charset=utf-8>\n<title>{title}</title>\n<pre>{text}</pre>\n"
