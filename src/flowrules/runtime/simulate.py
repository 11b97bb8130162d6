"""What would happen: the workspace's rules on a copy of its data, in virtual time.

Takes a copy of a database, a model and a span of time; gives counts, and the messages as files. Sends nothing, and
never touches the database that was copied.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import case, func, insert, literal, literal_column, or_, select, update

from flowrules.channels.file import FileChannel
from flowrules.content.deployed import Deployed, Library
from flowrules.content.outgoing import CHUNK, KEY, Key, compose, details, key_of
from flowrules.content.render import TemplateFailure
from flowrules.model.campaign import Model
from flowrules.model.snapshot import Snapshot
from flowrules.runtime import outbox
from flowrules.runtime.answers import Answer
from flowrules.runtime.deliver import as_outgoing
from flowrules.runtime.deploy import apply
from flowrules.runtime.tick import planner
from flowrules.sql import tables
from flowrules.sql.codes import Decision, Reason, Status
from flowrules.store.database import Database
from flowrules.store.identity import IdentityKind

DAY = 86_400_000_000


@dataclass(slots=True)
class CampaignCounts:
    """Of the instances that entered in the simulation: entered = in_journey + sum(exits), those held out apart.

    held: how often a message had to wait, by reason; withheld: for good.
    """

    name: str
    entered: int = 0
    in_journey: int = 0
    exits: dict[str, int] = field(default_factory=dict)
    sent: int = 0
    withheld: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    held_out: int = 0

    def facts(self) -> dict[str, object]:
        return {
            "name": self.name,
            "entered": self.entered,
            "in_journey": self.in_journey,
            "exits": self.exits,
            "sent": self.sent,
            "withheld": self.withheld,
            "held": self.held,
            "held_out": self.held_out,
        }


@dataclass(frozen=True, slots=True)
class Simulated:
    """`failures`: messages whose template failed, by what was wrong."""

    customers: int
    ticks: int
    campaigns: tuple[CampaignCounts, ...]
    cpu_s: float
    failures: Mapping[str, int]


def simulate(
    copy: Database,
    snapshot: Snapshot,
    model: Model,
    since: int,
    until: int,
    *,
    answer: Answer,
    out: Path,
    step: int = DAY,
    lists: Mapping[str, Sequence[tuple[IdentityKind, str]]] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Simulated:
    """Deploy at `since`, tick to `until` in steps, write the messages accepted meanwhile to `out`.

    What waits in the copy's outbox is taken as accepted at the start.
    """
    started = time.process_time()
    # What happens at the very start belongs to the simulation.
    deployed_at = max(since - 1, _last_tick(copy))
    apply(copy, snapshot, model, deployed_at, lists=lists)
    _accept_waiting(copy, deployed_at)
    ticks = 0
    with planner(copy) as planning:
        for instant in [*range(since + step, until, step), until]:
            planning.tick(instant, answer=answer, progress=progress)
            ticks += 1
    failures = _write_messages(copy, since, out)
    return Simulated(
        customers=_customers(copy),
        ticks=ticks,
        campaigns=tuple(_counts(copy, model, since)),
        cpu_s=round(time.process_time() - started, 3),
        failures=failures,
    )


def _last_tick(copy: Database) -> int:
    with copy.read() as connection:
        last_tick: int = connection.execute(select(tables.clock.c.last_tick)).scalar_one()
    return last_tick


def _accept_waiting(copy: Database, deployed_at: int) -> None:
    message = tables.message
    waiting = (outbox.is_open(), message.c.status != Status.UNKNOWN)
    with copy.write() as connection:
        key = [message.c[name] for name in KEY]
        accepted = select(*key, literal(deployed_at + 1), literal(int(Status.SENT))).where(*waiting)
        connection.execute(insert(tables.outcome).from_select([*KEY, "at", "status"], accepted))
        connection.execute(update(message).where(*waiting).values(status=Status.SENT, sent_at=deployed_at + 1))


def _write_messages(copy: Database, since: int, out: Path) -> dict[str, int]:
    message = tables.message.c
    failures: dict[str, int] = {}
    channels: dict[str, FileChannel] = {}
    known: dict[int, Deployed] = {}
    with copy.read() as connection:
        order = (message.sent_at, message.turn, *(message[name] for name in KEY))
        chosen = select(*(message[name] for name in KEY), message.sent_at).where(
            message.status == Status.SENT, message.decided_at >= since
        )
        keys: list[Key] = [key_of(row) for row in connection.execute(chosen.order_by(*order))]
        for name in connection.execute(select(tables.channel.c.name)).scalars():
            channels[name] = FileChannel(out, name)
            channels[name].path.unlink(missing_ok=True)
        salt = outbox.salt(connection)
        library = Library(connection, known)
        for start in range(0, len(keys), CHUNK):
            part = keys[start : start + CHUNK]
            wanted = {key: position for position, key in enumerate(part)}
            customers = sorted({key[0] for key in part})
            found = connection.execute(details().where(message.customer_id.in_(customers)))
            rows = sorted((row for row in found if key_of(row) in wanted), key=lambda row: wanted[key_of(row)])
            for composed in compose(connection, library, rows):
                if isinstance(composed.content, TemplateFailure):
                    what = f"{composed.content.place}: {composed.content.message}"
                    failures[what] = failures.get(what, 0) + 1
                else:
                    channels[composed.detail.channel].send(as_outgoing(composed, salt, composed.detail.sent_at))
    for channel in channels.values():
        channel.flush()
    return failures


def _customers(copy: Database) -> int:
    with copy.read() as connection:
        return connection.execute(select(func.count()).select_from(tables.customer)).scalar_one()


def _counts(copy: Database, model: Model, since: int) -> list[CampaignCounts]:
    made = {campaign.name: CampaignCounts(campaign.name) for campaign in model.campaigns}
    enrollment, message, decision = tables.enrollment.c, tables.message.c, tables.decision.c
    name = tables.campaign.c.name
    with copy.read() as connection:
        entered = (
            select(name, enrollment.ghost, enrollment.exit, func.count().label("number"))
            .join_from(tables.enrollment, tables.campaign, tables.campaign.c.id == enrollment.campaign_id)
            .where(enrollment.entered_at >= since)
            .group_by(name, enrollment.ghost, enrollment.exit)
            .order_by(name, enrollment.ghost, enrollment.exit)
        )
        for row in connection.execute(entered):
            counts = made.setdefault(row.name, CampaignCounts(row.name))
            if row.ghost:
                counts.held_out += row.number
                continue
            counts.entered += row.number
            if row.exit is None:
                counts.in_journey += row.number
            else:
                counts.exits[Reason(row.exit).word] = row.number
        sent = (
            select(name, func.count().label("number"))
            .join_from(tables.message, tables.campaign, tables.campaign.c.id == message.campaign_id)
            .where(message.status == Status.SENT, message.decided_at >= since)
            .group_by(name)
        )
        for row in connection.execute(sent):
            made.setdefault(row.name, CampaignCounts(row.name)).sent = row.number
        waits = or_(decision.until.is_not(None), decision.reason == literal_column(str(int(Reason.ON_HOLD))))
        held = case((waits, literal_column("1")), else_=literal_column("0"))
        withheld = (
            select(name, decision.reason, held.label("held"), func.count().label("number"))
            .join_from(tables.decision, tables.campaign, tables.campaign.c.id == decision.campaign_id)
            .where(decision.decision == Decision.WITHHELD, decision.at >= since)
            .group_by(name, decision.reason, held)
            .order_by(name, decision.reason)
        )
        for row in connection.execute(withheld):
            counts = made.setdefault(row.name, CampaignCounts(row.name))
            (counts.held if row.held else counts.withheld)[Reason(row.reason).word] = row.number
    return [made[each] for each in sorted(made)]
