"""Tests of the language, played from a text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flowrules.check import check
from flowrules.diagnostics.text import render
from flowrules.model.schema import Channel
from flowrules.model.snapshot import Snapshot, Template
from flowrules.report.expectations import judge
from flowrules.report.explain import Explanation
from flowrules.report.trials import Failed, Tested, tell
from flowrules.runtime.trial import Audience, theatre
from flowrules.source import Source

CHANNELS = (Channel("email", "email"), Channel("push", None), Channel("sms", "phone"))
TEMPLATE = "---\nsubject: Hello {{ customer.plan }}\n---\nThis is NAME.\n"


@dataclass(frozen=True, slots=True)
class Result:
    """`line`: the words that did not come true, None where the test passed; `arms`: where others do otherwise."""

    title: str
    line: str | None
    got: str | None
    arms: tuple[tuple[str, str], ...] = ()


def workspace(*texts: str, customers: tuple[Source, ...] = (), template: str = "") -> Snapshot:
    """With a template for all that is sent, and a file for every list."""
    whole = "\n".join(texts)
    known = "|".join(channel.name for channel in CHANNELS)
    asked = "\n".join(re.findall(r"\bsend .*", whole))
    sends = sorted(set(re.findall(rf"\b({known}) (\w+)", asked)))
    text = template or "---\nsubject: Hello\n---\n"
    return Snapshot(
        sources=tuple(Source(f"rules/{number}.flow", text) for number, text in enumerate(texts)),
        templates=tuple(Template(c, n, f"templates/{c}/{n}.txt", text.replace("NAME", n)) for c, n in sends),
        lists=frozenset(re.findall(r'^list.* from "([^"]*)"', whole, re.MULTILINE)),
        channels=CHANNELS,
        currency="EUR",
        zone="Europe/Madrid",
        customers=customers,
    )


def played(snapshot: Snapshot) -> list[Tested]:
    checked = check(snapshot)
    assert checked.model is not None, "\n\n".join(map(render, checked.diagnostics))
    assert not checked.errors, "\n\n".join(map(render, checked.diagnostics))
    found = []
    audience: Audience[Explanation | None, None] = Audience(judge, tell)
    with theatre(snapshot, checked.model, checked.trials, audience) as stage:
        for trial in checked.trials:
            end = stage.play(trial)
            failed = None
            if end.line is not None and end.got is not None:
                failed = Failed(trial.lines[end.line], end.got, end.story, end.open)
            found.append(Tested(trial, failed))
    return found


def play(*texts: str, customers: tuple[Source, ...] = (), template: str = "") -> list[Result]:
    return [
        Result(each.trial.title, None, None)
        if each.failed is None
        else Result(each.trial.title, each.failed.line.span.words, each.failed.got.words, each.failed.arms)
        for each in played(workspace(*texts, customers=customers, template=template))
    ]
