"""`flowrules graph`: a campaign as a picture, as text that other programs draw."""

from __future__ import annotations

import click

from flowrules.cli.context import Context, FilesError, UserError
from flowrules.cli.output import formats
from flowrules.diagnostics.model import Diagnostic
from flowrules.diagnostics.suggest import nearest
from flowrules.files import rule_files, text
from flowrules.report.graph import dot, draw, mermaid
from flowrules.source import Source
from flowrules.syntax import tree
from flowrules.syntax.blocks import declared_names
from flowrules.syntax.reading import read


@click.command("graph")
@click.argument("campaign")
@formats("mermaid", "dot")
@click.pass_obj
def command(context: Context, campaign: str, format_: str) -> None:
    """Draw a CAMPAIGN as its file says it: stages, steps, waits and branches.

    Mermaid is drawn by GitHub and many editors, DOT by Graphviz.
    """
    root = context.root()
    campaigns: dict[str, tree.CampaignDecl] = {}
    wrong: list[Diagnostic] = []
    for path in rule_files(root / "rules"):
        source = Source(path.relative_to(root).as_posix(), text(path))
        file, problems = read(source)
        found = {item.name.text: item for item in file.declarations if isinstance(item, tree.CampaignDecl)}
        campaigns = found | campaigns
        if campaign not in found and campaign in declared_names(source.text):
            wrong += problems
    if campaign in campaigns:
        click.echo({"mermaid": mermaid, "dot": dot}[format_](draw(campaigns[campaign])))
    elif wrong:
        raise FilesError(wrong, 1)
    else:
        near = nearest(campaign, campaigns)
        known = f"there are: {', '.join(sorted(campaigns))}" if campaigns else "there is none yet"
        raise UserError(f"there is no campaign `{campaign}`", f"did you mean `{near}`?" if near else known)
