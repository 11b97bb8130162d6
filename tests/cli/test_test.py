"""`flowrules test`: what it prints, and when it fails."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.cli.conftest import Call
from tests.docs.markdown import ROOT

WRONG = """\
test "who refuses is welcomed":
    given ana:
        email "ana@example.com"
        refuses email
    at 2026-03-02 10:00 ana does signed_up
    expect email welcome to ana
"""


def test_the_starter_and_the_music_shop_pass(call: Call, workspace: Path) -> None:
    assert (call("test").code, call("test").out) == (0, "3 tests passed\n")
    said = call("-C", ROOT / "examples" / "music_shop", "test")
    assert (said.code, said.out) == (0, "28 tests passed\n")
    assert not (workspace / "flowrules.db").exists()


def test_a_failure_shows_the_line_what_was_instead_and_the_story(call: Call, workspace: Path) -> None:
    (workspace / "rules/wrong.flow").write_text(WRONG)
    said = call("test")
    assert (said.code, said.err) == (1, "")
    assert said.out.startswith(
        "failed: who refuses is welcomed\n"
        "  --> rules/wrong.flow:6:5\n"
        "   |\n"
        " 6 |     expect email welcome to ana\n"
        "   |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "   |\n"
        "   = instead: email welcome was withheld (unsubscribed) on Mon 2026-03-02 10:00\n"
        "\n"
        "ana  times are local: Europe/Madrid\n"
    )
    assert "withheld  email welcome: unsubscribed  welcome rules/welcome.flow:16" in said.out
    assert said.out.endswith("\n\n3 tests passed, 1 failed\n")
    facts = json.loads(call("test", "rules/wrong.flow", "--format", "json").out)
    assert (facts["passed"], facts["failed"]) == (0, 1)
    (found,) = facts["tests"]
    assert (found["file"], found["line"], found["expected_line"]) == ("rules/wrong.flow", 1, 6)
    assert found["expected"] == "expect email welcome to ana"
    assert (found["timeline"][0]["what"], found["timeline"][0]["at"]) == ("refused", None), "from the start"
    assert [each["what"] for each in found["timeline"]][-2:] == ["withheld", "wait"]
    root = ET.fromstring(call("test", "--format", "junit").out)  # noqa: S314 -- our own
    assert (root.tag, root.get("tests"), root.get("failures")) == ("testsuites", "4", "1")
    (failure,) = root.iter("failure")
    assert (failure.get("message") or "").startswith("rules/wrong.flow:6: expect email welcome to ana; instead: email")


def test_the_story_tells_what_a_condition_found(call: Call, workspace: Path) -> None:
    welcome = workspace / "rules/welcome.flow"
    branch = '        if country is "ES" or count of purchase in last 2 days >= 2:\n            exit "there"\n'
    welcome.write_text(welcome.read_text().replace("        wait 7 days\n", branch, 1))
    (workspace / "rules/wrong.flow").write_text(
        WRONG.replace("refuses email", 'country "PT"\n        consents to email').replace(
            "expect email welcome to ana", 'after 9 days expect ana left welcome because "there"'
        )
    )
    said = call("test", "rules/wrong.flow")
    assert said.code == 1
    assert 'country is "ES" (is PT): no\n' in said.out
    assert "count of purchase in last 2 days >= 2 (is 0): no\n" in said.out


def test_only_the_tests_of_a_path_are_run(call: Call, workspace: Path) -> None:
    (workspace / "rules/wrong.flow").write_text(WRONG)
    assert call("test", "rules/welcome_test.flow").out == "3 tests passed\n"
    said = call("test", "rules/policy.flow")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("error: no test was found\n  hint: ")


def test_a_mistake_in_a_test_stops_no_other_command(call: Call, workspace: Path) -> None:
    (workspace / "rules/wrong.flow").write_text(WRONG.replace("email welcome to", "email welcom to"))
    for command in ("check", "test"):
        said = call(command)
        assert said.code == 1
        assert said.out.startswith("error[FR504]: no campaign sends email `welcom`\n  --> rules/wrong.flow:6:18\n")
    assert call("apply").code == 0


UNFINISHED = """\
test "a table of <plan>":
    given ana:
        email "ana@example.com"
        consents to email
    at 2026-03-02 10:00 ana does signed_up (source <plan>)
    expect sms welcome to ana
    cases:
        plan
        "#1: it's"
