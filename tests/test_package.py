"""The wheel holds all that the program reads, and works where there is no checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and unpack it: a folder with the package and its data as pip would lay them."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    result = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


@pytest.mark.parametrize("folder", ["grammar", "rules"])
def test_data_folders_are_in_the_wheel(installed: Path, folder: str) -> None:
    def contents(root: Path) -> dict[str, bytes]:
        paths = (path for path in root.rglob("*") if path.is_file() and not path.name.startswith("."))
        return {str(path.relative_to(root)): path.read_bytes() for path in paths}

    assert contents(installed / "flowrules" / folder) == contents(ROOT / folder)


def test_wheel_has_the_package_its_types_and_its_licence(installed: Path) -> None:
    def modules(root: Path) -> set[str]:
        return {str(path.relative_to(root)) for path in root.rglob("*.py")}

    assert modules(installed / "flowrules") == modules(ROOT / "src" / "flowrules")
    assert (installed / "flowrules" / "py.typed").exists()
    (metadata,) = installed.glob("flowrules-*.dist-info")
    assert (metadata / "licenses" / "LICENSE").exists()
    assert "flowrules = flowrules.cli.entry:main" in (metadata / "entry_points.txt").read_text()


def test_the_unpacked_wheel_runs(installed: Path, tmp_path: Path) -> None:
    """Run the command from the wheel's own files, in an empty folder, blind to the checkout."""
    program = (
        f"import sys; sys.path.insert(0, {str(installed)!r})\n"
        "import flowrules, flowrules.syntax, flowrules.cli.main as cli\n"
        f"assert flowrules.__file__.startswith({str(installed)!r}), flowrules.__file__\n"
        "sys.argv = ['flowrules', '--version']\n"
        "cli.main()"
    )
    result = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip().endswith(__import__("flowrules").__version__)
