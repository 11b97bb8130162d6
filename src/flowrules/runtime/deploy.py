"""`apply`: what the files say becomes what runs, from one instant on.

Takes a checked model, writes versions and catalogues. Customers stay in the version they are in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import product
from typing import Literal

from sqlalchemy import Connection, delete, func, insert, literal_column, select, text, tuple_, update

from flowrules.content.deployed import Library, write_snapshot
from flowrules.errors import InstantPassedError, PlanError, StoreError
from flowrules.model.campaign import ExitOnCondition, Model
from flowrules.model.snapshot import Snapshot
from flowrules.program.machine import Machine, machine
from flowrules.program.plan import Plan, Promise, refusal
from flowrules.runtime.load import Program, load_program
from flowrules.runtime.plan import carry_out, plan_on
from flowrules.runtime.tick import tick
from flowrules.source import Source
from flowrules.sql import tables as t
from flowrules.sql.canary import words
from flowrules.sql.codes import Status
from flowrules.sql.membership import baseline
from flowrules.sql.rounds import zone_of
from flowrules.store import catalogues, refusals
from flowrules.store.columns import add_columns, index_dates
from flowrules.store.customers import identified_by
from flowrules.store.database import ADVISORY, Database
from flowrules.store.identity import HASHES, IdentityKind
from flowrules.store.journal import replace_list
from flowrules.store.zones import ensure_zones
from flowrules.syntax import blocks

_AGAIN = "`flowrules plan` says how it would be now"
State = Literal["added", "changed", "unchanged", "removed"]


@dataclass(frozen=True, slots=True)
class Applied:
    """version: number of the deployment; campaigns: (name, version, state); in_flight: live enrollments.

    plan: what it was; moved: how many of those inside are moved, or taken out, at its instant.
    """

    version: int
    campaigns: tuple[tuple[str, int, State], ...]
    in_flight: int
    plan: Plan
    moved: int


@dataclass(frozen=True, slots=True)
class Commit:
    """Of the repository that the files are in. id: short; with `+` where files differ from it."""

    id: str
    author: str


def apply(
    database: Database,
    snapshot: Snapshot,
    model: Model,
    at: int,
    *,
    lists: Mapping[str, Sequence[tuple[IdentityKind, str]]] | None = None,
    looks_back_to: int | None = None,
    promise: Promise | None = None,
    commit: Commit | None = None,
    canary: int | None = None,
) -> Applied:
    """Deploy at the instant `at`: what lies before it happens under the old program first.

    An instant that has been passed becomes the first that has not. lists: the entries of each list file,
    already read. looks_back_to: campaigns that are new also let in by what has happened since then. promise: of the
    plan that was shown. canary: what changes is entered by so many millionths of customers. Raises StoreError if a
    declared attribute's column holds values of another kind, and PlanError if people are where the files do not say
    what becomes of them, or not where the plan had them, or if it can not be for a share of customers: then nothing
    has happened.
    """
    machines = [machine(campaign) for campaign in model.campaigns]
    with _between_ticks(database, at) as (connection, since):
        made = plan_on(connection, snapshot, model, canary, since)
        _still_right(made, promise)
        for change in add_columns(connection, model):
            raise StoreError(
                f"the attribute `{change.attribute.name}` holds values of another type",
                "give the attribute another name; changing the type of one in use is not available yet",
            )
        index_dates(connection, model)
        ensure_zones(connection, [model.policy.zone])
        catalogues.intern(connection, t.event_type, catalogues.event_names(model))
        kept = frozenset(catalogues.segment_names(model))
        catalogues.intern(connection, t.segment, kept)
        catalogues.intern(connection, t.tag, catalogues.tag_names(machines))
        catalogues.intern(connection, t.channel, [channel.name for channel in model.channels])
        said = () if canary is None else words(canary)
        catalogues.intern(connection, t.label, [*catalogues.labels(model, machines), *said], "text")
        refusals.extend(connection, _new_to_consent(connection, model))
        deployment_id = _deployment(connection, snapshot, since, commit, canary)
        states = _versions(connection, machines, deployment_id, since, looks_back_to)
        asked = {kind for each in model.lists for kind in each.by}
        identified_by(connection, model.region, [kind for kind in HASHES if kind in asked], since)
        for name, entries in (lists or {}).items():
            replace_list(connection, name, entries)
        if kept:
            take_stock(connection, load_program(connection, database.dialect), since - 1)
        else:
            connection.execute(delete(t.membership))
        look_again(connection, machines, since)
        moved = carry_out(connection, made, since)
        in_flight = connection.execute(
            select(func.count()).select_from(t.enrollment).where(t.enrollment.c.ended_at.is_(None))
        ).scalar_one()
    return Applied(deployment_id, states, in_flight, made, moved)


def _new_to_consent(connection: Connection, model: Model) -> list[tuple[str, str]]:
    """Channels and purposes that the deployment before has not side by side."""
    before = Library(connection).newest
    known = set() if before is None else set(_consented(before.model))
    return [each for each in _consented(model) if each not in known]


def _consented(model: Model) -> Iterator[tuple[str, str]]:
    return product((each.name for each in model.channels), (each.name for each in model.policy.purposes))


def _still_right(made: Plan, promise: Promise | None) -> None:
    if made.refused:
        raise PlanError(*refusal(made))
    why = None if promise is None else promise.broken_by(made)
    if why is not None:
        raise PlanError(f"not as planned: {why}", _AGAIN)


def look_again(connection: Connection, machines: Iterable[Machine], at: int) -> None:
    """At whatever may read differently from now on: at everyone inside where something is watched, and at everyone
    whose message is held, but by a pause.
    """
    watched = _watched(connection, machines)
    inside = t.enrollment.c
    connection.execute(
        update(t.enrollment).where(inside.ended_at.is_(None), inside.campaign_id.in_(watched)).values(recheck_at=at)
    )
    _ask_again(connection, at)


def _ask_again(connection: Connection, at: int) -> None:
    held, inside = t.message.c, t.enrollment.c
    theirs = select(held.customer_id, held.campaign_id, held.instance).where(
        literal_column("message.status") < text("10"), held.status == Status.HELD, held.place_id.is_not(None)
    )
    key = tuple_(inside.customer_id, inside.campaign_id, inside.instance)
    runs = func.coalesce(inside.due_at, 0) < t.UNTIL_RESUMED
    again = update(t.enrollment).where(inside.ended_at.is_(None), runs, key.in_(theirs)).values(due_at=at)
    connection.execute(again)


@contextmanager
def _between_ticks(database: Database, at: int) -> Iterator[tuple[Connection, int]]:
    """A transaction in which everyone has come to the instant before the one given with it, and no tick goes on."""
    while True:
        at = max(at, _target(database) + 1)
        try:
            tick(database, at - 1)
        except InstantPassedError:
            if _target(database) < at:
                raise
            continue  # another one has ticked meanwhile
        with database.write("READ COMMITTED") as connection:
            if database.dialect == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY})
            last_tick, target = connection.execute(select(t.clock.c.last_tick, t.clock.c.target)).one()
            before = connection.execute(select(func.max(t.deployment.c.at))).scalar()
            if before is not None and before >= at:  # what it does to those inside has not happened yet
                at = before + 1
                continue
            if last_tick == target == at - 1:
                yield connection, at
                return


def _target(database: Database) -> int:
    with database.read() as connection:
        target: int = connection.execute(select(t.clock.c.target)).scalar_one()
    return target


def _without_tests(snapshot: Snapshot) -> Snapshot:
    """Tests are never in force: with others the deployment is the same."""
    sources = (Source(each.name, blocks.without_tests(each.text)) for each in snapshot.sources)
    return replace(snapshot, sources=tuple(each for each in sources if each.text))


def digest_of(snapshot: Snapshot) -> str:
    """Of everything that is put in force: equal files are one deployment."""
    return sha256(write_snapshot(_without_tests(snapshot)).encode()).hexdigest()


def _deployment(connection: Connection, snapshot: Snapshot, at: int, commit: Commit | None, canary: int | None) -> int:
    content = write_snapshot(_without_tests(snapshot))
    number = (connection.execute(select(func.max(t.deployment.c.id))).scalar() or 0) + 1
    digest = sha256(content.encode()).hexdigest()
    row = {"id": number, "at": at, "digest": digest, "snapshot": content, "canary": canary}
    if commit is not None:
        row |= {"commit": commit.id, "author": commit.author}
    connection.execute(insert(t.deployment).values(row))
    return number


def _versions(
    connection: Connection, machines: Sequence[Machine], deployment_id: int, at: int, looks_back_to: int | None
) -> tuple[tuple[str, int, State], ...]:
    states: list[tuple[str, int, State]] = []
    lives = {row.name: row.lives_from for row in connection.execute(select(t.campaign.c.name, t.campaign.c.lives_from))}
    ids = catalogues.intern(connection, t.campaign, [item.campaign.name for item in machines])
    catalogues.intern_steps(
        connection, [(ids[item.campaign.name], node.key) for item in machines for node in item.nodes]
    )
    names = catalogues.catalogue(connection)
    for item in machines:
        campaign = item.campaign
        number = ids[campaign.name]
        v = t.version.c
        latest = connection.execute(
            select(v.number, v.digest).where(v.campaign_id == number).order_by(v.number.desc()).limit(1)
        ).first()
        alive = lives.get(campaign.name) is not None
        if not alive:
            connection.execute(
                update(t.campaign).where(t.campaign.c.id == number).values(lives_from=at, looks_back_to=looks_back_to)
            )
        if latest is not None and latest.digest == campaign.digest:
            states.append((campaign.name, latest.number, "unchanged" if alive else "added"))
            continue
        version_id = (connection.execute(select(func.max(v.id))).scalar() or 0) + 1
        version_number = 1 if latest is None else latest.number + 1
        connection.execute(
            insert(t.version).values(
                id=version_id,
                campaign_id=number,
                number=version_number,
                digest=campaign.digest,
                deployment_id=deployment_id,
                at=at,
            )
        )
        connection.execute(insert(t.node), list(catalogues.node_rows(item, version_id, names)))
        states.append((campaign.name, version_number, "changed" if alive else "added"))
    kept = {item.campaign.name for item in machines}
    for name, lives_from in sorted(lives.items()):
        if name not in kept and lives_from is not None:
            connection.execute(update(t.campaign).where(t.campaign.c.name == name).values(lives_from=None))
            last = select(func.max(t.version.c.number)).where(t.version.c.campaign_id == ids[name])
            states.append((name, connection.execute(last).scalar_one(), "removed"))
    return tuple(sorted(states))


def take_stock(connection: Connection, program: Program, at: int) -> None:
    """Who is in the segments that campaigns wait for: what a deployment changes there lets nobody in."""
    cursor = connection.connection.cursor()
    try:
        for statement in baseline(program.bundle, zone_of(program.default_zone, of_customer=program.zone_of_customer)):
            statement.run(cursor, at=at)
    finally:
        cursor.close()


def _watched(connection: Connection, machines: Iterable[Machine]) -> list[int]:
    ids = catalogues.intern(connection, t.campaign, [])
    campaigns = [item.campaign for item in machines]
    return [
        ids[each.name]
        for each in campaigns
        if each.exclusions or any(isinstance(clause, ExitOnCondition) for clause in each.exits)
    ]
