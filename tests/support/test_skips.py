"""A skipped test fails CI, and is named with its reason everywhere else."""

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
}


@pytest.mark.parametrize(
    ("ci", "code", "closing"),
    [("true", 1, "1 failed, 1 passed, 1 xfailed, 2 errors"), ("", 0, "1 passed, 3 skipped, 1 xfailed")],
    ids=["ci", "elsewhere"],
)
def test_skips(tmp_path: Path, ci: str, code: int, closing: str) -> None:
    shutil.copy(Path(__file__).parents[1] / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").touch()
    for name, test in TESTS.items():
        (tmp_path / name).write_text(test)
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", "-n", "1"],
        cwd=tmp_path,
        env={**os.environ, "CI": ci, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == code, result.stdout
    assert closing in result.stdout.splitlines()[-1]
    assert all(reason in result.stdout for reason in ("no moon", "no sun", "no sky"))
