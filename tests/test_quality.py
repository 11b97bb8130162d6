"""Style, types and dependencies, as tests: one run tells everything, and `make lint` is these tests alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

COMMANDS = {
    "lint": ["ruff", "check", "--output-format=concise"],
    "format": ["ruff", "format", "--diff"],
    "types": ["mypy"],
    "dependencies": ["deptry", "src"],
    "layers": ["lint-imports", "--no-cache"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_quality(name: str) -> None:
    command, *arguments = COMMANDS[name]
    program = Path(sys.executable).parent / command
    result = subprocess.run([program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    print(result.stdout, result.stderr)  # noqa: T201  pytest shows it, once, where the test fails
    if result.returncode != 0:
        pytest.fail(f"{command} found faults", pytrace=False)
