"""The demo, run once a seed for all tests of this folder, whichever worker asks first."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.databases import RUN_FOLDER

if TYPE_CHECKING:
    pass

EXAMPLE = Path(__file__).parents[2] / "examples" / "music_shop"
SEEDS = (1, 2)
FLOWRULES = str(Path(sys.executable).parent / "flowrules")


@dataclass(frozen=True)
class Demo:
    """`folder`: where it was run; `shop`: the workspace it made; what it printed the first time and the second."""

    seed: int
    folder: Path
    shop: Path
    first: str
    second: str

    def facts(self, *arguments: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._ask(*arguments, "--format", "json"))
        return found

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._ask(*arguments, "--format", "jsonl").splitlines()]

    def _ask(self, *arguments: str) -> str:
        return run([FLOWRULES, "-C", str(self.shop), *arguments], self.folder)


def run(command: list[str], folder: Path) -> str:
    """In an environment in which nothing is written anywhere else without being seen."""
    home, scratch = folder / "home", folder / "tmp"
    for each in (home, scratch):
        each.mkdir(exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(scratch)}
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def play(seed: int, folder: Path) -> None:
    """A copy of the example stands where it would in a checkout; the demo is told nothing but the seed."""
    copy = folder / "examples" / "music_shop"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, str(copy / "demo.py"), "--seed", str(seed)]
    for name in ("first", "second") if seed == SEEDS[0] else ("first",):
        (folder / name).write_text(run(command, folder), encoding="utf-8")


def played(seed: int) -> Demo:
    folder = Path(os.environ[RUN_FOLDER]) / f"demo-{seed}"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            folder.mkdir()
            play(seed, folder)
    first = (folder / "first").read_text(encoding="utf-8")
    second = (folder / "second").read_text(encoding="utf-8") if seed == SEEDS[0] else ""
    return Demo(seed, folder, folder / "build" / "demo", first, second)


@pytest.fixture(scope="session", params=SEEDS, ids=lambda seed: f"seed{seed}")
def demo(request: pytest.FixtureRequest) -> Demo:
    return played(request.param)


@pytest.fixture(scope="session")
def default_demo() -> Demo:
    return played(SEEDS[0])
