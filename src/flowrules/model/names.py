"""What the files declare, and the one way to look a name up.

Takes the trees of all files and the snapshot; gives tables of attributes, events and lists, and the declarations
of segments and campaigns. A name that is wrong is noted once where it stands; what contains it goes on with a
stand-in and stays silent about it. Never raises for what an author wrote.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from flowrules.diagnostics.model import Diagnostic, Edit, Fix, Label
from flowrules.diagnostics.suggest import nearest
from flowrules.model import values
from flowrules.model.schema import (
    BUILTIN_ATTRIBUTES,
    REACTIONS,
    Attribute,
    Channel,
    CustomerList,
    EventType,
    Kind,
    Property,
    Stored,
    Type,
)
from flowrules.model.walk import steps_of
from flowrules.source import Span
from flowrules.syntax import tree
from flowrules.syntax.blocks import declared_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from flowrules.diagnostics.model import Severity
    from flowrules.model.condition import Segment
    from flowrules.model.snapshot import Snapshot

T = TypeVar("T")

_POLICY = re.compile(r"^policy\b", re.MULTILINE)
IDENTIFIERS = ("id", "email", "phone", "email_sha256", "phone_sha256")
"""What a customer list may be looked up by: attributes, or the hash of one."""

_SUGGESTED = 50
"""So many wrong words are compared with all the right ones; with more, a file is hardly misspelt."""

_UNKNOWN_CODES = {"attribute": "FR101", "event": "FR102", "segment": "FR104", "list": "FR105", "campaign": "FR106"}
_HOW_TO_DECLARE = {
    "attribute": "declare it: `attribute {0}: text`",
    "event": "declare it: `event {0}`",
    "segment": "declare it: `segment {0}: ...`",
    "list": 'declare it: `list {0} from "data/{0}.csv" by email`',
    "campaign": None,
}
_HOW_TO_USE = {
    "attribute": "compare an attribute with a value: `{0} is ...`",
    "event": "ask whether it happened: `has {0}`",
    "segment": "ask for a segment with `in segment {0}`",
    "list": "ask for a list with `in list {0}`",
    "campaign": "ask for its stages with `in stage {0}.STAGE`",
}


@dataclass(slots=True)
class Names:
    """`lost`: names whose declaration is wrong itself; their uses are passed over in silence.

    `started`: campaigns that a step of some campaign starts.
    `near`: the nearest name found for each message, for a wrong word is seldom written once.
    """

    snapshot: Snapshot
    diagnostics: list[Diagnostic] = field(default_factory=list)
    attributes: dict[str, Attribute] = field(default_factory=dict)
    events: dict[str, EventType] = field(default_factory=dict)
    lists: dict[str, CustomerList] = field(default_factory=dict)
    segments: dict[str, Segment] = field(default_factory=dict)
    segment_decls: dict[str, tree.SegmentDecl] = field(default_factory=dict)
    campaign_decls: dict[str, tree.CampaignDecl] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    policy_lost: bool = False
    tags: set[str] = field(default_factory=set)
    started: set[str] = field(default_factory=set)
    near: dict[str, str | None] = field(default_factory=dict)

    # --- what is wrong ------------------------------------------------------------------------

    def note(
        self,
        code: str,
        message: str,
        span: Span,
        hint: str | None = None,
        *,
        labels: tuple[Label, ...] = (),
        fixes: tuple[Fix, ...] = (),
        severity: Severity = "error",
    ) -> None:
        self.diagnostics.append(Diagnostic(code, message, span, hint, labels, fixes, severity))

    def unknown(
        self,
        code: str,
        message: str,
        span: Span,
        word: str,
        known: Iterable[str],
        otherwise: str | None = None,
        severity: Severity = "error",
    ) -> None:
        """A word that stands for nothing, with the nearest one that does; `span` is the word's."""
        if message not in self.near:
            self.near[message] = nearest(word, known) if len(self.near) < _SUGGESTED else None
        near = self.near[message]
        if near is None:
            self.note(code, message, span, otherwise, severity=severity)
        else:
            change = Fix(f"change to `{near}`", False, (Edit(span, near),))
            self.note(code, message, span, f"did you mean `{near}`?", fixes=(change,), severity=severity)

    def twice(self, code: str, message: str, span: Span, first: Span) -> None:
        self.note(code, message, span, labels=(Label(first, "first written here"),))

    # --- looking up ---------------------------------------------------------------------------

    def attribute(self, name: tree.Name) -> Attribute | None:
        return self._find("attribute", self.attributes, name)

    def event(self, name: tree.Name) -> EventType | None:
        return self._find("event", self.events, name)

    def segment(self, name: tree.Name) -> Segment | None:
        return self._find("segment", self.segments, name)

    def list_(self, name: tree.Name) -> CustomerList | None:
        return self._find("list", self.lists, name)

    def campaign(self, name: tree.Name) -> tree.CampaignDecl | None:
        return self._find("campaign", self.campaign_decls, name)

    def _find(self, kind: str, table: Mapping[str, T], name: tree.Name) -> T | None:
        found = table.get(name.text)
        if found is not None or name.text in self.lost:
            return found
        other = self.kinds.get(name.text)
        if other is None:
            message = f"there is no {kind} `{name.text}`"
            self.unknown(_UNKNOWN_CODES[kind], message, name.span, name.text, table, self._instead(kind, name.text))
        elif other != kind:
            self.note(
                "FR109", f"`{name.text}` is {a(other)}, not {a(kind)}", name.span, _HOW_TO_USE[other].format(name.text)
            )
        return None

    def _instead(self, kind: str, word: str) -> str | None:
        """What to do about a name that is near no other."""
        if kind == "attribute" and len(self.near) < _SUGGESTED:
            for event in self.events.values():
                if any(known.name == word for known in event.properties):
                    return f"`{word}` is a property of an event: `has {event.name} ({word} ...)`"
        if kind == "event" and word == "customer":
            return "in rules an attribute stands alone: `first_name`, not `customer.first_name`"
        how = _HOW_TO_DECLARE[kind]
        return None if how is None or "." in word else how.format(word)

    def property(self, event: EventType, name: str, span: Span) -> Property | None:
        """`span` is that of the property's name, or of an expression that ends with it."""
        for known in event.properties:
            if known.name == name:
                return known
        if f"{event.name}.{name}" not in self.lost:
            message = f"event `{event.name}` has no property `{name}`"
            if name in self.attributes:
                hint = "inside the brackets of an event only its own properties can be compared"
                self.note("FR103", message, span, f"`{name}` is an attribute of customers; {hint}")
            else:
                self.unknown("FR103", message, _ending(span, name), name, [p.name for p in event.properties])
        return None

    def key_of(self, campaign: tree.CampaignDecl) -> Property | None:
        """What tells a campaign's journeys apart; what is wrong with it is said where it is built."""
        enter = next((clause for clause in campaign.header if isinstance(clause, tree.Enter)), None)
        if enter is None or enter.keyed is None or not isinstance(enter.trigger, tree.EventTrigger):
            return None
        event = self.events.get(enter.trigger.event.text)
        return None if event is None else event.own(enter.keyed.text)

    def channel(self, name: tree.Name) -> Channel | None:
        found = self.channels.get(name.text)
        if found is None:
            self.unknown(
                "FR108",
                f"there is no channel `{name.text}`",
                name.span,
                name.text,
                self.channels,
                f"channels are set up in flowrules.toml: `[channels.{name.text}]`",
            )
        return found

    def tag(self, name: tree.Name) -> None:
        """The use of a tag; tags are not declared, but one that nothing gives is probably misspelt."""
        if name.text in self.tags or self.lost:
            return
        message = f"nothing ever gives the tag `{name.text}`"
        self.unknown("FR122", message, name.span, name.text, self.tags, f"a step gives it: `tag {name.text}`",
                     severity="warning")  # fmt: skip

    # --- values -------------------------------------------------------------------------------

    def value(self, literal: tree.Value, type_: Type, what: str) -> Stored | None:
        """`what` is the thing that has the type, as an author calls it."""
        found = values.stored(literal, type_, self.snapshot.currency, self.snapshot.zone)
        if not isinstance(found, values.BadValue):
            return found
        message = f"`{what}` is {values.describe(type_)}; `{literal.span.text}` is not"
        if found.code == "FR116":
            options = [f'"{option}"' for option in type_.options]
            self.unknown(found.code, message, literal.span, f'"{literal.value}"', options)
        elif found.code == "FR114":
            self.note(found.code, message, literal.span, found.hint)
        elif found.code == "FR119" and isinstance(literal, tree.DurationLiteral):
            self.elapsed(literal.value)
        else:
            self.note(found.code, f"`{literal.span.text}` {found.message}", literal.span, found.hint)
        return None

    def elapsed(self, duration: tree.Duration) -> int:
        """Microseconds of a window; months have none and are noted."""
        if duration.unit != "month":
            return values.elapsed(duration)
        days = values.days_instead(duration)
        self.note(
            "FR119",
            f"`{duration.span.text}` has no fixed length here",
            duration.span,
            f"this window is counted in elapsed time: write `{days}`",
            fixes=(Fix(f"write `{days}`", False, (Edit(duration.span, days),)),),
        )
        return 30 * duration.amount * values.MICROSECONDS["day"]


