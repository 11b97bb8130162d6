"""What the checks find, one mistake one message, and what they let through."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowrules.check import Checked, check
from flowrules.model.schema import Channel
from flowrules.model.snapshot import Snapshot, Template
from flowrules.source import Source

LETTER = "---\nsubject: Hello\n---\nHello"
BASE = """\
attribute plan: one of "free", "pro"
attribute score: number
attribute vip: bool
attribute interests: list of text
attribute contract_end: date
event signed_up:
    plan: text
event purchase:
    amount: money
    items: integer
list staff from "data/staff.csv" by email
segment buyers: has purchase
"""
CAMPAIGN = """\
campaign welcome:
    enter when signed_up
"""


def template(channel: str, name: str, text: str, kind: str = "txt") -> Template:
    return Template(channel, name, f"templates/{channel}/{name}.{kind}", text)


def snapshot(text: str, *templates: Template) -> Snapshot:
    return Snapshot(
        sources=(Source("rules/base.flow", BASE), Source("rules/mine.flow", text)),
        templates=(template("email", "letter", LETTER), template("sms", "note", "Hi"), *templates),
        lists=frozenset({"data/staff.csv"}),
        channels=(Channel("email", "email"), Channel("sms", "phone")),
        currency="EUR",
        zone="Europe/Madrid",
    )


def found(checked: Checked) -> list[tuple[str, str]]:
    return [(d.code, d.span.text) for d in checked.diagnostics]


def segment(condition: str) -> list[tuple[str, str]]:
    return found(check(snapshot(f"segment mine: {condition}")))


def stages(text: str) -> list[tuple[str, str]]:
    """`text` from the first stage on, as indented in a campaign."""
    return found(check(snapshot(CAMPAIGN + text)))


# --- contradictions ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "part"),
    [
        ("score > 5 and score < 3", "score < 3"),
        ("score > 5 and score <= 5", "score <= 5"),
        ("score between 1 and 2 and score > 2", "score > 2"),
        ('score > 5 and (plan is "pro" and score < 3)', "score < 3"),
        ('plan is not "free" and plan is not "pro" and plan is known', "plan is known"),
        ('plan is one of ("free") and plan is "pro"', 'plan is "pro"'),
        ("vip is true and vip is false", "vip is false"),
        ('interests is unknown and interests has any of ("a")', 'interests has any of ("a")'),
        ("has purchase and no purchase", "no purchase"),
        ("has purchase at least 3 times and has purchase fewer than 2 times", "has purchase fewer than 2 times"),
        ("in list staff and not in list staff", "not in list staff"),
        ("has purchase (items > 3, items < 2)", "items < 2"),
        ("score between 5 and 3", "score between 5 and 3"),
        ("has purchase fewer than 0 times", "fewer than 0 times"),
    ],
)
def test_contradictions(condition: str, part: str) -> None:
    assert segment(condition) == [("FR204", part)]


@pytest.mark.parametrize(
    "condition",
    [
        "score > 5 or score < 3",
        "score >= 5 and score <= 5",
        'plan is not "free" and plan is not "pro"',
        'plan is not "free" and plan is unknown',
        "has purchase and no purchase in last 90 days",
        "has purchase (items > 3) and no purchase (items < 2)",
        "in segment buyers and not in list staff",
        'interests has any of ("a") and interests has none of ("b")',
        "not (score > 5) and score > 5 or vip is true",
    ],
)
def test_no_contradiction(condition: str) -> None:
    assert segment(condition) == []


def test_a_message_misspelt_where_it_is_sent_is_one_mistake() -> None:
    for send, wrong in (("send email lettr", ("FR310", "lettr")), ("send emial letter", ("FR108", "emial"))):
        steps = f"        {send}\n        wait 1 day\n        if email letter unopened exit\n"
        assert stages("    stage one:\n" + steps) == [wrong]
    steps = "        send email letter\n        wait 1 day\n        if sms unopened exit\n"
    assert stages("    stage one:\n" + steps) == [("FR124", "sms")]


# --- flow -------------------------------------------------------------------------------------

ONE = "    stage one:\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ONE + "        go to one\n", [("FR203", "go to one")]),
        (ONE + "        wait until 09:00\n        go to one\n", [("FR203", "go to one")]),
        (ONE + "        wait until 09:00 on monday\n        go to one\n", [("FR203", "go to one")]),
        (ONE + "        wait until 09:00 tomorrow\n        go to one\n", []),
        (ONE + "        wait 1 second\n        go to one\n", []),
        (ONE + "        if vip is true:\n            wait 1 day\n        go to one\n", [("FR203", "go to one")]),
        (
            ONE + "        if vip is true:\n            wait 1 day\n        else:\n            wait 2 days\n"
            "        go to one\n",
            [],
        ),
        (ONE + "        wait for purchase up to 1 day, else go to one\n", []),
        (ONE + "        wait for purchase up to 1 day, else exit\n        go to one\n", [("FR203", "go to one")]),
        (
            ONE + "        send email letter\n        if email unopened after 2 days go to one\n",
            [("FR203", "go to one")],
        ),
        (ONE + "        wait 1 day\n        on purchase go to one\n", []),
        (ONE + "        send email letter\n        on purchase go to one\n", [("FR203", "on purchase go to one")]),
        (
            ONE + "        go to two\n    stage two:\n        if vip is true go to one\n",
            [("FR203", "go to one")],
        ),
    ],
)  # fmt: skip
def test_circles(text: str, expected: list[tuple[str, str]]) -> None:
    assert stages(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ONE + "        exit\n        tag a1\n        tag b1\n", [("FR202", "tag a1")]),
        (
            ONE + "        if vip is true:\n            exit\n        else:\n            exit\n        tag a1\n",
            [("FR202", "tag a1")],
        ),
        (ONE + "        if vip is true:\n            exit\n        tag a1\n", []),
        (
            ONE + "        send email letter\n        if email unopened after 1 day:\n            exit\n"
            "        else:\n            exit\n        tag a1\n",
            [],
        ),
        (ONE + "        wait for purchase up to 1 day, else exit\n        tag a1\n", []),
        (
            ONE + "        if vip is true:\n            tag a1\n        else if vip is true:\n            tag b1\n",
            [("FR202", "else if vip is true")],
        ),
        (
            ONE + "        wait 1 day\n        on purchase go to two\n        on purchase (items > 2) go to two\n"
            "    stage two:\n        exit\n",
            [("FR202", "on purchase (items > 2) go to two")],
        ),
        (ONE + "        wait 1 day\n    stage two:\n        exit\n", [("FR201", "two")]),
        (
            ONE + "        wait 1 day\n    stage two:\n        go to three\n    stage three:\n        exit\n",
            [("FR201", "two")],
        ),
        (
            ONE + "        wait 1 day\n    stage two:\n        wait 1 day\n        go to three\n"
            "    stage three:\n        go to two\n",
            [("FR201", "two")],
        ),
        # a misspelt stage is one mistake, though nothing leads to `two` now
        (ONE + "        go to tow\n    stage two:\n        exit\n", [("FR107", "tow")]),
    ],
)
def test_what_is_never_reached(text: str, expected: list[tuple[str, str]]) -> None:
    assert stages(text) == expected


# --- one mistake, one message -----------------------------------------------------------------


def test_a_declaration_that_does_not_parse_is_one_mistake() -> None:
    text = 'attribute level text\nsegment high: level is "x"\nsegment higher: in segment high\n'
    assert [code for code, _ in found(check(snapshot(text)))] == ["FR004"]
    text = "policy:\n    purpose news ask first\n" + CAMPAIGN + "    class news\n" + ONE + "        exit\n"
    assert [code for code, _ in found(check(snapshot(text)))] == ["FR004"]


def test_a_wrong_event_silences_its_brackets() -> None:
    assert segment("has purchas (amount > 3 EUR) and in segment buyer") == [("FR102", "purchas"), ("FR104", "buyer")]


def test_mistakes_come_in_the_order_of_files_and_places() -> None:
    base = replace(
        snapshot(""),
        sources=(Source("z.flow", "segment s: has nothing1"), Source("a.flow", "segment t: x is 1\nsegment u: y is 1")),
    )
    assert [(d.span.place, d.code) for d in check(base).diagnostics] == [
        ("z.flow:1", "FR102"),
        ("a.flow:1", "FR101"),
        ("a.flow:2", "FR101"),
    ]


def test_files_that_can_not_be_read_are_one_mistake_each() -> None:
    sources = (
        Source("large.flow", "segment s: has a1\n" * 200_000),
        Source("latin.flow", "segment caf\udce9: has purchase\n"),
        Source("good.flow", "segment mine: in segment s"),
    )
    checked = check(replace(snapshot("", template("sms", "other", "caf\udce9")), sources=sources))
    assert [(d.code, d.span.source.name) for d in checked.diagnostics] == [
        ("FR007", "large.flow"),
        ("FR016", "latin.flow"),
        ("FR016", "templates/sms/other.txt"),
    ]
    assert checked.model is None


def test_a_warning_leaves_the_model() -> None:
    checked = check(snapshot("segment mine: tagged wram\n"))
    assert (checked.errors, checked.warnings, checked.files, checked.campaigns) == (0, 1, 2, 0)
    assert checked.model is not None


# --- templates --------------------------------------------------------------------------------


def sending(send: str, *templates: Template, enter: str = "signed_up") -> list[tuple[str, str]]:
    text = f"campaign welcome:\n    enter when {enter}\n    stage one:\n        {send}\n"
    return [(d.code, f"{d.span.line}: {d.span.text}") for d in check(snapshot(text, *templates)).diagnostics]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ customer.plan }} {{ entry.plan }} {{ message.code }} {{ customer['score'] }}", []),
        ("{% for i in customer.interests %}{{ i }}{{ loop.index }}{% endfor %}{% set x = 1 %}{{ x }}", []),
        ("{{ customer.email | default('you') }}{% if customer.vip %}!{% endif %}", []),
        ("Hello\n\n{{ customer.pln }}", [("FR312", "3: pln")]),
        ("{{ entry.form }}", [("FR312", "1: entry.form")]),
        ("{{ message.cod }}", [("FR312", "1: cod")]),
        ("{{ plan }}", [("FR312", "1: plan")]),
        ("{{ custmer.plan }}", [("FR312", "1: custmer")]),
        ("{{ customer }}", [("FR312", "1: customer")]),
        ("{{ customer.pln }} and {{ customer.pln }}", [("FR312", "1: pln"), ("FR312", "1: pln")]),
        ("{{ range(3) }}", [("FR312", "1: range")]),
        ("a\n{% if customer.vip %}\nb", [("FR311", "2: {% if customer.vip %}")]),
        ("{{ customer.plan | uper }}", [("FR311", "1: {{ customer.plan | uper }}")]),
        ("{{ customer.plan | pprint }}", [("FR311", "1: {{ customer.plan | pprint }}")]),
        ("{% include 'sms/note.txt' %}", []),
        ("{% include 'sms/nota.txt' %}", [("FR311", "1: sms/nota.txt")]),
        ("{% include customer.plan %}", [("FR311", "1: {%")]),
        ("{{ 'x' * 10 ** 10 }}{{ '%9999999999d' % 1 }}", []),
        ("{{ 'a'" + " | replace('a', 'aaaaaaaaaa')" * 30 + " }}", []),
        ("{% autoescape 'a'" + " | replace('a', 'aaaaaaaaaa')" * 30 + " %}{% endautoescape %}", []),
        ("{{ " + "9" * 5000 + " }}", [("FR311", "1: {{ " + "9" * 5000 + " }}")]),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", [("FR311", "1: {{ " + "(" * 5000 + "1" + ")" * 5000 + " }}")]),
    ],
    ids=lambda value: str(value)[:40],
)
def test_template_variables(text: str, expected: list[tuple[str, str]]) -> None:
    assert sending('send sms hello (code "x")', template("sms", "hello", text)) == expected


def test_the_subject_of_an_email() -> None:
    good = template("email", "hello", "---\nsubject: Hi {{ customer.plan }}\n---\n{{ entry.plan }}")
    assert sending("send email hello", good) == []
    wrong = template("email", "hello", "---\nsubject: Hi {{ customer.pln }}\n---\n{{ entry.pln }}")
    assert sending("send email hello", wrong) == [("FR312", "2: pln"), ("FR312", "4: pln")]
    none = template("email", "hello", "Hi")
    assert sending("send email hello", none) == [("FR313", "1: Hi")]
    assert sending("send email hello", none, template("email", "hello", LETTER, "html")) == []
    assert sending("send email hello", template("email", "hello", "---\nsubject: Hi\n")) == [("FR313", "1: ---")]
    assert sending("send email hello", template("email", "hello", "")) == [("FR313", "1: ")]


def test_a_schedule_has_no_entering_event() -> None:
    enter = "every day at 09:00 for segment buyers"
    assert sending("send sms hello", template("sms", "hello", "{{ entry.plan }}"), enter=enter) == [
        ("FR312", "1: entry.plan")
    ]
    assert sending("send sms note (code entry.plan)", enter=enter) == [("FR125", "4: entry.plan")]


def test_an_unused_template_is_a_draft() -> None:
    assert sending("send sms note", template("sms", "draft", "{{ nonsense")) == []
