"""Conditions of the tree to typed conditions.

Takes a condition with the scope it stands in (a segment, a journey, the brackets of an event); gives the typed
condition. Mistakes are noted in the names of the scope; `NOTHING` stands in for what can not be typed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from flowrules.diagnostics.model import Edit, Fix
from flowrules.model import condition as typed
from flowrules.model import contradictions
from flowrules.model.schema import Kind, Stored, Type
from flowrules.model.values import describe
from flowrules.source import Span
from flowrules.syntax import tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flowrules.model.campaign import Purpose
    from flowrules.model.names import Names
    from flowrules.model.schema import Attribute, EventType, Property

NOTHING = typed.And(())


@dataclass(frozen=True, slots=True)
class Journey:
    """What a condition inside a campaign may speak of. sends: channel to the templates sent over it; key: what tells
    its journeys apart; splits: where those met so far stand.
    """

    campaign: str
    stages: Mapping[str, tree.Stage]
    sends: Mapping[str, frozenset[str]]
    key: Property | None = None
    splits: dict[str, Span] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scope:
    """`journey` is None in a segment; `event` is set inside the brackets of that event."""

    names: Names
    purposes: tuple[Purpose, ...]
    journey: Journey | None = None
    event: EventType | None = None


def condition(node: tree.Condition, scope: Scope) -> typed.Condition:
    if scope.event is not None and not isinstance(node, _IN_BRACKETS):
        scope.names.note(
            "FR115",
            f"`{node.span.words}` can not stand in the brackets of an event",
            node.span,
            f"only properties of `{scope.event.name}` are compared there; put the rest outside, joined by `and`",
        )
        return NOTHING
    return _BUILDERS[type(node)](node, scope)


def event_filter(node: tree.Filter | None, event: EventType, scope: Scope) -> typed.Filter | None:
    """The bracketed filter of an event: its conditions joined by `and`."""
    if node is None:
        return None
    inner = replace(scope, event=event)
    items = [condition(item, inner) for item in node.items]
    contradictions.check(node.items, items, scope.names)
    built = items[0] if len(items) == 1 else typed.And(tuple(items))
    return cast("typed.Filter", built)  # _IN_BRACKETS lets nothing else through


def happenings(
    name: tree.Name, filter_: tree.Filter | None, within: tree.Duration | None, scope: Scope
) -> typed.Happenings | None:
    event = scope.names.event(name)
    window = None if within is None else scope.names.elapsed(within)
    return None if event is None else typed.Happenings(event, event_filter(filter_, event, scope), window)


# --- joined -----------------------------------------------------------------------------------


def _and(node: tree.And, scope: Scope) -> typed.Condition:
    items = [condition(item, scope) for item in node.items]
    contradictions.check(node.items, items, scope.names)
    return typed.And(tuple(items))


def _or(node: tree.Or, scope: Scope) -> typed.Condition:
    return typed.Or(tuple(condition(item, scope) for item in node.items))


def _not(node: tree.Not, scope: Scope) -> typed.Condition:
    return typed.Not(condition(node.item, scope))


# --- comparisons ------------------------------------------------------------------------------

_ANY_KIND = frozenset(Kind)
_ORDERED = frozenset({Kind.INTEGER, Kind.NUMBER, Kind.MONEY, Kind.DATE, Kind.DATETIME, Kind.DURATION})
_LISTED = _ANY_KIND - {Kind.LIST, Kind.BOOL}
_SINGLE = _ANY_KIND - {Kind.LIST}
_LISTS = frozenset({Kind.LIST})

_COMPARISONS: dict[tree.Comparison, tuple[typed.Op, frozenset[Kind]]] = {
    "is": ("=", _SINGLE),
    "is not": ("!=", _SINGLE),
    "<": ("<", _ORDERED),
    "<=": ("<=", _ORDERED),
    ">": (">", _ORDERED),
    ">=": (">=", _ORDERED),
    "between": ("between", _ORDERED),
    "one of": ("in", _LISTED),
    "not one of": ("not in", _LISTED),
    "known": ("known", _ANY_KIND),
    "unknown": ("unknown", _ANY_KIND),
    "has any of": ("any of", _LISTS),
    "has all of": ("all of", _LISTS),
    "has none of": ("none of", _LISTS),
}
_SPOKEN: dict[tree.Comparison, str] = {"one of": "is one of", "not one of": "is not one of", "known": "is known",
                                       "unknown": "is unknown"}  # fmt: skip


def _compare(node: tree.Compare, scope: Scope) -> typed.Condition:
    return _LEFT[type(node.left)](node, node.left, scope)


def _compare_name(node: tree.Compare, left: tree.Name, scope: Scope) -> typed.Condition:
    names = scope.names
    if len(left.parts) > 1:
        return _dotted(left, scope)
    if scope.event is not None:
        prop = names.property(scope.event, left.text, left.span)
        found = None if prop is None else _values(node, prop.type, scope)
        return NOTHING if prop is None or found is None else typed.PropertyIs(prop, _COMPARISONS[node.op][0], found)
    attribute = names.attribute(left)
    found = None if attribute is None else _values(node, attribute.type, scope)
    if attribute is None or found is None:
        return NOTHING
    return typed.AttributeIs(attribute, _COMPARISONS[node.op][0], found)


def _dotted(left: tree.Name, scope: Scope) -> typed.Condition:
    """`purchase.amount` or `entry.p` where one value is needed."""
    head, tail = left.parts
    if head == "entry":
        scope.names.note(
            "FR050",
            f"comparing `{left.text}` is not available yet",
            left.span,
            f"compare it where the event is awaited, in brackets: `EVENT ({tail} is ...)`",
        )
    elif head in scope.names.events:
        scope.names.note(
            "FR112",
            f"`{left.text}` does not say which `{head}` is meant",
            left.span,
            f"such as `last {left.text}` or `total of {left.text} in last 30 days`",
        )
    else:
        scope.names.event(tree.Name((head,), _head(left)))
    return NOTHING


def _head(name: tree.Name) -> Span:
    return Span(name.span.source, name.span.start, name.span.start + len(name.parts[0]))


def _compare_aggregate(node: tree.Compare, left: tree.Aggregate, scope: Scope) -> typed.Condition:
    of = happenings(left.event, left.filter, left.within, scope)
    if of is None:
        return NOTHING
    if left.property is None:
        found = _numbers(node, Type(Kind.INTEGER), scope)
        return NOTHING if found is None else typed.Count(of, _COMPARISONS[node.op][0], found)
    head = Span(left.span.source, left.event.span.end, left.event.span.end + 1 + len(left.property))
    prop = scope.names.property(of.event, left.property, head)
    if prop is None or left.kind == "count":
        return NOTHING
    type_ = prop.type
    if left.kind == "distinct":
        type_ = Type(Kind.INTEGER)
    elif type_.kind not in _ADDED:
        scope.names.note(
            "FR113",
            f"`{left.property}` is {describe(type_)} and has no {left.kind}",
            head,
            "numbers, money and lengths of time can be added up",
        )
        return NOTHING
    found = _numbers(node, type_, scope)
    return NOTHING if found is None else typed.Aggregate(left.kind, of, prop, _COMPARISONS[node.op][0], found)


_ADDED = frozenset({Kind.INTEGER, Kind.NUMBER, Kind.MONEY, Kind.DURATION})


def _numbers(node: tree.Compare, type_: Type, scope: Scope) -> tuple[int, ...] | None:
    """The values a computed number is compared with; it is always known, only an average may be missing."""
    average = isinstance(node.left, tree.Aggregate) and node.left.kind == "average"
    if node.op in ("known", "unknown") and not average:
        scope.names.note(
            "FR113",
            f"`{node.left.span.words}` is always known",
            node.span,
            "without any event it is 0: compare with `> 0`",
        )
        return None
    found = _values(node, type_, scope)
    return None if found is None else tuple(value for value in found if isinstance(value, int))


def _compare_history(node: tree.Compare, left: tree.EventProperty, scope: Scope) -> typed.Condition:
    of = happenings(left.event, left.filter, None, scope)
    prop = None if of is None else scope.names.property(of.event, left.property, left.span)
    found = None if prop is None else _values(node, prop.type, scope)
    if of is None or prop is None or found is None:
        return NOTHING
    return typed.HistoryProperty(left.which, of, prop, _COMPARISONS[node.op][0], found)


_LEFT: dict[type, Callable[[tree.Compare, Any, Scope], typed.Condition]] = {
    tree.Name: _compare_name,
    tree.Aggregate: _compare_aggregate,
    tree.EventProperty: _compare_history,
}


def _values(node: tree.Compare, type_: Type, scope: Scope) -> tuple[Stored, ...] | None:
    """The right side as stored values; None when it does not fit, which has then been noted."""
    names, what = scope.names, node.left.span.words
    op, kinds = _COMPARISONS[node.op]
    if type_.kind not in kinds:
        hint = f'such as `{what} has any of ("a", "b")`' if type_.kind is Kind.LIST else None
        if kinds is _LISTS:
            hint = f'such as `{what} is one of ("a", "b")`'
        written = _SPOKEN.get(node.op, node.op)
        names.note("FR113", f"`{written}` can not be asked of `{what}`, which is {describe(type_)}", node.span, hint)
        return None
    item = Type(Kind.TEXT) if type_.kind is Kind.LIST else type_
    found = [names.value(value, item, what) for value in node.values]
    stored = tuple(value for value in found if value is not None)
    if len(stored) < len(found):
        return None
    if op == "between" and cast("int", stored[0]) > cast("int", stored[1]):
        low, high = node.values
        turned = (Edit(low.span, high.span.text), Edit(high.span, low.span.text))
        names.note(
            "FR204",
            f"nothing lies between `{low.span.text}` and `{high.span.text}`",
            node.span,
            "the smaller value stands first",
            fixes=(Fix("turn the two around", False, turned),),
        )
        return None
    return stored


# --- history ----------------------------------------------------------------------------------

_QUANTITIES: dict[str, typed.Op] = {"at least": ">=", "at most": "<=", "fewer than": "<", "exactly": "="}


def _has_event(node: tree.HasEvent, scope: Scope) -> typed.Condition:
    of = happenings(node.event, node.filter, node.within, scope)
    op: typed.Op = "=" if node.negated else ">="
    number = 0 if node.negated else 1
    if node.quantity is not None:
        op, number = _QUANTITIES[node.quantity.kind], node.quantity.number
        _possible(node.quantity, scope)
    return NOTHING if of is None else typed.Count(of, op, (number,))


def _possible(quantity: tree.Quantity, scope: Scope) -> None:
    if quantity.number or quantity.kind in ("at most", "exactly"):
        return
    always = quantity.kind == "at least"
    scope.names.note(
        "FR209" if always else "FR204",
        f"`{quantity.span.words}` is {'true of everyone' if always else 'never true'}",
        quantity.span,
        "to ask for none, write `no EVENT`; to ask for one or more, `has EVENT`",
    )


def _event_ago(node: tree.EventAgo, scope: Scope) -> typed.Condition:
    of = happenings(node.event, node.filter, None, scope)
    length = scope.names.elapsed(node.duration)
    return NOTHING if of is None else typed.Ago(node.which, of, node.more, length)


def _date_is(node: tree.DateIs, scope: Scope) -> typed.Condition:
    if len(node.attribute.parts) > 1:
        return _dotted(node.attribute, scope)
    attribute = date(node.attribute, node.span, scope.names)
    return NOTHING if attribute is None else typed.DateIs(attribute, node.kind, node.days)


def date(name: tree.Name, span: Span, names: Names) -> Attribute | None:
    """An attribute of the calendar; `span` is that of the words that ask for one."""
    attribute = names.attribute(name)
    if attribute is None or attribute.type.kind is Kind.DATE:
        return attribute
    message = f"`{attribute.name}` is {describe(attribute.type)}, not a date"
    names.note("FR113", message, span, "only a date is compared with the calendar")
    return None


# --- membership -------------------------------------------------------------------------------


def _in_segment(node: tree.InSegment, scope: Scope) -> typed.Condition:
    segment = scope.names.segment(node.name)
    return NOTHING if segment is None else typed.InSegment(segment)


def _in_list(node: tree.InList, scope: Scope) -> typed.Condition:
    found = scope.names.list_(node.name)
    return NOTHING if found is None else typed.InList(found)


def _tagged(node: tree.Tagged, scope: Scope) -> typed.Condition:
    if len(node.name.parts) > 1:
        return stage_of(node.name, scope.names) or NOTHING
    scope.names.tag(node.name)
    return typed.Tagged(node.name.text)


def _in_stage(node: tree.InStage, scope: Scope) -> typed.Condition:
    if len(node.name.parts) > 1:
        return stage_of(node.name, scope.names) or NOTHING
    journey = scope.journey
    if journey is not None and node.name.text in journey.stages:
        return typed.InStage(journey.campaign, node.name.text)
    found = scope.names.campaign(node.name)
    return NOTHING if found is None else typed.InStage(found.name.text, None)


def stage_of(name: tree.Name, names: Names) -> typed.InStage | None:
    """`campaign.stage`."""
    head, tail = name.parts
    campaign = names.campaign(tree.Name((head,), _head(name)))
    if campaign is None:
        return None
    stages = [stage.name.text for stage in campaign.stages]
    if tail not in stages:
        at = Span(name.span.source, name.span.end - len(tail), name.span.end)
        names.unknown("FR107", f"campaign `{head}` has no stage `{tail}`", at, tail, stages)
        return None
    return typed.InStage(head, tail)


def _consents_to(node: tree.ConsentsTo, scope: Scope) -> typed.Condition:
    """Without a purpose: consent for every purpose the policy knows."""
    channel = scope.names.channel(node.channel)
    purposes = scope.purposes
    if node.purpose is not None:
        wanted = node.purpose.text
        purposes = tuple(purpose for purpose in purposes if purpose.name == wanted)
        if not purposes and not scope.names.policy_lost:
            known = [purpose.name for purpose in scope.purposes]
            scope.names.unknown(
                "FR304",
                f"there is no purpose `{wanted}`",
                node.purpose.span,
                wanted,
                known,
                "purposes are declared in `policy:`",
            )
    if channel is None:
        return NOTHING
    return typed.Consents(channel.name, tuple((purpose.name, purpose.asks_first) for purpose in purposes))


def _reaction(node: tree.Reaction, scope: Scope) -> typed.Condition:
    channel = scope.names.channel(node.channel)
    if scope.journey is None:
        scope.names.note(
            "FR123",
            f"`{node.span.words}` can only be asked inside a campaign",
            node.span,
            f"it is about a message of a journey; here ask for the event: `has {node.channel.text}_opened`",
        )
        return NOTHING
    if channel is None or not sent(node.channel, node.message, scope.journey, scope.names):
        return NOTHING
    return typed.Reaction(channel.name, None if node.message is None else node.message.text, node.word)


def sent(channel: tree.Name, template: tree.Name | None, journey: Journey, names: Names) -> bool:
    """Whether the campaign sends what is spoken of."""
    templates = journey.sends.get(channel.text, frozenset())
    if not templates:
        message = f"campaign `{journey.campaign}` never sends over `{channel.text}`"
        known = journey.sends if template is None else ()
        names.unknown("FR124", message, channel.span, channel.text, known)
    elif template is not None and template.text not in templates:
        message = f"campaign `{journey.campaign}` never sends {channel.text} `{template.text}`"
        names.unknown("FR124", message, template.span, template.text, templates)
    else:
        return True
    return False


_IN_BRACKETS = (tree.And, tree.Or, tree.Not, tree.Compare)

_BUILDERS: dict[type, Callable[[Any, Scope], typed.Condition]] = {
    tree.And: _and,
    tree.Or: _or,
    tree.Not: _not,
    tree.Compare: _compare,
    tree.HasEvent: _has_event,
    tree.EventAgo: _event_ago,
    tree.DateIs: _date_is,
    tree.InSegment: _in_segment,
    tree.InList: _in_list,
    tree.Tagged: _tagged,
    tree.InStage: _in_stage,
    tree.ConsentsTo: _consents_to,
    tree.Reaction: _reaction,
}
