"""A version for a share of those who enter, as people type and read it."""

from __future__ import annotations

import json
from inspect import cleandoc
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.cli.test_plan import edit, shop

__all__ = ["shop"]

PEOPLE = [f"c{number:02}" for number in range(20)]


@pytest.fixture
def tried(shop: Path, call: Call) -> Path:
    """Version 2 for 30% of those who enter; twenty more have entered since."""
    customers = "".join(f"{who},{who}@example.com,,Europe/Madrid,yes\n" for who in PEOPLE)
    Path("data/more.csv").write_text(f"id,email,first_name,timezone,consent_email\n{customers}")
    events = "".join(f"{who},signed_up,{who},2026-03-05T10:00:00Z,web,\n" for who in PEOPLE)
    Path("data/signups.csv").write_text(f"id,event,customer,time,source,amount\n{events}")
    assert call("import", "customers", "data/more.csv").code == 0
    edit(("up to 3 days", "up to 1 day"))
    assert call("apply", "--canary", "30%", "--yes", "--now", "2026-03-05").code == 0
    assert call("import", "events", "data/signups.csv").code == 0
    assert call("tick", "--now", "2026-03-05 12:00").code == 0
    return shop


def test_a_plan_for_a_share(shop: Path, call: Call) -> None:
    edit(("up to 3 days", "up to 1 day"))
    assert (
        call("plan", "--canary", "10%").out
        == cleandoc("""
        against deployment 1, as of Wed 2026-03-04 00:00: 4 customers on their way

        welcome: changed, version 2
          version 2 is for 10% of those who enter; the others go on entering version 1
          4 on their way: 4 stay in the version they are in
        """)
        + "\n"
    )
    call("plan", "--canary", "0.5", "-o", "plan.json")
    (campaign,) = json.loads(Path("plan.json").read_text())["campaigns"]
    assert (campaign["canary"], campaign["others"], campaign["canary_before"]) == ("0.5%", 1, None)
    assert call("apply", "plan.json", "--canary", "10%").code == 2
    said = call("apply", "plan.json", "--now", "2026-03-05")
    assert (
        said.out
        == cleandoc("""
        campaign  version  state
        welcome         2  changed
        welcome: version 2 is for 0.5% of those who enter; the others go on entering version 1
        deployment 2; 3 customers on their way
        """)
        + "\n"
    )


@pytest.mark.parametrize("share", ["0%", "101%", "some", "0.00001%", "nan"])
def test_what_is_no_share(shop: Path, call: Call, share: str) -> None:
    said = call("apply", "--canary", share)
    assert said.code == 2
    assert "is no share" in said.err


def test_it_is_told_everywhere(tried: Path, call: Call) -> None:
    assert (
        call("plan").out
        == cleandoc("""
        against deployment 2, as of Thu 2026-03-05 12:00: 23 customers on their way

        welcome: unchanged, version 2
          version 2 is for everybody who enters, 30% until now
          23 on their way: 23 stay in the version they are in
        """)
        + "\n"
    )
    said = call("status").out.splitlines()
    assert "welcome: version 2 is for 30% of those who enter; the others go on entering version 1" in said
    (campaign,) = json.loads(call("status", "--format", "json").out)["campaigns"]
    assert (campaign["version"], campaign["canary"], campaign["others"]) == (2, "30%", 1)
    shown = call("funnel", "welcome").out.splitlines()
    counted = json.loads(call("funnel", "welcome", "--format", "json").out)["canary"]
    inside, outside = counted["entered"], counted["others"]["entered"]
    assert inside + outside == len(PEOPLE)
    assert inside
    assert shown[3:5] == [
        f"version 2, for 30% of those who enter: {inside} entered since",
        f"version 1, for the others: {outside} entered since",
    ]
    stories = [call("explain", who).out.splitlines() for who in PEOPLE]
    lines = [line for story in stories for line in story if "  entered  " in line]
    words = [line.split("entered ", 1)[1].strip().split("  ")[0] for line in lines]
    assert sorted(words) == ["version 1: not in canary 30%"] * outside + ["version 2: canary 30%"] * inside


def test_widening_and_its_history(tried: Path, call: Call) -> None:
    assert call("apply", "--canary", "50%", "--yes", "--now", "2026-03-06").code == 0
    assert call("apply", "--canary", "100%", "--yes", "--now", "2026-03-07").code == 0
    assert call("plan").out.endswith("nothing changes\n")
    assert (
        call("history").out
        == cleandoc("""
        deployment  at                commit  author  changes
                 4  2026-03-07 00:00                  for everybody
                 3  2026-03-06 00:00                  canary 50%
                 2  2026-03-05 00:00                  welcome changed; canary 30%
                 1  2026-03-01 00:00                  welcome added, declarations
        """)
        + "\n"
    )
    rows = json.loads(call("history", "--format", "json").out)["history"]
    assert [row["canary"] for row in rows] == [None, "50%", "30%", None]


def test_what_is_for_everybody_is_refused(shop: Path, call: Call) -> None:
    edit(("up to 3 days", "up to 1 day"))
    edit(("cap 3", "cap 2"), path=Path("rules/policy.flow"))
    said = call("apply", "--canary", "10%", "--yes")
    assert said.code == 1
    assert (
        said.err
        == cleandoc("""
        error: this can not be for a share of customers: the policy changes in what holds for everybody at once: `cap 3 contacts per 7 days across email`
          hint: put that in force for everybody first, without --canary, and then the changed steps with it
        """)  # noqa: E501
        + "\n"
    )
