"""One failure of the parser as one diagnostic, with the exact place, a hint, and a fix where the repair is clear."""

from __future__ import annotations

from flowrules.diagnostics.model import Diagnostic
from flowrules.source import Source, Span
from flowrules.syntax.failure import Failure, describe, end_of_line, shown
from flowrules.syntax.indent import MAX_DEPTH, LayoutError
from flowrules.syntax.mistakes import KINDS


def explain_layout(text: str, error: LayoutError) -> Diagnostic:
    source = Source("", text)
    end = error.token.end_pos or 0
    if error.kind == "depth":
        lines = error.token.type == "_NL"
        span = Span(source, end, end_of_line(text, end)) if lines else Span(source, end - 1, end)
        hint = "give a part of it a stage of its own" if lines else "name a part of it as a segment"
        return Diagnostic("FR008", f"nested more than {MAX_DEPTH} levels deep", span, hint)
    depth = end - (text.rfind("\n", 0, end) + 1)
    hint = "begin it exactly below the line it belongs with"
    message = f"this line is indented by {depth} {'space' if depth == 1 else 'spaces'}, like no line above it"
    return Diagnostic("FR003", message, Span(source, end, end_of_line(text, end)), hint)


def explain(failure: Failure) -> Diagnostic:
    """The first of these that has something to say; each knows one kind of mistake."""
    for why in KINDS:
        found = why(failure)
        if found:
            return found
    expected = describe(failure)
    if failure.kind == "RPAR" and failure.bracket is None:
        return Diagnostic("FR009", "this bracket closes nothing", failure.here, "delete it, or open one before it")
    if failure.begins_line and not failure.takes("NAME"):
        return Diagnostic("FR012", f"no line begins with `{shown(failure.word)}` here", failure.here, expected)
    return Diagnostic("FR001", f"`{shown(failure.word)}` does not fit here", failure.here, expected)
