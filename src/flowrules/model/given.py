"""Who there is in a test: customers written in it, shared by all tests, or read from a file.

Takes the `given` of a test with a model that is right; gives people. Mistakes are noted in the names.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO

from flowrules.model import trial as typed
from flowrules.model.campaign import Model
from flowrules.model.names import Names
from flowrules.model.schema import BUILTIN_ATTRIBUTES, Attribute, CustomerList, Stored
from flowrules.model.values import coerce
from flowrules.model.walk import steps_of
from flowrules.source import Source, Span
from flowrules.syntax import tree

Shared = Mapping[str, tree.CustomerDecl]
_MOST = 10_000
"""Customers of one test."""


@dataclass(slots=True)
class People:
    """`span` of the first mention of each."""

    names: Names
    model: Model
    shared: Shared
    found: dict[str, typed.Person] = field(default_factory=dict)
    firsts: dict[str, Span] = field(default_factory=dict)

    def read(self, given: Sequence[tree.GivenSomething]) -> dict[str, typed.Person]:
        for node in given:
            match node:
                case tree.Given():
                    facts = self._like(node.like)
                    self._add(node.who.text, node.who.span, facts, node.facts)
                case tree.GivenShared():
                    for name in node.names:
                        self._add(name.text, name.span, self._like(name), ())
                case tree.GivenFile():
                    self._file(node)
                case tree.GivenPolicy():
                    pass
        return self.found

    def _like(self, name: tree.Name | None) -> tuple[tree.GivenFact, ...]:
        if name is None:
            return ()
        known = self.shared.get(name.text)
        if known is None:
            message = f"there is no customer `{name.text}` that tests share"
            hint = f"say who that is: `customer {name.text}:`, outside the tests"
            self.names.unknown("FR501", message, name.span, name.text, self.shared, hint)
        return () if known is None else known.facts

    def _add(
        self, name: str, span: Span, like: tuple[tree.GivenFact, ...], own: tuple[tree.GivenFact, ...],
        columns: Mapping[str, Stored] | None = None,
    ) -> None:  # fmt: skip
        if name in self.firsts:
            self.names.twice("FR110", f"`{name}` is given twice", span, self.firsts[name])
            return
        self.firsts[name] = span
        self.found[name] = self.person(name, like, own, columns or {})

    def person(
        self,
        name: str,
        like: tuple[tree.GivenFact, ...],
        own: tuple[tree.GivenFact, ...],
        columns: Mapping[str, Stored],
    ) -> typed.Person:
        """Their own facts go before those of whom they are like."""
        facts = (*like, *own)
        values = (
            self._attributes(_of(like, tree.NamedValue)) | self._attributes(_of(own, tree.NamedValue)) | {**columns}
        )
        held_out = _of(facts, tree.GivenHeldOut)
        arms = dict(filter(None, map(self._arm, _of(facts, tree.GivenArm))))
        return typed.Person(
            name,
            tuple(values.items()),
            tuple((channel, fact.granted) for fact in _of(facts, tree.Consent) for channel in self.channels(fact)),
            tuple(self._lists(_of(facts, tree.InList), {"id", *values}, name)),
            tuple(self._tags(_of(facts, tree.GivenTag))),
            any(fact.campaign is None for fact in held_out),
            tuple(filter(None, map(self._held_out_of, held_out))),
            tuple(arms.items()),
        )

    # --- facts --------------------------------------------------------------------------------

    def _attributes(self, given: Sequence[tree.NamedValue]) -> dict[str, Stored]:
        values: dict[str, Stored] = {}
        for fact in self.once(given):
            attribute, value = self.value(fact.name, fact.value)
            if attribute is not None and value is not None:
                values[attribute.name] = value
        return values

    def once(self, given: Sequence[tree.NamedValue]) -> Iterator[tree.NamedValue]:
        firsts: dict[str, Span] = {}
        for fact in given:
            if fact.name.text in firsts:
                message = f"`{fact.name.text}` is given twice"
                self.names.twice("FR110", message, fact.name.span, firsts[fact.name.text])
            else:
                firsts[fact.name.text] = fact.name.span
                yield fact

    def value(self, name: tree.Name, value: tree.Value | tree.Name) -> tuple[Attribute | None, Stored | None]:
        if name.text == "id":
            self.names.note("FR504", "the id of a customer is the name in the test", name.span, "leave it out")
            return None, None
        attribute = self.names.attribute(name)
        if attribute is None or isinstance(value, tree.Name):
            return attribute, None
        return attribute, self.names.value(value, attribute.type, attribute.name)

    def channels(self, node: tree.Consent) -> list[str]:
        found = [self.names.channel(channel) for channel in node.channels]
        return [channel.name for channel in found if channel is not None]

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

    def _findable(self, known: CustomerList, given: set[str], name: str, span: Span) -> None:
        needed = [by.removesuffix("_sha256") for by in known.by]
        if not given & set(needed):
            ways = " or ".join(f"`{each}`" for each in dict.fromkeys(needed))
            message = f"list `{known.name}` finds customers by {ways}, and `{name}` has none"
            self.names.note("FR504", message, span, f'such as `{needed[0]} "..."`')

    # --- what would be chance -----------------------------------------------------------------

    def _held_out_of(self, fact: tree.GivenHeldOut) -> str | None:
        """The campaign that is meant alone."""
        campaigns = {each.name: each for each in self.model.campaigns}
        if fact.campaign is None:
            if self.model.policy.hold_out is None and all(each.hold_out is None for each in campaigns.values()):
                message = "neither the policy nor any campaign holds anybody out"
                self.names.note("FR504", message, fact.span, "leave it out, or write `hold out 10%` in a campaign")
            return None
        if self.names.campaign(fact.campaign) is None:
            return None
        name = fact.campaign.text
        if campaigns[name].hold_out is None:
            message = f"campaign `{name}` holds nobody out"
            self.names.note("FR504", message, fact.span, "leave it out, or write `hold out 10%` in the campaign")
        return name

    def _arm(self, fact: tree.GivenArm) -> tuple[str, str] | None:
        name, split = fact.split.parts
        campaign = self.names.campaign(tree.Name((name,), fact.split.span))
        if campaign is None:
            return None
        splits = {step.name.text: step for step in steps_of(campaign) if isinstance(step, tree.Split)}
        if split not in splits:
            message = f"campaign `{name}` has no split `{split}`"
            self.names.unknown("FR504", message, fact.split.span, split, splits)
            return None
        arms = [arm.name.text for arm in splits[split].arms]
        if fact.arm.text not in arms:
            message = f"split `{split}` has no arm `{fact.arm.text}`"
            self.names.unknown("FR504", message, fact.arm.span, fact.arm.text, arms, f"its arms: {', '.join(arms)}")
        return f"split/{name}/{split}", fact.arm.text

    # --- from a file --------------------------------------------------------------------------

    def _file(self, node: tree.GivenFile) -> None:
        source = next((each for each in self.names.snapshot.customers if each.name == node.path), None)
        if source is None:
            hint = "the path counts from the folder of flowrules.toml and stays inside it"
            self.names.note("FR507", f"there is no file `{node.path}`", node.span, hint)
            return
        comma = ";" if source.text.partition("\n")[0].count(";") else ","
        reader = csv.DictReader(StringIO(source.text.removeprefix("\ufeff")), delimiter=comma, strict=True)
        try:
            columns = self._columns(reader.fieldnames or [], source)
            for number, row in enumerate(reader):
                if number == _MOST:
                    self.names.note("FR507", f"more than {_MOST} customers are too many for a test", node.span)
                    return
                self._row(node, row, columns, _line(source, reader.line_num))
        except csv.Error as failure:
            place = _line(source, min(reader.line_num + 1, source.text.count("\n") + 1))
            hint = "perhaps a text in quotes is opened and never closed"
            self.names.note("FR507", f"this file can not be read as CSV: {failure}", place, hint)

    def _columns(self, given: Sequence[str], source: Source) -> dict[str, Attribute]:
        known = {each.name: each for each in (*BUILTIN_ATTRIBUTES, *self.model.attributes)}
        head = _line(source, 1)
        if "id" not in given:
            self.names.note("FR507", "this file has no column `id`", head, "each customer needs a name")
        for column in given:
            if column not in known:
                at = head.start + max(0, head.text.find(column))
                place = Span(source, at, at + max(1, len(column)))
                self.names.unknown("FR507", f"there is no attribute `{column}`", place, column, known)
        return {column: known[column] for column in given if column in known}

    def _row(self, node: tree.GivenFile, row: Mapping[str, str], columns: Mapping[str, Attribute], place: Span) -> None:
        values: dict[str, Stored] = {}
        for name, attribute in columns.items():
            if name == "id" or not row[name]:
                continue
            try:
                values[name] = coerce(row[name], attribute.type, self.model.currency, self.names.snapshot.zone)
            except ValueError as wrong:
                self.names.note("FR507", f"`{name}`: {wrong}", place)
        who = (row.get("id") or "").strip()
        if who:
            self._add(who, place, (), node.facts, values)
        elif "id" in columns:
            self.names.note("FR507", "this customer has no `id`", place)


def _of(facts: Sequence[tree.GivenFact], kind: type) -> list:  # type: ignore[type-arg]  # of that kind
    return [fact for fact in facts if isinstance(fact, kind)]


def _line(source: Source, number: int) -> Span:
    start = sum(len(line) + 1 for line in source.text.split("\n")[: number - 1])
    return Span(source, start, start + max(1, len(source.line(min(number, source.text.count("\n") + 1)))))
