"""What no test noticed when the rules were changed, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from flowrules.diagnostics.text import pointed
from flowrules.model.mutants import Mutant
from flowrules.report.print import printed, safe
from flowrules.report.words import counted


@dataclass(frozen=True, slots=True)
class Mutated:
    """Changes that could be tried: how many a test noticed, which none did, and how many there was no time for."""

    noticed: int
    survived: Sequence[Mutant]
    not_tried: int

    def facts(self) -> dict[str, object]:
        return {
            "noticed": self.noticed,
            "survived": [
                {
                    "file": each.span.source.name,
                    "line": each.span.line,
                    "before": each.span.words,
                    "after": " ".join(each.after.split()),
                }
                for each in self.survived
            ],
            "not_tried": self.not_tried,
        }

    def text(self, *, colour: bool) -> str:
        told = [
            printed(
                [Text("no test notices", "bold yellow").append(f": {safe(each.words)}", "not yellow")], colour=colour
            )
            + "\n"
            + pointed(each.span, colour=colour)
            for each in self.survived
        ]
        tried = self.noticed + len(self.survived)
        summary = f"of {counted(tried, 'change')} to the rules the tests notice {self.noticed:,}"
        if self.not_tried:
            summary += f"; for {self.not_tried:,} more there was no time"
        return "\n\n".join([*told, summary])
