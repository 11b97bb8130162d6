"""The files of docs/ci.md do what it says: their own commands, run by a shell in a workspace."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
TEST = """
test "somebody is written to":
    given zed:
        email "zed@example.com"
        consents to email
    at 2026-03-02 10:00 zed does signed_up
    expect no email to zed
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    subprocess.run([BIN / "flowrules", "--quiet", "init", tmp_path / "shop"], check=True, stdout=subprocess.DEVNULL)
    return tmp_path / "shop"


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    summary: str = ""


def shell(script: str, folder: Path, **environment: str) -> tuple[int, str]:
    known = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(folder), "LANG": "C.UTF-8", **environment}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    done = subprocess.run(
        command, cwd=folder, env=known, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


# --- GitHub -----------------------------------------------------------------------------------------

GITHUB = (ROOT / "examples" / "ci" / "github.yml").read_text(encoding="utf-8")
STEPS = {
    name: dedent(script)
    for name, script in re.findall(r"      - name: (\w+)\n(?:        .*\n)*?        run: \|\n((?: {10}.*\n)+)", GITHUB)
}


def step(name: str, shop: Path, **environment: str) -> Ran:
    summary = shop.parent / "summary.md"
    summary.write_text("")
    code, out = shell(STEPS[name], shop, GITHUB_STEP_SUMMARY=str(summary), **environment)
    return Ran(code, out, summary.read_text())


def test_the_steps_at_github() -> None:
    assert list(STEPS) == ["install", "check", "fmt", "test", "plan"]
    assert GITHUB.count("- name:") == len(STEPS)


def test_github_tells_the_counts(shop: Path) -> None:
    assert step("check", shop) == Ran(
        0,
        "::notice title=flowrules check::1 campaign in 3 files: no mistakes found\n",
        "### check\n\n```text\n1 campaign in 3 files: no mistakes found\n```\n",
    )
    assert step("fmt", shop).out == "::notice title=flowrules fmt::0 files would be changed, 3 unchanged, 0 failed\n"
    assert step("test", shop).out == "::notice title=flowrules test::3 tests passed\n"


@pytest.mark.slow
def test_github_tells_what_is_wrong(shop: Path) -> None:
    rules = shop / "rules"
    (rules / "bad.flow").write_text("segment  nobody: in segment lost\n")
    found = step("check", shop)
    assert found.code == 1
    assert "::error file=rules/bad.flow,line=1," in found.out
    assert "FR104" in found.summary
    untidy = step("fmt", shop)
    assert untidy.code == 1
    assert untidy.out == "::error title=flowrules fmt::1 file would be changed, 3 unchanged, 0 failed\n"
    assert "+segment nobody: in segment lost" in untidy.summary
    (rules / "bad.flow").write_text(TEST)
    failed = step("test", shop)
    assert failed.code == 1
    assert "::error file=rules/bad.flow,line=7," in failed.out
    assert failed.out.endswith("::notice title=flowrules test::3 tests passed, 1 failed\n")
    assert "email welcome was sent to zed" in failed.summary


@pytest.mark.slow
def test_github_plans(shop: Path) -> None:
    database = {"FLOWRULES_DATABASE_URL": f"sqlite:///{shop}/shop.db"}
    code, _ = shell("flowrules apply --yes", shop, **database)
    assert code == 0
    nothing = step("plan", shop, **database).out
    assert nothing.startswith("::notice title=flowrules plan::against deployment 1, ")
    assert nothing.endswith("; nothing changes\n")
    welcome = shop / "rules" / "welcome.flow"
    welcome.write_text(welcome.read_text().replace("3 days, else", "4 days, else"))
    planned = step("plan", shop, **database)
    assert planned.code == 0
    assert planned.out.count("\n") == 1
    assert "welcome" in planned.out
    assert "%0A" in planned.out
    (shop / "rules" / "bad.flow").write_text("segment nobody: in segment lost\n")
    assert step("plan", shop, **database).code == 1


def test_the_database_is_known_to_no_other_step() -> None:
    assert GITHUB.count("FLOWRULES_DATABASE_URL:") == 1
    assert "FLOWRULES_DATABASE_URL:" in GITHUB.partition("- name: plan")[2]


# --- GitLab -----------------------------------------------------------------------------------------

GITLAB = (ROOT / "examples" / "ci" / "gitlab.yml").read_text(encoding="utf-8")
SCRIPT = "\n".join(re.findall(r"^    - (.*)$", GITLAB.partition("  script:\n")[2], re.MULTILINE))


@pytest.mark.slow
def test_gitlab(shop: Path) -> None:
    code, out = shell(SCRIPT, shop)
    assert code == 0, out
    assert '<testsuites name="flowrules" tests="3" failures="0">' in (shop / "tests.xml").read_text()
    assert not (shop / "plan.txt").exists()
    code, out = shell(SCRIPT, shop, FLOWRULES_DATABASE_URL=f"sqlite:///{shop}/shop.db")
    assert code == 0, out
    assert "welcome: added, version 1" in out
    assert "welcome: added, version 1" in (shop / "plan.txt").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("segment nobody: in segment lost\n", "FR104"),
        ("event  untidy\n", "1 file would be changed"),
        (TEST, "3 tests passed, 1 failed"),
    ],
    ids=["check", "fmt", "test"],
)
def test_gitlab_tells_what_is_wrong(shop: Path, text: str, said: str) -> None:
    (shop / "rules" / "bad.flow").write_text(text)
    code, out = shell(SCRIPT, shop)
    assert code == 1
    assert said in out


# --- pre-commit -------------------------------------------------------------------------------------

HOOKS = [
    dict(re.findall(r"^ *(\w+): (.*)$", each, re.MULTILINE))
    for each in (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8").split("\n- ")[1:]
]


def test_the_hooks_that_the_page_names() -> None:
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    assert re.findall(r"- id: (\S+)", page) == [hook["id"] for hook in HOOKS]
    assert {hook["language"] for hook in HOOKS} == {"python"}


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: str(hook["id"]))
def test_a_hook(hook: dict[str, str], shop: Path) -> None:
    tracked = [str(path.relative_to(shop)) for path in shop.rglob("*.*") if path.is_file()]
    about = [path for path in tracked if re.search(hook["files"], path)]
    named = " ".join(about) if hook.get("pass_filenames") != "false" else ""
    assert {"rules/policy.flow", "rules/welcome.flow"} < set(about)
    assert "data/customers.csv" not in about
    code, out = shell(f"{hook['entry']} {named}", shop)
    assert code == 0, out


def hook_stops(name: str, shop: Path, named: str = "") -> bool:
    (hook,) = (each for each in HOOKS if each["id"] == name)
    before = (shop / "rules" / "bad.flow").read_text()
    code, _ = shell(f"{hook['entry']} {named}", shop)
    return code != 0 or (shop / "rules" / "bad.flow").read_text() != before


@pytest.mark.slow
def test_hooks_stop_a_commit(shop: Path) -> None:
    bad = shop / "rules" / "bad.flow"
    stops: list[Callable[[], bool]] = [
        lambda: hook_stops("flowrules-check", shop),
        lambda: hook_stops("flowrules-fmt", shop, "rules/bad.flow"),
        lambda: hook_stops("flowrules-test", shop),
    ]
    for text, expected in (
        ("segment nobody: in segment lost\n", [True, False, True]),
        ("event  untidy\n", [False, True, False]),
        (TEST.lstrip(), [False, False, True]),
    ):
        bad.write_text(text)
        assert [stop() for stop in stops] == expected, text