def a(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def _ending(span: Span, word: str) -> Span:
    """The last occurrence of a word in a span: the name at the end of `last purchase (...).amount`."""
    at = span.text.rfind(word)
    return span if at < 0 else Span(span.source, span.start + at, span.start + at + len(word))


# --- declarations -----------------------------------------------------------------------------


def declare(files: Sequence[tree.File], snapshot: Snapshot) -> Names:
    """The tables of everything declared; segments are only listed, build resolves them."""
    names = Names(snapshot)
    names.channels = {channel.name: channel for channel in snapshot.channels}
    names.attributes = {attribute.name: attribute for attribute in BUILTIN_ATTRIBUTES}
    for channel in snapshot.channels:
        for reaction in REACTIONS:
            name = f"{channel.name}_{reaction}"
            names.events[name] = EventType(name, channel=channel.name, reaction=reaction)
    names.kinds = dict.fromkeys(names.attributes, "attribute") | dict.fromkeys(names.events, "event")
    builtin = frozenset(names.kinds)
    firsts: dict[str, Span] = {}
    for file in files:
        for declaration in file.declarations:
            if not isinstance(declaration, tree.PolicyDecl | tree.CustomerDecl | tree.TestDecl) and _is_new(
                declaration, names, builtin, firsts
            ):
                _DECLARE[type(declaration)](declaration, names)
    for file in files:
        names.lost |= declared_names(file.source.text) - names.kinds.keys()
        has_policy = any(isinstance(declaration, tree.PolicyDecl) for declaration in file.declarations)
        names.policy_lost |= not has_policy and _POLICY.search(file.source.text) is not None
    return names


_KINDS = {
    tree.AttributeDecl: "attribute",
    tree.EventDecl: "event",
    tree.ListDecl: "list",
    tree.SegmentDecl: "segment",
    tree.CampaignDecl: "campaign",
}

NamedDecl = tree.AttributeDecl | tree.EventDecl | tree.ListDecl | tree.SegmentDecl | tree.CampaignDecl


def _is_new(declaration: NamedDecl, names: Names, builtin: frozenset[str], firsts: dict[str, Span]) -> bool:
    name = declaration.name
    if name.text in builtin:
        names.note(
            "FR111",
            f"`{name.text}` is {a(names.kinds[name.text])} that every workspace has",
            name.span,
            "leave the declaration out, or choose another name",
        )
        return False
    if name.text in firsts:
        names.twice("FR110", f"`{name.text}` is declared twice", name.span, firsts[name.text])
        return False
    firsts[name.text] = name.span
    names.kinds[name.text] = _KINDS[type(declaration)]
    return True


def _type(written: tree.TypeName, names: Names) -> Type:
    if len(set(written.options)) < len(written.options):
        doubled = next(o for i, o in enumerate(written.options) if o in written.options[:i])
        names.note("FR110", f'the option "{doubled}" stands twice', written.span)
    return Type(Kind(written.kind), written.options)


def _attribute(declaration: tree.AttributeDecl, names: Names) -> None:
    name = declaration.name.text
    type_ = _type(declaration.type, names)
    default = None if declaration.default is None else names.value(declaration.default, type_, name)
    names.attributes[name] = Attribute(name, type_, default, span=declaration.name.span)


def _event(declaration: tree.EventDecl, names: Names) -> None:
    name = declaration.name.text
    properties: dict[str, Property] = {}
    firsts: dict[str, Span] = {}
    for item in declaration.properties:
        if item.name.text in properties:
            message = f"`{item.name.text}` is declared twice in event `{name}`"
            names.twice("FR110", message, item.name.span, firsts[item.name.text])
            continue
        firsts[item.name.text] = item.name.span
        properties[item.name.text] = Property(item.name.text, _type(item.type, names))
    names.events[name] = EventType(name, tuple(properties.values()), span=declaration.name.span)


def _list(declaration: tree.ListDecl, names: Names) -> None:
    for by in declaration.by:
        if by.text not in IDENTIFIERS:
            message = f"a list can not be looked up by `{by.text}`"
            names.unknown(
                "FR127", message, by.span, by.text, IDENTIFIERS, f"a list is read by {', '.join(IDENTIFIERS)}"
            )
    if declaration.path not in names.snapshot.lists:
        names.note(
            "FR126",
            f"there is no file `{declaration.path}`",
            declaration.span,
            "the path counts from the folder of flowrules.toml and stays inside it",
        )
    name = declaration.name.text
    by_names = tuple(dict.fromkeys(by.text for by in declaration.by))
    names.lists[name] = CustomerList(name, declaration.path, by_names, declaration.name.span)


def _segment(declaration: tree.SegmentDecl, names: Names) -> None:
    names.segment_decls[declaration.name.text] = declaration


def _campaign(declaration: tree.CampaignDecl, names: Names) -> None:
    names.campaign_decls[declaration.name.text] = declaration
    names.tags |= {step.name.text for step in steps_of(declaration) if isinstance(step, tree.Tag)}
    names.started |= {step.campaign.text for step in steps_of(declaration) if isinstance(step, tree.Start)}


_DECLARE: dict[type, Callable[[Any, Names], None]] = {
    tree.AttributeDecl: _attribute,
    tree.EventDecl: _event,
    tree.ListDecl: _list,
    tree.SegmentDecl: _segment,
    tree.CampaignDecl: _campaign,
}
