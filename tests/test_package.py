"""The wheel holds all that the program reads, and works where there is no checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
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
    wheel = wheel_in(folder)
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def wheel_in(folder: Path) -> Path:
    (wheel,) = folder.glob("*.whl")
    return wheel


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


@pytest.mark.slow
def test_installed_by_pip_it_runs_the_demo(installed: Path, tmp_path: Path) -> None:
    """In an environment of its own, without the network: only the libraries are lent, through a path file."""
    home = tmp_path / "environment"
    venv.create(home, symlinks=True, with_pip=True)
    python = home / "bin" / "python"
    environment = {"PATH": f"{home / 'bin'}:{os.environ['PATH']}", "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}

    def run(*command: str | Path, folder: Path) -> str:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    pip = ("-m", "pip", "install", "--no-index", "--no-deps", "--disable-pip-version-check", "--quiet")
    run(python, *pip, wheel_in(installed.parent), folder=tmp_path)
    site = sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)})
    # Behind the environment's own: the file is a path's end, so what was installed goes before what is lent.
    Path(site, "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = run(python, "-c", "import flowrules; print(flowrules.__file__)", folder=tmp_path)
    assert Path(where.strip()).is_relative_to(home)

    migrate = (
        "from flowrules.store.database import Database; from flowrules.store.upgrade import run\n"
        "with Database._of('sqlite:///migrated.db').write() as connection: run(connection)"
    )
    run(python, "-c", migrate, folder=tmp_path)

    example = shutil.copytree(ROOT / "examples" / "music_shop", tmp_path / "far away" / "music_shop")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    said = run(python, example / "demo.py", "--build", elsewhere / "build", folder=elsewhere)
    assert "win_back" in said
    shop = next(path.parent for path in (elsewhere / "build").rglob("flowrules.toml"))
    flowrules = home / "bin" / "flowrules"
    assert run(flowrules, "db", "check", folder=shop).endswith("no faults found\n")
    assert run(flowrules, "db", "upgrade", folder=shop).endswith("nothing to upgrade\n")
    assert str(ROOT) not in said
