"""The commands of a page, run in order in an empty folder, as a reader would.

`flowrules` is called within this process, where it is loaded already; everything else goes through a shell.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from flowrules.cli.main import program

_SHELL = re.compile(r"[|&;<>$`*\n\\]")
_FLOWRULES = str(Path(sys.executable).parent)


class Session:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "PATH": f"{_FLOWRULES}:{os.environ['PATH']}",
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "LANG": "C.UTF-8",
        }

    def run(self, command: str) -> tuple[int, str]:
        """Exit code, and what was printed, errors too."""
        words = [] if _SHELL.search(command) else shlex.split(command)
        match words:
            case ["cd", where]:
                self.folder = (self.folder / where).resolve()
                return 0, ""
            case ["export", setting]:
                name, _, value = setting.partition("=")
                self.environment[name] = value
                return 0, ""
            case ["unset", name]:
                self.environment.pop(name, None)
                return 0, ""
            case ["flowrules", *arguments]:
                settings = {"FLOWRULES_DATABASE_URL": self.environment.get("FLOWRULES_DATABASE_URL")}
                with contextlib.chdir(self.folder):
                    result = CliRunner().invoke(program, arguments, env=settings)
                return result.exit_code, result.output
            case _:
                done = subprocess.run(
                    ["sh", "-c", command],
                    cwd=self.folder,
                    env=self.environment,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    check=False,
                )
                return done.returncode, done.stdout

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
