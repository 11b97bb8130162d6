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
from flowrules.model.cases import Case, cases
from flowrules.model.condition import InStage
from flowrules.model.conditions import Scope, condition
from flowrules.model.given import People, Shared
from flowrules.model.names import Names
from flowrules.model.policy import with_policy
from flowrules.model.schema import Channel, Stored
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


def build_trials(
    files: Sequence[tree.File],
    names: Names,
    model: Model,
    another: Callable[[Sequence[tree.File]], tuple[Names, Model | None]],
) -> tuple[typed.Trial, ...]:
    """In order of files and text. another: the model of files with another policy."""
    firsts: dict[str, Span] = {}
    before = len(names.diagnostics)
    shared = _shared(files, names, model)
    models = _Models(files, names, model, another)
    found = []
    for file in files:
        for node in file.declarations:
            if isinstance(node, tree.TestDecl):
                if node.title in firsts:
                    names.twice("FR110", f'there are two tests "{node.title}"', node.span, firsts[node.title])
                firsts.setdefault(node.title, node.span)
                found += [_Test(case, names, models.of(case.node), shared).build() for case in cases(node, names)]
    # What is wrong in a test is wrong in each of its cases.
    names.diagnostics[before:] = dict.fromkeys(names.diagnostics[before:])
    return tuple(found)


def _shared(files: Sequence[tree.File], names: Names, model: Model) -> Shared:
    found: dict[str, tree.CustomerDecl] = {}
    for node in (node for file in files for node in file.declarations if isinstance(node, tree.CustomerDecl)):
        first = found.setdefault(node.name.text, node)
        if first is not node:
            names.twice("FR110", f"there are two customers `{node.name.text}`", node.name.span, first.name.span)
        else:
            People(names, model, {}).person(node.name.text, (), node.facts, {})
    return found


@dataclass(slots=True)
class _Models:
    """The model in force, and those with another policy: one for each set of clauses."""

    files: Sequence[tree.File]
    names: Names
    model: Model
    another: Callable[[Sequence[tree.File]], tuple[Names, Model | None]]
    made: dict[tuple[tree.PolicyClause, ...], Model] = field(default_factory=dict)

    def of(self, node: tree.TestDecl) -> Model:
        clauses = tuple(
            clause for given in node.given if isinstance(given, tree.GivenPolicy) for clause in given.clauses
        )
        if not clauses:
            return self.model
        if clauses not in self.made:
            known = set(self.names.diagnostics)
            names, model = self.another(with_policy(self.files, clauses))
            self.names.diagnostics += [each for each in names.diagnostics if each not in known]
            self.made[clauses] = model or self.model
        return self.made[clauses]


