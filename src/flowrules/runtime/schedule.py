"""`run`: the tick and the delivery, again and again by the machine's clock.

Takes a database, channels and how often; gives lines of a log. Nothing is kept here and no decision depends on a beat:
one that is late, missed or doubled changes only when a thing happens. A database or a channel that can not be used is
told once, and tried again with the next beat. A mistake of ours ends the run.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Protocol

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import select

from flowrules.channels.base import Channel, ChannelError
from flowrules.errors import FlowRulesError, InstantPassedError, StoreError
from flowrules.runtime import lease
from flowrules.runtime.daily import DailyLimits
from flowrules.runtime.deliver import Delivered, Handed, deliver
from flowrules.runtime.sum_up import sum_up
from flowrules.runtime.tick import Planner, TickResult, planner
from flowrules.sql import tables
from flowrules.store.database import Database

SLICE = 1000
"""Messages a call: what has become due meanwhile has its turn too."""

_SECOND = 1_000_000
_BEHIND = 600 * _SECOND
"""Further back than this the first tick says what it makes up for."""
_SAY_EVERY = 10.0  # seconds, how far a long tick is


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds. lease: after so long without a sign of the leader a standby takes over."""

    tick: int = 10
    deliver: int = 5
    lease: int = 30


class Stop:
    """What tells a run to end; a signal may set it at any moment.

    Not a threading.Event: whoever waits for that, or sets it, holds a lock for a moment, and a signal that comes just
    then would wait for this lock for ever.
    """

    def __init__(self) -> None:
        self._told = False

    def set(self) -> None:
        self._told = True

    def is_set(self) -> bool:
        return self._told

    def wait(self) -> None:
        # In short sleeps: a signal that comes just before one does not end it.
        while not self._told:
            time.sleep(0.1)


class Log(Protocol):
    def note(self, line: str, /) -> None: ...

    def warn(self, line: str, /) -> None: ...


