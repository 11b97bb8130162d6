"""Links lead somewhere, the map shows every folder, and the demo prints what the README says."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrules.model.template import FILTERS
from tests.demo.conftest import played
from tests.docs.markdown import PAGES, ROOT, anchors, blocks, like, links


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links(page: Path) -> None:
    for line, target in links(page):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        assert path.is_relative_to(ROOT), f"{page.name}:{line}: {target} leads out"
        assert path.exists(), f"{page.name}:{line}: there is no {file}"
        assert not anchor or anchor in anchors(path), f"{page.name}:{line}: {file or page.name} has no #{anchor}"


def test_the_map_shows_every_folder() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    package = ROOT / "src" / "flowrules"
    folders = [path for path in package.iterdir() if path.is_dir() and (path / "__init__.py").exists()]
    top = [".ci", "bench", "docs", "editors", "examples", "grammar", "rules", "tests", "tools"]
    names = [f"`{path.relative_to(ROOT)}/`" for path in folders] + [f"`{name}/`" for name in top]
    assert [name for name in names if name not in text] == []


def test_every_filter_of_templates_is_named() -> None:
    text = (ROOT / "docs" / "templates.md").read_text(encoding="utf-8")
    assert [name for name in sorted(FILTERS) if f"`{name}`" not in text] == []


@pytest.mark.slow
def test_the_demo_prints_what_the_readme_shows() -> None:
    shown = [block.text for block in blocks(ROOT / "README.md") if block.note and block.note[0] == "demo"]
    assert shown
    printed = played(1).first
    for text in shown:
        assert like(f"...\n{text}...\n", printed), printed
