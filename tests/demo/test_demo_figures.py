"""The demo's figures, counted again by `recount` for two seeds, and what else the demo promises."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.demo.conftest import EXAMPLE, Demo, run
from tests.demo.recount import CAMPAIGNS, SHOP, Assumptions, Figures, recount

pytestmark = pytest.mark.slow

NAMES = [campaign.name for campaign in CAMPAIGNS]
ARMS = ("treated", "control")
START, END = datetime(1997, 1, 1, tzinfo=SHOP), datetime(1998, 7, 1, tzinfo=SHOP)
OPENED = 0.35


@dataclass(frozen=True)
class Counted:
    """The same run twice: what the database says, and what the walk over the CSV says."""

    demo: Demo
    ledger: list[dict[str, Any]]
    funnels: dict[str, dict[str, Any]]
    again: Figures

    def arms(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for name, funnel in self.funnels.items():
            yield name, "treated", funnel
            yield name, "control", funnel["control"]


@pytest.fixture(scope="module")
def counted(demo: Demo) -> Counted:
    with sqlite3.connect(demo.shop / "music_shop.db") as database:
        salt = database.execute("SELECT value FROM workspace WHERE key = 'salt'").fetchone()[0]
    assumed = Assumptions(demo.seed, salt, START, END, OPENED)
    again = recount(EXAMPLE / "data" / "cdnow_sample_orders.csv", demo.shop / "data", assumed)
    funnels = {name: demo.facts("funnel", name) for name in NAMES}
    return Counted(demo, demo.rows("ledger"), funnels, again)


def test_entered_and_in_journey(counted: Counted) -> None:
    assert {(name, arm): facts["entered"] for name, arm, facts in counted.arms()} == dict(counted.again.entered)
    inside = Counter({(name, arm): facts["in_journey"] for name, arm, facts in counted.arms()})
    assert inside == counted.again.in_journey


def test_exits_by_reason_and_words(counted: Counted) -> None:
    exits, words = Counter[tuple[str, str, str]](), Counter[tuple[str, str, str]]()
    for (name, arm, reason, said), number in counted.again.exits.items():
        exits[name, arm, reason] += number
        if said:
            words[name, arm, said] += number
    assert exits == Counter({(n, a, reason): x for n, a, f in counted.arms() for reason, x in f["exits"].items()})
    assert words == Counter({(n, a, said): x for n, a, f in counted.arms() for said, x in f["words"].items()})


def test_goals(counted: Counted) -> None:
    assert {(name, arm): facts["goals"] for name, arm, facts in counted.arms()} == dict(counted.again.goals)
    afterwards = Counter(row["campaign"] for row in counted.ledger if row["decision"] == "goal" and row["reason"])
    expected = Counter[str]()
    for (name, _), number in counted.again.goals_afterwards.items():
        expected[name] += number
    assert afterwards == expected


def test_stages(counted: Counted) -> None:
    reached, now, left = Counter[Any](), Counter[Any](), Counter[Any]()
    for name, arm, facts in counted.arms():
        for stage in facts["stages"]:
            key = (name, arm, stage["name"])
            reached[key], now[key], left[*key, "moved"] = stage["entered"], stage["now"], stage["moved_on"]
            for reason, number in stage["left"].items():
                left[*key, reason] = number
    assert reached == counted.again.reached
    assert now == counted.again.now
    assert left == counted.again.left


def test_every_message_and_its_fate(counted: Counted) -> None:
    """Customer by customer, instant by instant: sent, ghost, capped, without consent or address."""
    found = Counter[tuple[str, str, int, str, str, str, datetime]]()
    for row in counted.ledger:
        if row["decision"] in {"send", "withheld"}:
            _, channel, template, *_ = row["step"].partition("/")[2].split()
            at = datetime.fromisoformat(row["at"])
            fate = row["reason"] or "sent"
            found[row["customer"], row["campaign"], row["instance"], channel, template, fate, at] += 1
    expected = Counter(counted.again.messages)
    assert sorted(found - expected)[:5] == []
    assert sorted(expected - found)[:5] == []


def test_who_did_not_enter(counted: Counted) -> None:
    found = Counter((row["campaign"], row["reason"]) for row in counted.ledger if row["decision"] == "not_entered")
    assert found == counted.again.not_entered


def test_the_message_files_hold_what_was_sent(counted: Counted) -> None:
    written = Counter[tuple[str, str, str]]()
    for path in (counted.demo.shop / "messages").glob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            message = json.loads(line)
            written[message["campaign"], message["channel"], message["template"]] += 1
            assert "{{" not in message["text"]
    sent = Counter[tuple[str, str, str]]()
    for (name, arm, channel, template), number in counted.again.sent.items():
        if arm == "treated":
            sent[name, channel, template] += number
    assert written == sent


def test_entered_is_in_journey_and_exits(counted: Counted) -> None:
    for name, arm, facts in counted.arms():
        assert facts["entered"] == facts["in_journey"] + sum(facts["exits"].values()), (name, arm)
        for stage in facts["stages"]:
            assert stage["entered"] == stage["now"] + stage["moved_on"] + sum(stage["left"].values()), stage


@pytest.mark.parametrize("what", ["sent", "capped", "excluded", "held out", "no consent", "goal"])
def test_counts_at_the_end_are_above_zero(demo: Demo, what: str) -> None:
    line = re.search(rf"^ *{what} +([\d,]+)", demo.first, re.MULTILINE)
    assert line is not None, demo.first
    assert int(line[1].replace(",", "")) > 0


MASKED = re.compile(r"\d+(\.\d+)? seconds")


def test_the_same_output_twice(default_demo: Demo) -> None:
    assert MASKED.sub("_", default_demo.second) == MASKED.sub("_", default_demo.first)


def test_no_line_is_wider_than_a_terminal(demo: Demo) -> None:
    # What the shell needs (paths of where it was run) may be longer, what people read may not.
    lines = [line.replace(str(Path(sys.executable).parent), ".venv/bin") for line in demo.first.splitlines()]
    assert [line for line in lines if len(line) > 80] == []


def test_it_writes_only_into_its_build_folder(default_demo: Demo) -> None:
    """The copy of the example it ran from, its home and its folder for temporary files are as they were."""
    after = {path.relative_to(default_demo.folder) for path in default_demo.folder.rglob("*") if path.is_file()}
    outside = {path for path in after if path.parts[0] != "build"} - {Path("first"), Path("second")}
    copied = {Path("examples/music_shop", path.relative_to(EXAMPLE)) for path in EXAMPLE.rglob("*") if path.is_file()}
    assert outside == {path for path in copied if "__pycache__" not in path.parts}


def test_the_commands_at_the_end_work(default_demo: Demo) -> None:
    ending = default_demo.first.rpartition("Next, try:")[2].replace("\\\n", " ")
    commands = [shlex.split(line) for line in ending.splitlines() if line.strip()]
    assert commands.pop(0)[:2] == ["make", "monitor"]  # it needs a terminal: tests/monitor/test_terminal.py
    assert len(commands) == 3
    for command in commands:
        assert run(command, default_demo.folder)


def test_the_explanation_names_rule_and_counter(default_demo: Demo) -> None:
    explanation = default_demo.first.partition("5. Why a message was withheld")[2].partition("6. What lies where")[0]
    assert "rules/policy.flow:11" in explanation
    assert "2 of 2 contacts in the 7 days before" in explanation