def run(
    database: Database,
    channels: Mapping[str, Channel],
    daily: DailyLimits,
    every: Intervals,
    out: Log,
    stop: Stop,
) -> None:
    """Until `stop` is set; then the transactions under way are finished, and the lease is released."""
    beats = _Beats(database, channels, daily, every, out, stop)
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # a beat that is left out is nothing to tell
    scheduler = BackgroundScheduler(
        timezone=UTC,
        executors={"default": ThreadPoolExecutor(4)},
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
    )
    out.note(f"{_iso(wall())} started: tick every {every.tick} s, delivery every {every.deliver} s")
    beats.lead()
    scheduler.add_job(beats.lead, "interval", seconds=max(1, every.lease // 3))
    for work, seconds in ((beats.tick, every.tick), (beats.deliver, every.deliver), (beats.sum_up, every.tick)):
        scheduler.add_job(work, "interval", seconds=seconds, next_run_time=datetime.now(UTC))
    scheduler.start()
    stop.wait()
    scheduler.shutdown(wait=True)
    beats.end()


def wall() -> int:
    return time.time_ns() // 1000


class _Beats:
    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Channel],
        daily: DailyLimits,
        every: Intervals,
        out: Log,
        stop: Stop,
    ) -> None:
        self.database, self.channels, self.daily, self.every, self.out, self.stop = (
            database, channels, daily, every, out, stop,
        )  # fmt: skip
        self.owner = lease.new_owner()
        self.failure: BaseException | None = None
        self._leads_until: float | None = None  # of the clock that nobody sets
        self._standing = ""
        self._troubles: dict[str, str] = {}
        self._telling = Lock()
        self._planning = ExitStack()
        self._planner: Planner | None = None
        self._caught_up = False
        self._handed = Handed()

    # --- beats ----------------------------------------------------------------------------------------

    def lead(self) -> None:
        self._beat("lease", self._lead)

    def tick(self) -> None:
        if self.leads:
            self._beat("tick", self._tick)

    def deliver(self) -> None:
        # What downtime left behind is decided first: it may take messages back.
        if self.leads and self._caught_up:
            self._beat("deliver", self._deliver)
        elif self._handed.unsettled:  # whoever leads now takes it for ours as long as we live
            self._beat("deliver", self._settle)

    def sum_up(self) -> None:
        """For those who look on; and beside the engine, so that no tick does it, SQLite's log into its file."""
        if self.leads and self._caught_up:
            self._beat("summary", self._sum_up)

    def end(self) -> None:
        self._drop_planner()
        try:
            lease.release(self.database, self.owner)
        except StoreError as failure:
            self.out.warn(f"the lease runs out by itself: {failure.message}")
        if self.failure is not None:
            raise self.failure
        self._say("stopped")

    @property
    def leads(self) -> bool:
        return self._leads_until is not None and time.monotonic() < self._leads_until

    def _beat(self, name: str, work: Callable[[], None]) -> None:
        if self.stop.is_set():
            return
        try:
            work()
        except FlowRulesError as failure:
            self._trouble(name, failure)
        except BaseException as failure:  # noqa: BLE001 -- told where the program ends
            self.failure = failure
            self.stop.set()
        else:
            self._fine(name)

    # --- what they do ---------------------------------------------------------------------------------

    def _lead(self) -> None:
        began = time.monotonic()
        leads = lease.renew(self.database, self.owner, wall(), self.every.lease * _SECOND)
        self._leads_until = began + self.every.lease if leads else None
        standing = "leading" if leads else "standing by: another process leads"
        if standing != self._standing:
            self._standing = standing
            self._say(standing)

    def _tick(self) -> None:
        try:
            if self._planner is None:
                self._planner = self._planning.enter_context(planner(self.database))
                self._tell_lag()
            done = self._planner.tick(wall(), progress=self._progress(), stopped=self.stop.is_set)
        except InstantPassedError:
            done = None  # by a scheduler whose clock is ahead of ours
        except BaseException:
            self._drop_planner()
            raise
        self._caught_up = not self.stop.is_set()
        if done is not None and (words := _ticked(done)):
            self._say(f"tick: {words}")

    def _sum_up(self) -> None:
        sum_up(self.database, stopped=self.stop.is_set)
        self.database.checkpoint()

    def _tell_lag(self) -> None:
        with self.database.read() as connection:
            last: int = connection.execute(select(tables.clock.c.last_tick)).scalar_one()
        lag = wall() - last
        if last > 0 and lag > _BEHIND:
            self._say(f"making up for {lag // _SECOND // 60} minutes, in order")
        elif lag < -_SECOND:
            self.out.warn(
                f"this machine's clock is {-lag // _SECOND} seconds behind the last tick: nothing is decided until then"
            )

    def _progress(self) -> Callable[[int], None]:
        said = time.monotonic()

        def progress(reached: int) -> None:
            nonlocal said
            if time.monotonic() - said > _SAY_EVERY:
                said = time.monotonic()
                self._say(f"tick: decided up to {_iso(reached)}")

        return progress

    def _deliver(self) -> None:
        done = Delivered()
        try:
            while not self.stop.is_set():
                upto = done.claimed + SLICE
                self._handed_over(upto, done)
                if done.claimed < upto:
                    break
        finally:  # also where the database was lost
            if words := _delivered(done):
                self._say(f"deliver: {words}")
        if done.out:
            what = "; ".join(f"`{name}`: {why}" for name, why in sorted(done.out.items()))
            raise ChannelError(f"a channel is out of order; its messages wait. {what}", "")

    def _settle(self) -> None:
        done = Delivered()
        self._handed_over(0, done)
        if words := _delivered(done):
            self._say(f"deliver: {words}")

    def _handed_over(self, limit: int, done: Delivered) -> None:
        deliver(
            self.database,
            self.channels,
            wall,
            limit,
            self.daily,
            handed=self._handed,
            done=done,
            stopped=self.stop.is_set,
        )

    def _drop_planner(self) -> None:
        self._planner = None
        with suppress(StoreError):  # its connection may be gone already
            self._planning.close()

    # --- what is told ---------------------------------------------------------------------------------

    def _say(self, words: str) -> None:
        self.out.note(f"{_iso(wall())} {words}")

    def _trouble(self, name: str, failure: FlowRulesError) -> None:
        """Once, however many beats meet it however often."""
        with self._telling:
            if failure.message not in self._troubles.values():
                hint = f"; {failure.hint}" if failure.hint and not isinstance(failure, StoreError) else ""
                self.out.warn(f"{_iso(wall())} {failure.message}{hint}; trying again")
            self._troubles[name] = failure.message

    def _fine(self, name: str) -> None:
        with self._telling:
            if self._troubles.pop(name, None) is not None and not self._troubles:
                self._say("going on: that works again")


def _ticked(done: TickResult) -> str:
    counts = {"entered": done.entered, "moved": done.moved, "ended": done.exited, "to send": done.intents}
    return _words(counts, done.withheld)


def _delivered(done: Delivered) -> str:
    counts = {"sent": done.sent, "refused": done.refused, "retried": done.retried, "unknown": done.unknown}
    return _words(counts, done.withheld)


def _words(counts: Mapping[str, int], withheld: Mapping[str, int]) -> str:
    """What happened, and nothing of what did not."""
    parts = [f"{number} {word}" for word, number in counts.items() if number]
    return ", ".join([*parts, *(f"{number} withheld ({reason})" for reason, number in sorted(withheld.items()))])


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at // _SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
