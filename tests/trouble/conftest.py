"""Shops in the middle of their campaign, and what an undisturbed one comes to."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowrules.runtime import tick
from tests.trouble.shop import Shop, begun


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tick, "SLICE", 7)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("undisturbed")
    shop = begun(folder, f"sqlite:///{folder / 'flowrules.db'}")
    shop.go_on()
    result = shop.result()
    assert len(result) > 100
    return result


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Shop:
    return begun(tmp_path, database_url)


@pytest.fixture
def sqlite_shop(sqlite_url: str, tmp_path: Path) -> Shop:
    return begun(tmp_path, sqlite_url)


@pytest.fixture
def postgres_shop(postgres_url: str, tmp_path: Path) -> Shop:
    return begun(tmp_path, postgres_url)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that others than root can reach."""
    with tempfile.TemporaryDirectory(dir="/tmp" if os.geteuid() == 0 else None) as name:  # noqa: S108 -- made private
        Path(name).chmod(0o755)
        yield Path(name)
