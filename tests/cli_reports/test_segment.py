"""`flowrules segment`: the same members as the engine finds, and each clause with what was compared."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, text

from flowrules.cli.main import program

Run = Callable[..., Result]

FILES = {
    "flowrules.toml": 'zone = "UTC"\nvirtual_clock = true\n\n[channels.email]\ntype = "file"\n',
    "rules/shop.flow": """\
attribute plan: text
attribute birthday: date
event purchase:
    amount: money

segment buyers:
    plan is "pro" and total of purchase.amount in last 30 days >= 20 EUR and not birthday is known

segment anyone:
    plan is "pro" or plan is "free"

segment visitors:
    in stage welcome.lead

campaign welcome:
    class marketing
    enter when purchase, once

    stage lead:
        wait 3 days

policy:
    time zone "UTC"
    purpose marketing: unless refused
    class marketing: purpose marketing, limited, counted
    cap 3 contacts per 7 days
""",
    "customers.csv": "id,plan,birthday\nana,pro,\nbea,pro,1990-01-02\ncleo,free,\ndora,,\n",
    "events.csv": "id,event,customer,time,amount\n"
    "1,purchase,ana,2026-03-02T10:00:00Z,12.50\n"
    "2,purchase,ana,2026-03-02T11:00:00Z,9.50\n"
    "3,purchase,cleo,2026-03-02T11:00:00Z,99\n",
}


@pytest.fixture
def run(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLOWRULES_DATABASE_URL", database_url)
    for name, content in FILES.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(content)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(program, list(arguments))

    for command in (
        ("import", "customers", "customers.csv"),
        ("import", "events", "events.csv"),
        ("apply", "--yes", "--now", "2026-03-01"),
        ("tick", "--now", "2026-03-03"),
    ):
        done = run(*command)
        assert done.exit_code == 0, done.output
    return run


def test_who_is_in_it(run: Run) -> None:
    assert run("segment", "buyers").stdout == "1 in buyers\n"
    assert run("segment", "buyers", "--list").stdout == "ana\n"
    assert json.loads(run("segment", "anyone", "--list", "--format", "json").stdout) == {
        "schema": "flowrules.segment/1",
        "name": "anyone",
        "count": 3,
        "customers": ["ana", "bea", "cleo"],
    }
    assert run("segment", "visitors", "--list").stdout == "ana\ncleo\n"
    run("tick", "--now", "2026-04-20")
    assert run("segment", "buyers", "--count").stdout == "0 in buyers\n"
    assert run("segment", "visitors", "--count").stdout == "0 in visitors\n"


def test_why(run: Run) -> None:
    lines = run("segment", "buyers", "--explain", "ana").stdout.splitlines()
    assert [re.split("  +", line) for line in lines] == [
        ["holds", "clause", "value"],
        ["", "rule"],
        ["yes", 'plan is "pro"', "pro"],
        ["", "rules/shop.flow:7"],
        ["yes", "total of purchase.amount in last 30 days >= 20 EUR", "22.00 EUR"],
        ["", "rules/shop.flow:7"],
        ["yes", "not birthday is known"],
        ["", "rules/shop.flow:7"],
    ]
    found = json.loads(run("segment", "buyers", "--explain", "bea", "--format", "json").stdout)
    assert found["clauses"][1]["value"] == {"amount": "0.00", "currency": "EUR"}
    assert [(each["value"], each["holds"]) for each in found["clauses"][::2]] == [("pro", True), ("1990-01-02", False)]
    assert len(json.loads(run("segment", "anyone", "--explain", "ana", "--format", "json").stdout)["clauses"]) == 1


def test_the_statement_runs_as_it_is_printed(run: Run, database_url: str) -> None:
    said = run("segment", "buyers", "--sql").stdout
    engine = create_engine(database_url)
    with engine.connect() as connection:
        assert connection.execute(text(said.replace(":", "\\:"))).scalars().all() == ["ana"]
    engine.dispose()


def test_what_is_not_there(run: Run) -> None:
    said = run("segment", "buyer")
    assert (said.exit_code, said.stdout) == (1, "")
    assert said.stderr == "error: no segment `buyer` is deployed\n  hint: did you mean `buyers`?\n"
    assert run("segment", "buyers", "--explain", "nobody").exit_code == 1
