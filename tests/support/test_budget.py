"""Slow tests that there is no time for are named and counted; what is not slow runs in any case."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

@pytest.mark.slow
def test_first(): pass

def test_quick(): pass

@pytest.mark.slow
def test_last(): assert 0
"""


@pytest.mark.parametrize(
    ("seconds", "code", "closing"), [("0", 0, "1 passed, 2 not run"), ("3600", 1, "1 failed, 2 passed")]
)
def test_what_there_was_no_time_for(tmp_path: Path, seconds: str, code: int, closing: str) -> None:
    shutil.copy(Path(__file__).parents[1] / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow\n")
    (tmp_path / "test_it.py").write_text(TESTS)
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "1"],
        cwd=tmp_path,
        env={**os.environ, "FLOWRULES_SLOW_SECONDS": seconds, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == code, result.stdout
    assert closing in result.stdout.splitlines()[-1]
    told = ["slow tests not run: 0 seconds were over", "test_it.py::test_first", "test_it.py::test_last"]
    assert all(each in result.stdout for each in told) == (seconds == "0")
