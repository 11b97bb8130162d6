"""Campaigns as pictures: golden files, and every line of any picture is one that Mermaid and Graphviz read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrules.report.graph import dot, draw, mermaid
from flowrules.source import Source
from flowrules.syntax import tree
from flowrules.syntax.parser import parse
from tests.cli.conftest import call, workspace  # noqa: F401  # the program, as in the other tests of commands
from tests.docs.markdown import ROOT
from tests.reference.generate_program import program
from tests.reference.generate_words import Dice

HERE = Path(__file__).parent / "graph"
GOLDEN = {"odd": HERE / "odd.flow", "win_back": ROOT / "examples/music_shop/rules/win_back.flow"}
LABEL = r'"(?:[^"#<>&`\\*|]|#\d+;|<br>)*"'
MERMAID = re.compile(
    r'---|title: "(?:[^"\\]|\\.)*"|flowchart TD'
    rf" {{4}}(?: {{4}})?n\d+(?:\(\[{LABEL}\]\)|\[{LABEL}\]|\{{\{{{LABEL}\}}\}}|\{{{LABEL}\}}|\({LABEL}\))"
    rf"| {{4}}subgraph stage\d+\[{LABEL}\]| {{4}}end"
    rf"| {{4}}n\d+ (?:-->|-\.->)(?:\|{LABEL}\|)? n\d+".replace("TD {4}", "TD| {4}", 1)
)
STRING = r'"(?:[^"\\]|\\[\\"n])*"'
DOT = re.compile(
    rf"digraph {STRING} \{{|\}}| {{4}}label={STRING}; labelloc=t; fontname=Helvetica;"
    r"| {4}node \[fontname=Helvetica\]; edge \[fontname=Helvetica\];"
    rf"| {{4}}subgraph cluster_\d+ \{{| {{8}}label={STRING};| {{4}}\}}"
    rf"| {{4}}(?: {{4}})?n\d+ \[shape=\w+(?:, style=rounded)?, label={STRING}\];"
    rf"| {{4}}n\d+ -> n\d+(?: \[(?:label={STRING})?(?:, )?(?:style=dashed)?\])?;"
)


def campaigns(text: str) -> list[tree.CampaignDecl]:
    file, found = parse(Source("a.flow", text))
    assert found == ()
    return [item for item in file.declarations if isinstance(item, tree.CampaignDecl)]


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name: str) -> None:
    (campaign,) = campaigns(GOLDEN[name].read_text())
    graph = draw(campaign)
    assert mermaid(graph) + "\n" == (HERE / f"{name}.mmd").read_text()
    assert dot(graph) + "\n" == (HERE / f"{name}.dot").read_text()


def look(text: str) -> None:
    for campaign in campaigns(text):
        graph = draw(campaign)
        nodes = [node.name for _, group in graph.groups for node in group]
        assert len(set(nodes)) == len(nodes)
        assert {name for edge in graph.edges for name in (edge.start, edge.to)} <= set(nodes)
        assert [line for line in mermaid(graph).split("\n") if not MERMAID.fullmatch(line)] == []
        assert [line for line in dot(graph).split("\n") if not DOT.fullmatch(line)] == []


def test_the_golden_files_are_well_formed() -> None:
    for path in GOLDEN.values():
        look(path.read_text())


@st.composite
def programs(draw_: st.DrawFn) -> str:
    return program(Dice(draw_))


@settings(max_examples=25)
@given(programs())
def test_random_campaigns(text: str) -> None:
    look(text)


@settings(max_examples=50)
@given(st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp"), blacklist_characters='"\\'), max_size=40))
def test_any_title(title: str) -> None:
    try:
        look(f'campaign c "{title}":\n    enter when x\n    stage s "{title}":\n        exit "{title}"\n')
    except AssertionError:
        if parse(Source("a.flow", f'list x from "{title}" by email'))[1] == ():
            raise


def way(steps: str) -> list[tuple[str, str, str]]:
    """Edges with the labels of their nodes."""
    (campaign,) = campaigns(f"campaign c:\n    enter when x\n    stage s:\n{steps}")
    graph = draw(campaign)
    labels = {node.name: node.label for _, group in graph.groups for node in group}
    return [(labels[edge.start], edge.label, labels[edge.to]) for edge in graph.edges][1:]


def test_three_ends_of_an_absence() -> None:
    assert way("        if email unopened after 2 days tag cold\n        else tag warm\n        exit\n") == [
        ("email unopened after 2 days?", "yes", "tag cold"),
        ("email unopened after 2 days?", "no", "tag warm"),
        ("email unopened after 2 days?", "never sent", "exit"),
        ("tag cold", "", "exit"),
        ("tag warm", "", "exit"),
    ]


def test_a_wait_with_and_without_an_else() -> None:
    assert way("        wait for x up to 1 day\n        wait for x up to 1 day, else go to s\n") == [
        ("wait for x up to 1 day", "", "wait for x up to 1 day"),
        ("wait for x up to 1 day", "did not come", "wait for x up to 1 day"),
        ("wait for x up to 1 day", "came", "completed"),
    ]


def test_a_stage_that_does_not_exist() -> None:
    assert way("        go to nowhere\n") == [("go to nowhere", "", "no stage nowhere")]
    assert way("        tag t\n        go to nowhere\n") == [("tag t", "", "no stage nowhere")]


def test_the_command(call, workspace) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001, F811
    said = call("graph", "welcome")
    assert said.code == 0
    assert said.out.startswith('---\ntitle: "Welcome"\n---\nflowchart TD\n')
    assert call("graph", "welcome", "--format", "dot").out.startswith('digraph "Welcome" {\n')
    (workspace / "rules/bad.flow").write_text("event (\ncampaign broken:\n    stage\n")
    assert call("graph", "welcome").code == 0
    said = call("graph", "welcom")
    assert (said.code, said.out) == (1, "")
    assert said.err == "error: there is no campaign `welcom`\n  hint: did you mean `welcome`?\n"
    assert call("graph", "zzz").err.endswith("  hint: there are: welcome\n")
    said = call("graph", "broken")
    assert said.code == 1
    assert "rules/bad.flow:3" in said.out
    assert call("graph", "welcome", "--format", "json").code == 2
