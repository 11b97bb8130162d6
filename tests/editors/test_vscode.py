"""The extension for VS Code as it is packaged: a whole package, whose client starts the language server.

Collected where `make vscode` has been (tests/editors/conftest.py): the suite itself needs no Node.js.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from flowrules import __version__
from tests.editors.conftest import PACKAGE
from tests.editors.session import FLOWRULES

SOURCE = Path(__file__).parents[2] / "editors" / "vscode"
VSX = "{http://schemas.microsoft.com/developer/vsx-schema/2011}"
DOCUMENT = "rules/welcome.flow"


@pytest.fixture(scope="module")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("extension")
    with zipfile.ZipFile(PACKAGE) as package:
        package.extractall(folder)
    return folder


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    subprocess.run([FLOWRULES, "--quiet", "init", folder], check=True, stdout=subprocess.DEVNULL)
    rules = folder / DOCUMENT
    rules.write_text(rules.read_text(encoding="utf-8").replace("wait 7 days", "wait 7 dais"), encoding="utf-8")
    return folder


def played(extension: Path, folder: Path, *, setting: str = "", trusted: bool = True) -> dict[str, Any]:
    given = {"folder": str(folder), "document": DOCUMENT, "setting": setting, "trusted": trusted}
    node = shutil.which("node")
    assert node is not None
    result = subprocess.run(
        [
            node,
            Path(__file__).with_name("vscode.js"),
            extension / "extension" / "dist" / "extension.js",
            json.dumps(given),
        ],
        env={"PATH": "/nowhere", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    said: dict[str, Any] = json.loads(result.stdout)
    return said


def test_the_package_is_whole_and_of_these_sources(extension: Path) -> None:
    manifest = _xml(extension / "extension.vsixmanifest")
    identity = manifest.find(f"{VSX}Metadata/{VSX}Identity")
    assert identity is not None
    assert identity.attrib == {"Language": "en-US", "Id": "flowrules", "Version": __version__, "Publisher": "flowrules"}
    assets = {each.attrib["Type"]: each.attrib["Path"] for each in manifest.iter(f"{VSX}Asset")}
    assert assets["Microsoft.VisualStudio.Code.Manifest"] == "extension/package.json"
    assert all((extension / path).is_file() for path in assets.values())
    package = json.loads((extension / "extension" / "package.json").read_text(encoding="utf-8"))
    assert package["version"] == __version__
    assert (extension / "extension" / package["main"]).is_file()
    kinds = {each.attrib["Extension"] for each in _xml(extension / "[Content_Types].xml")}
    assert {path.suffix for path in extension.rglob("*") if path.is_file()} - {".xml"} <= kinds
    for name in ("package.json", "README.md", "language-configuration.json", "syntaxes/flowrules.tmLanguage.json"):
        assert (extension / "extension" / name).read_bytes() == (SOURCE / name).read_bytes(), "run `make vscode`"
    bundled = {line.split(" ")[0] for line in _lines(extension / "extension" / "THIRD-PARTY.txt")}
    assert {"vscode-languageclient", "vscode-jsonrpc", "semver"} <= bundled


def _xml(path: Path) -> ET.Element:
    return ET.fromstring(path.read_bytes())  # noqa: S314  our own


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_the_program_of_the_folder_is_started_and_tells_mistakes(extension: Path, shop: Path) -> None:
    (shop / ".venv" / "bin").mkdir(parents=True)
    (shop / ".venv" / "bin" / "flowrules").symlink_to(FLOWRULES)
    said = played(extension, shop)
    found = {
        "file": DOCUMENT,
        "code": "FR012",
        "line": 23,
        "message": "`dais` is no unit of time\ndid you mean `days`?",
    }
    assert said["diagnostics"] == [found, found]  # once more after the restart
    assert said["errors"] == []
    assert said["commands"] == ["flowrules.restart", "flowrules.log"]
    assert not any("mistake in FlowRules" in line for line in said["log"]), said["log"]


def test_the_setting_comes_first(extension: Path, shop: Path) -> None:
    (shop / ".venv" / "bin").mkdir(parents=True)
    (shop / ".venv" / "bin" / "flowrules").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (shop / ".venv" / "bin" / "flowrules").chmod(0o755)
    assert [each["code"] for each in played(extension, shop, setting=str(FLOWRULES))["diagnostics"]] == [
        "FR012",
        "FR012",
    ]


def test_where_there_is_no_program_a_sentence_says_so(extension: Path, shop: Path) -> None:
    said = played(extension, shop)
    assert said["diagnostics"] == []
    assert [line.removesuffix(" Colours work without it.") for line in said["errors"]] == [
        "The program flowrules was not found: neither in .venv of this folder or above it, nor on the PATH.",
        f"There is no program {shop}/elsewhere/flowrules, which the setting flowrules.path names.",
    ]


def test_nothing_is_started_from_a_folder_that_is_not_trusted(extension: Path, shop: Path) -> None:
    said = played(extension, shop, setting=str(FLOWRULES), trusted=False)
    assert said["log"] == said["errors"] == said["diagnostics"] == []
