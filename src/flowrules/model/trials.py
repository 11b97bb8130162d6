"""Tests of the tree to typed tests.

Takes the trees of all files with a model that is right; gives the tests. Mistakes are noted in the names. Instants are
computed here: a test has no other clock.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from flowrules.model import trial as typed
from flowrules.model.campaign import Model
from flowrules.model.condition import InStage
from flowrules.model.conditions import Scope, condition
from flowrules.model.names import Names
from flowrules.model.schema import Attribute, Channel, CustomerList, Stored
from flowrules.model.values import MICROSECONDS, instant
from flowrules.model.walk import steps_of
from flowrules.source import Span
from flowrules.syntax import tree

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEARS = range(1971, 2100)
"""Those of the zones' tables."""
_ANY = "message"
"""What stands for every channel, unless one is called so."""
_REACTIONS = {"opens": "opened", "clicks": "clicked"}


def build_trials(files: Sequence[tree.File], names: Names, model: Model) -> tuple[typed.Trial, ...]:
    """In order of files and text."""
    firsts: dict[str, Span] = {}
    found = []
    for file in files:
        for node in file.declarations:
            if not isinstance(node, tree.TestDecl):
                continue
            if node.title in firsts:
                names.twice("FR110", f'there are two tests "{node.title}"', node.span, firsts[node.title])
            firsts.setdefault(node.title, node.span)
            found.append(_Test(node, names, model).build())
    return tuple(found)