@dataclass(slots=True)
class _Test:
    """`now` None: no `at` yet. `judged`: an expectation has looked at what happened up to now.

    `lost`: why there is no time has been said. `doubtful`: some who are given have mistakes.
    """

    case: Case
    names: Names
    model: Model
    shared: Shared
    people: dict[str, typed.Person] = field(default_factory=dict)
    now: int | None = None
    since: int = 0
    judged: bool = False
    lost: bool = False
    doubtful: bool = False

    @property
    def given(self) -> People:
        return People(self.names, self.model, self.shared)

    def build(self) -> typed.Trial:
        node = self.case.node
        known = len(self.names.diagnostics)
        self.people = self.given.read(node.given)
        self.doubtful = len(self.names.diagnostics) > known
        lines = [line for each in node.lines if (line := self._line(each)) is not None]
        if not any(isinstance(each.what, _EXPECTATIONS) for each in node.lines):
            self.names.note("FR502", "this test expects nothing", node.span, "such as `expect email NAME to NAME`")
        own = self.model if any(isinstance(each, tree.GivenPolicy) for each in node.given) else None
        return typed.Trial(self.case.title, tuple(self.people.values()), tuple(lines), node.span, self.case.row, own)

    def _who(self, name: tree.Name) -> str:
        if name.text not in self.people:
            message = f"nobody in this test is called `{name.text}`"
            hint = f"say who that is: `given {name.text}:`"
            self.names.unknown("FR501", message, name.span, name.text, self.people, hint)
        return name.text

    def _whom(self, who: tree.Name | tree.Many) -> typed.Who:
        if isinstance(who, tree.Name):
            return self._who(who)
        number = who.number if isinstance(who.number, int) else 0
        if number > len(self.people) and not self.doubtful:
            there = len(self.people)
            message = f"this test is given {there} customer{'' if there == 1 else 's'}"
            self.names.note("FR504", message, who.span, "no more than those can be counted")
        return number

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
        return typed.Line(self.now, self._since(node.what, self.now), what, span)

    def _since(self, what: tree.Happening | tree.Expectation | None, now: int) -> int:
        """From when on messages are looked for."""
        if isinstance(what, tree.ExpectMessage) and what.within is not None:
            return now - self.names.elapsed(what.within)
        return self.since

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
        if isinstance(node.at, datetime):
            at = instant(node.at, zone) if node.at.year in _YEARS else None
        elif self.now is not None and isinstance(node.after, tree.Duration):
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
        for each in self.given.once(node.properties):
            name = each.name.text
            known = self.names.property(event, name, each.name.span)
            written = each.value
            value = (
                None if known is None or isinstance(written, tree.Name) else self.names.value(written, known.type, name)
            )
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
        return typed.Says(self._who(node.who), tuple(self.given.channels(node.consent)), node.consent.granted)

    def set(self, node: tree.SetOf) -> typed.Changes | None:
        who = self._who(node.who)
        attribute, value = self.given.value(node.attribute, node.value)
        return None if attribute is None or value is None else typed.Changes(who, attribute, value)

    # --- expectations -------------------------------------------------------------------------

    def sent(self, node: tree.ExpectMessage) -> typed.Message | None:
        who = self._whom(node.who)
        reason = node.because
        if reason is not None:
            self._reason(reason, (*typed.WITHHELD, *typed.NOT_ENTERED), "holds back a message in a test")
            if reason.word == "held_out":
                self._held_out(who, reason.span)
        channel = None
        if node.channel.text != _ANY or node.message is not None or _ANY in self.names.channels:
            channel = self._message(node.channel, node.message)
            if channel is None:
                return None
        template = None if node.message is None else node.message.text
        quantity = None if node.quantity is None else (node.quantity.kind, node.quantity.number)
        texts = [(each, each.text) for each in node.content]
        content = tuple(
            typed.Content(each.part, each.kind, text.value)
            for each, text in texts
            if isinstance(text, tree.Literal_) and isinstance(text.value, str)
        )
        if len(content) < len(texts):
            wrong = next(each for each, text in texts if not isinstance(getattr(text, "value", None), str))
            self.names.note(
                "FR114", "a text in quotes stands here", wrong.span, f'such as `{wrong.part} contains "..."`'
            )
        return typed.Message(
            who, node.negated, channel, template, None if reason is None else reason.word, quantity, content
        )

    def _held_out(self, who: typed.Who, span: Span) -> None:
        if isinstance(who, str) and who in self.people:
            person = self.people[who]
            if not person.held_out and not person.held_out_of:
                message = f"`{who}` is not held out in this test"
                self.names.note("FR504", message, span, f"say so below `given {who}:`, with a line `held out`")

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
        who = self._whom(node.who)
        found = condition(tree.InStage(node.name, node.span), Scope(self.names, self.model.policy.purposes))
        if not isinstance(found, InStage):
            return None
        return typed.InStage(who, node.negated, found.campaign, found.stage)

    def tagged(self, node: tree.ExpectTagged) -> typed.Tagged:
        self.names.tag(node.tag)
        return typed.Tagged(self._whom(node.who), node.negated, node.tag.text)

    def left(self, node: tree.ExpectLeft) -> typed.Left | None:
        who, campaign = self._whom(node.who), self.names.campaign(node.campaign)
        if campaign is None:
            return None
        because = node.because
        if because is None:
            return typed.Left(who, node.campaign.text, None, None)
        if not because.quoted:
            self._reason(because, typed.LEFT, "ends a journey in a test")
            return typed.Left(who, node.campaign.text, because.word, None)
        words = {step.reason for step in steps_of(campaign) if isinstance(step, tree.Exit) and step.reason}
        capped = [self.model.policy.when_capped, *(each.when_capped for each in self.model.campaigns)]
        words |= {each.words for each in capped if each is not None and each.words}
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

    def reached(self, node: tree.ExpectGoal) -> typed.Reached | None:
        who, campaign = self._whom(node.who), self.names.campaign(node.campaign)
        if campaign is None:
            return None
        if not any(isinstance(clause, tree.Goal) for clause in campaign.header):
            message = f"campaign `{node.campaign.text}` has no goal"
            self.names.note("FR504", message, node.campaign.span, "write one: `goal EVENT within 30 days`")
        return typed.Reached(who, node.negated, node.campaign.text)

    def has(self, node: tree.ExpectValue) -> typed.Has | None:
        who = self._who(node.who)
        attribute, value = self.given.value(node.attribute, node.value)
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


_EXPECTATIONS = tree.Expectation
_LINES: dict[type, Callable[[_Test, Any], typed.Happening | typed.Expectation | None]] = {
    tree.Does: _Test.does,
    tree.Reacts: _Test.reacts,
    tree.Says: _Test.says,
    tree.SetOf: _Test.set,
    tree.ExpectMessage: _Test.sent,
    tree.ExpectStage: _Test.stage,
    tree.ExpectTagged: _Test.tagged,
    tree.ExpectLeft: _Test.left,
    tree.ExpectGoal: _Test.reached,
    tree.ExpectValue: _Test.has,
}
