"""What is committed is enough: an export of it, with nothing beside it, runs the demo and names nothing outside."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]

# Folders of the machines it was made on, and hosts of package registries: a mirror may stand in for those.
OUTSIDE = re.compile(
    r"(?<![\w.])/(?:work|root|home|Users)/"
    r"|\.\./shared"
    r"|\bpypi\.org|\bpythonhosted\.org|\bdeb\.debian\.org|\bnpmjs\.(?:org|com)"
)


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Export the tree that a commit made now would have: in a clean checkout, exactly the commit.

    The index and the objects made for it stay in a temporary folder, so that the repository is only read.
    """
    folder = tmp_path_factory.mktemp("export")
    if not (ROOT / ".git").exists():  # this is an export already
        made_here = shutil.ignore_patterns(".venv", "build", "__pycache__", ".hypothesis")
        return shutil.copytree(ROOT, folder, ignore=made_here, symlinks=True, dirs_exist_ok=True)
    scratch = tmp_path_factory.mktemp("git")
    objects = git("rev-parse", "--path-format=absolute", "--git-path", "objects").decode().strip()
    (scratch / "objects").mkdir()
    environment = {
        "GIT_INDEX_FILE": str(scratch / "index"),
        "GIT_OBJECT_DIRECTORY": str(scratch / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": objects,
    }
    git("add", "--all", **environment)
    tree = git("write-tree", **environment).decode().strip()
    archive = git("archive", "--format=tar", tree, **environment)
    subprocess.run(["tar", "-xf", "-", "-C", folder], input=archive, check=True)
    return folder


def git(*arguments: str, **environment: str) -> bytes:
    command = ["git", "-c", f"safe.directory={ROOT}", *arguments]
    result = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, check=False)
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout


def files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_symlink() or path.is_file())


def test_no_file_names_a_place_outside(export: Path) -> None:
    found = []
    for path in files(export):
        if path.is_symlink():
            assert path.resolve().is_relative_to(export), f"{path} links outside"
            continue
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(export)}:{number}: {line.strip()[:120]}"
            for number, line in enumerate(lines, start=1)
            if OUTSIDE.search(line)
        ]
    assert found == []


def test_the_demo_runs_from_an_export_alone(export: Path, tmp_path: Path) -> None:
    """Run `make demo` in the export as a stranger would, but for the download of the locked libraries.

    Those are lent by this environment through a path file, which does not bring this checkout along.
    """
    venv.create(export / ".venv", symlinks=True)
    libraries = sysconfig.get_path("purelib")
    site = sysconfig.get_path("purelib", vars={"base": str(export / ".venv"), "platbase": str(export / ".venv")})
    Path(site, "export.pth").write_text(f"{export / 'src'}\n{libraries}\n")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}

    where: list[str | Path] = [export / ".venv/bin/python", "-c", "import flowrules; print(flowrules.__file__)"]
    result = subprocess.run(where, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert Path(result.stdout.strip()).is_relative_to(export)

    (export / ".venv/.installed").touch()
    result = subprocess.run(["make", "demo"], cwd=export, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.strip()
    assert str(ROOT) not in result.stdout + result.stderr
