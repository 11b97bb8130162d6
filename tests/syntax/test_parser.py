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


NOWHERE = Span(Source("", ""), 0, 0)
UNITS: tuple[tree.Unit, ...] = ("second", "minute", "hour", "day", "week", "month")


@pytest.mark.parametrize("unit", UNITS)
def test_durations(unit: tree.Unit) -> None:
    one, many = steps(f"wait 1 {unit}", f"wait 30 {unit}s")
    assert isinstance(one, tree.Wait)
    assert isinstance(many, tree.Wait)
    assert one.duration == tree.Duration(1, unit, NOWHERE)
    assert many.duration == tree.Duration(30, unit, NOWHERE)
    assert many.duration.span.text == f"30 {unit}s"


# --- conditions -------------------------------------------------------------------------------


def test_and_binds_more_than_or_and_brackets_most() -> None:
    found = condition("tagged a1 or tagged b1 and not (tagged c1 or tagged d1)")
    assert isinstance(found, tree.Or)
    assert [item.span.text for item in found.items] == ["tagged a1", "tagged b1 and not (tagged c1 or tagged d1)"]
    (_, both) = found.items
    assert isinstance(both, tree.And)
    assert isinstance(both.items[1], tree.Not)
    assert isinstance(both.items[1].item, tree.Or)
    assert both.items[1].item.span.text == "(tagged c1 or tagged d1)"


def test_long_chains_are_flat() -> None:
    found = condition(" and ".join(["tagged a1"] * 3000))
    assert isinstance(found, tree.And)
    assert len(found.items) == 3000


@pytest.mark.parametrize(
    ("text", "operator", "values"),
    [
        ('plan is "a"', "is", 1),
        ('plan is not "a"', "is not", 1),
        ('plan is one of ("a", "b")', "one of", 2),
        ('plan is not one of ("a", "b", "c")', "not one of", 3),
        ("n < 1", "<", 1),
        ("n <= 1", "<=", 1),
        ("n > 1", ">", 1),
        ("n >= 1", ">=", 1),
        ("n between 1 and 2", "between", 2),
        ("n is known", "known", 0),
        ("n is unknown", "unknown", 0),
        ('n has any of ("a", "b")', "has any of", 2),
        ('n has all of ("a")', "has all of", 1),
        ('n has none of ("a")', "has none of", 1),
        ("total of purchase.amount in last 3 days > 1", ">", 1),
        ("last purchase (n is 1).amount > 1", ">", 1),
        ("entry.amount > 1", ">", 1),
    ],
)
def test_comparisons(text: str, operator: str, values: int) -> None:
    found = condition(f"{text} and tagged z")
    assert isinstance(found, tree.And)
    compare = found.items[0]
    assert isinstance(compare, tree.Compare)
    assert (compare.op, len(compare.values), compare.span.text) == (operator, values, text)


def test_history() -> None:
    found = condition("has purchase (amount > 1 EUR, plan is known) at least 2 times in last 30 days")
    assert isinstance(found, tree.HasEvent)
    assert found.filter is not None
    assert [item.span.text for item in found.filter.items] == ["amount > 1 EUR", "plan is known"]
    assert found.quantity == tree.Quantity("at least", 2, NOWHERE)
    assert found.within == tree.Duration(30, "day", NOWHERE)
    assert condition("no purchase in last 90 days") == tree.HasEvent(
        name("purchase"), None, None, tree.Duration(90, "day", NOWHERE), True, NOWHERE
    )
    assert condition("last purchase more than 30 days ago") == tree.EventAgo(
        "last", name("purchase"), None, True, tree.Duration(30, "day", NOWHERE), NOWHERE
    )
    count = condition("count of purchase (amount > 1) in last 3 days >= 2")
    assert isinstance(count, tree.Compare)
    assert isinstance(count.left, tree.Aggregate)
    assert (count.left.kind, count.left.property) == ("count", None)
    assert count.left.span.text == "count of purchase (amount > 1) in last 3 days"


@pytest.mark.parametrize(
    ("text", "kind", "days"),
    [("d is today", "today", 0), ("d is 30 days away", "away", 30), ("d within the next 2 weeks", "next", 14)],
)
def test_dates(text: str, kind: str, days: int) -> None:
    found = condition(text)
    assert isinstance(found, tree.DateIs)
    assert (found.attribute, found.kind, found.days) == (name("d"), kind, days)


REACTIONS: tuple[tree.ReactionWord, ...] = (
    "opened", "unopened", "clicked", "unclicked", "delivered", "bounced", "not sent",
)  # fmt: skip


