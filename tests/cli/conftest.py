"""The program as users call it, and a workspace to call it in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from flowrules.cli.main import program


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


Call = Callable[..., Said]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.delenv("FLOWRULES_DATABASE_URL", raising=False)

    def call(*arguments: object) -> Said:
        result = CliRunner().invoke(program, [str(argument) for argument in arguments])
        return Said(result.exit_code, result.stdout, result.stderr)

    return call


@pytest.fixture
def workspace(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh one, which is the current folder."""
    path = tmp_path / "shop"
    assert call("init", path).code == 0
    monkeypatch.chdir(path)
    return path
