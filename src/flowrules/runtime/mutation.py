"""One thing of the rules changed at a time, and the tests that it can affect played.

Takes a snapshot, its model and its tests, which pass; gives what came of each change, in their order. Nothing is ever
written to the workspace.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Literal

from sqlalchemy import Connection

from flowrules.content import writer
from flowrules.content.deployed import Deployed
from flowrules.model.build import resolve
from flowrules.model.campaign import Model
from flowrules.model.involved import Parts, parts
from flowrules.model.mutants import Mutant, mutants
from flowrules.model.snapshot import Snapshot
from flowrules.model.trial import Got, Line, Trial
from flowrules.model.trials import build_trials
from flowrules.runtime.trial import Audience, blank, theatre
from flowrules.runtime.troupe import processes
from flowrules.source import Source
from flowrules.syntax import tree
from flowrules.syntax.reading import read

Judge = Callable[[Connection, dict[int, Deployed], Model, Line], Got | None]
End = Literal["noticed", "survived", "refused"]
"""refused: no rules that could be in force."""


@dataclass(frozen=True, slots=True)
class Tried:
    """by: the title of the test that noticed; tests: how many were played to find out."""

    mutant: Mutant
    end: End
    by: str | None = None
    tests: int = 0


@dataclass(frozen=True, slots=True)
class Mutation:
    """What there is to try: `template` an empty database to begin with."""

    snapshot: Snapshot
    files: Sequence[tree.File]
    titles: frozenset[str]
    before: dict[str, Parts]
    judge: Judge
    template: bytes

    def attempt(self, mutant: Mutant) -> Tried:
        sources = tuple(mutant.file if each.name == mutant.file.name else each for each in self.snapshot.sources)
        snapshot = replace(self.snapshot, sources=sources)
        made = self._made(mutant.file, snapshot)
        if made is None:
            return Tried(mutant, "refused")
        model, trials = made
        # Of a title that is there twice, or is gone, nothing can be said.
        affected = [
            trial
            for trial in trials
            if trial.title in self.titles and parts(model, trial, snapshot.templates) != self.before.get(trial.title)
        ]
        audience: Audience[None, None] = Audience(self.judge, _silent)
        with theatre(snapshot, model, affected, audience, self.template) as stage:
            for number, trial in enumerate(affected, 1):
                if stage.play(trial).got is not None:
                    return Tried(mutant, "noticed", trial.title, number)
        return Tried(mutant, "survived", None, len(affected))

    def _made(self, changed: Source, snapshot: Snapshot) -> tuple[Model, tuple[Trial, ...]] | None:
        file, wrong = read(changed)
        if wrong:
            return None
        files = [file if each.source.name == changed.name else each for each in self.files]
        names, model = resolve(files, snapshot)
        if model is None:
            return None
        trials = build_trials(files, names, model, lambda others: resolve(others, snapshot))
        return None if any(each.severity == "error" for each in names.diagnostics) else (model, trials)


def _silent(_connection: Connection, _known: dict[int, Deployed], _line: Line, _got: Got) -> None:
    return None


def mutate(
    snapshot: Snapshot, model: Model, trials: Sequence[Trial], judge: Judge, *, jobs: int | None, budget: float | None
) -> Iterator[Tried | Mutant]:
    """A Mutant that was not tried: the budget, in seconds, was spent."""
    files = [read(source)[0] for source in snapshot.sources]
    before = {trial.title: parts(model, trial, snapshot.templates) for trial in trials}
    mutation = Mutation(snapshot, files, frozenset(before), before, judge, blank(snapshot))
    changes = mutants(files)
    end = None if budget is None else time.monotonic() + budget
    _working.append((mutation, changes, end))
    writer.rest()
    number = min(processes() if jobs is None else jobs, processes(), len(changes))
    try:
        with get_context("fork").Pool(number) if number > 1 else nullcontext() as pool:
            yield from map(_attempt, range(len(changes))) if pool is None else pool.imap(_attempt, range(len(changes)))
    finally:
        _working.pop()


_working: list[tuple[Mutation, Sequence[Mutant], float | None]] = []


def _attempt(number: int) -> Tried | Mutant:
    mutation, changes, end = _working[-1]
    if end is not None and time.monotonic() >= end:
        return changes[number]
    return mutation.attempt(changes[number])
