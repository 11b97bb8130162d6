"""docs/cli.md and the program know the same commands, options, formats and keys."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest

from flowrules.cli.main import COMMANDS, program
from tests.docs.markdown import ROOT
from tests.docs.session import Session

PAGE = ROOT / "docs" / "cli.md"
NAMES = list(COMMANDS)
_LONG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")

# A call of each that prints facts, in the order they are made.
CALLS = {
    "init": "flowrules init shop --format json",
    "check": "flowrules -C shop check --format json",
    "fmt": "flowrules fmt shop --format json",
    "help": "flowrules help FR203 --format json",
    "preview": "flowrules -C shop preview welcome --format json",
    "test": "flowrules -C shop test --format json",
    "import": "flowrules -C shop import customers shop/data/customers.csv --format json",
    "plan": "flowrules -C shop plan --format json",
    "apply": "flowrules -C shop apply --now 2026-03-01 --format json",
    "history": "flowrules -C shop history --format json",
    "diff": "flowrules -C shop diff 1 files --format json",
    "simulate": (
        "flowrules -C shop simulate --from 2026-03-01 --until 2026-03-08 --events shop/data/events.csv --format json"
    ),
    "tick": "flowrules -C shop tick --now 2026-03-09 --format json",
    "deliver": "flowrules -C shop deliver --format json",
    "run": "flowrules -C shop run --once --format json",
    "pause": "flowrules -C shop pause welcome --format json",
    "resume": "flowrules -C shop resume welcome --format json",
    "exit": "flowrules -C shop exit ana welcome --format json",
    "outbox": "flowrules -C shop outbox --format json",
    "status": "flowrules -C shop status --format json",
    "funnel": "flowrules -C shop funnel welcome --format json",
    "messages": "flowrules -C shop messages --format json",
    "ledger": "flowrules -C shop ledger --format json",
    "customer": "flowrules -C shop customer show ana --format json",
    "explain": "flowrules -C shop explain ana --format json",
    "segment": "flowrules -C shop segment somebody --format json",
    "db": "flowrules -C shop db check --format json",
}
PICTURES = {"graph", "lsp", "monitor"}  # print no facts
BEFORE = {
    "apply": "(echo 'virtual_clock = true'; cat shop/flowrules.toml) > draft && mv draft shop/flowrules.toml",
    "tick": "flowrules -C shop import events shop/data/events.csv",
    # By the machine's clock, in a copy of the workspace.
    "run": ("cp -r shop real && sed -i.bak /virtual_clock/d real/flowrules.toml && mv shop virtual && mv real shop"),
    "pause": "mv shop real && mv virtual shop",
    "segment": (
        "echo 'segment somebody: first_name is known' > shop/rules/segments.flow"
        " && flowrules -C shop apply --yes --now 2026-03-10"
    ),
}


def sections() -> dict[str, str]:
    parts = re.split(
        r"^### (.+)\n",
        re.split(r"^## Write$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1],
        flags=re.MULTILINE,
    )
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def command(name: str) -> click.Command:
    found = program.get_command(click.Context(program), name)
    assert found is not None
    return found


def parameters(name: str) -> list[click.Parameter]:
    """Of the command, and of those it groups."""
    found = command(name)
    inner = found.commands.values() if isinstance(found, click.Group) else ()
    return [*found.params, *(parameter for each in inner for parameter in each.params)]


def options(parameters: list[click.Parameter]) -> set[str]:
    return {name for each in parameters if isinstance(each, click.Option) for name in each.opts if name[:2] == "--"}


def test_every_command_is_documented_and_exists() -> None:
    assert sorted(sections()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_documented_and_exists(name: str) -> None:
    said = set(_LONG.findall(sections()[name]))
    everywhere = options(list(program.params)) | {"--help"}
    assert options(parameters(name)) - everywhere == said - everywhere


def test_the_options_of_all_commands_are_documented() -> None:
    everywhere = PAGE.read_text(encoding="utf-8").partition("## Everywhere")[2].partition("## Write")[0]
    assert options(list(program.params)) | {"--help"} == set(_LONG.findall(everywhere))


@pytest.mark.parametrize("name", NAMES)
def test_every_choice_is_documented(name: str) -> None:
    text = sections()[name]
    for parameter in parameters(name):
        if isinstance(parameter.type, click.Choice):
            missing = [choice for choice in parameter.type.choices if not re.search(rf"\b{choice}\b", text)]
            assert not missing, f"{name} {parameter.name}: {missing}"


# --- keys of the output -------------------------------------------------------------------------------


def documented(name: str) -> tuple[set[str], dict[str, set[str]]]:
    """Keys, and those of the items of a list."""
    found = re.search(r"^JSON: (.+?)(?:\.\s|\n\n|\Z)", sections()[name], re.MULTILINE | re.DOTALL)
    assert found is not None, f"{name} has no line of JSON keys"
    inner = {
        outer: set(re.findall(r"`(\w+)`", items)) for outer, items in re.findall(r"`(\w+)`\s+\[([^\]]*)\]", found[1])
    }
    return set(re.findall(r"`(\w+)`", re.sub(r"\[[^\]]*\]", "", found[1]))), inner


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    session = Session(tmp_path_factory.mktemp("cli"))
    found = {}
    for name, call in CALLS.items():
        if name in BEFORE:
            assert session.run(BEFORE[name])[0] == 0
        code, out = session.run(call)
        assert code == 0, out
        found[name] = json.loads(out[out.index("{") :])
    return found


def test_every_command_is_called() -> None:
    assert list(CALLS) == [name for name in NAMES if name not in PICTURES]


@pytest.mark.parametrize("name", CALLS)
def test_every_key_is_documented_and_exists(name: str, facts: dict[str, Any]) -> None:
    keys, inner = documented(name)
    assert keys == facts[name].keys() - {"schema"}
    for outer, items in inner.items():
        for row in facts[name][outer]:
            assert row.keys() == items, outer


def test_a_line_of_the_outbox_is_documented(tmp_path: Path) -> None:
    session = Session(tmp_path)
    for call in (CALLS["init"], CALLS["import"], CALLS["simulate"]):
        assert session.run(call)[0] == 0
    line = json.loads((tmp_path / "shop" / "simulation" / "email.jsonl").read_text().splitlines()[0])
    said = sections()["deliver"].partition("A line of the file channel:")[2].partition(".\n")[0]
    assert re.findall(r"`(\w+)`", said) == list(line)
