"""`make` on a stranger's machine: which Python is taken, what is said when none will do, what the lock holds."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A folder whose newer Pythons exist but fail, as a version manager's shims do."""
    folder = tmp_path / "shims"
    folder.mkdir()
    for name in ("python3.14", "python3.13", "python3"):
        (folder / name).write_text("#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
        (folder / name).chmod(0o755)
    return folder


def find_python(*path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "tools/find-python.sh"],
        cwd=ROOT,
        env={"PATH": ":".join(map(str, path))},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_python_that_fails_is_passed_over(broken: Path, tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.mkdir()
    (good / "python3.12").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (good / "python3.12").chmod(0o755)
    assert find_python(broken, good).stdout.strip() == str(good / "python3.12")


def test_what_is_missing_is_said_in_one_line(broken: Path) -> None:
    result = find_python(broken)
    assert result.returncode == 1
    assert result.stdout == ""
    assert re.fullmatch(r"Missing: Python 3\.11 .*\n", result.stderr)


def test_the_lock_names_versions_and_hashes_but_no_place() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    entries = re.findall(r"^(\S+)==\S+", lock, re.MULTILINE)
    assert entries == sorted(set(entries))
    assert all(re.search(rf"^{re.escape(name)}==[^\n]*\\\n +--hash=sha256:", lock, re.MULTILINE) for name in entries)
    assert not re.search(r"^\s*--(?!hash)|://", lock, re.MULTILINE)


def test_the_lock_has_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    requirements = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    wanted = {re.split(r"[^a-z0-9-]", requirement)[0] for requirement in requirements}
    locked = set(re.findall(r"^([a-z0-9-]+)(?:\[\w+\])?==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert wanted <= locked, f"run `make lock`: {wanted - locked}"
