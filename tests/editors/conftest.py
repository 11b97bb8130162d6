"""What of the editors can be tested here: the extension for VS Code only where `make vscode` has packaged it."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "build" / "flowrules.vsix"

# CI packages it (.ci/run), so that there nothing is left out.
collect_ignore = [] if PACKAGE.exists() or os.environ.get("CI") == "true" else ["test_vscode.py"]
