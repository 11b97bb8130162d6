"""Every block of every page: rules are checked, commands are run in order, data is what it is said to be."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from tests.docs.flow import check_block, kind_of
from tests.docs.markdown import PAGES, ROOT, Block, blocks, commands, like
from tests.docs.session import Session

GENERATED = ROOT / "docs" / "codes.md"
WRITTEN = tuple(page for page in PAGES if page != GENERATED)
LANGUAGES = {"flow", "console", "sh", "text", "toml", "json", "csv", "jinja"}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def is_flow(block: Block) -> bool:
    return block.info.partition(" ")[0] == "flow"


FLOWS = [(page, block) for page in WRITTEN for block in blocks(page) if is_flow(block)]


@pytest.mark.parametrize(("page", "block"), FLOWS, ids=[f"{page.name}:{block.line}" for page, block in FLOWS])
def test_rules(page: Path, block: Block) -> None:
    shared = "".join(each.text for each in blocks(page) if is_flow(each) and kind_of(each) == "shared")
    check_block(page, block, shared)


@pytest.mark.parametrize("page", WRITTEN, ids=name)
def test_every_block_is_of_a_known_kind(page: Path) -> None:
    for block in blocks(page):
        language = block.info.partition(" ")[0]
        assert language in LANGUAGES, f"{name(page)}:{block.line}: `{block.info}`"
        if language == "toml":
            tomllib.loads(block.text)
        if language == "json":
            json.loads(block.text)


@pytest.mark.parametrize("page", WRITTEN, ids=name)
def test_commands(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLOWRULES_DATABASE_URL", raising=False)
    session = Session(tmp_path)
    for block in blocks(page):
        kind, said = block.note or ("", "")
        if kind == "file":
            session.write(said, block.text)
        if block.info not in {"console", "sh"} or kind == "not run":
            continue
        found = list(commands(block))
        assert found, f"{name(page)}:{block.line}: no line begins with `$ `"
        for command in found:
            where = f"{name(page)}:{command.line}: {command.text}"
            code, real = session.run(command.text)
            assert code == 0, f"{where}\nended with {code}:\n{real}"
            if command.output is not None:
                assert like(command.output, real), f"{where}\nprints:\n{real}"
