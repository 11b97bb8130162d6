"""simulate, tick, deliver and the reports, as a user calls them; keys as the contract has them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flowrules.cli.main import program

Run = Callable[..., Result]

RULES = """\
attribute first_name: text
event signup:
    source: text
event purchase:
    amount: money

campaign welcome "Welcome":
    class marketing
    enter when signup, once
    goal purchase within 14 days

    stage lead:
        send email hello
        if email unopened after 2 days send email again
        wait 3 days
        exit "no answer"

policy:
    time zone "UTC"
    purpose marketing: ask first
    class marketing: purpose marketing, limited, counted
    cap 3 contacts per 7 days
"""

FILES = {
    "flowrules.toml": 'zone = "UTC"\nvirtual_clock = true\n\n[channels.email]\ntype = "file"\n',
    "rules/welcome.flow": RULES,
    "templates/email/hello.txt": "---\nsubject: Hello {{ customer.first_name }}\n---\nHello\n",
    "templates/email/again.txt": "---\nsubject: Again\n---\nHello again\n",
    "customers.csv": "id,email,first_name,consent_email\n"
    + "".join(
        f"c{number:02},c{number:02}@example.com,N{number},{'no' if number == 1 else 'yes'}\n" for number in range(20)
    ),
    "events.csv": "id,event,customer,time,source,amount\n"
    + "".join(f"e{number},signup,c{number:02},2026-03-02T10:00:00Z,fair,\n" for number in range(20))
    + "p1,purchase,c00,2026-03-03T10:00:00Z,,9.50\n",
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv("FLOWRULES_DATABASE_URL", raising=False)
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def call(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(program, ["-C", str(tmp_path), *arguments])
        assert result.exit_code == code, result.output
        return result

    call("import", "customers", str(tmp_path / "customers.csv"))
    return call


def facts(run: Run, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*arguments, "--format", "json").stdout)
    return found


def lived(run: Run, tmp_path: Path) -> None:
    """Deployed, with a day gone and the first emails delivered."""
    run("apply", "--yes", "--now", "2026-03-01")
    run("import", "events", str(tmp_path / "events.csv"))
    run("tick", "--now", "2026-03-02T12:00:00Z")
    run("deliver")
    run("tick", "--now", "2026-03-08T12:00:00Z")
    run("deliver")


SPAN = ("--from", "2026-03-01", "--until", "2026-03-15")


def test_simulate(run: Run, tmp_path: Path) -> None:
    arguments = (
        "simulate",
        *SPAN,
        "--events",
        str(tmp_path / "events.csv"),
        "--assume",
        "email.opened=0.5",
        "--seed",
        "7",
    )
    found = facts(run, *arguments)
    assert list(found) == ["schema", "seed", "from", "until", "customers", "ticks", "campaigns", "cpu_s"]
    assert (found["schema"], found["seed"], found["customers"], found["ticks"]) == ("flowrules.simulate/1", 7, 20, 14)
    (campaign,) = found["campaigns"]
    assert list(campaign) == ["name", "entered", "in_journey", "exits", "sent", "withheld", "held", "held_out"]
    assert campaign["entered"] == 20 == campaign["in_journey"] + sum(campaign["exits"].values())
    assert campaign["exits"]["goal"] == 1
    assert campaign["withheld"] == {"no_consent": 1} or campaign["withheld"] == {"unsubscribed": 1}
    lines = (tmp_path / "simulation" / "email.jsonl").read_text().splitlines()
    assert len(lines) == campaign["sent"]
    assert 19 < campaign["sent"] < 38
    again = facts(run, *arguments, "--step", "6 hours", "--out", str(tmp_path / "other"))
    assert again["ticks"] == 56
    assert again["campaigns"] == found["campaigns"]
    assert (tmp_path / "other" / "email.jsonl").read_text().splitlines() == lines
    other = facts(run, *arguments[:-1], "8")
    others = (tmp_path / "simulation" / "email.jsonl").read_text().splitlines()
    assert (other["campaigns"], others) != (found["campaigns"], lines)
    # The database itself is as it was.
    assert facts(run, "status")["version"] == 0


def test_simulate_says_first_that_nothing_is_sent_and_keeps_the_copy(run: Run, tmp_path: Path) -> None:
    result = run("simulate", *SPAN, "--keep", str(tmp_path / "kept.db"))
    head, folder, *_ = result.stderr.split("\n")
    assert head == "on a copy of the data; nothing is sent, messages go to files in"
    assert folder.strip() == str(tmp_path / "simulation")
    assert result.stdout.rstrip().endswith(" seconds of CPU, 14 ticks")
    as_json = run("simulate", *SPAN, "--format", "json").stderr
    assert as_json.startswith("on a copy of the data; ")
    assert as_json.endswith("\ndone: 14 ticks, 0 messages\n")
    assert run("--quiet", "simulate", *SPAN, "--format", "json").stderr == ""
    assert (tmp_path / "kept.db").exists()
    assert "is there already" in run("simulate", *SPAN, "--keep", str(tmp_path / "kept.db"), code=1).stderr
    assert "must be later" in run("simulate", "--from", "2026-03-02", "--until", "2026-03-01", code=1).stderr
    assert "email.opened" in run("simulate", *SPAN, "--assume", "mail.opened=1", code=1).stderr
    assert "no share" in run("simulate", *SPAN, "--assume", "email.opened=7", code=1).stderr


def test_tick(run: Run, tmp_path: Path) -> None:
    run("apply", "--yes", "--now", "2026-03-01")
    run("import", "events", str(tmp_path / "events.csv"))
    found = facts(run, "tick", "--now", "2026-03-02T12:00:00Z")
    assert list(found) == ["schema", "now", "rounds", "entered", "moved", "exited", "intents", "withheld"]
    assert (found["now"], found["entered"], found["intents"]) == ("2026-03-02T12:00:00Z", 20, 19)
    assert "before the last tick" in run("tick", "--now", "2026-03-01T12:00:00Z", code=1).stderr
    settings = tmp_path / "flowrules.toml"
    settings.write_text(settings.read_text().replace("virtual_clock = true", ""))
    assert "virtual clock" in run("tick", "--now", "2026-03-03", code=1).stderr


def test_deliver(run: Run, tmp_path: Path) -> None:
    run("apply", "--yes", "--now", "2026-03-01")
    run("import", "events", str(tmp_path / "events.csv"))
    run("tick", "--now", "2026-03-02T12:00:00Z")
    found = facts(run, "deliver", "--now", "2026-03-02T12:30:00Z", "--limit", "5")
    assert found == {
        "schema": "flowrules.deliver/1", "sent": 5, "refused": 0, "retried": 0, "unknown": 0, "withheld": {},
    }  # fmt: skip
    assert facts(run, "deliver", "--now", "2026-03-02T12:30:00Z")["sent"] == 14  # the purchase is to come
    lines = [json.loads(line) for line in (tmp_path / "outbox" / "email.jsonl").read_text().splitlines()]
    assert len({line["message_id"] for line in lines}) == 19
    assert {line["sent_at"] for line in lines} == {"2026-03-02T12:30:00Z"}


def test_status(run: Run, tmp_path: Path) -> None:
    lived(run, tmp_path)
    found = facts(run, "status")
    assert list(found) == ["schema", "version", "last_tick", "lag_s", "due", "outbox", "campaigns", "leader", "standby"]
    assert found["last_tick"] == "2026-03-08T12:00:00Z"
    keys = ["name", "version", "state", "in_journey", "sent_24h", "held_by_pause", "canary", "others"]
    assert list(found["campaigns"][0]) == keys
    assert "welcome" in run("status").stdout


def test_funnel(run: Run, tmp_path: Path) -> None:
    lived(run, tmp_path)
    found = facts(run, "funnel", "welcome")
    assert set(found) >= {"campaign", "version", "entered", "in_journey", "exits", "stages", "control"}
    assert set(found["stages"][0]) >= {"name", "entered", "now", "moved_on", "left", "conversion", "median_s"}
    assert found["entered"] == found["in_journey"] + sum(found["exits"].values()) == 20
    text = run("funnel", "welcome").stdout
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert "did you mean `welcome`?" in run("funnel", "welcom", code=1).stderr


COLUMNS = {
    "messages": "message_id customer campaign version instance stage step pass channel template class status "
    "decided_at sent_at rule to subject attempts",
    "ledger": "at customer campaign version instance step decision reason rule detail",
}


@pytest.mark.parametrize("command", COLUMNS)
def test_rows(run: Run, tmp_path: Path, command: str) -> None:
    lived(run, tmp_path)
    columns = COLUMNS[command].split()
    rows = facts(run, command)[command]
    assert rows
    assert list(rows[0])[: len(columns)] == columns
    lines = [json.loads(line) for line in run(command, "--format", "jsonl").stdout.splitlines()]
    assert lines == rows
    table = list(csv.DictReader(io.StringIO(run(command, "--format", "csv").stdout)))
    assert len(table) == len(rows)
    assert [row["customer"] for row in table] == [row["customer"] for row in rows]
    one = facts(run, command, "--customer", "c03@example.com")[command]
    assert {row["customer"] for row in one} == {"c03"}
    assert facts(run, command, "--campaign", "welcome")[command] == rows
    assert "c03" in run(command).stdout


def test_explain(run: Run, tmp_path: Path) -> None:
    lived(run, tmp_path)
    found = facts(run, "explain", "c01", "welcome")
    assert set(found) >= {"customer", "campaign", "entered", "reason", "rule", "timeline", "next_eligible"}
    (withheld,) = [moment for moment in found["timeline"] if moment["what"] == "withheld"]
    assert withheld["rule"] == "rules/welcome.flow:13"
    assert withheld["text"] == "send email hello"
    assert (withheld["what_if"]["change"], withheld["what_if"]["sent_at"]) == ("consent", withheld["at"])
    short = facts(run, "explain", "c01", "welcome", "--no-what-if")
    assert [moment["what_if"] for moment in short["timeline"]] == [None] * len(short["timeline"])
    assert "withheld" in run("explain", "c01").stdout
    early = facts(run, "explain", "c01", "welcome", "--at", "2026-03-02")
    assert (early["entered"], early["timeline"][1:]) == (False, [])
    assert "no customer" in run("explain", "nobody", code=1).stderr
    assert "was ever deployed" in run("explain", "c01", "nothing", code=1).stderr
