"""Files to a model that is proven, or to all that is wrong with them.

Takes a snapshot of a workspace; gives what was checked. The stages: parse, build, flow, templates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowrules.check.flow import check_flow
from flowrules.check.remains import check_remains
from flowrules.check.templates import check_templates
from flowrules.check.triggers import check_triggers
from flowrules.model.build import resolve
from flowrules.model.trials import build_trials
from flowrules.model.walk import all_steps
from flowrules.source import Source, Span
from flowrules.syntax import tree
from flowrules.syntax.reading import read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowrules.diagnostics.model import Diagnostic
    from flowrules.model.campaign import Model
    from flowrules.model.snapshot import Snapshot
    from flowrules.model.trial import Trial


@dataclass(frozen=True, slots=True)
class Checked:
    """`model` is None when there are errors in the rules. A mistake in a test leaves it: no test is in force.

    `files` and `campaigns` count what was read.
    """

    model: Model | None
    diagnostics: tuple[Diagnostic, ...]
    files: int
    campaigns: int
    trials: tuple[Trial, ...] = ()

    @property
    def errors(self) -> int:
        return sum(diagnostic.severity == "error" for diagnostic in self.diagnostics)

    @property
    def warnings(self) -> int:
        return len(self.diagnostics) - self.errors


def check(snapshot: Snapshot) -> Checked:
    files: list[tree.File] = []
    found: list[Diagnostic] = []
    broken: list[tuple[Source, Sequence[Diagnostic]]] = []
    for source in snapshot.sources:
        file, problems = read(source)
        files.append(file)
        found += problems
        if problems:
            broken.append((source, problems))
    names, model = resolve(files, snapshot)
    found += names.diagnostics
    found += check_remains(files, broken, snapshot)
    campaigns = [item for file in files for item in file.declarations if isinstance(item, tree.CampaignDecl)]
    for campaign in campaigns:
        found += check_flow(campaign)
    found += check_triggers(campaigns, names)
    marketing = {each.name for each in (model.campaigns if model else ()) if each.message_class.marketing}
    found += check_templates(campaigns, names, marketing)
    found = _without_echoes(found, campaigns)
    trials: tuple[Trial, ...] = ()
    if model is not None and not _errors(found):  # of rules that are wrong themselves a test could only repeat it
        told = len(names.diagnostics)
        trials = build_trials(files, names, model, lambda others: resolve(others, snapshot))
        found += names.diagnostics[told:]
    else:
        model = None
    order = {source.name: number for number, source in enumerate(snapshot.sources)}
    found.sort(key=lambda d: (order.get(d.span.source.name, len(order)), d.span.source.name, d.span.start, d.span.end))
    return Checked(model, tuple(found), len(files), len(campaigns), trials)


def _errors(found: Sequence[Diagnostic]) -> bool:
    return any(diagnostic.severity == "error" for diagnostic in found)


def _without_echoes(found: list[Diagnostic], campaigns: list[tree.CampaignDecl]) -> list[Diagnostic]:
    """A message misspelt where it is sent is not missed once more where its reactions are asked for."""
    misspelt = {each.span for each in found if each.code in {"FR108", "FR310"}}
    echoes = []
    for campaign in campaigns:
        steps = [step for stage in campaign.stages for step in all_steps(stage.steps)]
        sends = [step for step in steps if isinstance(step, tree.Send)]
        if any(misspelt & {send.channel.span, send.template.span} for send in sends):
            echoes.append(Span(campaign.span.source, campaign.span.start, max(step.span.end for step in steps)))
    return [each for each in found if each.code != "FR124" or not any(_within(each.span, echo) for echo in echoes)]


def _within(part: Span, whole: Span) -> bool:
    return part.source is whole.source and whole.start <= part.start and part.end <= whole.end
