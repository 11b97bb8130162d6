"""Checking a thousand campaigns: lines of rules in a CPU second.

`python -m bench.check --n 1000` writes the win-back of the music shop so many times, each under another name, and
checks all of it as `flowrules check` does: read, parsed, resolved, typed, its flow proven.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

from flowrules.check import Checked, check
from flowrules.model.snapshot import Snapshot
from flowrules.workspace import load, snapshot

SHOP = Path(__file__).parents[1] / "examples" / "music_shop"


def main() -> None:
    parser = argparse.ArgumentParser(description="Lines of rules checked in a CPU second.")
    parser.add_argument("--n", type=int, default=1000, metavar="CAMPAIGNS")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="flowrules-bench-") as folder:
        root = written(Path(folder), options.n)
        load_and_check(SHOP)  # the grammar is made once
        began = time.process_time()
        files, _ = load_and_check(root)
        used = time.process_time() - began
    lines = sum(each.text.count("\n") for each in files.sources)
    print(f"{options.n} campaigns, {lines} lines, {used:.2f} CPU s: {lines / used:,.0f} lines a CPU second")
    if options.json:
        print(json.dumps({"n": options.n, "lines": lines, "cpu_s": used, "lines_a_cpu_s": lines / used}))


def written(folder: Path, number: int) -> Path:
    """A workspace with so many campaigns."""
    root = folder / "shop"
    shutil.copytree(SHOP, root, ignore=shutil.ignore_patterns("data", "*_test.flow", "*.py"))
    campaign = (root / "rules" / "win_back.flow").read_text()
    for each in range(number - 3):  # there are three
        (root / "rules" / f"win_back_{each}.flow").write_text(
            campaign.replace("campaign win_back", f"campaign win_back_{each}")
        )
    return root


def load_and_check(root: Path) -> tuple[Snapshot, Checked]:
    """The files of a workspace without mistakes."""
    workspace, _ = load(root)
    if workspace is None:
        raise SystemExit("the workspace can not be read")
    files = snapshot(workspace)
    found = check(files)
    if found.model is None or found.errors:
        raise SystemExit("there are mistakes")
    return files, found


if __name__ == "__main__":
    main()
