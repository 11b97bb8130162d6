"""init, check, help, import, apply: what they print and what they refuse."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from flowrules.cli.main import COMMANDS
from flowrules.diagnostics.codes import CODES
from flowrules.store.database import Database
from flowrules.store.revisions import head
from tests.cli.conftest import Call

FILES = [
    "data/customers.csv",
    "data/events.csv",
    "flowrules.toml",
    "rules/policy.flow",
    "rules/welcome.flow",
    "rules/welcome_test.flow",
    "templates/email/reminder.txt",
    "templates/email/welcome.txt",
]


# --- init ---------------------------------------------------------------------------------------------


def test_init_ends_with_what_to_do_next(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "my shop"
    said = call("init", path)
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [
        *(f"made {path / name}" for name in FILES),
        "",
        "Next:",
        f"  flowrules -C '{path}' check",
        f"  flowrules -C '{path}' test",
        f"  flowrules -C '{path}' import customers '{path}/data/customers.csv'",
        f"  flowrules -C '{path}' simulate --from 2026-03-01 --until 2026-03-15 --events '{path}/data/events.csv'",
    ]
    assert call("-C", path, "check", "--strict").code == 0


def test_init_overwrites_nothing(call: Call, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    for target, why in ((tmp_path, "is not empty"), (tmp_path / "mine.txt", "is a file")):
        said = call("init", target)
        assert (said.code, said.out) == (1, "")
        assert said.err.startswith(f"error: {target} {why}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_init_as_json_in_an_empty_folder(call: Call, tmp_path: Path) -> None:
    said = call("init", tmp_path, "--format", "json")
    assert json.loads(said.out) == {"schema": "flowrules.init/1", "path": str(tmp_path), "files": FILES}


def test_init_where_nothing_can_be_written(call: Call, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = call("init", tmp_path / "file" / "shop")
    assert (said.code, said.out) == (1, "")
    assert said.err == f"error: {tmp_path}/file/shop can not be written: Not a directory\n"


# --- check and help -----------------------------------------------------------------------------------


def test_check(call: Call, workspace: Path) -> None:
    said = call("check")
    assert (said.code, said.out, said.err) == (0, "1 campaign in 3 files: no mistakes found\n", "")
    assert json.loads(call("check", "--format", "json").out) == {
        "schema": "flowrules.check/1",
        "ok": True,
        "files": 3,
        "campaigns": 1,
        "errors": 0,
        "warnings": 0,
        "diagnostics": [],
    }


def test_check_shows_mistakes_in_every_format(call: Call, workspace: Path) -> None:
    (workspace / "rules/bad.flow").write_text("segment pros:\n    plna is known\n")
    said = call("check")
    assert said.code == 1
    assert said.out.startswith("error[FR101]: ")
    assert said.out.endswith("\n\n1 error, 0 warnings in 4 files\n")
    (found,) = json.loads(call("check", "--format", "json").out)["diagnostics"]
    assert (found["code"], found["file"], found["line"], found["column"]) == ("FR101", "rules/bad.flow", 2, 5)
    assert json.loads(call("--format", "jsonl", "check").out) == found
    said = call("check", "--format", "github")
    assert said.out.startswith("::error file=rules/bad.flow,line=2,endLine=2,col=5,endColumn=9,title=FR101::")
    assert call("check", "rules/welcome.flow").code == 0
    assert call("check", "rules").code == 1
    assert call("check", "rules/none.flow").code == 2


def test_help(call: Call) -> None:
    listed = call("help").out.splitlines()
    assert [line.split()[0] for line in listed] == list(CODES)
    shown = call("help", "fr101").out
    assert shown.split() == CODES["FR101"].page.split()
    assert max(map(len, shown.splitlines())) <= 80
    page = json.loads(call("help", "FR101", "--format", "json").out)
    assert page == {
        "schema": "flowrules.help/1",
        "code": "FR101",
        "title": CODES["FR101"].title,
        "text": CODES["FR101"].page,
    }
    assert call("help", "check").out.startswith("Usage: flowrules check [OPTIONS] [PATH]")
    page = json.loads(call("help", "check", "--format", "json").out)
    assert (page["code"], page["title"]) == ("check", COMMANDS["check"])
    assert page["text"].startswith("Usage: flowrules check")
    said = call("help", "FR999999")
    assert (said.code, said.out) == (1, "")
    assert said.err == "error: there is no code `FR999999`\n  hint: `flowrules help` lists them all\n"


# --- import -------------------------------------------------------------------------------------------


def test_import(call: Call, workspace: Path) -> None:
    said = call("import", "customers", "data/customers.csv")
    assert (said.code, said.out) == (0, "4 read, 4 added, 0 changed, 0 unchanged, 0 rejected\n")
    assert said.err == f"made the database {workspace}/flowrules.db\n"
    said = call("import", "customers", "data/customers.csv", "--format", "json")
    assert said.err == ""
    assert json.loads(said.out) == {
        "schema": "flowrules.import/1",
        "read": 4,
        "added": 0,
        "changed": 0,
        "unchanged": 4,
        "rejected": 0,
        "rejects_file": None,
        "rejects": [],
        "read_as": {"encoding": "utf-8", "separator": ",", "decimal": None, "dates": None},
    }


def test_rejected_rows_go_to_a_file(call: Call, workspace: Path) -> None:
    (workspace / "e.csv").write_text("who,event,time\n=x,visit,soon\nana,visit,2026-03-02\n")
    said = call("import", "events", "e.csv", "--customer", "who")
    assert (said.code, said.out) == (0, "2 read, 1 added, 0 changed, 0 unchanged, 1 rejected\n")
    assert said.err.splitlines()[1:] == [
        "warning: not declared in the rule files: `visit`",
        "warning: line 2: `soon` is not a time; write it like 2026-03-02T10:30:00Z or 2026-03-02 10:30",
        "warning: 1 row was refused; it is in e.csv.rejects.csv",
    ]
    assert (workspace / "e.csv.rejects.csv").read_text().splitlines() == [
        "line,reason,who,event,time",
        "2,`soon` is not a time; write it like 2026-03-02T10:30:00Z or 2026-03-02 10:30,'=x,visit,soon",
    ]
    said = call("import", "events", "e.csv", "--customer", "who", "--strict", "--format", "json")
    assert said.code == 1
    assert json.loads(said.out)["rejects"][0]["line"] == 2
    assert "nothing was stored, because rows were refused" in said.err


def test_a_dry_run_writes_nothing(call: Call, workspace: Path) -> None:
    said = call("import", "customers", "data/customers.csv", "--dry-run")
    assert (said.code, said.err.splitlines()[0]) == (1, f"error: there is no database {workspace}/flowrules.db yet")
    Database.create("sqlite:///flowrules.db")
    (workspace / "c.csv").write_text("id,email\n,x\nana,y\n")
    said = call("import", "customers", "c.csv", "--dry-run", "--quiet")
    assert (said.code, said.out) == (0, "2 read, 1 added, 0 changed, 0 unchanged, 1 rejected\n")
    assert not (workspace / "c.csv.rejects.csv").exists()
    assert call("import", "customers", "c.csv").out == said.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["events", "no.csv"], "error: no.csv can not be read: No such file or directory\n"),
        (["events", "data"], "error: data is a folder, not a file\n"),
        (["customers", "data/events.csv"], "error: no column of events.csv is an attribute of customers\n"),
        (["events", "data/customers.csv"], "error: customers.csv has no column `customer`\n"),
    ],
)
def test_import_refuses(call: Call, workspace: Path, arguments: list[str], message: str) -> None:
    Database.create("sqlite:///flowrules.db")
    said = call("import", *arguments)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(message)
    assert "hint: " in said.err


def test_nothing_is_taken_in_while_the_rules_are_wrong(call: Call, workspace: Path) -> None:
    (workspace / "rules/bad.flow").write_text("segment pros:\n    plna is known\n")
    for arguments in (["import", "customers", "data/customers.csv"], ["apply"]):
        said = call(*arguments)
        assert said.code == 1
        assert "error[FR101]" in said.out
    assert not (workspace / "flowrules.db").exists()


# --- apply --------------------------------------------------------------------------------------------


def test_apply(call: Call, workspace: Path) -> None:
    said = call("apply")
    assert (said.code, said.err) == (0, f"made the database {workspace}/flowrules.db\n")
    assert said.out.splitlines() == [
        "campaign  version  state",
        "welcome         1  added",
        "deployment 1; 0 customers on their way",
    ]
    rules = workspace / "rules/welcome.flow"
    rules.write_text(rules.read_text().replace("3 days", "4 days"))
    expected = {
        "schema": "flowrules.apply/1",
        "version": 2,
        "campaigns": [{"name": "welcome", "version": 2, "state": "changed"}],
        "in_flight": 0,
        "moved": 0,
        "canary": None,
        "lists": [],
    }
    for arguments in (["--dry-run"], ["--dry-run"], ["--yes"]):
        assert json.loads(call("apply", *arguments, "--format", "json").out) == expected
    rules.write_text("")
    assert json.loads(call("apply", "--format", "json").out)["campaigns"] == [
        {"name": "welcome", "version": 2, "state": "removed"}
    ]


def test_now_is_for_virtual_clocks(call: Call, workspace: Path) -> None:
    said = call("apply", "--now", "2026-03-01")
    assert (said.code, said.out) == (1, "")
    assert "error: --now is for workspaces with a virtual clock\n" in said.err
    settings = workspace / "flowrules.toml"
    settings.write_text(f"virtual_clock = true\n{settings.read_text()}")
    assert (
        "error: the clock of this workspace is virtual and was never set\n  hint: say --now TIME\n" in call("apply").err
    )
    for given in ("soon", "03/04/2026"):
        said = call("apply", "--now", given)
        assert (said.code, said.out) == (2, "")
        assert f"Error: Invalid value for '--now': `{given}` is not a time" in said.err
    assert call("apply", "--now", "2026-03-01").code == 0
    assert call("apply").code == 0
    said = call("apply", "--now", "2026-02-01")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("error: --now lies before the last tick, 2026-03-01 00:00\n")
    said = call("simulate", "--from", "2026-02-01", "--until", "2026-03-05")
    assert said.code == 1
    assert "error: --from lies before the last tick, 2026-03-01 00:00\n" in said.err


def test_a_list_is_read_at_apply(call: Call, workspace: Path) -> None:
    (workspace / "rules/lists.flow").write_text('list staff from "data/staff.csv" by email\n')
    (workspace / "data/staff.csv").write_text("mail\nx@x.es\n")
    said = call("apply")
    assert (said.code, said.out) == (1, "")
    assert f"error: {workspace}/data/staff.csv has no column `email`\n" in said.err
    (workspace / "data/staff.csv").write_text("email\nX@x.es\n")
    assert call("apply").code == 0
    with sqlite3.connect("flowrules.db") as raw:
        assert raw.execute("SELECT * FROM list_entry").fetchall() == [("staff", "email", "x@x.es")]
    raw.close()


def test_a_suppression_list_that_broke_off_lets_nobody_through(call: Call, workspace: Path) -> None:
    """An export that failed has left the line of column names, and every night there is an `apply --yes`."""
    (workspace / "rules/lists.flow").write_text('list robinson from "data/robinson.csv" by email\n')
    with (workspace / "rules/policy.flow").open("a") as policy:
        policy.write("    suppress list robinson\n")
    path = workspace / "data/robinson.csv"
    path.write_text("email\n" + "".join(f"c{number}@example.com\n" for number in range(10)))
    assert json.loads(call("apply", "--yes", "--format", "json").out)["lists"] == []
    path.write_text("email\n")
    said = call("apply", "--yes")
    assert (said.code, said.out) == (1, "")
    assert "error: the list `robinson`, whose customers are sent nothing, would lose 10 of its 10 entries\n" in said.err
    path.write_text("email\nnew@example.com\n" + "".join(f"c{number}@example.com\n" for number in range(5)))
    told = "list robinson: 10 entries until now, 1 new, 5 gone\n"
    planned = call("plan", "--exit-code", "-o", "plan.json")
    assert (planned.code, "no rule changes" in planned.out, planned.out.endswith(told)) == (3, True, True)
    assert told in call("apply", "plan.json").out
    assert call("plan", "--exit-code").code == 0
    path.write_text("email\n")
    facts = json.loads(call("apply", "--yes", "--shrink", "robinson", "--format", "json").out)
    assert facts["lists"] == [{"name": "robinson", "before": 6, "added": 0, "lost": 6}]
    with sqlite3.connect("flowrules.db") as raw:
        assert raw.execute("SELECT * FROM list_entry").fetchall() == []
    raw.close()


# --- the database -------------------------------------------------------------------------------------


def _folder(path: Path) -> None:
    path.mkdir()


def _garbage(path: Path) -> None:
    path.write_text("id,email\n" * 1000)


def _newer(path: Path) -> None:
    Database.create(f"sqlite:///{path}")
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE flowrules_revision SET version_num = '9999'")
    raw.close()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_folder, "{} is a folder, not a database"),
        (_garbage, "{} is not a database"),
        (_newer, "{} was made by a newer FlowRules (revision 9999, this one knows {head})"),
    ],
)
def test_a_database_that_is_none(call: Call, workspace: Path, make: Callable[[Path], None], message: str) -> None:
    path = workspace / "flowrules.db"
    make(path)
    for arguments in (["apply"], ["import", "customers", "data/customers.csv"]):
        said = call(*arguments)
        assert (said.code, said.out) == (1, "")
        assert said.err.startswith(f"error: {message.format(path, head=head())}\n  hint: ")


def test_the_environment_names_the_database(
    call: Call, workspace: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("FLOWRULES_DATABASE_URL", database_url)
    assert call("import", "customers", "data/customers.csv").code == 0
    assert call("apply").code == 0
    assert not (workspace / "flowrules.db").exists()
    monkeypatch.setenv("FLOWRULES_DATABASE_URL", "postgresql://ana:secret@127.0.0.1:1/shop")
    said = call("apply")
    assert (said.code, said.err.splitlines()[0]) == (1, "error: 127.0.0.1:1/shop does not answer")
    assert "secret" not in said.err
