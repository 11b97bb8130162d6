"""`flowrules fmt` as people and hooks call it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Call

UNTIDY = "event   x\nattribute plan:text   # note\n"
TIDY = "event x\nattribute plan: text  # note\n"


def test_a_workspace(call: Call, workspace: Path) -> None:
    assert call("fmt").out == "0 files changed, 3 unchanged, 0 failed\n"
    path = workspace / "rules/x.flow"
    path.write_text(UNTIDY)
    path.chmod(0o600)
    said = call("fmt")
    assert (said.code, said.out) == (0, "rules/x.flow changed\n1 file changed, 3 unchanged, 0 failed\n")
    assert path.read_text() == TIDY
    assert path.stat().st_mode & 0o777 == 0o600
    assert call("fmt").out == "0 files changed, 4 unchanged, 0 failed\n"


def test_check_changes_nothing(call: Call, workspace: Path) -> None:
    assert call("fmt", "--check").code == 0
    (workspace / "rules/x.flow").write_text(UNTIDY)
    said = call("fmt", "--check")
    assert said.code == 1
    assert said.out == "rules/x.flow would be changed\n1 file would be changed, 3 unchanged, 0 failed\n"
    assert (workspace / "rules/x.flow").read_text() == UNTIDY


def test_diff_changes_nothing(call: Call, workspace: Path) -> None:
    (workspace / "rules/x.flow").write_text(UNTIDY)
    said = call("fmt", "--diff", "rules/x.flow")
    assert said.code == 0
    assert said.out == (
        "--- rules/x.flow\n+++ rules/x.flow\n@@ -1,2 +1,2 @@\n-event   x\n-attribute plan:text   # note\n"
        "+event x\n+attribute plan: text  # note\n\n"
        "rules/x.flow would be changed\n1 file would be changed, 0 unchanged, 0 failed\n"
    )
    assert (workspace / "rules/x.flow").read_text() == UNTIDY
    assert call("fmt", "--diff", "--check").code == 1


@pytest.mark.parametrize("content", [b"event :\n", b"event caf\xe9\n", b"event x\n\0", b"event x\r"])
def test_a_file_with_a_mistake_stays(call: Call, workspace: Path, content: bytes) -> None:
    (workspace / "rules/bad.flow").write_bytes(content)
    (workspace / "rules/x.flow").write_text(UNTIDY)
    said = call("fmt", "--format", "json")
    assert said.code == 1
    facts = json.loads(said.out)
    assert (facts["changed"], facts["unchanged"], facts["failed"]) == (["rules/x.flow"], 3, ["rules/bad.flow"])
    assert facts["diagnostics"][0]["file"] == "rules/bad.flow"
    assert (workspace / "rules/bad.flow").read_bytes() == content
    assert "rules/bad.flow can not be read as rules and stays as it is\n" in call("fmt").out


def test_what_can_not_be_proven_stays(call: Call, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (workspace / "rules/x.flow").write_text(UNTIDY)
    monkeypatch.setattr("flowrules.syntax.layout._placed", lambda _note, line, _columns: (line.depth, ""))
    monkeypatch.setattr("flowrules.syntax.layout._rows", lambda _lines: ["event other"])
    said = call("fmt")
    assert said.code == 1
    assert "error[FR900]: laid out, this file would not say the same; it stays as it is" in said.out
    assert (workspace / "rules/x.flow").read_text() == UNTIDY


def test_folders_and_files_outside_a_workspace(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x.flow").write_text(UNTIDY)
    (tmp_path / "y.txt").write_text(UNTIDY)
    (tmp_path / "link.flow").symlink_to("a/x.flow")
    said = call("fmt", "a", "y.txt", "link.flow")
    assert said.out == "a/x.flow changed\ny.txt changed\n2 files changed, 0 unchanged, 0 failed\n"
    assert (tmp_path / "link.flow").is_symlink()
    assert call("fmt", "nowhere").code == 2
    assert call("fmt").err.startswith("error: there is no flowrules.toml")
    os.mkfifo(tmp_path / "pipe")
    assert call("fmt", "pipe").err == "error: pipe is no file\n  hint: name a rule file or a folder\n"


def test_windows_line_ends_stay(call: Call, workspace: Path) -> None:
    path = workspace / "rules/x.flow"
    path.write_bytes(b"event   x\r\nevent y\n")
    assert call("fmt").code == 0
    assert path.read_bytes() == b"event x\r\nevent y\r\n"


def piped(text: bytes, *arguments: str) -> tuple[int, bytes, str]:
    script = "from flowrules.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "fmt", "-", *arguments], input=text, capture_output=True, check=False
    )
    return done.returncode, done.stdout, done.stderr.decode()


def test_stdin_to_stdout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert piped(UNTIDY.encode()) == (0, TIDY.encode(), "")
    assert piped("event x  # é\r\n".encode()) == (0, "event x  # é\r\n".encode(), "")
    assert piped(UNTIDY.encode(), "--check") == (1, b"", "")
    assert piped(TIDY.encode(), "--check") == (0, b"", "")
    code, out, _ = piped(UNTIDY.encode(), "--diff")
    assert (code, out.splitlines()[0]) == (0, b"--- -")


def test_stdin_with_a_mistake_prints_no_rules() -> None:
    code, out, err = piped(b"event :\n")
    assert (code, out) == (1, b"")
    assert err.startswith("error[FR013]")


def test_stdin_stands_alone(call: Call, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert call("fmt", "-", "rules").code == 2
    assert "'-' stands alone" in call("fmt", "-", "--format", "json").err


def test_a_full_disk_is_a_sentence(call: Call, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (workspace / "rules/x.flow").write_text(UNTIDY)

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    said = call("fmt")
    assert (said.code, said.err) == (1, "error: No space left on device\n")
    assert (workspace / "rules/x.flow").read_text() == UNTIDY
