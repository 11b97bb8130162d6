"""Segments, each after those it names.

Takes the segment declarations in the names; gives typed segments in order of name, and puts them into the names.
Segments in a circle, or too deep inside each other, are noted and stay silent where they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrules.diagnostics.model import Label
from flowrules.model.condition import Segment
from flowrules.model.conditions import Scope, condition
from flowrules.model.walk import depth_first, leaves
from flowrules.syntax import tree

if TYPE_CHECKING:
    from flowrules.model.campaign import Purpose
    from flowrules.model.names import Names

DEEPEST = 50
"""How many segments may stand inside each other."""

_NAMED = 5
"""How many segments of a circle a message names."""


def build_segments(names: Names, purposes: tuple[Purpose, ...]) -> tuple[Segment, ...]:
    scope = Scope(names, purposes)
    declarations = names.segment_decls
    uses = {name: _uses(declaration) for name, declaration in declarations.items()}
    order, circles = depth_first(declarations, lambda name: (used.text for used in uses[name] if used.text in uses))
    for circle in circles:
        closing = next(used for used in uses[circle[-1]] if used.text == circle[0])
        _note_circle(circle, closing, names)
        names.lost.update(circle)
    depth: dict[str, int] = {}
    for name in order:
        if name in names.lost:
            continue
        depth[name] = 1 + max((depth.get(used.text, 0) for used in uses[name]), default=0)
        if depth[name] == DEEPEST + 1:
            names.note(
                "FR121",
                f"more than {DEEPEST} segments stand inside each other",
                declarations[name].name.span,
                "define this one without another segment",
            )
        if depth[name] > DEEPEST:
            names.lost.add(name)
            continue
        title, place = declarations[name].title, declarations[name].span.place
        names.segments[name] = Segment(name, title, condition(declarations[name].condition, scope), place)
    return tuple(sorted(names.segments.values(), key=lambda segment: segment.name))


def _uses(declaration: tree.SegmentDecl) -> list[tree.Name]:
    return [leaf.name for leaf in leaves(declaration.condition) if isinstance(leaf, tree.InSegment)]


def _note_circle(circle: list[str], closing: tree.Name, names: Names) -> None:
    named = circle[:_NAMED]
    around = " in ".join(
        [*(f"`{name}`" for name in named), *(["..."] if len(circle) > _NAMED else []), f"`{circle[0]}`"]
    )
    names.note(
        "FR120",
        f"segment `{circle[0]}` is defined by itself" + (f": {around}" if len(circle) > 1 else ""),
        closing.span,
        "a segment can not be asked for while it is being defined; leave one of them out",
        labels=tuple(Label(names.segment_decls[name].name.span, "in the circle") for name in named),
    )