"""


def test_each_case_is_a_test_for_every_server(call: Call, workspace: Path) -> None:
    rules = workspace / "rules/cases.flow"
    rules.write_text(
        UNFINISHED.replace("sms", "email reminder to ana\n    expect email", 1).replace(
            "email welcome", "email welcome"
        )
    )
    said = call("test", "rules/cases.flow", "--format", "tap")
    assert said.out.splitlines() == [
        "TAP version 14",
        "1..1",
        "not ok 1 - a table of \\#1: it's",
        "  ---",
        "  at: 'rules/cases.flow:6'",
        "  expected: 'expect email reminder to ana'",
        "  got: 'email welcome was sent on Mon 2026-03-02 10:00'",
        "  case: '\"#1: it''s\" (rules/cases.flow:10)'",
        "  ...",
    ]
    github = call("test", "rules/cases.flow", "--format", "github").out
    assert github == (
        "::error file=rules/cases.flow,line=6,endLine=6,col=5,endColumn=33,title=a table of #1%3A it's"
        '::instead: email welcome was sent on Mon 2026-03-02 10:00; case: "#1: it\'s" (rules/cases.flow:10)\n'
    )
    (found,) = json.loads(call("test", "rules/cases.flow", "--format", "json").out)["tests"]
    assert (found["line"], found["case_line"]) == (1, 10)
    text = call("test", "rules/cases.flow").out
    assert (
        '   = instead: email welcome was sent on Mon 2026-03-02 10:00\n   = case: "#1: it\'s" (rules/cases.flow:10)\n'
        in text
    )


def test_only_what_has_changed_is_run_again(call: Call, workspace: Path) -> None:
    assert call("test", "--changed").out == "3 tests passed\n  3 tests run: new, or failed before\n"
    left = "  3 tests left out: nothing has changed that they depend on since they passed\n"
    assert call("test", "--changed").out == f"0 tests passed\n{left}"
    (workspace / "rules/welcome.flow").write_text("# A word more.\n" + (workspace / "rules/welcome.flow").read_text())
    facts = json.loads(call("test", "--changed", "--format", "json").out)
    assert (facts["passed"], len(facts["left_out"])) == (0, 3)
    assert facts["left_out"][0]["why"] == "unchanged: the test, the policy, campaign welcome"
    text = (workspace / "rules/welcome_test.flow").read_text()
    (workspace / "rules/welcome_test.flow").write_text(text.replace("12.50 EUR", "13.50 EUR"))
    once = call("test", "--changed").out
    assert once == "1 test passed\n  1 test run: the test changed\n" + left.replace("3", "2")
    policy = workspace / "rules/policy.flow"
    policy.write_text(policy.read_text().replace("cap 3", "cap 0"))
    said = call("test", "--changed")
    assert said.code == 1
    assert said.out.endswith("\n2 tests passed, 1 failed\n  3 tests run: the policy changed\n")
    # What failed is run again, also where nothing has changed since.
    assert call("test", "--changed").out.endswith(
        "\n0 tests passed, 1 failed\n  1 test run: new, or failed before\n" + left.replace("3", "2")
    )
    assert call("test", "--changed", "--coverage").code == 2


def test_what_was_tested_may_be_lost(call: Call, workspace: Path) -> None:
    call("test", "--changed")
    (workspace / ".flowrules/tested.json").write_text("{]")
    assert call("test", "--changed").out == "3 tests passed\n  3 tests run: new, or failed before\n"


def test_a_part_of_the_tests_makes_nobody_forget_the_others(call: Call, workspace: Path) -> None:
    (workspace / "rules/other_test.flow").write_text(WRONG.replace("expect email welcome", "expect no email welcome"))
    assert call("test", "rules/other_test.flow", "--changed").out.startswith("1 test passed\n")
    assert call("test", "--changed").out.startswith(
        "3 tests passed\n  3 tests run: new, or failed before\n  1 test left out"
    )


def test_coverage_below_what_is_asked_for_fails(call: Call, workspace: Path) -> None:
    assert call("test", "--min", "70").code == 0
    said = call("test", "--min", "90")
    assert (said.code, said.err) == (1, "coverage is 78.5%, less than 90%\n")
    facts = json.loads(call("test", "--coverage", "--format", "json").out)["coverage"]
    assert (facts["percent"], facts["covered"], facts["total"]) == (78.5, 11, 14)
    github = call("test", "--coverage", "--format", "github").out.splitlines()
    assert github[0] == (
        "::notice file=rules/policy.flow,line=6,endLine=6,col=5,endColumn=43,title=not covered by tests"
        "::nobody is ever capped here"
    )
    assert "! ___6".replace("_", " ") in call("test", "--annotate").out


def test_a_change_that_no_test_notices(call: Call, workspace: Path) -> None:
    facts = json.loads(call("test", "--mutate", "--format", "json").out)["mutation"]
    assert (facts["noticed"], facts["not_tried"]) == (3, 0)
    assert facts["survived"] == [
        {"file": "rules/policy.flow", "line": 6, "before": "cap 3", "after": "cap 4"},
        {"file": "rules/welcome.flow", "line": 13, "before": "14 days", "after": "15 days"},
    ]
    (workspace / "rules/wrong.flow").write_text(WRONG)
    said = call("test", "--mutate")
    assert (said.code, said.err) == (1, "where tests fail already, nothing can be said of changes to the rules\n")


def test_several_processes_print_the_same(call: Call, workspace: Path) -> None:
    """In the order of the tests, whoever is done first."""
    (workspace / "rules/wrong.flow").write_text(WRONG)
    alone, together = (call("test", "--jobs", number, "--coverage").out for number in ("1", "3"))
    assert alone == together
