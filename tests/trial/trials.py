"""Tests of the language, played from a text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flowrules.check import check
from flowrules.diagnostics.text import render
from flowrules.model.schema import Channel
from flowrules.model.snapshot import Snapshot, Template
from flowrules.report.expectations import judge
from flowrules.runtime.trial import theatre
from flowrules.source import Source

CHANNELS = (Channel("email", "email"), Channel("push", None), Channel("sms", "phone"))


@dataclass(frozen=True, slots=True)
class Result:
    """`line`: the words that did not come true, None where the test passed."""

    title: str
    line: str | None
    got: str | None


def workspace(*texts: str) -> Snapshot:
    """With a template for all that is sent, and a file for every list."""
    whole = "\n".join(texts)
    known = "|".join(channel.name for channel in CHANNELS)
    asked = "\n".join(re.findall(r"\bsend .*", whole))
    sends = sorted(set(re.findall(rf"\b({known}) (\w+)", asked)))
    return Snapshot(
        sources=tuple(Source(f"rules/{number}.flow", text) for number, text in enumerate(texts)),
        templates=tuple(Template(c, n, f"templates/{c}/{n}.txt", "---\nsubject: Hello\n---\n") for c, n in sends),
        lists=frozenset(re.findall(r'^list.* from "([^"]*)"', whole, re.MULTILINE)),
        channels=CHANNELS,
        currency="EUR",
        zone="Europe/Madrid",
    )


def play(*texts: str) -> list[Result]:
    snapshot = workspace(*texts)
    checked = check(snapshot)
    assert checked.model is not None, "\n\n".join(map(render, checked.diagnostics))
    model = checked.model
    found = []
    with theatre(snapshot, model, checked.trials) as stage:
        for trial in checked.trials:
            with stage.play(trial, lambda connection, line: judge(connection, model, line)) as played:
                line = None if played.line is None else played.line.span.words
                found.append(Result(trial.title, line, played.got))
    return found
