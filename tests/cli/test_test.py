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
    assert (said.code, said.out) == (0, "22 tests passed\n")
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
