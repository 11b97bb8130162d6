"""What a condition looks at: what must change for it to change, time apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrules.model import condition as c

if TYPE_CHECKING:
    from collections.abc import Iterator

Thing = tuple[str, str]
"""Kind and name: an attribute, a tag, a campaign (whose customers come, go, or change stages), an event, consent."""


def touches(condition: c.Condition) -> Iterator[Thing]:  # noqa: C901, PLR0912  # one case a kind
    match condition:
        case c.And() | c.Or():
            for item in condition.items:
                yield from touches(item)
        case c.Not():
            yield from touches(condition.item)
        case c.InSegment():
            yield from touches(condition.segment.condition)
        case c.Count() | c.Aggregate() | c.HistoryProperty() | c.Ago():
            yield "event", condition.of.event.name
        case c.Reaction() if condition.word != "not sent":
            yield "event", f"{condition.channel}_{condition.word.removeprefix('un')}"
        case c.AttributeIs() | c.DateIs():
            yield "attribute", condition.attribute.name
        case c.InList():
            for name in condition.list.by:
                yield "attribute", name
        case c.Tagged():
            yield "tag", condition.tag
        case c.InStage():
            yield "campaign", condition.campaign
        case c.Consents():
            yield "consent", condition.channel
        case _:
            return
