"""What every command has in common: how it is found, how it fails, what it loads."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from flowrules import __version__
from flowrules.cli.main import COMMANDS, program
from flowrules.cli.output import table
from tests.cli.conftest import Call

FLOWRULES = [sys.executable, "-c", "from flowrules.cli.main import main; main()"]


def test_version_and_help_name_everything(call: Call) -> None:
    assert call("--version").out == f"flowrules {__version__}\n"
    said = call("--help")
    assert said.code == 0
    assert all(f"\n  {name} " in said.out for name in COMMANDS)


@pytest.mark.parametrize("name", ["init", "check", "help", "import", "apply"])
def test_every_command_explains_itself(call: Call, name: str) -> None:
    said = call(name, "--help")
    assert said.code == 0
    assert said.out.startswith(f"Usage: flowrules {name}")
    assert program.get_command(None, name).help  # type: ignore[arg-type, union-attr]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["chek"], "No such command 'chek'. Did you mean 'check'?"),
        (["banana"], "No such command 'banana'."),
        (["check", "--what"], "No such option '--what'"),
        (["check", "--format", "xml"], "Invalid value for '--format'"),
        (["--format", "github", "help"], "'github' is not one of text, json"),
        (["import", "people", "x.csv"], "'people' is not one of"),
        (["import", "events", "x.csv", "--at", "noon"], "'noon' is not a time of day such as 12:00"),
        (["import", "events", "x.csv", "--zone", "Mars"], "there is no time zone 'Mars'"),
        (["import", "events", "x.csv", "--map", "amount"], "'amount' is not FIELD=COLUMN"),
        (["import", "events", "x.csv", "--date-format", "iso"], "does not say where day, month and year stand"),
        (["init"], "Missing argument 'DIR'"),
    ],
)
def test_wrong_usage_is_2(call: Call, arguments: list[str], message: str) -> None:
    said = call(*arguments)
    assert (said.code, said.out) == (2, "")
    assert message in said.err


def test_outside_a_workspace(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments in (["check"], ["apply"], ["import", "customers", "x.csv"]):
        said = call(*arguments)
        assert (said.code, said.out) == (1, "")
        assert said.err == (
            f"error: there is no flowrules.toml in `{tmp_path}` or above it\n"
            "  hint: `flowrules init DIR` makes a workspace\n"
        )
    assert call("-C", "nowhere", "check").err.startswith("error: there is no folder `nowhere`")


def test_the_workspace_is_found_upwards_and_elsewhere(
    call: Call, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace / "rules")
    assert call("check").code == 0
    monkeypatch.chdir("/")
    assert call("-C", workspace, "check").code == 0
    assert call("check", "-C", workspace / "data").code == 0


def test_settings_that_can_not_be_read(call: Call, workspace: Path) -> None:
    (workspace / "flowrules.toml").write_text('database = "x\n')
    for command in ("check", "apply"):
        said = call(command)
        assert said.code == 1
        assert "error[FR320]: the settings can not be read" in said.out
    assert json.loads(call("apply", "--format", "json").out)["diagnostics"][0]["file"] == "flowrules.toml"


def test_an_internal_error_says_how_to_report_it(call: Call, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_snapshot: object) -> None:
        raise RuntimeError("oh no")

    monkeypatch.setattr("flowrules.cli.check.check", fail)
    said = call("check")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(
        f"error[FR900]: this is a mistake in FlowRules {__version__} itself (RuntimeError: oh no)\n"
    )
    assert "please report it" in said.err
    assert "Traceback" not in said.err
    for arguments in (["--debug", "check"], ["check", "--debug"]):
        assert "Traceback" in call(*arguments).err
    monkeypatch.setattr("flowrules.cli.fmt.lay_out", fail)
    monkeypatch.setattr("flowrules.cli.graph.draw", fail)
    for arguments in (["fmt"], ["graph", "welcome"]):
        assert "Traceback" not in call(*arguments).err
        assert "Traceback" in call(*arguments, "--debug").err


def test_an_internal_error_is_two_lines_whatever_it_says(
    call: Call, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_snapshot: object) -> None:
        raise RuntimeError("oh \x1b[31mno\nSELECT everything")

    monkeypatch.setattr("flowrules.cli.check.check", fail)
    said = call("check").err
    assert len(said.splitlines()) == 2
    assert "\x1b" not in said


def test_no_control_character_of_the_data_reaches_the_terminal(call: Call, workspace: Path) -> None:
    (workspace / "a.csv").write_text("id,first_name\na,x\x00\x1b[31my\n")
    said = call("import", "customers", "a.csv")
    assert said.code == 0
    assert "first_name" in said.err
    assert "\x1b" not in said.err


def test_a_closed_stdout_is_no_error(workspace: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *FLOWRULES, "check"], stderr=subprocess.PIPE, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_ctrl_c_is_130(call: Call, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_snapshot: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("flowrules.cli.check.check", interrupt)
    said = call("check")
    assert (said.code, said.out, said.err) == (130, "", "interrupted\n")


def test_ctrl_c_in_a_real_process(workspace: Path) -> None:
    os.mkfifo(workspace / "slow.csv")  # reading it takes until somebody writes
    child = subprocess.Popen([*FLOWRULES, "import", "events", "slow.csv"], stderr=subprocess.PIPE, text=True)
    writer = -1
    deadline = time.monotonic() + 60
    while writer < 0 and time.monotonic() < deadline:
        with suppress(OSError):  # as long as nobody reads
            writer = os.open(workspace / "slow.csv", os.O_WRONLY | os.O_NONBLOCK)
        time.sleep(0.05)
    err = ""
    while child.returncode is None and time.monotonic() < deadline + 60:
        child.send_signal(signal.SIGINT)
        with suppress(
            subprocess.TimeoutExpired
        ):  # it came just before the read began, which does not see it: once more
            _, err = child.communicate(timeout=15)
    os.close(writer)
    assert (child.returncode, err.splitlines()[-1]) == (130, "interrupted")


def test_a_reader_that_goes_away_is_no_error(workspace: Path) -> None:
    with subprocess.Popen([*FLOWRULES, "help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode == 0


def test_output_without_a_terminal_is_plain(workspace: Path) -> None:
    (workspace / "rules/bad.flow").write_text("campaign x:\n")
    for command in (["check"], ["import", "customers", "data/customers.csv"], ["help", "FR101"]):
        done = subprocess.run([*FLOWRULES, *command], capture_output=True, check=False)
        assert b"\x1b" not in done.stdout + done.stderr
        assert b"\r" not in done.stdout + done.stderr


def test_an_ascii_terminal_gets_escapes(workspace: Path) -> None:
    (workspace / "rules/bad.flow").write_text('attribute niño: text\ncampaign "ü"\n', encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*FLOWRULES, "check"], capture_output=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (1, b"")


HEAVY = {
    "alembic", "apscheduler", "email_validator", "httpx", "lsprotocol", "phonenumbers", "psycopg", "pygls", "rich",
    "sqlalchemy", "textual",
}  # fmt: skip


@pytest.mark.parametrize(
    ("command", "others"),
    [
        (["check"], set()),
        (["fmt"], {"pydantic", "jinja2"}),
        (["fmt", "--check", "rules"], {"pydantic", "jinja2"}),
        (["graph", "welcome"], {"pydantic", "jinja2"}),
        (["help", "FR101"], {"pydantic", "jinja2", "lark"}),
        (["--help"], {"pydantic", "jinja2", "lark"}),
        (["--version"], {"pydantic", "jinja2", "lark"}),
        (["init", "new"], {"pydantic", "jinja2", "lark"}),
    ],
    ids=lambda value: " ".join(sorted(value)) if isinstance(value, set) else " ".join(value),
)
def test_what_needs_no_database_loads_none(workspace: Path, command: list[str], others: set[str]) -> None:
    script = (
        "import sys; from flowrules.cli.main import run; code = run(sys.argv[1:]);"
        f"print({HEAVY | others!r} & sys.modules.keys(), file=sys.stderr);"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script, *command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "set()\n")


def test_check_of_rules_without_templates_loads_no_jinja(workspace: Path) -> None:
    (workspace / "rules" / "welcome.flow").write_text("event signed_up\n")
    for path in (workspace / "templates" / "email").iterdir():
        path.unlink()
    script = "import sys; from flowrules.cli.main import run; run(['check']); sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("command", [["check"], ["fmt"], ["fmt", "--diff"], ["graph", "welcome"], ["graph", "bad"]])
def test_quiet_says_the_facts_and_no_more(workspace: Path, command: list[str], call: Call) -> None:
    (workspace / "rules/untidy.flow").write_text("event   x\n")
    (workspace / "rules/bad.flow").write_text("campaign bad:\n")
    loud, quiet = call(*command, "--quiet"), call("--quiet", *command)
    assert loud.out
    assert loud.err == quiet.err == ""
    assert quiet.code == loud.code


def on_a_terminal(command: list[str], environment: dict[str, str]) -> bytes:
    """What the program prints where stdout is a terminal."""
    reader, writer = pty.openpty()
    with subprocess.Popen([*FLOWRULES, *command], stdout=writer, env=environment) as child:
        os.close(writer)
        out = b""
        with suppress(OSError):  # the terminal is gone with the last who writes
            while part := os.read(reader, 10_000):
                out += part
    os.close(reader)
    assert child.returncode == 1
    return out


@pytest.mark.parametrize("command", [["check"], ["fmt"], ["graph", "bad"]])
def test_colours_only_on_a_terminal_and_never_with_no_color(workspace: Path, command: list[str]) -> None:
    (workspace / "rules/bad.flow").write_text("campaign bad:\n")
    plain = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    assert b"\x1b[1;31merror" in on_a_terminal(command, plain)
    assert b"\x1b" not in on_a_terminal(command, {**plain, "NO_COLOR": "1"})
    done = subprocess.run([*FLOWRULES, *command], capture_output=True, env=plain, check=False)
    assert b"error[FR013]" in done.stdout
    assert b"\x1b" not in done.stdout + done.stderr


def test_a_table_wider_than_a_terminal_goes_on_below() -> None:
    rows = [("2026-03-02 10:00", "ana@example.com", "x" * 40, "because", "rules/shop.flow:7"), ("", "", "y", "", "")]
    lines = table(("at", "customer", "step", "reason", "rule"), rows).split("\n")
    assert [line.split() for line in lines] == [
        ["at", "customer", "step"],
        ["reason", "rule"],
        ["2026-03-02", "10:00", "ana@example.com", "x" * 40],
        ["because", "rules/shop.flow:7"],
        ["y"],
    ]
    assert max(map(len, lines)) <= 80
    long = table(("detail",), [("word " * 40,)]).split("\n")
    assert max(map(len, long)) <= 80
    assert " ".join(line.strip() for line in long).split() == ["detail", *["word"] * 40]
