"""The benchmark runs and checks itself, on both databases. How fast anything is, no test says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import work

ROOT = Path(__file__).parents[2]
N = 1000
KEYS = ["cpu_s", "floor_cpu_s", "hand_cpu_s", "ratio_to_floor", "ratio_to_hand", "peak_rss_mb", "steps"]
VERSIONS = {"python", "sqlite", "postgresql", "flowrules", "sqlalchemy", "psycopg", "transitions"}


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.run", f"--n={N}", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "other"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_every_contestant_does_the_work_and_the_last_line_is_json(kind: str, other: str) -> None:
    # A contestant that has not done all of W fails the run.
    done = bench("--json", f"--databases={kind}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert list(found) == ["n", "sqlite", "postgresql", "versions"]
    assert found["n"] == N
    assert found[other] is None
    assert list(found[kind]) == KEYS
    assert found[kind]["steps"] == 5.4 * N
    assert set(found["versions"]) == VERSIONS
    assert [line.split()[0] for line in done.stderr.splitlines()[2:6]] == ["engine", "floor", "hand", "orm"]


def test_the_profile_names_the_statements_of_the_program() -> None:
    assert "[rounds.focus]" in bench("--profile", "--databases=sqlite").stdout


def test_a_wrong_result_ends_the_run() -> None:
    work.check(work.expected(N), N)
    with pytest.raises(SystemExit, match="wrong result"):
        work.check({**work.expected(N), "lapsed": 0}, N)
