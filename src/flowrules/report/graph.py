"""A campaign as a picture: its stages, steps, waits and branches, in the author's own words.

Takes the campaign as written; gives text for Mermaid or for Graphviz. Names that lead nowhere are drawn as ends, so
that also a campaign with mistakes can be seen. Nothing is asked of a database.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from flowrules.source import Span
from flowrules.syntax import tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


Shape = Literal["way", "message", "wait", "question", "note"]
"""In and out; sends; what takes time; what decides; the rest."""
_WIDTH = 32


@dataclass(frozen=True, slots=True)
class _Node:
    name: str
    shape: Shape
    label: str


@dataclass(frozen=True, slots=True)
class _Edge:
    """`to` is a node, or of a jump the stage. `aside`: not the way of the steps, but an interruption."""

    start: str
    to: str
    label: str
    aside: bool = False


@dataclass(frozen=True, slots=True)
class _End:
    """A way out of a step that still leads nowhere."""

    start: str
    label: str = ""


@dataclass(slots=True)
class Graph:
    """Nodes by group; the groups are the stages, and first what stands outside of them."""

    title: str
    groups: list[tuple[str, list[_Node]]]
    edges: list[_Edge] = field(default_factory=list)


def draw(campaign: tree.CampaignDecl) -> Graph:
    return _Drawing(campaign).graph


class _Drawing:
    def __init__(self, campaign: tree.CampaignDecl) -> None:
        self.graph = Graph(campaign.title or campaign.name.text, [("", [])])
        self.count = 0
        self.capped = next((each.otherwise for each in campaign.header if isinstance(each, tree.WhenCapped)), None)
        self.first: dict[str, str] = {}
        for clause in campaign.header:
            if isinstance(clause, tree.Enter) and campaign.stages:
                self.jump([_End(self.node("way", clause.span.words))], campaign.stages[0].name.text)
        self.header(campaign.header)
        for stage in campaign.stages:
            self.stage(stage)
        self.resolve()

    def header(self, clauses: Iterable[tree.HeaderClause]) -> None:
        """What ends a journey wherever it stands."""
        ways = [clause.span.words for clause in clauses if isinstance(clause, tree.Goal | tree.ExitWhen)]
        ways += [f"exclude {clause.span.words}" for clause in clauses if isinstance(clause, tree.Exclude)]
        if ways:
            self.graph.groups.append(("at any time", []))
            for label in ways:
                self.node("way", label)

    def stage(self, stage: tree.Stage) -> None:
        self.graph.groups.append((stage.title or stage.name.text, []))
        self.first.setdefault(stage.name.text, f"n{self.count + 1}")
        begins = stage.steps[0] if stage.steps else None
        # Every stage has a node to jump to.
        left = [_End(self.node("note", begins.span.words))] if isinstance(begins, tree.GoTo) else []
        left = self.steps(stage.steps, left)
        if left or not stage.steps:
            self.join(left, self.node("way", "completed"))
        for reaction in stage.reactions:
            if reaction.stage is None:
                self.node("note", reaction.span.words)
                continue
            label = reaction.span.words.rpartition(" go to ")[0].removesuffix(" and")
            self.jump([_End(self.node("note", label))], reaction.stage.text, aside=True)

    def resolve(self) -> None:
        """Jumps lead to the first step of their stage; to a stage that does not exist, to its name."""
        for number, edge in enumerate(self.graph.edges):
            if edge.to.startswith("stage "):
                name = edge.to.removeprefix("stage ")
                to = self.first.get(name) or self.node("way", f"no stage {name}")
                self.first.setdefault(name, to)
                self.graph.edges[number] = replace(edge, to=to)
        self.graph.edges.sort(key=lambda edge: int(edge.start[1:]))  # in the order of the text

    def node(self, shape: Shape, label: str) -> str:
        self.count += 1
        name = f"n{self.count}"
        self.graph.groups[-1][1].append(_Node(name, shape, label))
        return name

    def join(self, ends: Iterable[_End], to: str, *, aside: bool = False) -> None:
        self.graph.edges += [_Edge(end.start, to, end.label, aside) for end in ends]

    def jump(self, ends: Iterable[_End], stage: str, *, aside: bool = False) -> None:
        self.join(ends, f"stage {stage}", aside=aside)

    def steps(self, steps: Sequence[tree.Step], ends: list[_End]) -> list[_End]:
        for step in steps:
            ends = self.step(step, ends)
        return ends

    def step(self, step: tree.Step, ends: list[_End]) -> list[_End]:  # noqa: PLR0911  # one case a kind
        match step:
            case tree.Send() | tree.SendFirst():
                return self.message(step.span, ends)
            case tree.Wait() | tree.WaitUntil():
                return self.plain("wait", step.span, ends)
            case tree.Tag() | tree.Untag() | tree.Set() | tree.Start():
                return self.plain("note", step.span, ends)
            case tree.Exit():
                self.plain("way", step.span, ends)
                return []
            case tree.GoTo():
                self.jump(ends, step.stage.text)
                return []
            case tree.WaitFor():
                return self.wait_for(step, ends)
            case tree.If():
                return self.branches(step, ends)
            case tree.Split():
                return self.arms(step, ends)

    def message(self, span: Span, ends: list[_End]) -> list[_End]:
        """`when capped ... else` is a way on from every message."""
        left = self.plain("message", span, ends)
        match self.capped:
            case tree.GoTo(stage=stage):
                self.jump([replace(end, label="capped") for end in left], stage.text, aside=True)
            case tree.Exit():
                self.join(
                    [replace(end, label="capped") for end in left], self.node("way", self.capped.span.words), aside=True
                )
            case _:
                pass
        return left

    def plain(self, shape: Shape, span: Span, ends: list[_End]) -> list[_End]:
        name = self.node(shape, span.words)
        self.join(ends, name)
        return [_End(name)]

    def wait_for(self, step: tree.WaitFor, ends: list[_End]) -> list[_End]:
        name = self.node("wait", Span(step.span.source, step.span.start, step.up_to.span.end).words)
        self.join(ends, name)
        if step.otherwise is None:
            return [_End(name)]
        return [_End(name, "came"), *self.steps(step.otherwise, [_End(name, "did not come")])]

    def branches(self, step: tree.If, ends: list[_End]) -> list[_End]:
        out: list[_End] = []
        for number, branch in enumerate(step.branches):
            label = (branch.condition.span if number else step.head).words.removeprefix("if ")
            name = self.node("question", f"{label}?")
            self.join(ends, name)
            out += self.steps(branch.steps, [_End(name, "yes")])
            ends = [_End(name, "no")]
            if step.after is not None:
                out.append(_End(name, "never sent"))
        return [*out, *self.steps(step.otherwise or (), ends)]

    def arms(self, step: tree.Split, ends: list[_End]) -> list[_End]:
        name = self.node("question", step.head.words)
        self.join(ends, name)
        out: list[_End] = []
        for arm in step.arms:
            out += self.steps(arm.steps, [_End(name, f"{arm.percent:f}% {arm.name.text}")])
        return out


# --- as text ----------------------------------------------------------------------------------

_MERMAID = {"way": ('(["', '"])'), "message": ('["', '"]'), "wait": ('{{"', '"}}'), "question": ('{"', '"}'),
            "note": ('("', '")')}  # fmt: skip
_DOT = {"way": "oval", "message": "box", "wait": "hexagon", "question": "diamond", "note": "box"}

_SIGNS = re.compile(r'["#<>&`\\*~|]|^[-+](?= )|(?<=^\d)\.|(?<=^\d\d)\.')  # quotes, entities, Markdown


def mermaid(graph: Graph) -> str:
    lines = ["---", f"title: {_quoted(graph.title)}", "---", "flowchart TD"]
    for number, (title, nodes) in enumerate(graph.groups):
        if title:
            lines.append(f'    subgraph stage{number}["{_mermaid(title)}"]')
        for node in nodes:
            before, behind = _MERMAID[node.shape]
            lines.append(f"    {'    ' if title else ''}{node.name}{before}{_mermaid(node.label)}{behind}")
        if title:
            lines.append("    end")
    for edge in graph.edges:
        label = f'|"{_mermaid(edge.label)}"|' if edge.label else ""
        lines.append(f"    {edge.start} {'-.->' if edge.aside else '-->'}{label} {edge.to}")
    return "\n".join(lines)


def dot(graph: Graph) -> str:
    lines = [
        f"digraph {_quoted(graph.title)} {{",
        f"    label={_quoted(graph.title)}; labelloc=t; fontname=Helvetica;",
        "    node [fontname=Helvetica]; edge [fontname=Helvetica];",
    ]
    for number, (title, nodes) in enumerate(graph.groups):
        if title:
            lines += [f"    subgraph cluster_{number} {{", f"        label={_quoted(title)};"]
        for node in nodes:
            style = ", style=rounded" if node.shape == "note" else ""
            label = _quoted("\n".join(_lines(node.label)))
            lines.append(f"    {'    ' if title else ''}{node.name} [shape={_DOT[node.shape]}{style}, label={label}];")
        if title:
            lines.append("    }")
    for edge in graph.edges:
        said = [f"label={_quoted(edge.label)}"] if edge.label else []
        said += ["style=dashed"] if edge.aside else []
        lines.append(f"    {edge.start} -> {edge.to}" + (f" [{', '.join(said)}];" if said else ";"))
    return "\n".join([*lines, "}"])


def _lines(label: str) -> list[str]:
    return textwrap.wrap(label, _WIDTH, break_long_words=False, break_on_hyphens=False) or [""]


def _mermaid(label: str) -> str:
    """Mermaid reads `#NUMBER;` as a character; signs with a meaning of their own are written so."""
    return "<br>".join(_SIGNS.sub(lambda match: f"#{ord(match[0])};", line) for line in _lines(label))


def _quoted(text: str) -> str:
    """A string of DOT, and of the YAML in which Mermaid takes a title."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
