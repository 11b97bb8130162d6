"""What people see."""

from __future__ import annotations

from flowrules.diagnostics.model import Diagnostic, Edit, Fix, Label
from flowrules.diagnostics.text import render
from flowrules.source import Source, Span
from flowrules.syntax.parser import parse


def first(text: str) -> str:
    return render(parse(Source("rules/a.flow", text))[1][0])


def test_everything_in_its_place() -> None:
    assert first("event login\nsegmnt x: has login\n") == (
        "error[FR012]: `segmnt` is not known here\n"
        "  --> rules/a.flow:2:1\n"
        "   |\n"
        " 2 | segmnt x: has login\n"
        "   | ^^^^^^\n"
        "   |\n"
        "   = hint: did you mean `segment`?\n"
        "   = fix: change to `segment`"
    )


def test_wide_characters_and_tabs_keep_the_underline_right() -> None:
    shown = first('segment x: city\tis "東京 é é" and plan is pro').splitlines()
    line, under = shown[3], shown[4]
    cells = line.replace("東京", "xxxx").replace("e\u0301", "e")
    assert "\t" not in line
    assert under.index("^") == cells.index("pro")
    assert under.count("^") == 3


def test_a_place_between_characters_has_a_mark() -> None:
    shown = first("segment x: has login and").splitlines()
    assert shown[3].endswith("and")
    assert shown[4].index("^") == len(shown[3])


def test_labels_here_and_in_another_file() -> None:
    one, two = Source("a.flow", "event x\n\nevent y\n"), Source("b.flow", "event x\n")
    found = Diagnostic(
        "FR108",
        "`x` is declared twice",
        Span(one, 15, 16),
        labels=(Label(Span(two, 6, 7), "also here"), Label(Span(one, 6, 7), "first declared here")),
        fixes=(Fix("rename", False, (Edit(Span(one, 15, 16), "z"),)),),
        severity="warning",
    )
    assert render(found) == (
        "warning[FR108]: `x` is declared twice\n"
        "  --> a.flow:3:7\n"
        "   |\n"
        " 1 | event x\n"
        "   |       - first declared here\n"
        "   |\n"
        " 3 | event y\n"
        "   |       ^\n"
        "  ::: b.flow:1:7\n"
        "   |\n"
        " 1 | event x\n"
        "   |       - also here\n"
        "   |\n"
        "   = fix: rename"
    )


def test_no_control_character_reaches_the_terminal() -> None:
    shown = first('segment x: plan is "a\x1b[31m\u202eb"')
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_colour_only_when_asked_and_nothing_else_changes() -> None:
    import re  # noqa: PLC0415  # for this test only

    (found,) = parse(Source("a.flow", "segmnt x: has login"))[1]
    coloured = render(found, colour=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render(found)


def test_a_line_without_end_is_cut_around_the_mistake() -> None:
    shown = first("segment x: " + "tagged y and " * 5000 + "bananas is are\n")
    assert all(len(line) < 200 for line in shown.splitlines())
    assert "^^^" in shown
    assert "are" in shown