@dataclass(slots=True)
class _Test:
    """`now` None: no `at` yet. `judged`: an expectation has looked at what happened up to now.

    `lost`: why there is no time has been said.
    """

    node: tree.TestDecl
    names: Names
    model: Model
    people: dict[str, typed.Person] = field(default_factory=dict)
    now: int | None = None
    since: int = 0
    judged: bool = False
    lost: bool = False

    def build(self) -> typed.Trial:
        firsts: dict[str, Span] = {}
        for given in self.node.given:
            if given.who.text in firsts:
                message = f"`{given.who.text}` is given twice"
                self.names.twice("FR110", message, given.who.span, firsts[given.who.text])
                continue
            firsts[given.who.text] = given.who.span
            self.people[given.who.text] = self._person(given)
        lines = [line for each in self.node.lines if (line := self._line(each)) is not None]
        if not any(isinstance(each.what, _EXPECTATIONS) for each in self.node.lines):
            self.names.note("FR502", "this test expects nothing", self.node.span, "such as `expect email NAME to NAME`")
        return typed.Trial(self.node.title, tuple(self.people.values()), tuple(lines), self.node.span)

    # --- who is given -------------------------------------------------------------------------

    def _person(self, given: tree.Given) -> typed.Person:
        name, facts = given.who.text, given.facts
        values = self._attributes([fact for fact in facts if isinstance(fact, tree.NamedValue)])
        consents = [fact for fact in facts if isinstance(fact, tree.Consent)]
        held_out = [fact for fact in facts if isinstance(fact, tree.GivenHeldOut)]
        for hold_out in held_out:
            self._some_hold_out(hold_out.span)
        return typed.Person(
            name,
            tuple(values.items()),
            tuple((channel, fact.granted) for fact in consents for channel in self._channels(fact)),
            tuple(self._lists([fact for fact in facts if isinstance(fact, tree.InList)], {"id", *values}, name)),
            tuple(self._tags([fact for fact in facts if isinstance(fact, tree.GivenTag)])),
            bool(held_out),
        )

    def _attributes(self, given: Sequence[tree.NamedValue]) -> dict[str, Stored]:
        values: dict[str, Stored] = {}
        for fact in self._once(given):
            attribute, value = self._value(fact.name, fact.value)
            if attribute is not None and value is not None:
                values[attribute.name] = value
        return values

    def _once(self, given: Sequence[tree.NamedValue]) -> Iterator[tree.NamedValue]:
        firsts: dict[str, Span] = {}
        for fact in given:
            if fact.name.text in firsts:
                message = f"`{fact.name.text}` is given twice"
                self.names.twice("FR110", message, fact.name.span, firsts[fact.name.text])
            else:
                firsts[fact.name.text] = fact.name.span
                yield fact

    def _tags(self, given: Sequence[tree.GivenTag]) -> Iterator[str]:
        for fact in given:
            self.names.tag(fact.name)
            yield fact.name.text

    def _lists(self, given: Sequence[tree.InList], values: set[str], name: str) -> Iterator[CustomerList]:
        for fact in given:
            known = self.names.list_(fact.name)
            if known is not None:
                self._findable(known, values, name, fact.span)
                yield known

    def _some_hold_out(self, span: Span) -> None:
        if self.model.policy.hold_out is None and all(each.hold_out is None for each in self.model.campaigns):
            message = "neither the policy nor any campaign holds anybody out"
            self.names.note("FR504", message, span, "leave it out, or write `hold out 10%` in a campaign")

    def _findable(self, known: CustomerList, given: set[str], name: str, span: Span) -> None:
        needed = [by.removesuffix("_sha256") for by in known.by]
        if not given & set(needed):
            ways = " or ".join(f"`{each}`" for each in dict.fromkeys(needed))
            message = f"list `{known.name}` finds customers by {ways}, and `{name}` has none"
            self.names.note("FR504", message, span, f'such as `{needed[0]} "..."`')

    def _channels(self, node: tree.Consent) -> list[str]:
        found = [self.names.channel(channel) for channel in node.channels]
        return [channel.name for channel in found if channel is not None]

    def _value(self, name: tree.Name, value: tree.Value) -> tuple[Attribute | None, Stored | None]:
        if name.text == "id":
            self.names.note("FR504", "the id of a customer is the name in the test", name.span, "leave it out")
            return None, None
        attribute = self.names.attribute(name)
        return attribute, None if attribute is None else self.names.value(value, attribute.type, attribute.name)

    def _who(self, name: tree.Name) -> str:
        if name.text not in self.people:
            message = f"nobody in this test is called `{name.text}`"
            hint = f"say who that is: `given {name.text}:`"
            self.names.unknown("FR501", message, name.span, name.text, self.people, hint)
        return name.text

    # --- lines --------------------------------------------------------------------------------

    def _line(self, node: tree.TestLine) -> typed.Line | None:
        if not self._move(node) or self.now is None:
            return None
        what: typed.Happening | typed.Expectation | None = None
        if node.what is not None:
            what = _LINES[type(node.what)](self, node.what)
            if what is None:
                return None
        self.judged |= isinstance(node.what, _EXPECTATIONS)
        span = node.span if node.what is None else node.what.span
        return typed.Line(self.now, self.since, what, span)

    def _move(self, node: tree.TestLine) -> bool:
        """Let the clock go on to the line; False: it can not."""
        at = self._when(node)
        if at is None:
            return False
        if self.now is None:
            self.now, self.since = at, at - 1
        elif at > self.now:
            self.now, self.since = at, self.now
        elif self.judged and not isinstance(node.what, _EXPECTATIONS):
            # What was looked at has happened: what follows comes a moment later.
            self.now, self.since = self.now + 1, self.now
        else:
            return True
        self.judged = False
        return True

    def _when(self, node: tree.TestLine) -> int | None:
        zone = self.model.policy.zone
        at = self.now
        if node.at is not None:
            at = instant(node.at, zone) if node.at.year in _YEARS else None
        elif self.now is not None and node.after is not None:
            at = _later(self.now, node.after, zone)
        elif self.now is None:
            self._no_time(node, "nothing has happened yet", "the first line says when: `at 2026-03-02 10:00 ...`")
            return None
        if at is None:
            self._no_time(node, "no calendar here reaches so far", f"from {_YEARS[0]} to {_YEARS[-1]}")
        elif self.now is not None and at < self.now - self.now % 1_000_000:
            self.names.note("FR503", "a test goes forward in time only", node.span, "put what comes earlier first")
            return None
        return at

    def _no_time(self, node: tree.TestLine, message: str, hint: str) -> None:
        """Said once: without a first time no line has one."""
        if not self.lost:
            self.names.note("FR503", message, node.span, hint)
        self.lost = True

    def does(self, node: tree.Does) -> typed.Does | None:
        who, event = self._who(node.who), self.names.event(node.event)
        if event is None:
            return None
        if event.reaction is not None:
            verb = next((verb for verb, word in _REACTIONS.items() if word == event.reaction), None)
            hint = f"write `{who} {verb} {event.channel} NAME`" if verb else "available are `opens` and `clicks`"
            self.names.note("FR505", f"`{event.name}` is about a message", node.event.span, hint)
            return None
        values: dict[str, Stored] = {}
        for each in self._once(node.properties):
            name = each.name.text
            known = self.names.property(event, name, each.name.span)
            value = None if known is None else self.names.value(each.value, known.type, name)
            if value is not None:
                values[name] = value
        return typed.Does(who, event.name, tuple(values.items()))

    def reacts(self, node: tree.Reacts) -> typed.Reacts | None:
        who = self._who(node.who)
        channel = self._message(node.channel, node.message)
        if channel is None:
            return None
        reaction = cast("Any", _REACTIONS[node.reaction])
        return typed.Reacts(who, reaction, channel.name, node.message.text)

    def says(self, node: tree.Says) -> typed.Says:
        return typed.Says(self._who(node.who), tuple(self._channels(node.consent)), node.consent.granted)

    def set(self, node: tree.SetOf) -> typed.Changes | None:
        who = self._who(node.who)
        attribute, value = self._value(node.attribute, node.value)
        return None if attribute is None or value is None else typed.Changes(who, attribute, value)

    # --- expectations -------------------------------------------------------------------------

    def sent(self, node: tree.ExpectMessage) -> typed.Message | None:
        who = self._who(node.who)
        reason = node.because
        if reason is not None:
            self._reason(reason, (*typed.WITHHELD, *typed.NOT_ENTERED), "holds back a message in a test")
            if reason.word == "held_out" and who in self.people and not self.people[who].held_out:
                message = f"`{who}` is not held out in this test"
                self.names.note("FR504", message, reason.span, f"say so below `given {who}:`, with a line `held out`")
        channel = None
        if node.channel.text != _ANY or node.message is not None or _ANY in self.names.channels:
            channel = self._message(node.channel, node.message)
            if channel is None:
                return None
        template = None if node.message is None else node.message.text
        return typed.Message(who, node.negated, channel, template, None if reason is None else reason.word)

    def _message(self, channel: tree.Name, message: tree.Name | None) -> Channel | None:
        """The channel, if some campaign sends that over it."""
        known = self.names.channel(channel)
        if known is None:
            return None
        sends = {template for name, template in self._sends() if name == known.name}
        if not sends:
            self.names.note("FR504", f"no campaign sends anything over `{known.name}`", channel.span)
        elif message is not None and message.text not in sends:
            what = f"no campaign sends {known.name} `{message.text}`"
            self.names.unknown("FR504", what, message.span, message.text, sends)
        else:
            return known
        return None

    def _sends(self) -> Iterator[tuple[str, str]]:
        for campaign in self.names.campaign_decls.values():
            for step in steps_of(campaign):
                if isinstance(step, tree.Send):
                    yield step.channel.text, step.template.text

    def stage(self, node: tree.ExpectStage) -> typed.InStage | None:
        who = self._who(node.who)
        found = condition(tree.InStage(node.name, node.span), Scope(self.names, self.model.policy.purposes))
        if not isinstance(found, InStage):
            return None
        return typed.InStage(who, node.negated, found.campaign, found.stage)

    def tagged(self, node: tree.ExpectTagged) -> typed.Tagged:
        self.names.tag(node.tag)
        return typed.Tagged(self._who(node.who), node.negated, node.tag.text)

    def left(self, node: tree.ExpectLeft) -> typed.Left | None:
        who, campaign = self._who(node.who), self.names.campaign(node.campaign)
        if campaign is None:
            return None
        because = node.because
        if because is None:
            return typed.Left(who, node.campaign.text, None, None)
        if not because.quoted:
            self._reason(because, typed.LEFT, "ends a journey in a test")
            return typed.Left(who, node.campaign.text, because.word, None)
        words = {step.reason for step in steps_of(campaign) if isinstance(step, tree.Exit) and step.reason}
        if because.word not in words:
            message = f'no `exit` of campaign `{node.campaign.text}` says "{because.word}"'
            quoted = [f'"{each}"' for each in words]
            self.names.unknown("FR504", message, _word(because), f'"{because.word}"', quoted)
        return typed.Left(who, node.campaign.text, None, because.word)

    def _reason(self, node: tree.Because, known: Sequence[str], what: str) -> None:
        if node.quoted or node.word not in known:
            shown = f'"{node.word}"' if node.quoted else f"`{node.word}`"
            message = f"{shown} is no reason that {what}"
            self.names.unknown("FR504", message, _word(node), node.word, known, "there are: " + ", ".join(known))

    def has(self, node: tree.ExpectValue) -> typed.Has | None:
        who = self._who(node.who)
        attribute, value = self._value(node.attribute, node.value)
        return None if attribute is None or value is None else typed.Has(who, attribute, value)


