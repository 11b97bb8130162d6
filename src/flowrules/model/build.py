"""Trees to model: what the files of a workspace mean.

Takes the trees of all files and the snapshot; gives the model, or None with the errors. Pure: reads no file and no
clock. Order of files and of declarations does not matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from flowrules.model.campaign import Model
from flowrules.model.campaigns import build_campaign
from flowrules.model.conditions import Scope
from flowrules.model.names import Names, declare
from flowrules.model.policy import build_policy
from flowrules.model.segments import build_segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowrules.diagnostics.model import Diagnostic
    from flowrules.model.snapshot import Snapshot
    from flowrules.syntax import tree

T = TypeVar("T")


def build(files: Sequence[tree.File], snapshot: Snapshot) -> tuple[Model | None, tuple[Diagnostic, ...]]:
    names, model = resolve(files, snapshot)
    return model, tuple(names.diagnostics)


def resolve(files: Sequence[tree.File], snapshot: Snapshot) -> tuple[Names, Model | None]:
    """The same, with the names: later checks ask them also when there is no model."""
    names = declare(files, snapshot)
    policy = build_policy(files, names)
    segments = build_segments(names, policy.purposes)
    scope = Scope(names, policy.purposes)
    campaigns = [build_campaign(node, scope, policy) for _, node in sorted(names.campaign_decls.items())]
    if any(diagnostic.severity == "error" for diagnostic in names.diagnostics):
        return names, None
    model = Model(
        attributes=_by_name(names.attributes),
        events=_by_name(names.events),
        lists=_by_name(names.lists),
        segments=segments,
        campaigns=tuple(campaign for campaign in campaigns if campaign is not None),
        policy=policy,
        channels=_by_name(names.channels),
        currency=snapshot.currency,
        region=snapshot.region,
    )
    return names, model


def _by_name(table: dict[str, T]) -> tuple[T, ...]:
    return tuple(table[name] for name in sorted(table))
