"""Package the extension for VS Code: `make vscode`.

Takes editors/vscode, gives build/flowrules.vsix. What its client needs comes from the npm registry as the lock file
says, and nothing of it is run but the bundler. The same sources give the same package, byte for byte.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "editors" / "vscode"
SCRATCH = ROOT / "build" / "vscode"
PACKAGE = ROOT / "build" / "flowrules.vsix"
LONG_AGO = (1980, 1, 1, 0, 0, 0)
_TYPES = {
    "json": "application/json",
    "js": "application/javascript",
    "md": "text/markdown",
    "txt": "text/plain",
    "vsixmanifest": "text/xml",
}


def main() -> None:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        sys.exit("packaging the extension takes Node.js with npm, and there is none on the PATH")
    shutil.copytree(SOURCE, SCRATCH, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules", "dist"))
    for words in (("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"), ("run", "-s", "bundle")):
        if code := subprocess.run([npm, *words], cwd=SCRATCH, check=False).returncode:
            sys.exit(code)
    manifest = json.loads((SCRATCH / "package.json").read_text(encoding="utf-8"))
    shutil.copy(ROOT / "LICENSE", SCRATCH / "LICENSE.txt")
    (SCRATCH / "THIRD-PARTY.txt").write_text("\n\n".join(_licences(SCRATCH)), encoding="utf-8")
    named = [SCRATCH / name for name in manifest["files"]]
    inside = sorted(path for top in named for path in (top.rglob("*") if top.is_dir() else (top,)) if path.is_file())
    with zipfile.ZipFile(PACKAGE, "w") as package:
        _put(package, "extension.vsixmanifest", _manifest(manifest).encode())
        _put(package, "[Content_Types].xml", _types().encode())
        for path in (SCRATCH / "package.json", *inside):
            _put(package, f"extension/{path.relative_to(SCRATCH).as_posix()}", path.read_bytes())


def _put(package: zipfile.ZipFile, name: str, content: bytes) -> None:
    package.writestr(zipfile.ZipInfo(name, LONG_AGO), content, zipfile.ZIP_DEFLATED)


def _licences(folder: Path) -> Iterator[str]:
    """Of what the bundle holds, in its authors' words."""
    lock = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))
    for name, each in lock["packages"].items():
        if name and not each.get("dev"):
            texts = [path for path in sorted((folder / name).iterdir()) if path.stem.lower() in {"license", "licence"}]
            yield "\n\n".join((f"{name.removeprefix('node_modules/')} {each['version']}", *map(_text, texts)))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()


def _manifest(about: dict[str, Any]) -> str:
    identity = f'Language="en-US" Id={quoteattr(about["name"])} Version={quoteattr(about["version"])}'
    return f"""<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
  <Metadata>
    <Identity {identity} Publisher={quoteattr(about["publisher"])}/>
    <DisplayName>{escape(about["displayName"])}</DisplayName>
    <Description xml:space="preserve">{escape(about["description"])}</Description>
    <Categories>{escape(",".join(about["categories"]))}</Categories>
    <Properties>
      <Property Id="Microsoft.VisualStudio.Code.Engine" Value={quoteattr(about["engines"]["vscode"])}/>
      <Property Id="Microsoft.VisualStudio.Code.ExtensionKind" Value="workspace"/>
    </Properties>
    <License>extension/LICENSE.txt</License>
  </Metadata>
  <Installation>
    <InstallationTarget Id="Microsoft.VisualStudio.Code"/>
  </Installation>
  <Dependencies/>
  <Assets>
    <Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json" Addressable="true"/>
    <Asset Type="Microsoft.VisualStudio.Services.Content.Details" Path="extension/README.md" Addressable="true"/>
    <Asset Type="Microsoft.VisualStudio.Services.Content.License" Path="extension/LICENSE.txt" Addressable="true"/>
  </Assets>
</PackageManifest>
"""


def _types() -> str:
    lines = "".join(f'<Default Extension=".{each}" ContentType="{kind}"/>' for each, kind in _TYPES.items())
    opening = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    return f'<?xml version="1.0" encoding="utf-8"?>\n{opening}{lines}</Types>\n'


if __name__ == "__main__":
    main()
