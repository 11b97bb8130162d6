"""The git commit that the files of a workspace are of, where there is one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from flowrules.runtime.deploy import Commit

_PATIENCE = 10


def commit(root: Path) -> Commit | None:
    """With `+` where a file of the workspace is not as it was committed; None outside a repository."""
    found = _git(root, "log", "-1", "--format=%h%x00%an", "--", ".")
    if not found:
        return None
    number, _, author = found.partition("\0")
    changed = _git(root, "status", "--porcelain", "--", ".")
    return Commit(f"{number}{'+' if changed else ''}", author)


def _git(root: Path, *words: str) -> str | None:
    program = shutil.which("git")
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "-C", str(root), *words], capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
