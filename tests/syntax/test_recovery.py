"""Files with mistakes: one diagnostic each, in order, and the good blocks all the same."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from flowrules.diagnostics.model import Diagnostic
from flowrules.source import Source
from flowrules.syntax.blocks import declared_names
from flowrules.syntax.parser import MAX_BYTES, MAX_MISTAKES, decode, parse

SAMPLE = (Path(__file__).parent / "corpus" / "quote_follow_up.flow").read_text(encoding="utf-8")


def codes(text: str) -> list[str]:
    return [found.code for found in parse(Source("a.flow", text))[1]]


def apply(text: str, found: Diagnostic) -> str:
    (fix,) = found.fixes
    for edit in sorted(fix.edits, key=lambda edit: -edit.span.start):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def test_several_mistakes_several_diagnostics_and_the_good_blocks() -> None:
    text = "atribute x: text\nevent login\nsegment y: has\nlist z from 5\nsegment ok: has login\n"
    file, found = parse(Source("a.flow", text))
    assert [(d.code, d.span.line) for d in found] == [("FR012", 1), ("FR013", 3), ("FR001", 4)]
    assert [declaration.span.text for declaration in file.declarations] == ["event login", "segment ok: has login"]


WORDS = [
    match
    for match in re.finditer(r"(?<![\"\w./@])[a-z]{4,}(?![\w./@])", SAMPLE)
    if match[0] not in ("robinson", "staff", "warm", "plan", "brief", "script", "sleeping", "stage")
    and "_" not in match[0]
]


@pytest.mark.parametrize("match", WORDS, ids=[f"{match.start()} {match[0]}" for match in WORDS])
def test_a_letter_too_many_is_at_most_one_diagnostic(match: re.Match[str]) -> None:
    """A word of the language with a letter doubled: one diagnostic, on that line; a name stays a name."""
    damaged = SAMPLE[: match.start() + 1] + SAMPLE[match.start() :]
    found = parse(Source("a.flow", damaged))[1]
    assert len(found) <= 1
    assert all(d.span.line == SAMPLE.count("\n", 0, match.start()) + 1 for d in found)
    if match[0] in (
        "attribute",
        "campaign",
        "segment",
        "enter",
        "goal",
        "exclude",
        "wait",
        "send",
        "policy",
        "purpose",
    ):
        assert found


@pytest.mark.parametrize("number", range(len(SAMPLE.splitlines())))
def test_a_line_lost_is_at_most_one_diagnostic(number: int) -> None:
    lines = SAMPLE.splitlines(keepends=True)
    assert len(codes("".join(lines[:number] + lines[number + 1 :]))) <= 1


@pytest.mark.parametrize("number", range(len(SAMPLE.splitlines())))
def test_a_line_of_nonsense_is_one_diagnostic(number: int) -> None:
    lines = SAMPLE.splitlines(keepends=True)
    if not lines[number].strip():
        return
    depth = len(lines[number]) - len(lines[number].lstrip())
    found = parse(Source("a.flow", "".join([*lines[:number], " " * depth + "bananas are yellow\n", *lines[number:]])))[
        1
    ]
    assert [d.span.line for d in found] == [number + 1]


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("atribute x: text", "attribute x: text"),
        ("segment x has login", "segment x: has login"),
        ("segment x: plan is pro", 'segment x: plan is "pro"'),
        ("segment x: plan == 5", "segment x: plan is 5"),
        ("segment x: plan is “a”", 'segment x: plan is "a"'),
        ("segment x: plan\u00a0is 5", "segment x: plan is 5"),
        ("segment x: n > 1,000 EUR", "segment x: n > 1000 EUR"),
        ("segment x: t is 9:30pm", "segment x: t is 21:30"),
        ("segment x: has login in last 5days", "segment x: has login in last 5 days"),
        ("segment x: (has login", "segment x: (has login)"),
        ("event login\n    x: text", "event login:\n    x: text"),
        ("event login:\nx: text", "event login:\n    x: text"),
        ("event login:\n\tx: text\n \ty: text", "event login:\n    x: text\n     y: text"),
        ("segment x: n > €50", "segment x: n > 50 EUR"),
        ("segment x: n > 12.50 $", "segment x: n > 12.50 USD"),
        ("segment x: plan equals 5", "segment x: plan is 5"),
        ("segment x: plan is equal to 5", "segment x: plan is 5"),
        ("segment x: has login in last two weeks", "segment x: has login in last 2 weeks"),
        ("segment x: has login in last a day", "segment x: has login in last 1 day"),
        ("segment x: has not login in last 2 days", "segment x: no login in last 2 days"),
        ("segment x: never login", "segment x: no login"),
        ("segment x: has login in last 2 dayz", "segment x: has login in last 2 days"),
        ("segment x: has login (n > 5 in last 2 days", "segment x: has login (n > 5) in last 2 days"),
        ("segment x: has login;", "segment x: has login"),
        ("// segment\nsegment x: has login", "# segment\nsegment x: has login"),
        ("attribute x: string", "attribute x: text"),
        ("segment if: has login", "segment if_segment: has login"),
        ("segment x: tagged y-b", "segment x: tagged y_b"),
        ('segment x: plan is "a\\b"', 'segment x: plan is "a\\\\b"'),
    ],
)
def test_fixes_mend(text: str, mended: str) -> None:
    (found,) = parse(Source("a.flow", text))[1]
    assert apply(text, found) == mended


@pytest.mark.parametrize(
    ("step", "mended"),
    [
        ("wait for 4 hours", "wait 4 hours"),
        ("wait a week", "wait 1 week"),
        ("wait until 10.30", "wait until 10:30"),
        ("wait until tomorrow at 10:30", "wait until 10:30 tomorrow"),
        ("if email not opened after 2 days exit", "if email unopened after 2 days exit"),
        ("if email has not been opened after 2 days exit", "if email unopened after 2 days exit"),
        ("if email un-opened after 2 days exit", "if email unopened after 2 days exit"),
        ("go to stage two", "go to two"),
        ("go two", "go to two"),
        ("add the tag vip", "tag vip"),
        ("remove tag vip", "untag vip"),
        ('tag "vip"', "tag vip"),
        ("set plan = 5", "set plan to 5"),
        ('send email "hello"', "send email hello"),
        ("send email templates/email/hello.html", "send email hello"),
        ("exit no answer", 'exit "no answer"'),
    ],
)
def test_fixes_mend_steps(step: str, mended: str) -> None:
    head = "campaign c:\n    enter when login\n    stage s:\n        "
    (found,) = parse(Source("a.flow", head + step))[1]
    assert apply(head + step, found) == head + mended
    assert parse(Source("a.flow", head + mended))[1] == ()


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("campaign c:\n    stage split:\n        exit", "FR010", "split"),
        ("campaign c:\n    owner x.y@example.com", "FR015", "x.y@example.com"),
        ("campaign c:\n    enter when cart (value > 50 EUR, again after 7 days", "FR009", "("),
        ("campaign c:\n    enter when cart where value > 50 EUR", "FR015", "where"),
        ("campaign c:\n    enter on birthday at 09:00", "FR015", "on"),
        ("campaign c:\n    enter on login", "FR015", "on"),
        ("campaign c:\n    cap 2 emails per 7 days", "FR015", "emails"),
        ("campaign c:\n    stage s:\n        wait 4 hours 30 minutes", "FR015", "4 hours 30 minutes"),
        ("campaign c:\n    stage s:\n        wait until 12/24/2026 10:00", "FR015", "12/24/2026"),
        ("campaign c:\n    stage s:\n\u00a0\u00a0\u00a0\u00a0\u00a0\u00a0\u00a0\u00a0exit", "FR006", "\u00a0"),
    ],
)
def test_what_marketers_write_is_one_diagnostic_on_its_words(text: str, code: str, place: str) -> None:
    (found,) = parse(Source("a.flow", text))[1]
    assert (found.code, found.span.text) == (code, place)


def test_fixes_in_the_second_half_of_a_file_fall_on_their_place() -> None:
    text = "event login\ncampaign c:\n    ownr 5\n    stage s:\n        sned email x\n        tagwarm\n"
    for found in parse(Source("a.flow", text))[1]:
        assert apply(text, found).count("\n") == text.count("\n")
        assert found.fixes[0].edits[0].span == found.span
    assert [d.span.text for d in parse(Source("a.flow", text))[1]] == ["ownr", "sned", "tagwarm"]


# --- files no author means to write -----------------------------------------------------------


def test_tabs_are_one_diagnostic_with_one_fix() -> None:
    text = "event login:\n\tx: text\n\ty: text\nevent other:\n\tz: text\nsegment ok: has login\n"
    file, found = parse(Source("a.flow", text))
    assert [(d.code, d.span.line) for d in found] == [("FR002", 2)]
    assert len(file.declarations) == 1
    assert codes(apply(text, found[0])) == []


def test_a_tab_between_words_is_a_space() -> None:
    assert codes("segment\tx:\thas\tlogin\t# tab\n") == []


@pytest.mark.parametrize(
    "character", ["\0", "\x07", "\x1b", "\u202e", "\u2066", "\x85", "\u2028", "\r", "\x0c", "\ud800"]
)
@pytest.mark.parametrize("place", ['segment x: plan is "a{}b"', "segment x: has{} login", "# a {} b"])
def test_what_no_reader_sees_is_one_diagnostic(character: str, place: str) -> None:
    text = "segment fine: has login\n" + place.format(character) + "\nsegment also: has login\n"
    file, found = parse(Source("a.flow", text))
    assert [d.code for d in found] == ["FR006"]
    assert found[0].span.text == character
    assert len(file.declarations) == (0 if character == "\0" else 2)


def test_letters_of_every_alphabet_stand_in_quotes() -> None:
    assert codes('segment x: city is "Αθήνα 東京 🎉 é"  # комментарий\n') == []


def test_too_large() -> None:
    line = "segment x: has login\n"
    text = line * (MAX_BYTES // len(line) + 1)
    assert codes(text) == ["FR007"]
    assert codes("#" + "é" * (MAX_BYTES // 2)) == ["FR007"]
    assert codes("#" * MAX_BYTES) == []


def test_too_many_mistakes_end_the_reading() -> None:
    found = codes("bananas\n" * 5000)
    assert found == ["FR012"] * MAX_MISTAKES + ["FR017"]


@pytest.mark.parametrize("depth", [51, 500, 20_000])
def test_deep_brackets(depth: int) -> None:
    assert codes(f"segment x: {'(' * depth}has login{')' * depth}\n") == ["FR008"]
    assert codes(f"segment x: {'not (' * depth}has login{')' * depth}\n") == ["FR008"]


def test_fifty_brackets_are_fine() -> None:
    assert codes(f"segment x: {'(' * 50}has login{')' * 50}\n") == []


@pytest.mark.parametrize("depth", [60, 500])
def test_deep_blocks(depth: int) -> None:
    body = "".join(f"{' ' * (8 + level)}if tagged x:\n" for level in range(depth))
    assert codes(f"campaign c:\n    stage s:\n{body}{' ' * (8 + depth)}exit\n") == ["FR008"]


def test_unclosed_brackets_and_quotes_stay_in_their_block() -> None:
    text = 'segment x: (has login\nsegment y: plan is "a\nsegment ok: has login\n'
    file, found = parse(Source("a.flow", text))
    assert [(d.code, d.span.line, d.span.column) for d in found] == [("FR009", 1, 12), ("FR005", 2, 20)]
    assert len(file.declarations) == 1


def test_the_same_place_after_a_byte_order_mark() -> None:
    (found,) = parse(Source("a.flow", "\ufeffsegmnt x: has login"))[1]
    assert (found.span.line, found.span.column) == (1, 1)
    assert found.span.source.line(1) == "segmnt x: has login"


def test_bytes_that_are_no_text() -> None:
    source, found = decode("a.flow", 'segment x: plan is "é"'.encode("latin-1"))
    assert [d.code for d in found] == ["FR016"]
    assert source.text == 'segment x: plan is "'
    assert decode("a.flow", "# é".encode()) == (Source("a.flow", "# é"), ())


def test_names_are_known_even_where_blocks_are_broken() -> None:
    text = "event login:\n  x\nsegment y: (\nlist z\ncampaign c\nattribute q 5\n# event no\n  event inner\npolicy:\n"
    assert declared_names(text) == {"login", "y", "z", "c", "q"}


LONG = 20_000


@pytest.mark.parametrize(
    "text",
    [
        SAMPLE * 40,
        "event x\n" + "# note\n" * LONG,
        "segment x: " + "tagged y and " * LONG + "tagged y",
        'segment x: plan is "' + '\\"' * LONG,
        "segment x: plan is " + '"' * LONG,
        "segment x: tagged a" + "-b" * LONG,
        "campaign c:\n    stage s:\n        " + "wait up to " * LONG,
        "campaign c:\n    stage s:\n" + "        sned email x\n" * LONG,
        "event x:\n" * LONG,
    ],
    ids=["sample", "comments", "chain", "escapes", "quotes", "dashes", "waits", "steps", "heads"],
)
def test_long_files_take_their_time_only_once(text: str) -> None:
    """Not timed; quadratic work would run into the time limit of the suite."""
    codes(text)


def test_many_blanks_behind_a_colon_take_no_time() -> None:
    """They once took for ever: the fuzz of 2026-11-26, file 135653."""
    text = f"---\nsubject:{' ' * 5000}Welcome\nsubject: Welcome\n# note:{' ' * 5000}x # y\nplan: x\n"
    began = time.process_time()
    parse(Source("a.flow", text))
    assert time.process_time() - began < 1


def test_a_file_that_is_too_large_is_told_at_once() -> None:
    source = Source("a.flow", "campaign c:\n    stage a:\n        exit\n" * 100_000)
    began = time.process_time()
    _, found = parse(source)
    assert [each.code for each in found] == ["FR007"]
    assert time.process_time() - began < 1
