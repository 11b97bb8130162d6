"""docs/codes.md, written from the registry of codes: `python -m tests.docs.codes`."""

from __future__ import annotations

from pathlib import Path

from flowrules.diagnostics.code import Code
from flowrules.diagnostics.codes import CODES

PAGE = Path(__file__).parents[2] / "docs" / "codes.md"

HEAD = """\
# What `check` can find

Every mistake has a code. `flowrules help FR203` prints the same page in the terminal.

This page is written by `python -m tests.docs.codes`; do not change it by hand.

FR0xx: how a file is written. FR1xx: names and types. FR2xx: flow and time. FR3xx: consent, caps, templates, settings.
FR5xx: tests. FR9xx: a mistake of ours.
"""


def page() -> str:
    index = "\n".join(f"| [{code.code}](#{code.code.lower()}) | {code.title} |" for code in CODES.values())
    return "\n".join([HEAD, f"| code | what is wrong |\n|---|---|\n{index}\n", *map(_section, CODES.values())])


def _section(code: Code) -> str:
    parts = [f"## {code.code}", f"**{code.title[0].upper()}{code.title[1:]}.** {code.text}"]
    if code.wrong:
        parts += ["Wrong:", _fenced(code.wrong), "Right:", _fenced(code.right)]
    return "\n\n".join(parts) + "\n"


def _fenced(text: str) -> str:
    return f"```text\n{text.strip(chr(10))}\n```"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
