"""Who may import whom outside the package, and how large a module may grow.

The layers inside the package are contracts in pyproject.toml, run by test_quality.py.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
MODULES = sorted(SOURCE.rglob("*.py"))
LONGEST_MODULE = 600

# Each library has its place; the rest of the package does not know that it exists. A new dependency needs a line here.
PLACES = {
    "alembic": ["store.migrations", "store.upgrade"],
    "apscheduler": ["runtime.schedule"],
    "click": ["cli"],
    "email_validator": ["store.identity"],
    "httpx": ["channels.http"],
    "jinja2": ["check.sandbox", "check.templates", "content"],
    "lark": ["syntax"],
    "lsprotocol": ["editor"],
    "psycopg": ["store"],
    "phonenumbers": ["store.identity"],
    "pygls": ["editor"],
    "pydantic": ["channels", "cli", "report", "runtime", "store", "workspace"],
    "rich": ["cli", "monitor", "report"],
    "sqlalchemy": ["cli", "content", "monitor", "report", "runtime", "sql", "store", "whatif"],
    "textual": ["monitor"],
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module


def in_place(module: str, places: list[str]) -> bool:
    return any(module == f"flowrules.{place}" or module.startswith(f"flowrules.{place}.") for place in places)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_external_imports_stay_in_their_place(path: Path) -> None:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    libraries = {name.partition(".")[0] for name in imports(path)} - sys.stdlib_module_names - {"flowrules"}
    misplaced = {name for name in libraries if not in_place(module, PLACES.get(name, []))}
    assert not misplaced, f"{module} imports {misplaced}; PLACES in this test says where each belongs"


def test_no_module_is_too_long() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    long = {str(path.relative_to(ROOT)): length for path, length in lengths.items() if length > LONGEST_MODULE}
    assert not long, f"longer than {LONGEST_MODULE} lines: {long}"


def test_there_is_one_grammar() -> None:
    grammars = [path for folder in ("grammar", "src", "rules") for path in (ROOT / folder).rglob("*.lark")]
    assert [str(path.relative_to(ROOT)) for path in grammars] == ["grammar/flowrules.lark"]
