"""Files to a model that is proven, or to all that is wrong with them.

Takes a snapshot of a workspace; gives what was checked. The stages: parse, build, flow, templates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowrules.check.flow import check_flow
from flowrules.check.reading import read
from flowrules.check.templates import check_templates
from flowrules.model.build import resolve
from flowrules.syntax import tree

if TYPE_CHECKING:
    from flowrules.diagnostics.model import Diagnostic
    from flowrules.model.campaign import Model
    from flowrules.model.snapshot import Snapshot
    from flowrules.source import Span


@dataclass(frozen=True, slots=True)
class Checked:
    """`model` is None when there are errors; `files` and `campaigns` count what was read."""

    model: Model | None
    diagnostics: tuple[Diagnostic, ...]
    files: int
    campaigns: int

    @property
    def errors(self) -> int:
        return sum(diagnostic.severity == "error" for diagnostic in self.diagnostics)

    @property
    def warnings(self) -> int:
        return len(self.diagnostics) - self.errors


def check(snapshot: Snapshot) -> Checked:
    files: list[tree.File] = []
    found: list[Diagnostic] = []
    for source in snapshot.sources:
        file, problems = read(source)
        files.append(file)
        found += problems
    names, model = resolve(files, snapshot)
    found += names.diagnostics
    campaigns = [item for file in files for item in file.declarations if isinstance(item, tree.CampaignDecl)]
    for campaign in campaigns:
        found += check_flow(campaign)
    found += check_templates(campaigns, names)
    found = _without_echoes(found, campaigns)
    order = {source.name: number for number, source in enumerate(snapshot.sources)}
    found.sort(key=lambda d: (order.get(d.span.source.name, len(order)), d.span.source.name, d.span.start, d.span.end))
    errors = any(diagnostic.severity == "error" for diagnostic in found)
    return Checked(None if errors else model, tuple(found), len(files), len(campaigns))


def _without_echoes(found: list[Diagnostic], campaigns: list[tree.CampaignDecl]) -> list[Diagnostic]:
    """A message misspelt where it is sent is not missed once more where its reactions are asked for."""
    misspelt = [
        campaign.span
        for campaign in campaigns
        if any(each.code in _NEVER_SENT and _within(each.span, campaign.span) for each in found)
    ]
    return [each for each in found if each.code != "FR124" or not any(_within(each.span, span) for span in misspelt)]


_NEVER_SENT = frozenset({"FR108", "FR310"})


def _within(part: Span, whole: Span) -> bool:
    return part.source is whole.source and whole.start <= part.start and part.end <= whole.end
