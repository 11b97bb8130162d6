"""Names in rule files: where each is declared, and where it is used.

Takes trees; gives every name with its kind and place. What does not parse has no names. Knows no editor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING

from flowrules.syntax import tree
from flowrules.syntax.indent import RESERVED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flowrules.source import Span

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KINDS = {
    (tree.AttributeDecl, "name"): "attribute",
    (tree.EventDecl, "name"): "event",
    (tree.ListDecl, "name"): "list",
    (tree.SegmentDecl, "name"): "segment",
    (tree.CampaignDecl, "name"): "campaign",
    (tree.Stage, "name"): "stage",
    (tree.CustomerDecl, "name"): "customer",
    (tree.EventTrigger, "event"): "event",
    (tree.Goal, "event"): "event",
    (tree.HasEvent, "event"): "event",
    (tree.EventAgo, "event"): "event",
    (tree.Aggregate, "event"): "event",
    (tree.EventProperty, "event"): "event",
    (tree.WaitFor, "event"): "event",
    (tree.On, "event"): "event",
    (tree.Does, "event"): "event",
    (tree.InList, "name"): "list",
    (tree.Suppress, "list"): "list",
    (tree.InSegment, "name"): "segment",
    (tree.Schedule, "segment"): "segment",
    (tree.SegmentTrigger, "segment"): "segment",
    (tree.ChangeTrigger, "attribute"): "attribute",
    (tree.DateTrigger, "attribute"): "attribute",
    (tree.DateIs, "attribute"): "attribute",
    (tree.Set, "attribute"): "attribute",
    (tree.SetOf, "attribute"): "attribute",
    (tree.ExpectValue, "attribute"): "attribute",
    (tree.Start, "campaign"): "campaign",
    (tree.GivenHeldOut, "campaign"): "campaign",
    (tree.ExpectLeft, "campaign"): "campaign",
    (tree.ExpectGoal, "campaign"): "campaign",
    (tree.GoTo, "stage"): "stage",
    (tree.On, "stage"): "stage",
    (tree.InStage, "name"): "stage",
    (tree.StageTrigger, "stage"): "stage",
    (tree.ExpectStage, "name"): "stage",
    (tree.Given, "like"): "customer",
    (tree.GivenShared, "names"): "customer",
}
_DECLARED = {
    tree.AttributeDecl, tree.EventDecl, tree.ListDecl, tree.SegmentDecl, tree.CampaignDecl, tree.Stage,
    tree.CustomerDecl,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Word:
    """`name` of a stage is `campaign.stage`. `whole`: the declaration, or its first line; None where it is used."""

    kind: str
    name: str
    span: Span
    whole: Span | None = None


def words(files: Iterable[tree.File]) -> list[Word]:
    found = [word for file in files for each in file.declarations for word in _words(each, _owner(each))]
    declared = {(word.kind, word.name) for word in found if word.whole is not None}
    return [_told_apart(word, declared) for word in found]


def unusable(name: str, word: Word, known: Iterable[Word]) -> str | None:
    """Why it can not be the name of what the word names now."""
    if not _NAME.fullmatch(name):
        return f"`{name}` is no name: letters, digits and `_`, and no digit first"
    if name in RESERVED:
        return f"`{name}` is a word of the language"
    if word.kind == "stage":
        known = (each for each in known if each.kind == "stage")
    if any(each.whole is not None and each.name == beside(word, name) for each in known):
        return f"`{name}` is declared already"
    return None


def beside(word: Word, name: str) -> str:
    """The name in full, of a stage of the same campaign."""
    campaign, dot, _ = word.name.rpartition(".")
    return f"{campaign}{dot}{name}"


def _told_apart(word: Word, declared: set[tuple[str, str]]) -> Word:
    """`exit when x` and `in stage x` say by what there is what they mean."""
    if word.kind == "event" and ("event", word.name) not in declared and ("segment", word.name) in declared:
        return Word("segment", word.name, word.span)
    if word.kind == "stage" and ("stage", word.name) not in declared and ("campaign", word.name) in declared:
        return Word("campaign", word.name, word.span)
    return word


def _owner(declaration: tree.Declaration) -> str | None:
    return declaration.name.text if isinstance(declaration, tree.CampaignDecl) else None


def _words(node: object, campaign: str | None, *, filtered: bool = False) -> Iterator[Word]:
    """`filtered`: within the brackets of an event, where a bare name is one of its properties."""
    filtered = filtered or isinstance(node, tree.Filter)
    for each in fields(node) if is_dataclass(node) else ():
        value = getattr(node, each.name)
        if each.name in {"span", "head"}:
            continue
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, tree.Place):
                yield from _led_to(item, each.name, campaign)
            elif not isinstance(item, tree.Name):
                yield from _words(item, campaign, filtered=filtered)
            elif (kind := _kind(node, each.name, item, filtered=filtered)) is not None:
                whole = getattr(node, "span", None) if type(node) in _DECLARED and each.name == "name" else None
                yield Word(kind, _full(kind, item.text, campaign), item.span, whole)


def _led_to(place: tree.Place, field: str, campaign: str | None) -> Iterator[Word]:
    """The stage that a line of `migrate` leads to; where it begins is named as it was then."""
    if field != "target" or place.name is None:
        return
    stage = place.name.partition("/")[0]
    start = place.span.start + 1 if place.kind == "step" else place.span.end - len(stage)
    yield Word("stage", _full("stage", stage, campaign), replace(place.span, start=start, end=start + len(stage)))


def _kind(node: object, field: str, name: tree.Name, *, filtered: bool) -> str | None:
    if isinstance(node, tree.Compare):
        return None if filtered or len(name.parts) > 1 else "attribute"
    if isinstance(node, tree.Exclude):
        return node.kind
    if isinstance(node, tree.ExitWhen):
        return "event"
    return _KINDS.get((type(node), field))


def _full(kind: str, text: str, campaign: str | None) -> str:
    """A stage is named alone within its campaign."""
    return f"{campaign}.{text}" if kind == "stage" and campaign is not None and "." not in text else text
