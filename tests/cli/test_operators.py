"""What operators type, and what they read."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import Call

MESSAGE = "welcome.ana.1.hello/send+email+welcome.1"


@pytest.fixture
def shop(workspace: Path, call: Call) -> Path:
    """Four in a campaign, with three messages that wait; the clock is virtual."""
    settings = workspace / "flowrules.toml"
    settings.write_text("virtual_clock = true\n" + settings.read_text())
    assert call("import", "customers", "data/customers.csv").code == 0
    assert call("apply", "--now", "2026-03-01", "--yes").code == 0
    assert call("import", "events", "data/events.csv").code == 0
    assert call("tick", "--now", "2026-03-04T09:00").code == 0
    return workspace


def test_a_virtual_clock_stands_where_the_rules_were_put_in_force(workspace: Path, call: Call) -> None:
    settings = workspace / "flowrules.toml"
    settings.write_text("virtual_clock = true\n" + settings.read_text())
    assert call("apply", "--now", "2026-03-01", "--yes").code == 0
    assert call("tick").out.startswith("2026-03-01 00:00: ")


def test_a_pause_and_its_end(shop: Path, call: Call) -> None:
    assert call("pause", "welcome").out == "welcome is paused; 4 journeys under way\n"
    assert call("pause", "welcome").out == "welcome is paused already; 4 journeys under way\n"
    assert " paused " in call("status").out
    assert call("deliver").out.startswith("0 sent")
    said = call("resume", "welcome", "--format", "json")
    assert json.loads(said.out) == {
        "schema": "flowrules.resume/1", "campaign": "welcome", "state": "live", "affected": 3,
    }  # fmt: skip
    assert call("resume", "welcome").out == "welcome was not paused\n"
    call("tick", "--now", "2026-03-04T09:30")
    assert call("deliver").out.startswith("3 sent")


@pytest.mark.parametrize("arguments", [("pause", "welcom"), ("resume", "welcom"), ("exit", "ana", "welcom")])
def test_an_unknown_campaign(shop: Path, call: Call, arguments: tuple[str, ...]) -> None:
    said = call(*arguments)
    assert said.code == 1
    assert "did you mean `welcome`?" in said.err


def test_an_exit_is_told(shop: Path, call: Call) -> None:
    assert call("exit", "ana@example.com", "welcome").out.startswith("ana@example.com leaves welcome (1 journey)")
    call("tick", "--now", "2026-03-04T10:00")
    assert call("exit", "ana", "welcome").out == "ana is not in welcome\n"
    assert "entered, left: taken out by an operator" in call("explain", "ana").out
    assert "operator" in call("ledger", "--customer", "ana").out
    assert "operator" in call("funnel", "welcome").out


def test_the_outbox(shop: Path, call: Call) -> None:
    rows = json.loads(call("outbox", "--format", "json").out)["outbox"]
    assert [row["status"] for row in rows] == ["intended"] * 3
    said = call("outbox", "resolve", MESSAGE, "--as", "sent")
    assert said.code == 1
    assert f"the outcome of `{MESSAGE}` is not unknown: it is intended" in said.err
    assert call("outbox", "resolve", "welcome.ana.7.x.1", "--as", "sent").code == 1
    assert call("outbox", "resolve", MESSAGE).code == 2
    file = sqlite3.connect(shop / "flowrules.db", isolation_level=None)
    file.execute(
        "UPDATE message SET status = 5 WHERE customer_id = (SELECT id FROM customer WHERE external_id = 'ana')"
    )
    file.close()
    assert MESSAGE in call("outbox", "--unknown").out
    assert call("outbox", "resolve", MESSAGE, "--as", "failed").code == 0
    assert MESSAGE not in call("outbox").out


def in_doubt(shop: Path) -> None:
    file = sqlite3.connect(shop / "flowrules.db", isolation_level=None)
    file.execute("UPDATE message SET status = 5 WHERE status = 1")
    file.close()


def test_many_of_unknown_outcome_at_once(shop: Path, call: Call) -> None:
    in_doubt(shop)
    said = call("outbox", "resolve", "--unknown", "--as", "sent")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("error: of 3 messages the outcome is unknown; `--as sent`: each counts as sent\n")
    assert "whoever has it already gets it twice" in call("outbox", "resolve", "--unknown", "--as", "resend").err
    assert call("outbox", "--unknown").out.count("unknown") == 3
    said = call("outbox", "resolve", "--unknown", "--campaign", "welcom", "--as", "sent", "--yes")
    assert "did you mean `welcome`?" in said.err
    said = call("outbox", "resolve", "--unknown", "--channel", "pigeon", "--as", "sent", "--yes")
    assert "there is no channel `pigeon`" in said.err
    both = ("--campaign", "welcome", "--channel", "email")
    said = call("outbox", "resolve", "--unknown", *both, "--as", "failed", "--yes", "--format", "json")
    told = json.loads(said.out)
    assert (told["status"], len(told["message_ids"]), MESSAGE in told["message_ids"]) == ("refused", 3, True)
    assert call("outbox", "resolve", "--unknown", "--as", "sent").out == "no outcome is unknown\n"
    assert call("messages", "--status", "refused", "--format", "jsonl").out.count("refused") >= 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("resolve", MESSAGE, "--unknown", "--as", "sent"),
        ("resolve", MESSAGE, "--campaign", "welcome", "--as", "sent"),
        ("resolve", MESSAGE, "--as", "sent", "--yes"),
        ("resolve", "--as", "sent"),
        ("resolve", "--unknown"),
        ("--unknown", "--as", "sent"),
    ],
)
def test_what_resolves_nothing(shop: Path, call: Call, arguments: tuple[str, ...]) -> None:
    in_doubt(shop)
    assert call("outbox", *arguments).code == 2


def test_a_customer(shop: Path, call: Call) -> None:
    card = json.loads(call("customer", "show", "ana", "--format", "json").out)
    assert card["attributes"]["email"] == "ana@example.com"
    whole = json.loads(call("customer", "export", "ana").out)
    assert card.items() <= whole.items()
    assert whole["decisions"]
    said = call("customer", "erase", "ana")
    assert (said.code, said.err.startswith("error: erasing ana can not be undone")) == (1, True)
    assert call("customer", "erase", "ana", "--yes").out.startswith("erased; what was counted is kept as erased-")
    assert call("customer", "show", "ana").code == 1


def test_where_there_is_nothing_it_is_said(shop: Path, call: Call) -> None:
    assert call("outbox", "--unknown").out == "no outcome is unknown\n"
    assert call("messages", "--status", "refused").out == "no messages\n"
    assert call("ledger", "--customer", "ana", "--until", "2026-01-01").out == "no decisions\n"
    assert call("deliver").code == 0
    assert call("outbox").out == "nothing waits\n"


def test_what_was_told_late_is_not_shown_as_the_consent(shop: Path, call: Call) -> None:
    rows = ("ana,email,marketing,refused,2026-03-03", "ana,email,marketing,granted,2026-03-01")
    for number, row in enumerate(rows):
        (shop / "said.csv").write_text(f"customer,channel,purpose,state,time\n{row}\n")
        assert call("import", "consents", "said.csv").code == 0
        assert call("tick", "--now", f"2026-03-05T0{number}:00").code == 0
    assert "marketing by email  refused" in call("customer", "show", "ana").out


def test_who_else_an_address_may_mean_is_told(shop: Path, call: Call) -> None:
    """Who erases by address shall not think that nobody of that address is left."""
    (shop / "twice.csv").write_text("id,email\nzoe,Ana@example.com\n")
    assert call("import", "customers", "twice.csv").code == 0
    told = "warning: `ana@example.com` is or was the address of others too, by id: zoe\n"
    assert told in call("customer", "show", "ana@example.com").err
    assert told in call("customer", "erase", "ana@example.com", "--yes").err
    assert "others" not in call("customer", "erase", "ana@example.com", "--yes").err


def test_a_customer_before_anything_is_deployed(workspace: Path, call: Call) -> None:
    assert call("import", "customers", "data/customers.csv").code == 0
    assert "ana@example.com" in call("customer", "show", "ana").out


def test_a_clock_that_was_ahead_is_told(workspace: Path, call: Call) -> None:
    """Else nothing would happen for an hour, and nobody would say why."""
    assert call("apply", "--yes").code == 0
    assert "clock" not in call("status").out + call("tick").err
    file = sqlite3.connect(workspace / "flowrules.db", isolation_level=None)
    file.execute("UPDATE clock SET last_tick = last_tick + 3600000000, target = target + 3600000000")
    file.close()
    told = "seconds behind the last tick: nothing is decided until then"
    assert told in call("tick").err
    assert told in call("run", "--once").err
    assert "this machine's clock is behind the last tick: nothing is decided until then\n" in call("status").out


def test_run_goes_by_the_real_clock(shop: Path, call: Call) -> None:
    said = call("run", "--once")
    assert said.code == 1
    assert "virtual" in said.err


def test_a_url_with_an_unusable_option(workspace: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWRULES_DATABASE_URL", "sqlite:///a?timeout=abc")
    said = call("status")
    assert (said.code, "has no options" in said.err) == (1, True)


def test_a_database_without_its_clock(shop: Path, call: Call) -> None:
    file = sqlite3.connect(shop / "flowrules.db", isolation_level=None)
    file.execute("DELETE FROM clock")
    file.close()
    said = call("status")
    assert (said.code, "lost its clock" in said.err) == (1, True)
