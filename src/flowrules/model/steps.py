"""Stages and steps of the tree to typed ones, each step with its key.

Takes a stage with the journey it belongs to; gives the typed stage. Keys count equal steps within a stage in the
order of the text, so that an edit elsewhere in the file renames no step.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

from flowrules.model import campaign as typed
from flowrules.model.conditions import Journey, Scope, condition, event_filter, sent
from flowrules.model.policy import share
from flowrules.model.schema import Kind, Type
from flowrules.model.values import describe, display, stored
from flowrules.model.walk import leaves
from flowrules.syntax import tree

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flowrules.model.condition import Filter
    from flowrules.model.schema import EventType, Stored
    from flowrules.source import Span

MOST_BRANCHES = 50
"""Of one `if`; more are a table, and every later stage nests them."""


@dataclass(frozen=True, slots=True)
class _Place:
    """What the steps of one stage share. entry: the entering event, None where some come in without."""

    scope: Scope
    journey: Journey
    stage: str
    entry: EventType | None
    keys: Counter[str] = field(default_factory=Counter)

    @property
    def without_entry(self) -> str:
        if self.journey.campaign in self.scope.names.started:
            return "a step of a campaign starts this one, and brings no event"
        return "no event starts this campaign"

    def key(self, kind: str) -> str:
        key = f"{self.stage}/{kind}"
        self.keys[key] += 1
        return key if self.keys[key] == 1 else f"{key} #{self.keys[key]}"


def build_stage(node: tree.Stage, scope: Scope, journey: Journey, entry: EventType | None) -> typed.Stage:
    place = _Place(scope, journey, node.name.text, entry)
    steps = _steps(node.steps, place)
    reactions = []
    for on in node.reactions:
        awaited_event = journey_event(on.event, on.filter, scope, journey)
        if on.stage is not None:
            _stage_exists(on.stage, place)
        if on.refresh and awaited_event is not None:
            _same_event(on, place)
        if awaited_event is not None:
            stage = None if on.stage is None else on.stage.text
            reactions.append(typed.On(on.span.place, *awaited_event, stage, on.refresh))
    formerly = None if node.formerly is None else node.formerly.text
    return typed.Stage(node.name.text, node.title, steps, tuple(reactions), node.span.place, formerly)


def _same_event(on: tree.On, place: _Place) -> None:
    if place.entry is None:
        message, hint = f"`{on.event.text}` can not become the entry: {place.without_entry}", None
    elif place.entry.name != on.event.text:
        message = f"`{on.event.text}` can not become the entry: `{place.entry.name}` starts this campaign"
        hint = f"only another `{place.entry.name}` has all that `entry` may be asked for"
    else:
        return
    place.scope.names.note("FR222", message, on.event.span, hint)


def journey_event(
    name: tree.Name, filter_: tree.Filter | None, scope: Scope, journey: Journey
) -> tuple[EventType, Filter | None] | None:
    """An event that a running journey waits for: one about messages must be about messages it sends."""
    event = scope.names.event(name)
    if event is None:
        return None
    if event.channel is not None and event.channel not in journey.sends:
        scope.names.note(
            "FR124",
            f"campaign `{journey.campaign}` never sends over `{event.channel}`, so `{event.name}` never reaches it",
            name.span,
            "a reaction belongs to the journey that sent the message",
        )
    key, own = journey.key, event.key(journey.key)
    if key is not None and own is not None and own.type != key.type:
        scope.names.note(
            "FR221",
            f"`{key.name}` is {describe(own.type)} in `{event.name}`, but {describe(key.type)} as the key",
            name.span,
            f"declare `{key.name}` with one type: by it an event finds its journey",
        )
    return event, event_filter(filter_, event, scope)


def _steps(nodes: Sequence[tree.Step], place: _Place) -> tuple[typed.Step, ...]:
    for before, step in pairwise(nodes):
        if isinstance(before, tree.Send) and isinstance(step, tree.If) and step.after is None:
            _too_soon(before, step, place)
    built = (_BUILDERS[type(node)](node, place) for node in nodes)
    return tuple(step for step in built if step is not None)


_HUMAN = {"opened": "unopened", "unopened": "unopened", "clicked": "unclicked", "unclicked": "unclicked"}


def _too_soon(send: tree.Send, step: tree.If, place: _Place) -> None:
    for leaf in leaves(step.branches[0].condition):
        if isinstance(leaf, tree.Reaction) and leaf.word in _HUMAN and leaf.channel.text == send.channel.text:
            place.scope.names.note(
                "FR211",
                f"`{leaf.span.words}` is asked at once, when nobody can have reacted yet",
                leaf.span,
                f"to give people time, write `if {leaf.channel.text} {_HUMAN[leaf.word]} after 2 days`",
                severity="warning",
            )


# --- messages ---------------------------------------------------------------------------------


def _send(node: tree.Send, place: _Place) -> typed.Send | None:
    key = place.key(f"send {node.channel.text} {node.template.text}")
    channel = place.scope.names.channel(node.channel)
    arguments = []
    firsts: dict[str, Span] = {}
    for item in node.arguments:
        if item.name in firsts:
            place.scope.names.twice("FR110", f"`{item.name}` is given twice", item.span, firsts[item.name])
            continue
        firsts[item.name] = item.span
        arguments.append(_argument(item, place))
    if channel is None:
        return None
    expires = None if node.expires is None else place.scope.names.elapsed(node.expires)
    return typed.Send(key, node.span.place, channel, node.template.text, tuple(arguments), expires)


def _send_first(node: tree.SendFirst, place: _Place) -> typed.Send | None:
    built = [_send(message, place) for message in node.messages]
    chain: typed.Send | None = None
    for send in reversed([one for one in built if one is not None]):
        chain = replace(send, instead=chain)
    return chain


def _argument(item: tree.Argument, place: _Place) -> typed.Argument:
    if not isinstance(item.value, tree.Name):
        return typed.Argument(item.name, _shown(item.value, place), None)
    names, reference = place.scope.names, item.value
    if reference.parts[0] != "entry" or len(reference.parts) == 1:
        names.note(
            "FR125",
            f"`{reference.text}` can not be handed to a message",
            reference.span,
            "a value in quotes, a number, or `entry.PROPERTY`; the template itself reads `customer.ATTRIBUTE`",
        )
    elif place.entry is None:
        names.note("FR125", f"`{reference.text}`: {place.without_entry}", reference.span)
    else:
        names.property(place.entry, reference.parts[1], reference.span)
    return typed.Argument(item.name, None, reference.parts[-1])


def _shown(value: tree.Value, place: _Place) -> Stored:
    """An argument has no type of its own: whole numbers stay numbers, everything else is text as people read it."""
    raw = value.value
    if type(raw) is int:
        return raw
    if not isinstance(raw, tree.Money):
        return str(raw) if not isinstance(raw, bool | tree.Duration) else value.span.text
    snapshot = place.scope.names.snapshot
    money = Type(Kind.MONEY)
    place.scope.names.value(value, money, value.span.text)
    found = stored(value, money, snapshot.currency, snapshot.zone)
    return display(found, money, snapshot.currency) if isinstance(found, int) else ""


# --- waits ------------------------------------------------------------------------------------


def _duration(node: tree.Duration) -> typed.Duration:
    return typed.Duration(node.amount, node.unit)


def _wait(node: tree.Wait, place: _Place) -> typed.Step:
    return typed.Wait(place.key("wait"), node.span.place, _duration(node.duration))


def _wait_until(node: tree.WaitUntil, place: _Place) -> typed.Step:
    key = place.key("wait until")
    return typed.WaitUntil(key, node.span.place, node.clock, node.tomorrow, node.weekday, node.moment)


def _wait_for(node: tree.WaitFor, place: _Place) -> typed.Step | None:
    key = place.key(f"wait for {node.event.text}")
    awaited = journey_event(node.event, node.filter, place.scope, place.journey)
    otherwise = _steps(node.otherwise or (), place)
    if awaited is None:
        return None
    return typed.WaitFor(key, node.span.place, *awaited, node.new, _duration(node.up_to), otherwise)


# --- branches ---------------------------------------------------------------------------------


def _if(node: tree.If, place: _Place) -> typed.Step | None:
    if node.after is not None:
        return _if_no_reaction(node, node.after, place)
    if len(node.branches) > MOST_BRANCHES:
        beyond = node.branches[MOST_BRANCHES].span
        message = f"this `if` has more than {MOST_BRANCHES} branches"
        place.scope.names.note("FR121", message, beyond, "compare with `is one of`, or split the campaign")
        return None
    built = []
    for branch in node.branches:
        key = place.key("if")
        test = condition(branch.condition, place.scope)
        built.append((key, branch.span.place, test, _steps(branch.steps, place)))
    otherwise = _steps(node.otherwise or (), place)
    for key, where, test, then in reversed(built):
        otherwise = (typed.If(key, where, test, then, otherwise),)
    return otherwise[0]


def _if_no_reaction(node: tree.If, after: tree.Duration, place: _Place) -> typed.Step | None:
    key = place.key("if")
    test = node.branches[0].condition
    absent = _steps(node.branches[0].steps, place)
    for branch in node.branches[1:]:
        place.key("if")
        _steps(branch.steps, place)
    reacted = _steps(node.otherwise or (), place)
    wrong = _wrong_after(node, test, after)
    if wrong is not None:
        place.scope.names.note("FR208", f"`after {after.span.text}` can not stand here", after.span, wrong)
        return None
    if not isinstance(test, tree.Reaction) or place.scope.names.channel(test.channel) is None:
        return None
    if not sent(test.channel, test.message, place.journey, place.scope.names):
        return None
    template = None if test.message is None else test.message.text
    reaction = _ABSENCES[test.word]
    where = node.head.place
    return typed.IfNoReaction(key, where, test.channel.text, template, reaction, _duration(after), absent, reacted)


_ABSENCES: dict[str, Any] = {"unopened": "opened", "unclicked": "clicked"}
_REACTIONS = {reaction: absence for absence, reaction in _ABSENCES.items()}


def _wrong_after(node: tree.If, test: tree.Condition, after: tree.Duration) -> str | None:
    """How to write it instead; None when it is right."""
    if not isinstance(test, tree.Reaction):
        return f"it waits for one reaction alone, as in `if email unopened after {after.span.text}`"
    message = test.channel.text if test.message is None else f"{test.channel.text} {test.message.text}"
    if test.word in _REACTIONS:
        absence = _REACTIONS[test.word]
        return (
            f"write `if {message} {absence} after {after.span.text}`, and what follows a reaction under `else`;"
            f" `if {message} {test.word}` without `after` asks at once"
        )
    if test.word not in _ABSENCES:
        return f"only `unopened` and `unclicked` wait; write `wait {after.span.text}` before the `if`"
    return "such an `if` has no `else if`: put the other question below it" if len(node.branches) > 1 else None


def _split(node: tree.Split, place: _Place) -> typed.Step:
    names, name = place.scope.names, node.name.text
    key = place.key(f"split {name}")
    splits = place.journey.splits
    if splits.setdefault(name, node.name.span) is not node.name.span:
        names.twice("FR110", f"a split `{name}` is there already", node.name.span, splits[name])
    firsts: dict[str, Span] = {}
    arms = []
    for arm in node.arms:
        if firsts.setdefault(arm.name.text, arm.name.span) is not arm.name.span:
            names.twice("FR110", f"the arm `{arm.name.text}` is there twice", arm.name.span, firsts[arm.name.text])
        millionths = share(arm.percent, arm.span, names)
        arms.append(typed.Arm(millionths, arm.name.text, _steps(arm.steps, place)))
    total = sum(arm.percent for arm in node.arms)
    if total != 100:  # noqa: PLR2004  # percent
        names.note(
            "FR212",
            f"the arms of `{name}` add up to {total:g}%, not to 100%",
            node.head,
            "every customer goes one of these ways; an arm may be as short as `tag NAME`",
        )
    return typed.Split(key, node.head.place, f"split/{place.journey.campaign}/{name}", tuple(arms))


# --- what takes no time -----------------------------------------------------------------------


def _tag(node: tree.Tag, place: _Place) -> typed.Step:
    return typed.Tag(place.key(f"tag {node.name.text}"), node.span.place, node.name.text)


def _untag(node: tree.Untag, place: _Place) -> typed.Step:
    place.scope.names.tag(node.name)
    return typed.Untag(place.key(f"untag {node.name.text}"), node.span.place, node.name.text)


def _set(node: tree.Set, place: _Place) -> typed.Step | None:
    names = place.scope.names
    key = place.key(f"set {node.attribute.text}")
    attribute = names.attribute(node.attribute)
    if attribute is None:
        return None
    if attribute.builtin:
        names.note(
            "FR128",
            f"a campaign can not set `{attribute.name}`",
            node.attribute.span,
            "it comes from your data alone; declare an attribute of your own",
        )
        return None
    value = names.value(node.value, attribute.type, attribute.name)
    return None if value is None else typed.Set(key, node.span.place, attribute, value)


def _go_to(node: tree.GoTo, place: _Place) -> typed.Step:
    _stage_exists(node.stage, place)
    return typed.GoTo(place.key(f"go to {node.stage.text}"), node.span.place, node.stage.text)


def _stage_exists(name: tree.Name, place: _Place) -> None:
    if name.text not in place.journey.stages:
        message = f"campaign `{place.journey.campaign}` has no stage `{name.text}`"
        hint = f"its stages: {', '.join(f'`{stage}`' for stage in islice(place.journey.stages, 8))}"
        place.scope.names.unknown("FR107", message, name.span, name.text, place.journey.stages, hint)


def _exit(node: tree.Exit, place: _Place) -> typed.Step:
    return typed.Exit(place.key("exit"), node.span.place, node.reason)


def _start(node: tree.Start, place: _Place) -> typed.Step | None:
    key = place.key(f"start campaign {node.campaign.text}")
    names, own = place.scope.names, place.journey.key
    campaign = names.campaign(node.campaign)
    if campaign is None:
        return None
    wanted = names.key_of(campaign)
    if wanted is not None and wanted != own:
        names.note(
            "FR224",
            f"`{node.campaign.text}` has one journey for each `{wanted.name}`; this campaign's journeys have none",
            node.campaign.span,
            f"only a campaign that is `keyed by {wanted.name}` too, of the same type, can start it",
        )
    return typed.Start(key, node.span.place, node.campaign.text, node.linked)


_BUILDERS: dict[type, Callable[[Any, _Place], typed.Step | None]] = {
    tree.Send: _send,
    tree.SendFirst: _send_first,
    tree.Wait: _wait,
    tree.WaitUntil: _wait_until,
    tree.WaitFor: _wait_for,
    tree.If: _if,
    tree.Split: _split,
    tree.Tag: _tag,
    tree.Untag: _untag,
    tree.Set: _set,
    tree.GoTo: _go_to,
    tree.Exit: _exit,
    tree.Start: _start,
}