@pytest.mark.parametrize("word", REACTIONS)
def test_reactions(word: tree.ReactionWord) -> None:
    assert condition(f"email {word}") == tree.Reaction(name("email"), None, word, NOWHERE)
    assert condition(f"email hello {word}") == tree.Reaction(name("email"), name("hello"), word, NOWHERE)


# --- campaigns --------------------------------------------------------------------------------


def test_if_in_every_form() -> None:
    forms = [
        ["if tagged x send sms y", "else send email z"],
        ["if tagged x:", "    send sms y", "else:", "    send email z"],
        ["if tagged x send sms y", "else:", "    send email z"],
        ["if tagged x:", "    send sms y", "else send email z"],
    ]
    trees = [steps(*form) for form in forms]
    assert all(found == trees[0] for found in trees)
    (found,) = trees[1]
    assert isinstance(found, tree.If)
    assert found.head.text == "if tagged x"
    assert found.span.text == "if tagged x:\n            send sms y\n        else:\n            send email z"


def test_after_belongs_to_the_whole_if() -> None:
    line, block = steps("if email unopened after 2 days send sms x", "if email unopened after 2 days:", "    exit")
    for found in (line, block):
        assert isinstance(found, tree.If)
        assert found.after == tree.Duration(2, "day", NOWHERE)
        assert isinstance(found.branches[0].condition, tree.Reaction)
        assert found.head.text == "if email unopened after 2 days"


def test_else_on_the_same_line_belongs_to_the_wait() -> None:
    (found,) = steps("if tagged x wait for login up to 2 days, else exit", "else tag y")
    assert isinstance(found, tree.If)
    (wait,) = found.branches[0].steps
    assert isinstance(wait, tree.WaitFor)
    assert wait.otherwise == (tree.Exit(None, NOWHERE),)
    assert found.otherwise == (tree.Tag(name("y"), NOWHERE),)


def test_wait_for_with_a_block() -> None:
    wait, after = steps("wait for a new login up to 2 days, else:", "    tag x", "    exit", "tag z")
    assert isinstance(wait, tree.WaitFor)
    assert wait.new
    assert wait.otherwise is not None
    assert len(wait.otherwise) == 2
    assert after == tree.Tag(name("z"), NOWHERE)
    (bare,) = steps("wait for login up to 2 days")
    assert isinstance(bare, tree.WaitFor)
    assert bare.otherwise is None


def test_wait_until() -> None:
    clock, tomorrow, monday, moment = steps(
        "wait until 09:00", "wait until 09:00 tomorrow", "wait until 09:00 on monday", "wait until 2026-12-01 09:00"
    )
    assert clock == tree.WaitUntil(time(9), False, None, None, NOWHERE)
    assert tomorrow == tree.WaitUntil(time(9), True, None, None, NOWHERE)
    assert monday == tree.WaitUntil(time(9), False, 0, None, NOWHERE)
    assert moment == tree.WaitUntil(None, False, None, datetime(2026, 12, 1, 9), NOWHERE)  # noqa: DTZ001  # local


def test_header() -> None:
    gap = tree.Duration(30, "day", NOWHERE)
    enter, weekly, monthly, once, never = header(
        'enter when form (kind is "quote"), again after 30 days',
        "enter when every sunday at 09:00 for segment x, again after exit",
        "enter when every month on day 31 at 09:00 for segment x",
        "enter when once at 2026-12-01 09:00 for segment x",
        "enter when login, once",
    )
    assert isinstance(enter, tree.Enter)
    assert isinstance(enter.trigger, tree.EventTrigger)
    assert enter.again == tree.Again(False, gap, False, NOWHERE)
    assert weekly == tree.Enter(
        tree.Schedule("week", 6, None, time(9), None, name("x"), NOWHERE),
        None,
        tree.Again(True, None, False, NOWHERE),
        NOWHERE,
    )
    assert monthly == tree.Enter(
        tree.Schedule("month", None, 31, time(9), None, name("x"), NOWHERE), None, None, NOWHERE
    )
    assert once == tree.Enter(
        tree.Schedule(None, None, None, None, datetime(2026, 12, 1, 9), name("x"), NOWHERE),  # noqa: DTZ001  # local
        None,
        None,
        NOWHERE,
    )
    assert isinstance(never, tree.Enter)
    assert never.again == tree.Again(False, None, False, NOWHERE)


