"""What the outcome of a test can depend on: the rules that its customers may come in touch with.

Takes a model and a typed test; gives the campaigns that may let one of its customers in, and a digest of each thing
that counts. Where that can not be told, it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from functools import cached_property
from hashlib import sha256
from typing import TypeVar

from flowrules.model import campaign as m
from flowrules.model import condition as c
from flowrules.model import trial as t
from flowrules.model.digest import canonical
from flowrules.model.schema import Attribute, Stored
from flowrules.model.snapshot import Template

S = TypeVar("S", bound=m.Step)
Parts = dict[str, str]
"""What it is, as people call it, and a digest of what it says."""


def parts(model: m.Model, trial: t.Trial, templates: tuple[Template, ...] = ()) -> Parts:
    """All that a test depends on. templates: where it looks at what messages say."""
    model = trial.model or model
    found = {
        "the test": _digest((trial.people, trial.lines)),
        "the policy": _digest((model.policy, _classes(model), _channels(model), model.currency, model.region)),
    }
    names = _Involved(model, trial).campaigns()
    found |= {f"campaign {each.name}": _digest(each) for each in model.campaigns if each.name in names}
    if any(isinstance(line.what, t.Message) and line.what.content for line in trial.lines):
        found["the templates"] = _digest(templates)
    return found


def _classes(model: m.Model) -> tuple[object, ...]:
    """In full: a campaign's digest has their names alone."""
    return tuple((each.name, each.purpose, each.limited, each.counted) for each in model.policy.classes)


def _channels(model: m.Model) -> tuple[object, ...]:
    return tuple(astuple(each) for each in model.channels)


def _digest(item: object) -> str:
    return sha256(canonical(item, {}).encode()).hexdigest()


@dataclass(frozen=True)
class _Involved:
    model: m.Model
    trial: t.Trial

    def campaigns(self) -> set[str]:
        """Those that an event, a change or the time lets somebody into, and those that they set off in turn."""
        found: set[str] = set()
        while True:
            more = {each.name for each in self.model.campaigns if each.name not in found and self._enters(each, found)}
            if not more:
                return found
            found |= more

    def _enters(self, campaign: m.Campaign, found: set[str]) -> bool:
        started = any(step.campaign == campaign.name for step in self._steps(found, m.Start))
        match campaign.entry.trigger:
            case m.EventTrigger(event=event):
                return started or event.name in self.events
            case m.ScheduleTrigger(segment=segment) | m.SegmentTrigger(segment=segment):
                return started or self.possible(segment.condition)
            case m.StageTrigger(campaign=other):
                return started or other in found
            case m.TagTrigger(tag=tag):
                return started or any(step.tag == tag for step in self._steps(found, m.Tag))
            case m.ChangeTrigger(attribute=attribute):
                set_by = (step.attribute.name for step in self._steps(found, m.Set))
                return started or attribute.name in {*self.changes, *set_by}
            case _:
                return True

    def _steps(self, names: set[str], kind: type[S]) -> Iterator[S]:
        for campaign in self.model.campaigns:
            if campaign.name in names:
                yield from (step for stage in campaign.stages for step in _all(stage.steps) if isinstance(step, kind))

    @cached_property
    def events(self) -> set[str]:
        lines = [line.what for line in self.trial.lines]
        reactions = {
            f"{what.channel}_{word}"
            for what in lines
            if isinstance(what, t.Reacts)
            for word in ("opened", "clicked")[: 1 + (what.reaction == "clicked")]
        }
        return reactions | {what.event for what in lines if isinstance(what, t.Does)}

    @cached_property
    def changes(self) -> set[str]:
        return {line.what.attribute.name for line in self.trial.lines if isinstance(line.what, t.Changes)}

    def possible(self, condition: c.Condition) -> bool:  # noqa: PLR0911  # one case a kind
        """False only where nothing that happens in the test can make it true."""
        match condition:
            case c.And():
                return all(map(self.possible, condition.items))
            case c.Or():
                return any(map(self.possible, condition.items))
            case c.InSegment():
                return self.possible(condition.segment.condition)
            case c.Count(op=">=", values=values) if values and values[0] > 0:
                return condition.of.event.name in self.events
            case c.Ago():
                return condition.of.event.name in self.events
            case c.AttributeIs(op="=" | "in", values=values):
                return not self.values(condition.attribute).isdisjoint(values)
            case c.Tagged(tag=tag):
                everywhere = {campaign.name for campaign in self.model.campaigns}
                given = any(tag in person.tags for person in self.trial.people)
                return given or "." in tag or any(step.tag == tag for step in self._steps(everywhere, m.Tag))
            case c.InList():
                return any(condition.list.name == each.name for person in self.trial.people for each in person.lists)
            case _:
                return True

    def values(self, attribute: Attribute) -> set[Stored | None]:
        """All that it may ever be."""
        given = {dict(person.attributes).get(attribute.name, attribute.default) for person in self.trial.people}
        changes = [line.what for line in self.trial.lines if isinstance(line.what, t.Changes)]
        everywhere = {campaign.name for campaign in self.model.campaigns}
        steps = self._steps(everywhere, m.Set)
        return {
            *given,
            *(each.value for each in changes if each.attribute.name == attribute.name),
            *(step.value for step in steps if step.attribute.name == attribute.name),
        }


def _all(steps: tuple[m.Step, ...]) -> Iterator[m.Step]:
    """Steps with those inside them."""
    inner: dict[type, Callable[..., tuple[m.Step, ...]]] = {
        m.If: lambda step: (*step.then, *step.otherwise),
        m.IfNoReaction: lambda step: (*step.absent, *step.reacted),
        m.WaitFor: lambda step: step.otherwise,
        m.Split: lambda step: tuple(each for arm in step.arms for each in arm.steps),
    }
    for step in steps:
        yield step
        if type(step) in inner:
            yield from _all(inner[type(step)](step))
