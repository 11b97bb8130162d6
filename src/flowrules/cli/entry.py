"""Where the program starts. Nothing heavy is imported before an interruption has its answer."""

from __future__ import annotations

import sys


def main() -> None:
    try:
        from flowrules.cli import interruption  # noqa: PLC0415 -- even this could be interrupted

        interruption.leaves()
        from flowrules.cli.main import main as program  # noqa: PLC0415 -- it takes a while

        program()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
