"""What is measured beside W runs, and checks what it did, on both databases. How fast anything is, no test says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import engine
from bench.promises import PROMISES, switched_off
from bench.spread import spread

ROOT = Path(__file__).parents[2]
SPREAD = ["p50_ms", "p99_ms", "max_ms"]
KEYS = {
    "idle --n 200": ["cpu_ms", "wall_ms", "few", "few_cpu_ms", "few_wall_ms", "ratio", "wall_ratio"],
    "live --n 200 --events 20": [*SPREAD, "intake_p50_ms", "cpu_ms", "events"],
    "beside --n 1000 --seconds 1": ["without", "beside", "more_ms", "inserts", "refused", "tick_s"],
    "growth --n 200 --base 100": ["base", "base_cpu_s_per_1000", "cpu_s_per_1000", "growth", "peak_rss_mb"],
    "promises --n 100": ["all", *PROMISES, "none"],
    "monitor --few 100 --n 200": ["few", "cpu_ms", "few_cpu_ms", "ratios", "tick_with_monitors"],
    "segments --n 1000": ["segments", "all_cpu_s", "changed", "changed_cpu_s", "ratio"],
}


@pytest.mark.slow
@pytest.mark.parametrize("command", KEYS)
def test_a_measure_runs_and_its_last_line_is_json(command: str) -> None:
    name, *options = command.split()
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{name}", *options, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert list(found) == ["n", "sqlite", "postgresql", "versions"]
    for kind in ("sqlite", "postgresql"):
        assert list(found[kind]) == KEYS[command]
        assert kind in done.stderr


@pytest.mark.parametrize(
    ("off", "missing", "said"),
    [
        ((), ("contact",), "rows of contact, which is switched off"),
        (("caps",), (), "0 rows of contact"),
        (("dedupe",), (), "0 rows of intake"),
        (("ledger",), (), "somebody is lost"),
    ],
)
def test_what_is_missing_must_be_what_is_switched_off(
    tmp_path: Path, off: tuple[str, ...], missing: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SystemExit, match=said), switched_off(off) as (rules, _):
        engine.run(f"sqlite:///{tmp_path}/w.sqlite", 100, rules=rules, missing=missing)


def test_a_promise_whose_statements_are_not_met_is_not_measured() -> None:
    with (
        pytest.raises(SystemExit, match="nothing was left out for: nothing without an address"),
        switched_off(["consent"]),
    ):
        pass


def test_the_hundredth_is_the_smallest_that_99_of_100_do_not_exceed() -> None:
    assert spread([number / 1000 for number in range(100, 0, -1)]) == (50, 99, 100)
    assert spread([0.002, 0.001]) == (1, 2, 2)


def test_a_thousand_campaigns_are_checked() -> None:
    command = [sys.executable, "-m", "bench.check", "--n", "1000", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    assert list(found) == ["n", "lines", "cpu_s", "lines_a_cpu_s"]
    assert found["lines"] > 25_000
