"""What is known about one code of a diagnostic: its page in `flowrules help CODE`. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import indent


@dataclass(frozen=True, slots=True)
class Code:
    """`wrong` is a whole file that triggers it, `right` the same file mended.

    Both are empty only where a file can not show it (a file too large to print, an internal error).
    """

    code: str
    title: str
    text: str
    wrong: str = ""
    right: str = ""

    @property
    def page(self) -> str:
        """The explanation as `help` prints it."""
        parts = [f"{self.code}: {self.title}", self.text]
        if self.wrong:
            parts += [
                "Wrong:",
                indent(self.wrong.strip("\n"), "    "),
                "Right:",
                indent(self.right.strip("\n"), "    "),
            ]
        return "\n\n".join(parts) + "\n"
