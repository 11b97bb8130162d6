"""Conditions joined by `and` that no customer can ever meet together.

Takes the items as written and as typed; notes the first item that leaves nothing possible. Every stored value is
an integer or a text, so a range is exact. Says nothing where it can not be sure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowrules.diagnostics.model import Label
from flowrules.model import condition as typed
from flowrules.model.schema import Kind, Stored, Type
from flowrules.syntax import tree

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from flowrules.model.names import Names


@dataclass(slots=True)
class _Possible:
    """What a value may still be. only: None means anything; `known` None: may be missing too."""

    only: set[Stored] | None = None
    never: set[Stored] = field(default_factory=set)
    low: int | None = None
    high: int | None = None
    known: bool | None = None
    empty: bool = False

    def narrow(self, op: typed.Op, values: tuple[Stored, ...]) -> bool:
        """Whether anything is left."""
        if op in ("!=", "not in"):
            self.never.update(values)
        elif op == "unknown":
            self.empty = self.empty or self.known is True
            self.known = False
        elif op != "none of":
            self.empty = self.empty or self.known is False
            self.known = True
            self._narrow_known(op, values)
        return not self.empty and not (self.known and self._nothing_left())

    def _narrow_known(self, op: typed.Op, values: tuple[Stored, ...]) -> None:
        if op in ("=", "in"):
            self.only = set(values) if self.only is None else self.only & set(values)
        numbers = [value for value in values if isinstance(value, int)]
        if not numbers:
            return
        low = {">": numbers[0] + 1, ">=": numbers[0], "between": numbers[0]}.get(op)
        high = {"<": numbers[0] - 1, "<=": numbers[0], "between": numbers[-1]}.get(op)
        if low is not None:
            self.low = low if self.low is None else max(low, self.low)
        if high is not None:
            self.high = high if self.high is None else min(high, self.high)

    def _nothing_left(self) -> bool:
        if self.only is None:
            return self.low is not None and self.high is not None and self.low > self.high
        return not any(self._allows(value) for value in self.only)

    def _allows(self, value: Stored) -> bool:
        if value in self.never:
            return False
        if isinstance(value, str):
            return True
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


def check(written: Sequence[tree.Condition], items: Sequence[typed.Condition], names: Names) -> None:
    possible: dict[Hashable, _Possible] = {}
    seen: dict[Hashable, list[tree.Condition]] = {}
    for node, item in zip(written, items, strict=True):
        for leaf, test in _flat(node, item):
            found = _test(test)
            if found is None:
                continue
            subject, start, op, values = found
            earlier = seen.setdefault(subject, [])
            if not possible.setdefault(subject, start).narrow(op, values):
                names.note(
                    "FR204",
                    f"`{leaf.span.words}` can never be true together with `{earlier[-1].span.words}`"
                    if earlier
                    else f"`{leaf.span.words}` can never be true",
                    leaf.span,
                    "`and` asks for all of them at once; did you mean `or`?" if earlier else None,
                    labels=tuple(Label(other.span, "contradicts this") for other in earlier[-1:]),
                )
                return
            earlier.append(leaf)


def _flat(node: tree.Condition, item: typed.Condition) -> Iterator[tuple[tree.Condition, typed.Condition]]:
    if isinstance(node, tree.And) and isinstance(item, typed.And) and len(node.items) == len(item.items):
        for inner, typed_inner in zip(node.items, item.items, strict=True):
            yield from _flat(inner, typed_inner)
    else:
        yield node, item


_Test = tuple["Hashable", _Possible, typed.Op, tuple[Stored, ...]]


def _test(item: typed.Condition) -> _Test | None:
    """What an item says about which subject; None when it is not of a kind that is compared."""
    match item:
        case typed.AttributeIs():
            return ("attribute", item.attribute.name), _of_type(item.attribute.type), item.op, item.values
        case typed.PropertyIs():
            return ("property", item.property.name), _of_type(item.property.type), item.op, item.values
        case typed.Count():
            return ("count", item.of.event.name, item.of.filter, item.of.within), _Possible(low=0), item.op, item.values
        case typed.HistoryProperty():
            subject = (item.which, item.of.event.name, item.of.filter, item.property.name)
            return subject, _of_type(item.property.type), item.op, item.values
        case typed.Not():
            member, value = _membership(item.item), 0
        case _:
            member, value = _membership(item), 1
    return None if member is None else (member, _Possible(), "=", (value,))


def _membership(item: typed.Condition) -> tuple[Hashable, ...] | None:
    match item:
        case typed.InSegment():
            return "segment", item.segment.name
        case typed.InList():
            return "list", item.list.name
        case typed.Tagged():
            return "tag", item.tag
        case typed.InStage():
            return "stage", item.campaign, item.stage
        case _:
            return None


def _of_type(type_: Type) -> _Possible:
    if type_.kind is Kind.ONE_OF:
        return _Possible(only=set(type_.options))
    return _Possible(only={0, 1}) if type_.kind is Kind.BOOL else _Possible()
