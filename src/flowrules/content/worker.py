"""Where templates are filled in: a process of its own, which may be killed.

Takes jobs as lines of JSON and answers each with a line; knows nothing of customers, files or secrets but what a job
says, and may neither grow beyond `MEMORY` nor write a file. Started and stopped by `content/writer.py`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import IO, Any

from flowrules.content.render import Rendered, TemplateFailure, Templates
from flowrules.content.values import Reading, Record
from flowrules.model.schema import Kind, Stored, Type
from flowrules.model.snapshot import Template

MEMORY = 512 * 1024 * 1024
"""Bytes, the program itself included."""

Value = tuple[Kind | None, Stored | None]
"""A stored value with its kind; None: prints as it is."""


@dataclass(frozen=True, slots=True)
class Job:
    """One message to write. `records`: `customer`, `entry` and `message`; `words`: what stands alone in a template."""

    channel: str
    template: str
    language: str | None
    currency: str
    zone: str
    records: Mapping[str, Mapping[str, Value]]
    words: Mapping[str, str | None]

    def line(self) -> dict[str, Any]:
        return asdict(self)


def serve(jobs: IO[bytes], answers: IO[bytes]) -> None:
    sets: dict[int, Templates] = {}
    for line in jobs:
        given = json.loads(line)
        if "templates" in given:
            sets[given["set"]] = Templates([Template(*each) for each in given["templates"]])
        for job in given["jobs"]:
            _say(answers, _write(sets[given["set"]], job))


def _write(templates: Templates, job: Mapping[str, Any]) -> dict[str, str | None]:
    reading = Reading(job["currency"], job["zone"])
    records = [
        Record(name, {key: _value(reading, *value) for key, value in values.items()})
        for name, values in job["records"].items()
    ]
    content = templates.render(job["channel"], job["template"], records, job["language"], job["words"])
    return {"kind": type(content).__name__, **asdict(content)}


def _value(reading: Reading, kind: str | None, stored: Stored | None) -> object:
    return stored if kind is None else reading.value(stored, Type(Kind(kind)))


def read_answer(line: bytes) -> Rendered | TemplateFailure:
    """Of a process that may do what a template made it do: nothing but texts is believed."""
    answer: dict[str, str | None] = json.loads(line)
    if answer["kind"] == "Rendered":
        return Rendered(answer["subject"], answer["text"], answer["html"])
    return TemplateFailure(str(answer["place"]), str(answer["message"]))


def _say(answers: IO[bytes], words: object) -> None:
    answers.write(json.dumps(words).encode() + b"\n")
    answers.flush()


def main() -> None:
    with suppress(ImportError, ValueError, OSError):  # not every system has them all
        import resource  # noqa: PLC0415 -- Windows has none

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    _say(sys.stdout.buffer, "ready")
    serve(sys.stdin.buffer, sys.stdout.buffer)
