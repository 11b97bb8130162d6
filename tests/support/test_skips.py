"""A skipped test fails CI, and is named with its reason everywhere else; a slow one without time left fails nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = {
    "test_mark.py": "import pytest\n@pytest.mark.skip(reason='no moon')\ndef test_skipped(): pass\n",
    "test_call.py": "import pytest\ndef test_skipped(): pytest.skip('no sun')\n",
    "test_module.py": "import pytest\npytest.skip('no sky', allow_module_level=True)\n",
    "test_expected.py": "import pytest\n@pytest.mark.xfail(reason='no star')\ndef test_fails(): assert 0\n",
    "test_pass.py": "def test_passes(): pass\n",
    "test_slow.py": "import pytest\n@pytest.mark.slow\ndef test_long(): pass\n",
}


@pytest.mark.parametrize(
    ("ci", "seconds", "code", "closing"),
    [
        ("true", "0", 1, "1 failed, 1 passed, 1 xfailed, 2 errors, 1 not run"),
        ("", "3600", 0, "2 passed, 3 skipped, 1 xfailed"),
    ],
    ids=["ci", "elsewhere"],
)
def test_skips(tmp_path: Path, ci: str, seconds: str, code: int, closing: str) -> None:
    shutil.copy(Path(__file__).parents[1] / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow\n")
    for name, test in TESTS.items():
        (tmp_path / name).write_text(test)
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", "-n", "1"],
        cwd=tmp_path,
        env={**os.environ, "CI": ci, "FLOWRULES_SLOW_SECONDS": seconds, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == code, result.stdout
    assert closing in result.stdout.splitlines()[-1]
    assert all(reason in result.stdout for reason in ("no moon", "no sun", "no sky"))
    not_run = "slow tests not run: 0 seconds were over" in result.stdout and "test_slow.py::test_long" in result.stdout
    assert not_run == (seconds == "0")
