"""A run in steps that may be taken up again after a crash: deployments, ticks and hand-overs, each with its instant."""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from flowrules.channels.base import Channel
from flowrules.channels.file import FileChannel
from flowrules.runtime import tick
from flowrules.runtime.answers import Answer
from flowrules.runtime.deliver import deliver
from flowrules.runtime.deploy import apply
from flowrules.sql import tables
from flowrules.store import database as store
from flowrules.store.columns import add_columns
from flowrules.store.database import Database
from flowrules.store.identity import IdentityKind, normalised
from flowrules.store.journal import NewEvent, add_events
from tests.proof.copies import opened
from tests.proof.tap import Fuse, tapped
from tests.reference.scenario import Event, Scenario
from tests.support.engine import Reactions, as_stored, empty, fill, model_of, snapshot_of
from tests.support.prepared import prepared


@dataclass(frozen=True, slots=True)
class Deploy:
    scenario: Scenario
    at: int


@dataclass(frozen=True, slots=True)
class Tick:
    at: int


@dataclass(frozen=True, slots=True)
class Send:
    at: int


Step = Deploy | Tick | Send


class Few(FileChannel):
    """Takes few messages at a time, so that there are several transactions."""

    together = 4


@dataclass(frozen=True, slots=True)
class Outside:
    """What is not in the database: how channels answer inside of ticks, else the folder of the file channels.

    `folder` also holds how many steps are done: that a hand-over is over can not be seen in the database.
    """

    answer: Answer | None = None
    folder: Path | None = None

    @property
    def done(self) -> int:
        return int(self._progress.read_text()) if self._progress is not None and self._progress.exists() else 0

    def finished(self, steps: int) -> None:
        if self._progress is not None:
            self._progress.write_text(str(steps))

    @property
    def _progress(self) -> Path | None:
        return None if self.folder is None else self.folder / "done"

    def channels(self) -> dict[str, Channel]:
        assert self.folder is not None
        return {name: Few(self.folder, name) for name in ("email", "sms", "push")}


def make(url: str, scenario: Scenario, *, facts: bool = True) -> None:
    """A database with the scenario's customers, and its facts, before anything is deployed."""
    given = scenario if facts else replace(scenario, events=(), changes=(), consents=())

    def put_in() -> None:
        model = model_of(scenario)
        database = empty(url, scenario)
        try:
            with database.intake() as connection:
                add_columns(connection, model)
                fill(connection, model, given)
            database.checkpoint()
        finally:
            database.close()

    prepared(url, ("story", repr(given)), put_in).close()


def long_ago(url: str, customers: int) -> None:
    """Old facts of each: a table of a handful of rows is read as a whole, and rightly."""
    old = {"campaign_id": 9, "instance": 1, "step_id": 1, "pass": 1, "status": 10}
    with opened(url) as database, database.write() as connection:
        numbers = range(1, customers + 1)
        connection.execute(insert(tables.outcome), [{**old, "customer_id": n, "at": n} for n in numbers])
        connection.execute(
            insert(tables.attribute_change),
            [{"customer_id": n, "at": n, "seq": -n, "attribute": "plan", "text": "pro"} for n in numbers],
        )


def deploy(database: Database, scenario: Scenario, at: int, canary: int | None = None) -> None:
    kinds: tuple[IdentityKind, ...] = ("email", "phone", "id")
    lists = {
        name: [
            (kind, value) for kind in kinds for of, raw in entries if of == kind and (value := normalised(kind, raw))
        ]
        for name, entries in scenario.lists.items()
    }
    apply(database, snapshot_of(scenario), model_of(scenario), at, lists=lists, canary=canary)


def take_in(database: Database, scenario: Scenario, events: Sequence[Event], size: int) -> None:
    """In portions of `size`, each in a transaction of its own."""
    model = model_of(scenario)
    types = {(event.name, each.name): each.type for event in model.events for each in event.properties}
    new = [
        NewEvent(
            event.event,
            event.customer,
            event.event_time,
            event.at,
            f"taken in {number}",
            {name: as_stored(value, types[event.event, name], "EUR") for name, value in event.properties.items()},
        )
        for number, event in enumerate(events)
    ]
    for start in range(0, len(new), size):
        with database.intake() as connection:
            add_events(connection, model, new[start : start + size])


def lines(folder: Path) -> list[str]:
    """What the file channels wrote."""
    return sorted(line for file in folder.glob("*.jsonl") for line in file.read_text().splitlines())


def play(database: Database, steps: Sequence[Step], outside: Outside) -> None:
    """What of the steps has not happened yet."""
    for number, step in enumerate(steps, 1):
        if number > outside.done:
            _take(database, step, outside)
            outside.finished(number)


def _take(database: Database, step: Step, outside: Outside) -> None:
    with database.read() as connection:
        last_tick = connection.execute(select(tables.clock.c.last_tick)).scalar_one()
        deployments = set(connection.execute(select(tables.deployment.c.at)).scalars())
    match step:
        case Deploy() if step.at not in deployments:
            # The tick inside of `apply` has no channel that answers.
            tick.tick(database, step.at - 1, answer=outside.answer)
            deploy(database, step.scenario, step.at)
        case Tick() if last_tick < step.at:
            tick.tick(database, step.at, answer=outside.answer)
        case Send():
            deliver(database, outside.channels(), step.at)
        case _:
            pass


def answering(scenario: Scenario) -> Outside:
    return Outside(Reactions(scenario).answer)


def killed(work: Callable[[], None]) -> bool:
    """Do it in a process of its own; True if that was killed. It opens all that it uses itself."""
    status = _wait(_begin(work))
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status) == signal.SIGKILL
    assert status == 0, "the work failed by itself"
    return False


def together(*works: Callable[[], None]) -> None:
    """Each in a process of its own, all at once; none may fail."""
    assert [_wait(child) for child in [_begin(work) for work in works]] == [0] * len(works)


def _begin(work: Callable[[], None]) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
        child = os.fork()
    if child == 0:
        code = 1
        try:
            # Works that race all want SQLite's one lock; on a busy machine that can take longer than people would wait.
            store._PRAGMAS = ("PRAGMA busy_timeout=120000", *store._PRAGMAS[1:])
            work()
            code = 0
        except BaseException:  # noqa: BLE001  # this process ends here
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    return child


def _wait(child: int) -> int:
    return os.waitpid(child, 0)[1]


def played_until(url: str, steps: Sequence[Step], outside: Outside, number: int) -> bool:
    """Play until statement `number`; True if it came to that."""

    def work() -> None:
        with opened(url) as database, tapped(database, Fuse(number).burn):
            play(database, steps, outside)

    return killed(work)


def statements(url: str, steps: Sequence[Step], outside: Outside) -> int:
    """How many there are when nothing interrupts, commits among them."""
    fuse = Fuse()
    with opened(url) as database, tapped(database, fuse.burn):
        play(database, steps, outside)
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
