"""One contestant in a process of its own, so that CPU and memory are its alone.

Takes the job as JSON on standard input (a database's URL holds a password), gives what was used on standard output.
"""

# ruff: noqa: PLC0415  # imported where needed: nobody's peak memory holds another's modules

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from bench.measure import Used


def contend(job: dict[str, Any]) -> dict[str, Any]:
    url, n = job["url"], job["n"]
    used: Used
    match job["name"]:
        case "engine":
            from bench import engine, promises

            with promises.switched_off(job.get("off", ())) as (rules, missing):
                outcome = engine.run(url, n, rules=rules, missing=missing)
            return {**asdict(outcome.used), "steps": outcome.steps, "written": outcome.written}
        case "floor":
            from bench import floor

            used = floor.run(job["source"], url, job["written"])
        case "hand":
            from bench import hand

            used = hand.run(url, n)
        case "orm":
            from bench import orm

            used = orm.run(url, n)
        case other:
            raise SystemExit(f"nobody is called {other}")
    return asdict(used)


if __name__ == "__main__":
    json.dump(contend(json.load(sys.stdin)), sys.stdout)
