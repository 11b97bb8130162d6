"""The program of a database: every version in use, compiled, with its statements.

Takes a connection, gives a Program. Reads only; never looks at the files of the workspace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, Integer, and_, func, inspect, literal_column, or_, select, text

from flowrules.content.deployed import Deployed, Library
from flowrules.model import campaign as m
from flowrules.program.machine import Machine
from flowrules.sql import tables as t
from flowrules.sql.bundle import NODES, Bundle, load
from flowrules.sql.codes import Status
from flowrules.sql.dates import Dates, dates
from flowrules.sql.entries import Entry, entries
from flowrules.sql.facts import Facts, OnEvent, facts
from flowrules.sql.inner import Inner, inner
from flowrules.sql.membership import Membership, memberships
from flowrules.sql.messages import Messages, messages
from flowrules.sql.operators import Operators, operators
from flowrules.sql.rounds import Rounds, rounds, zone_of
from flowrules.sql.script import Script
from flowrules.sql.statement import Statement
from flowrules.sql.steps import script
from flowrules.sql.visits import Visits, visits
from flowrules.sql.watch import Ends, Watch, ends, watch
from flowrules.store.canaries import canaries
from flowrules.store.catalogues import catalogue

State = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Program:
    """state: what it was loaded from, see `newest`; default_zone: id of the policy's zone; columns: of the
    customer table, and whether they hold text.
    """

    state: State
    bundle: Bundle
    default_zone: int
    zone_of_customer: bool
    rounds: Rounds
    visits: Visits
    watch: Watch
    ends: Ends
    facts: Facts
    entries: tuple[Entry, ...]
    inner: Inner
    memberships: tuple[Membership, ...]
    dates: tuple[Dates, ...]
    messages: Messages
    operators: Operators
    listened: frozenset[int]
    salt: str
    columns: Mapping[str, bool]
    _scripts: dict[int, Script] = field(default_factory=dict)
    _made: dict[int, tuple[Statement, ...]] = field(default_factory=dict)

    def script(self, code: int) -> Script:
        """The statements of a position, made when it is met first."""
        if code not in self._scripts:
            self._scripts[code] = script(self.bundle, *self.bundle.position(code))
        return self._scripts[code]

    def witness(self, code: int, statement: Statement) -> None:
        """One more for all who come to a position, which only looks on; like their rows it is told the turn."""
        script = self.script(code)
        self._scripts[code] = replace(script, record=(statement, *script.record))

    def made(self, item: OnEvent) -> tuple[Statement, ...]:
        """The statements of an event clause, made when such a fact comes first."""
        if id(item) not in self._made:
            self._made[id(item)] = item.make()
        return self._made[id(item)]


def newest(connection: Connection) -> State:
    """The newest deployment, 0 without any; how many pauses and resumes there were; how many zones customers have."""
    row = connection.execute(_NEWEST).one()
    return row[0], row[1], row[2], row[3]


# Asked at every tick, so written once.
_NEWEST = select(
    select(func.coalesce(func.max(t.deployment.c.id), 0)).scalar_subquery(),
    select(func.count()).select_from(t.pause).scalar_subquery(),
    select(func.count(t.pause.c.until)).scalar_subquery(),
    select(func.count()).select_from(t.zone).scalar_subquery(),
)


def load_program(connection: Connection, dialect: str, known: dict[int, Deployed] | None = None) -> Program:
    """known: deployments that were built before."""
    names = catalogue(connection)
    library = Library(connection, known)
    deployed = library.newest
    facts_of = {row.key: row.value for row in connection.execute(select(t.workspace.c.key, t.workspace.c.value))}
    model = deployed.model if deployed is not None else None
    current = _current(connection)
    versions: list[tuple[int, int, Machine, m.Model]] = []
    now: list[tuple[int, int]] = []
    if deployed is not None:
        for name, machine in deployed.machines.items():
            version_id, campaign_id, lives_from = current[name]
            versions.append((version_id, campaign_id, machine, deployed.model))
            now.append((version_id, lives_from))
    bases: dict[int, tuple[int, int]] = {}
    for name, canary in canaries(connection).items():
        campaign_id, base = current[name][1], library.of_version(canary.base_id)
        bases[campaign_id] = canary.base_id, canary.millionths
        versions.append((canary.base_id, campaign_id, base.machines[name], base.model))
    for version_id, campaign_id, name in _older(connection, {item[0] for item in versions}):
        older = library.of_version(version_id)
        versions.append((version_id, campaign_id, older.machines[name], older.model))
    # Written out, not bound: only so do both databases see that the partial index serves.
    of_held = and_(literal_column("message.status") < text("10"), t.message.c.status == Status.HELD)
    held = connection.execute(select(t.message.c.status).where(of_held).limit(1)).first() is not None
    last_tick = connection.execute(select(t.clock.c.last_tick)).scalar_one()
    looks_back = _looks_back(connection)
    moves, moved = _moves(connection, last_tick)
    bundle = load(
        dialect,
        names,
        model,
        versions,
        now,
        _paused(connection),
        held=held,
        looks_back=looks_back,
        last_tick=last_tick,
        moves=moves,
        moved=moved,
        canaries=bases,
    )
    zone = model.policy.zone if model is not None else facts_of["zone"]
    of_customer = model.policy.zone_of_customer if model is not None else True
    default_zone = names.zones[zone]
    listened = frozenset(bundle.event_type(name) for name in bundle.listened())
    return Program(
        state=newest(connection),
        bundle=bundle,
        default_zone=default_zone,
        zone_of_customer=of_customer,
        rounds=rounds(bundle, default_zone, tuple(sorted(listened)), of_customer=of_customer),
        visits=visits(bundle.writer),
        watch=watch(bundle),
        ends=ends(bundle),
        facts=facts(bundle),
        entries=entries(bundle),
        inner=inner(bundle),
        memberships=memberships(bundle),
        dates=dates(bundle, zone_of(default_zone, of_customer=of_customer)),
        messages=messages(bundle),
        operators=operators(bundle),
        listened=listened,
        salt=facts_of["salt"],
        columns={
            column["name"]: not isinstance(column["type"], Integer)
            for column in inspect(connection).get_columns(t.customer.name)
        },
    )


def _paused(connection: Connection) -> frozenset[int]:
    """Campaigns with a pause that no tick has gone past."""
    p = t.pause.c
    past = select(t.clock.c.last_tick).scalar_subquery()
    query = select(p.campaign_id).where(or_(p.until.is_(None), p.until > past))
    return frozenset(connection.execute(query).scalars())


def _moves(connection: Connection, past: int) -> tuple[frozenset[tuple[int, int]], frozenset[int]]:
    """Where deployments that no tick has gone past move people, and how; the campaigns in which any ever did."""
    v = t.move.c
    # As its index has it.
    pending = select(v.version_id * NODES + v.node, v.kind).where(v.at + literal_column("0") > past).distinct()
    found = frozenset((row[0], row[1]) for row in connection.execute(pending))
    return found, frozenset(connection.execute(select(v.campaign_id).distinct()).scalars())


def _current(connection: Connection) -> dict[str, tuple[int, int, int]]:
    """Of each campaign that lives: its newest version, its id, and the instant it lives from."""
    c, v = t.campaign.c, t.version.c
    query = (
        select(c.name, func.max(v.id), c.id, c.lives_from)
        .join_from(t.campaign, t.version, v.campaign_id == c.id)
        .where(c.lives_from.is_not(None))
        .group_by(c.name, c.id, c.lives_from)
    )
    return {name: (version, number, lives_from) for name, version, number, lives_from in connection.execute(query)}


def _looks_back(connection: Connection) -> dict[int, int]:
    c = t.campaign.c
    query = select(c.id, c.looks_back_to).where(c.lives_from.is_not(None), c.looks_back_to.is_not(None))
    return {row.id: row.looks_back_to for row in connection.execute(query)}


def _older(connection: Connection, current: set[int]) -> list[tuple[int, int, str]]:
    """Versions that are not current but have customers in them, or a goal still open for those who left."""
    v, c, e = t.version.c, t.campaign.c, t.enrollment
    candidates = [
        (row[0], row[1], row[2])
        for row in connection.execute(
            select(v.id, c.id, c.name).join_from(t.version, t.campaign, v.campaign_id == c.id).order_by(v.id)
        )
        if row[0] not in current
    ]
    if not candidates:
        return []
    in_use = set(connection.execute(select(e.c.version_id).distinct()).scalars())
    return [row for row in candidates if row[0] in in_use]