def test_what_lets_in() -> None:
    stage, tag, joins, leaves, change, birthday, before, now = (
        clause.trigger
        for clause in header(
            "enter when reaches stage c.s, again after exit",
            "enter when gets tag warm",
            "enter when joins segment x",
            "enter when leaves segment x, once",
            'enter when plan changes from "free" to "pro"',
            "enter when on birthday at 09:00",
            "enter when 2 weeks before changes at 09:00",
            "enter when once now for segment x",
        )
        if isinstance(clause, tree.Enter)
    )
    assert stage == tree.StageTrigger(name("c.s"), NOWHERE)
    assert tag == tree.TagTrigger(name("warm"), NOWHERE)
    assert joins == tree.SegmentTrigger(True, name("x"), NOWHERE)
    assert leaves == tree.SegmentTrigger(False, name("x"), NOWHERE)
    free, pro = tree.Literal_("free", NOWHERE), tree.Literal_("pro", NOWHERE)
    assert change == tree.ChangeTrigger(name("plan"), free, pro, NOWHERE)
    assert birthday == tree.DateTrigger(name("birthday"), None, time(9), NOWHERE)
    assert before == tree.DateTrigger(name("changes"), -14, time(9), NOWHERE)
    assert now == tree.Schedule(None, None, None, None, None, name("x"), NOWHERE)


def test_exit_when_keeps_a_bare_name() -> None:
    bare, event, test = header("exit when purchase", "exit when purchase (n is 1)", "exit when purchase is 1")
    assert bare == tree.ExitWhen(name("purchase"), None, None, NOWHERE)
    assert isinstance(event, tree.ExitWhen)
    assert (event.name, event.filter is None, event.condition) == (name("purchase"), False, None)
    assert isinstance(test, tree.ExitWhen)
    assert (test.name, test.filter) == (None, None)
    assert isinstance(test.condition, tree.Compare)


def test_one_exclude_line_is_one_clause_each() -> None:
    found = header("exclude list staff, segment vip, campaign other")
    assert [(clause.kind, clause.span.text) for clause in found if isinstance(clause, tree.Exclude)] == [
        ("list", "list staff"), ("segment", "segment vip"), ("campaign", "campaign other"),
    ]  # fmt: skip


def test_reactions_of_a_stage_stand_beside_its_steps() -> None:
    text = "campaign c:\n    stage s:\n        tag x\n        on login go to s\n        exit\n"
    (campaign,) = good(text).declarations
    assert isinstance(campaign, tree.CampaignDecl)
    (stage,) = campaign.stages
    assert stage.reactions == (tree.On(name("login"), None, False, name("s"), NOWHERE),)
    assert [type(step) for step in stage.steps] == [tree.Tag, tree.Exit]
    assert (campaign.span.text, stage.span.text) == ("campaign c", "stage s")


# --- files ------------------------------------------------------------------------------------

SMALL = "event login:\n    place: text\n\nsegment x: has login\n"


@pytest.mark.parametrize(
    "text",
    [
        SMALL,
        SMALL.rstrip("\n"),
        SMALL.replace("\n", "\r\n"),
        "\ufeff" + SMALL,
        SMALL.replace("\n", "  # note\n"),
        SMALL.replace("    place", "# column one\n    # deeper\n\n   \n    place"),
        SMALL + "    ",
        SMALL + "   # the end",
        "\n\n" + SMALL,
    ],
)
def test_the_same_file_in_other_clothes(text: str) -> None:
    assert good(text).declarations == good(SMALL).declarations
    assert [d.span.text.replace("\r", "")[:5] for d in good(text).declarations] == ["event", "segme"]


def test_no_file_at_all() -> None:
    for text in ("", "\n", "   \n\n", "# only a note", "\ufeff"):
        assert good(text).declarations == ()


HEADS = (
    tree.Stage,
    tree.CampaignDecl,
    tree.CustomerDecl,
    tree.TestDecl,
    tree.Given,
    tree.GivenFile,
    tree.GivenPolicy,
    tree.Cases,
    tree.Branch,
)
"""Their span is that of the line they begin with."""


def test_every_node_lies_within_its_parent() -> None:
    """Spans are exact: never past the last character of code, never outside what they are part of."""

    def walk(node: object, outer: Span) -> int:
        if isinstance(node, tuple):
            return sum(walk(item, outer) for item in node)
        if not dataclasses.is_dataclass(node) or isinstance(node, Span):
            return 0
        span = getattr(node, "span", outer)
        assert outer.start <= span.start <= span.end <= outer.end, node
        assert span.text == span.text.strip()
        heads = isinstance(node, HEADS)
        inner = outer if heads else span
        fields = [field.name for field in dataclasses.fields(node) if field.compare]
        return 1 + sum(walk(getattr(node, field), inner) for field in fields)

    for path in CORPUS.glob("*.flow"):
        file = good(path.read_text(encoding="utf-8"))
        whole = Span(file.source, 0, len(file.source.text))
        assert walk(file.declarations, whole) > 50
