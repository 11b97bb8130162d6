"""Rule files as they lie about: what can not be read is said, never left out; what is replaced is replaced at once."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from flowrules.errors import FlowRulesError
from flowrules.files import files, replace, rule_files, text


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    (folder / "inner").mkdir(parents=True)
    (folder / "b.flow").write_text("event b\n")
    (folder / "inner" / "a.flow").write_text("event a\n")
    (folder / ".hidden.flow").write_text("no")
    (folder / "notes.md").write_text("no")
    return folder


def names(found: list[Path], top: Path) -> list[str]:
    return [path.relative_to(top).as_posix() for path in found]


def test_found_in_order(rules: Path) -> None:
    assert names(rule_files(rules), rules) == ["b.flow", "inner/a.flow"]
    assert names(files(rules), rules) == ["b.flow", "inner/a.flow", "notes.md"]
    assert rule_files(rules / "nowhere") == []


def test_a_folder_named_like_a_file_is_a_folder(rules: Path) -> None:
    (rules / "c.flow").mkdir()
    (rules / "c.flow" / "d.flow").write_text("event d\n")
    assert "c.flow/d.flow" in names(rule_files(rules), rules)


@pytest.mark.parametrize("target", ["gone.flow", "loop.flow"])
def test_a_link_to_nothing(rules: Path, target: str) -> None:
    (rules / "loop.flow").symlink_to(rules / target)
    with pytest.raises(FlowRulesError, match=r"loop\.flow is a link that leads nowhere") as raised:
        rule_files(rules)
    assert raised.value.hint == "mend or delete it; it would be left out of the rules"


def test_a_pipe_is_not_waited_for(rules: Path) -> None:
    os.mkfifo(rules / "pipe.flow")
    with pytest.raises(FlowRulesError, match=r"pipe\.flow is no file"):
        rule_files(rules)
    assert "pipe.flow" not in names(files(rules), rules)


def test_a_folder_that_can_not_be_read(rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for root, whom no mode keeps out."""
    scan = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("inner"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError) as raised:
        rule_files(rules)
    assert raised.value.filename == str(rules / "inner")


def test_a_file_deleted_between_finding_and_reading(rules: Path) -> None:
    found = rule_files(rules)
    found[0].unlink()
    with pytest.raises(FileNotFoundError):
        text(found[0])


def test_replaced_with_its_mode_and_through_a_link(rules: Path) -> None:
    path = rules / "b.flow"
    path.chmod(0o640)
    link = rules / "link.flow"
    link.symlink_to(path)
    replace(link, "event é\r\n")
    assert link.is_symlink()
    assert path.read_bytes() == "event é\r\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(os.listdir(rules)) == [".hidden.flow", "b.flow", "inner", "link.flow", "notes.md"]  # noqa: PTH208


def test_a_read_only_file_stays(rules: Path) -> None:
    (rules / "b.flow").chmod(0o444)
    with pytest.raises(FlowRulesError, match="is read-only"):
        replace(rules / "b.flow", "x")
    assert (rules / "b.flow").read_text() == "event b\n"


def test_a_failure_leaves_the_file_and_nothing_else(rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace(rules / "b.flow", "x")
    assert (rules / "b.flow").read_text() == "event b\n"
    assert len(list(rules.iterdir())) == 4
