"""A run in steps that may be taken up again after a crash: deployments and ticks, each with its instant."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

from flowrules.runtime import tick
from flowrules.runtime.answers import Answer
from flowrules.runtime.deploy import apply
from flowrules.sql import tables
from flowrules.store.columns import add_columns
from flowrules.store.database import Database
from flowrules.store.identity import IdentityKind, normalised
from tests.proof.copies import opened
from tests.proof.tap import Fuse, tapped
from tests.reference.scenario import Scenario
from tests.support.engine import Reactions, empty, fill, model_of, snapshot_of


@dataclass(frozen=True, slots=True)
class Deploy:
    scenario: Scenario
    at: int


@dataclass(frozen=True, slots=True)
class Tick:
    at: int


Step = Deploy | Tick


def make(url: str, scenario: Scenario, *, facts: bool = True) -> None:
    """A database with the scenario's customers, and its facts, before anything is deployed."""
    model = model_of(scenario)
    database = empty(url, scenario)
    given = scenario if facts else replace(scenario, events=(), changes=(), consents=())
    try:
        with database.intake() as connection:
            add_columns(connection, model)
            fill(connection, model, given)
        database.checkpoint()
    finally:
        database.close()


def deploy(database: Database, scenario: Scenario, at: int) -> None:
    kinds: tuple[IdentityKind, ...] = ("email", "phone", "id")
    lists = {
        name: [(kind, value) for kind in kinds for of, raw in entries if of == kind and (value := normalised(kind, raw))]
        for name, entries in scenario.lists.items()
    }
    apply(database, snapshot_of(scenario), model_of(scenario), at, lists=lists)


def play(database: Database, steps: Sequence[Step], answer: Answer | None) -> None:
    """What of the steps has not happened yet."""
    for step in steps:
        with database.read() as connection:
            last_tick = connection.execute(select(tables.clock.c.last_tick)).scalar_one()
            deployments = set(connection.execute(select(tables.deployment.c.at)).scalars())
        if isinstance(step, Deploy):
            if step.at not in deployments:
                # The tick inside of `apply` has no channel that answers.
                tick.tick(database, step.at - 1, answer=answer)
                deploy(database, step.scenario, step.at)
        elif last_tick < step.at:
            tick.tick(database, step.at, answer=answer)


def answers(scenario: Scenario) -> Answer:
    return Reactions(scenario).answer


def killed(work: Callable[[], None]) -> bool:
    """Do it in a process of its own; True if that was killed. It opens all that it uses itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
        child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status) == signal.SIGKILL
    assert status == 0, "the work failed by itself"
    return False


def played_until(url: str, steps: Sequence[Step], answer: Answer | None, number: int) -> bool:
    """Play until statement `number`; True if it came to that."""

    def work() -> None:
        with opened(url) as database, tapped(database, Fuse(number).burn):
            play(database, steps, answer)

    return killed(work)


def statements(url: str, steps: Sequence[Step], answer: Answer | None) -> int:
    """How many there are when nothing interrupts, commits among them."""
    fuse = Fuse()
    with opened(url) as database, tapped(database, fuse.burn):
        play(database, steps, answer)
    return fuse.seen


@contextmanager
def slices_of(customers: int) -> Iterator[None]:
    """Small slices, so that a stretch has several."""
    size: Any = tick.SLICE
    tick.SLICE = customers
    try:
        yield
    finally:
        tick.SLICE = size
