"""The planner once more over the record of one customer, as it was or with one thing otherwise.

Takes a Record in memory; gives the ledger of the run. What the planner would have sent and nobody has sent is accepted
at once, and nobody reacts to it. What the hand-over gate kept back, the gate is asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, select, update

from flowrules.content.deployed import Deployed
from flowrules.model.campaign import Model, SegmentTrigger
from flowrules.runtime.answers import silent
from flowrules.runtime.deploy import look_again, take_stock
from flowrules.runtime.load import Program, load_program
from flowrules.runtime.rounds import Round
from flowrules.runtime.tick import Planner, prepare
from flowrules.sql import tables as t
from flowrules.sql.codes import Decision, Status
from flowrules.store.database import Session
from flowrules.store.memory import Memory, in_memory
from flowrules.whatif.handed_over import Gate, hand_overs
from flowrules.whatif.looks import Look, at_the_gate, watched
from flowrules.whatif.record import Phase, Record, copy_deployments, copy_into, ledger_of

Ledger = Sequence[Row[*tuple[Any, ...]]]


def _same(model: Model) -> Model:
    return model


def nothing(_connection: Connection) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Otherwise:
    """model: what each deployment would have said; facts: what of the journal would have been otherwise."""

    model: Callable[[Model], Model] = _same
    facts: Callable[[Connection], None] = nothing


@dataclass(frozen=True, slots=True)
class Aside:
    """Just before the instant `at` these facts are otherwise, and that instant is played; then all is as before.

    handed_over: just before the gate is asked about that instant.
    """

    at: int
    facts: Callable[[Connection], None]
    seen: Callable[[Ledger], None]
    handed_over: bool


@dataclass(slots=True)
class Stage:
    """Where the record is played, over and over. source: what comes with each deployment, read beforehand.

    kept_back: what is asked of hand-overs in this play; looks: what conditions found in it.
    """

    source: Connection
    record: Record
    memory: Memory
    session: Session
    gate: Gate
    kept_back: Sequence[Aside] = ()
    looks: Sequence[Look] = ()

    def play(self, otherwise: Otherwise, asides: Sequence[Aside] = (), looks: Sequence[Look] = ()) -> Ledger:
        """For the first time with nothing otherwise: so it is known what can be explained at all."""
        self.memory.forget()
        known = {
            number: Deployed.built(number, each.snapshot, otherwise.model(each.model))
            for number, each in self.record.deployed.items()
        }
        self.gate.known = known
        self.kept_back, self.looks = [each for each in asides if each.handed_over], looks
        with self.session.write() as connection:
            otherwise.facts(connection)
        planner: Planner | None = None
        phases = self.record.phases
        ends = [*(phase.at - 1 for phase in phases[1:]), self.record.until]
        for phase, end in zip(phases, ends, strict=True):
            planner = self._enter(phase, known, planner)
            for aside in sorted(asides, key=lambda each: each.at):
                if phase.at <= aside.at <= end and not aside.handed_over:
                    self._go(planner, aside.at - 1)
                    self._digress(planner, aside)
            self._go(planner, end)
        return self.ledger()

    def ledger(self) -> Ledger:
        with self.session.read() as connection:
            return ledger_of(connection, self.record.customer, self.record.until)

    # --- deployments ----------------------------------------------------------------------------------

    def _enter(self, phase: Phase, known: dict[int, Deployed], before: Planner | None) -> Planner:
        deployed = known[phase.deployment.id]
        with self.session.write() as connection:
            self._put_in_force(connection, phase, deployed)
            if before is not None:
                look_again(connection, deployed.machines.values(), phase.at)
                moves = select(t.move).where(t.move.c.customer_id == self.record.customer, t.move.c.at == phase.at)
                if rows := [dict(row) for row in self.source.execute(moves).mappings()]:
                    connection.execute(insert(t.move), rows)
            program = load_program(connection, "sqlite", known)
            if any(isinstance(each.entry.trigger, SegmentTrigger) for each in deployed.model.campaigns):
                take_stock(connection, program, phase.at - 1)
            else:
                connection.execute(delete(t.membership))
            if self.looks:
                program = watched(program, connection, self.looks)
        return self._planner(program, fresh=before is None)

    def _planner(self, program: Program, *, fresh: bool) -> Planner:
        if fresh:
            return prepare(self.memory.database, self.session, program)
        with self.session.write() as connection:
            Round.load(connection, program)
        return Planner(self.memory.database, self.session, program)

    def _put_in_force(self, connection: Connection, phase: Phase, deployed: Deployed) -> None:
        """The versions that there were then, and since when each campaign has lived."""
        source, v, n = self.source, t.version, t.node
        there = set(connection.execute(select(v.c.id)).scalars())
        versions = source.execute(select(v).where(v.c.deployment_id <= phase.deployment.id)).mappings().all()
        fresh = [row for row in versions if row["id"] not in there]
        if fresh:
            ids = [each["id"] for each in fresh]
            connection.execute(insert(v), [dict(row) for row in fresh])
            nodes = source.execute(select(n).where(n.c.version_id.in_(ids))).mappings()
            connection.execute(insert(n), [dict(row) for row in nodes])
        if not there:
            self._deployments_before(connection, phase)
        first: dict[int, int] = {}
        for row in versions:
            number, at = row["campaign_id"], row["at"]
            first[number] = min(first.get(number, at), at)
        c = t.campaign.c
        for campaign in source.execute(select(t.campaign)):
            lives, back = None, None
            if campaign.name in deployed.campaigns:
                now = campaign.lives_from is not None and campaign.lives_from <= phase.at
                lives, back = (campaign.lives_from, campaign.looks_back_to) if now else (first.get(campaign.id), None)
            connection.execute(
                update(t.campaign).where(c.id == campaign.id).values(lives_from=lives, looks_back_to=back)
            )
        number, at, canary = phase.deployment.id, phase.at, phase.canary
        connection.execute(insert(t.deployment).values(id=number, at=at, canary=canary, digest="", snapshot=""))

    def _deployments_before(self, connection: Connection, phase: Phase) -> None:
        """Of a canary it must be known which was the last for everybody."""
        before = self.source.execute(select(t.deployment).where(t.deployment.c.id < phase.deployment.id))
        if rows := [dict(row) for row in before.mappings()]:
            connection.execute(insert(t.deployment), rows)

    # --- time -----------------------------------------------------------------------------------------

    def _digress(self, planner: Planner, aside: Aside) -> None:
        self._at_the_gate(planner, self._last())
        self.memory.mark()
        try:
            with self.session.write() as connection:
                aside.facts(connection)
            self._go(planner, aside.at)
            aside.seen(self.ledger())
        finally:
            self.memory.back()

    def _go(self, planner: Planner, until: int) -> None:
        at_once = self.record.at_once_from
        if at_once is None or self._last() < at_once - 1:
            self._go_by_outbox(planner, until if at_once is None else min(until, at_once - 1))
        if self._last() < until:
            planner.tick(until, answer=silent)

    def _go_by_outbox(self, planner: Planner, until: int) -> None:
        """Stretch by stretch: what became of a message that nobody has sent is said before time goes on."""
        while (last := self._last()) < until:
            self._at_the_gate(planner, last)
            self.memory.mark()
            planner.tick(self.gate.next(last, until), stopped=_Once())
            new = self._unanswered(last)
            if not new:
                self.memory.keep()
                continue
            self.memory.back()
            at = min(decided for *_, decided in new)
            planner.tick(at)
            self._accept([key for *key, decided in self._unanswered(last) if decided == at], at + 1)

    def _at_the_gate(self, planner: Planner, last: int) -> None:
        for each in self.gate.here(last):
            if not self.gate.as_it_was(each, last):
                self.gate.otherwise(each, last)
                continue
            for aside in self.kept_back:
                if aside.at == each.at and self.gate.explained[each.at, last]:
                    self._digress(planner, aside)
            steps = {key[1:4] for key in self.gate.explained[each.at, last]}
            for look in self.looks:
                if look.row.decision == Decision.OUTCOME and look.row.at == each.at and look.step in steps:
                    self.gate.found(each, partial(at_the_gate, look))

    def _last(self) -> int:
        with self.session.read() as connection:
            found: int = connection.execute(select(t.clock.c.last_tick)).scalar_one()
        return found

    def _unanswered(self, since: int) -> list[tuple[int, ...]]:
        """(campaign, instance, step, pass, instant) of what only this run has decided to send."""
        m = t.message.c
        query = select(m.campaign_id, m.instance, m.step_id, m["pass"], m.decided_at)
        with self.session.read() as connection:
            rows = connection.execute(query.where(m.status == Status.INTENDED, m.decided_at > since)).all()
        return [tuple(row) for row in rows if (row[0], row[1], row[2], row[4]) not in self.record.sent]

    def _accept(self, keys: Sequence[Sequence[int]], at: int) -> None:
        o = t.outcome.c
        names = ("campaign_id", "instance", "step_id", "pass")
        with self.session.write() as connection:
            for key in keys:
                about = dict(zip(names, key, strict=True))
                later = and_(o.at >= at, *(o[name] == value for name, value in about.items()))
                connection.execute(delete(t.outcome).where(later))
                row = {"customer_id": self.record.customer, "at": at, **about, "status": Status.SENT}
                connection.execute(insert(t.outcome).values(row))


class _Once:
    """Stops the planner behind its next stretch."""

    def __init__(self) -> None:
        self._asked = 0

    def __call__(self) -> bool:
        self._asked += 1
        return self._asked > 1


@contextmanager
def staged(source: Connection, record: Record) -> Iterator[Stage]:
    """By the time it is set, all is read: nobody's database is kept while the record is played."""
    with in_memory() as shelf, in_memory() as memory, memory.database.session() as session:
        with shelf.database.write() as deployed, session.write() as connection:
            copy_deployments(source, deployed, record)
            copy_into(source, connection, record)
        memory.settle()
        gate = Gate(tuple(hand_overs(source, record)), memory, session)
        with shelf.database.read() as deployed:
            yield Stage(deployed, record, memory, session, gate)


def differ(recorded: Ledger, played: Ledger) -> int | None:
    """The first instant at which they do; None: nowhere."""
    for one, other in zip(recorded, played, strict=False):
        if tuple(one) != tuple(other):
            return min(int(one.at), int(other.at))
    longer = [*recorded[len(played) :], *played[len(recorded) :]]
    return int(longer[0].at) if longer else None