def _later(at: int, duration: tree.Duration, zone: str) -> int | None:
    """As a `wait` does: days, weeks and months keep the clock time. None: outside the calendar."""
    if duration.unit in ("second", "minute", "hour"):
        later = at + duration.amount * MICROSECONDS[duration.unit]
        return later if (_EPOCH + timedelta(microseconds=later)).year in _YEARS else None
    local = (_EPOCH + timedelta(microseconds=at)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    if duration.unit == "month":
        months = local.year * 12 + local.month - 1 + duration.amount
        if months // 12 not in _YEARS:
            return None
        day = min(local.day, monthrange(months // 12, months % 12 + 1)[1])
        return instant(local.replace(year=months // 12, month=months % 12 + 1, day=day), zone)
    days = duration.amount * (7 if duration.unit == "week" else 1)
    if local.year + days // 366 not in _YEARS or (local + timedelta(days=days)).year not in _YEARS:
        return None
    return instant(local + timedelta(days=days), zone)


def _word(node: tree.Because) -> Span:
    """Without `because`."""
    length = len(node.span.text) - len(node.span.text.removeprefix("because").lstrip())
    return Span(node.span.source, node.span.start + length, node.span.end)


_EXPECTATIONS = (tree.ExpectMessage, tree.ExpectStage, tree.ExpectTagged, tree.ExpectLeft, tree.ExpectValue)
_LINES: dict[type, Callable[[_Test, Any], typed.Happening | typed.Expectation | None]] = {
    tree.Does: _Test.does,
    tree.Reacts: _Test.reacts,
    tree.Says: _Test.says,
    tree.SetOf: _Test.set,
    tree.ExpectMessage: _Test.sent,
    tree.ExpectStage: _Test.stage,
    tree.ExpectTagged: _Test.tagged,
    tree.ExpectLeft: _Test.left,
    tree.ExpectValue: _Test.has,
}
