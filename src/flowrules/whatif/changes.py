"""One thing otherwise: in what the rules say, from the beginning on, or in what is known of the customer, from the
instant of a message on.

Takes rows of the ledger as they were written, gives changes for a replay. Rules are changed in the model; the text
stays as it is, and with it every place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from flowrules.content.deployed import Deployed
from flowrules.model import campaign as m
from flowrules.model.campaign import (
    Campaign,
    Cap,
    ExcludeCampaign,
    ExcludeWhere,
    ExitOnCondition,
    ExitOnEvent,
    HoldWhile,
    Model,
    QuietHours,
)
from flowrules.report.asked import as_its_version
from flowrules.report.ledger import Decided
from flowrules.report.supposed import Change
from flowrules.report.words import short
from flowrules.sql import tables as t
from flowrules.sql.codes import Decision, Reason, Status
from flowrules.sql.suppression import HARD_BOUNCE
from flowrules.whatif.replay import Otherwise

C = TypeVar(
    "C", bound=Cap | QuietHours | HoldWhile | ExcludeWhere | ExcludeCampaign | ExitOnEvent | ExitOnCondition | m.On
)

_ADDRESSES = {"email": "customer@example.com", "phone": "+14155552671"}


@dataclass(frozen=True, slots=True)
class Rule:
    """The same for all rows that `about` is the same of. least: the first limit worth trying; None: there is none."""

    change: Change
    about: object
    condition: str
    otherwise: Callable[[int], Otherwise]
    least: int | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    change: Change
    condition: str
    facts: Callable[[Connection], None]


def cap(row: Decided, deployed: Deployed) -> Rule | None:
    own, shared = deployed.campaigns[row.campaign].caps, deployed.model.policy.caps
    found = _at(own, row) or _at(shared, row)
    if found is None:
        return None
    whose = row.campaign if found in own else None
    this = _Clause.of(found, own if whose else shared)

    def raised(limit: int) -> Otherwise:
        def of(caps: tuple[Cap, ...]) -> tuple[Cap, ...]:
            return this.changed(caps, lambda each: replace(each, number=limit))

        if whose is None:
            return Otherwise(lambda model: replace(model, policy=replace(model.policy, caps=of(model.policy.caps))))
        return _in_campaign(whose, lambda each: replace(each, caps=of(each.caps)))

    return Rule("cap", ("cap", whose, this), "had the cap been {}", raised, found.number + 1)


def quiet(row: Decided, deployed: Deployed) -> Rule | None:
    lines = deployed.model.policy.quiet
    found = _at(lines, row)
    if found is None:
        return None
    this = _Clause.of(found, lines)

    def without(_limit: int) -> Otherwise:
        def of(model: Model) -> Model:
            return replace(model, policy=replace(model.policy, quiet=this.changed(model.policy.quiet)))

        return Otherwise(of)

    return Rule("quiet_hours", ("quiet", this), "without these quiet hours", without)


def hold(row: Decided, deployed: Deployed) -> Rule | None:
    lines = deployed.campaigns[row.campaign].holds
    found = _at(lines, row)
    if found is None:
        return None
    this = _Clause.of(found, lines)

    def of(campaign: Campaign) -> Campaign:
        return replace(campaign, holds=this.changed(campaign.holds))

    return _rule("hold", "without this `hold while`", row.campaign, of, this)


def exclusion(row: Decided, deployed: Deployed) -> Rule | None:
    clauses = deployed.campaigns[row.campaign].exclusions
    found = next((each for each in clauses if each.place == row.rule and _by(each) == row.by), None)
    if found is None:
        return None
    this = _Clause.of(found, clauses)

    def of(campaign: Campaign) -> Campaign:
        return replace(campaign, exclusions=this.changed(campaign.exclusions))

    return _rule("exclusion", f"without excluding {row.by}", row.campaign, of, this)


# --- what ended a journey, or led it away -------------------------------------------------------------


def ending(left: Decided, now: Deployed | None, of_version: Deployed) -> Rule | None:
    """left: the row of its exit."""
    there = as_its_version(left, now, of_version)
    match left.reason:
        case Reason.EXCLUDED:
            return None if now is None or left.campaign not in now.campaigns else exclusion(left, now)
        case Reason.EXIT_WHEN:
            return _exit_when(left, there.campaigns[left.campaign].exits)
        case Reason.GOAL:
            return _goal(left.campaign)
        case Reason.OPERATOR if left.rule == t.OPERATOR:
            return _ordered(left)
        case _:
            return None


def _exit_when(row: Decided, clauses: tuple[ExitOnEvent | ExitOnCondition, ...]) -> Rule | None:
    found = _at(clauses, row)
    if found is None:
        return None
    this = _Clause.of(found, clauses)

    def of(campaign: Campaign) -> Campaign:
        return replace(campaign, exits=this.changed(campaign.exits))

    return _rule("exit_when", "without this `exit when`", row.campaign, of, this)


def _goal(name: str) -> Rule:
    def staying(campaign: Campaign) -> Campaign:
        return replace(campaign, goal=None if campaign.goal is None else replace(campaign.goal, stay=True))

    return _rule("goal", "had the goal not ended the journey", name, staying)


def _ordered(row: Decided) -> Rule:
    """By name, or with all whom a pause had held."""
    o, p = t.operator_exit, t.pause
    resumed = p.c.campaign_id == row.campaign_id, p.c.until == row.at, p.c.overdue == "exit"

    def without(_limit: int) -> Otherwise:
        def lifted(connection: Connection) -> None:
            connection.execute(delete(o).where(o.c.campaign_id == row.campaign_id, o.c.at == row.at))
            connection.execute(update(p).where(*resumed).values(overdue="send"))

        return Otherwise(facts=lifted)

    return Rule("operator", ("operator", row.campaign_id, row.at), "had no operator taken the customer out", without)


def leading_away(row: Decided, now: Deployed | None, of_version: Deployed) -> Rule | None:
    """row: of the `on` that did."""
    stages = as_its_version(row, now, of_version).campaigns[row.campaign].stages
    found = next((on for stage in stages if (on := _at(stage.reactions, row)) is not None), None)
    if found is None:
        return None
    stage = next(stage for stage in stages if found in stage.reactions)
    this = _Clause.of(found, stage.reactions)

    def of(campaign: Campaign) -> Campaign:
        return replace(campaign, stages=tuple(map(left, campaign.stages)))

    def left(each: m.Stage) -> m.Stage:
        return replace(each, reactions=this.changed(each.reactions)) if each.name == stage.name else each

    return _rule("on", "without this `on`", row.campaign, of, (stage.name, this))


def _by(clause: ExcludeWhere | ExcludeCampaign) -> str:
    return clause.by if isinstance(clause, ExcludeWhere) else f"campaign {clause.campaign}"


def expiry(row: Decided, _deployed: Deployed) -> Rule:
    def of(campaign: Campaign) -> Campaign:
        stages = tuple(replace(each, steps=_lasting(each.steps, row.step)) for each in campaign.stages)
        return replace(campaign, stages=stages)

    return _rule("expiry", "had it not expired", row.campaign, of, row.step)


def _lasting(steps: tuple[m.Step, ...], key: str) -> tuple[m.Step, ...]:
    """The same, but for the message of this key, and those tried in its place, which do not expire."""
    return tuple(_lasts(step, key) for step in steps)


def _lasts(step: m.Step, key: str) -> m.Step:
    match step:
        case m.Send():
            chain = [step]
            while (instead := chain[-1].instead) is not None:
                chain.append(instead)
            return _forever(step) if any(each.key == key for each in chain) else step
        case m.If():
            return replace(step, then=_lasting(step.then, key), otherwise=_lasting(step.otherwise, key))
        case m.WaitFor():
            return replace(step, otherwise=_lasting(step.otherwise, key))
        case m.IfNoReaction():
            return replace(step, absent=_lasting(step.absent, key), reacted=_lasting(step.reacted, key))
        case m.Split():
            return replace(step, arms=tuple(replace(arm, steps=_lasting(arm.steps, key)) for arm in step.arms))
        case _:
            return step


def _forever(send: m.Send) -> m.Send:
    return replace(send, expires=None, instead=None if send.instead is None else _forever(send.instead))


def pause(connection: Connection, row: Decided) -> Rule:
    """With what the gate kept back because of it: that would have been handed over when it was decided."""
    p, o, m = t.pause, t.outcome, t.message.c
    there = (p.c.campaign_id == row.campaign_id, p.c.since <= row.at)
    gone = row.decision == Decision.OUTCOME
    ended = p.c.overdue == "skip" if gone else or_(p.c.until.is_(None), p.c.until >= row.at)
    decided = select(func.max(m.decided_at)).where(
        m.customer_id == row.customer_id, m.campaign_id == row.campaign_id, m.instance == row.instance,
        m.step_id == row.step_id, m.decided_at <= row.at,
    )  # fmt: skip
    at = connection.execute(decided).scalar_one() if gone else 0
    of_it = (o.c.at == row.at, o.c.campaign_id == row.campaign_id, o.c.instance == row.instance)

    def without(_limit: int) -> Otherwise:
        def lifted(connection: Connection) -> None:
            connection.execute(delete(p).where(*there, ended))
            if gone:
                sent = {"at": at + 1, "status": Status.SENT, "reason": None, "place_id": None}
                connection.execute(update(o).where(*of_it, o.c.step_id == row.step_id).values(sent))

        return Otherwise(facts=lifted)

    return Rule("pause", ("pause", row.campaign_id, row.at), "had the campaign not been paused", without)


def holdout(name: str) -> Rule:
    def without(_limit: int) -> Otherwise:
        def exposed(connection: Connection) -> None:
            e = t.exposure
            connection.execute(delete(e).where(e.c.name == name))
            customer = connection.execute(select(t.customer.c.id)).scalar_one()
            connection.execute(insert(e).values(customer_id=customer, name=name, held_out=0))

        return Otherwise(facts=exposed)

    whose = "" if name == "holdout" else f" of campaign {name.removeprefix('holdout/')}"
    condition = f"had the customer not been in the control group{whose}"
    return Rule("holdout", ("holdout", name), condition, without)


# --- of the customer ----------------------------------------------------------------------------------


def consent(row: Decided, deployed: Deployed) -> Fact:
    channel, purpose = _channel(row), deployed.campaigns[row.campaign].message_class.purpose.name

    def given(connection: Connection) -> None:
        first = connection.execute(
            update(t.journal).values(next_seq=t.journal.c.next_seq + 1).returning(t.journal.c.next_seq)
        ).scalar_one()
        connection.execute(
            insert(t.consent).values(
                customer_id=row.customer_id, channel=channel, purpose=purpose, at=row.at, seq=first - 1,
                state="granted", event_time=row.at, source="what if",
            )
        )  # fmt: skip

    return Fact("consent", f"had there been consent to {purpose} by {channel}", given)


def address(row: Decided, deployed: Deployed) -> Fact | None:
    channel = _channel(row)
    kind = next((each.address for each in deployed.model.channels if each.name == channel), None)
    value = _ADDRESSES.get(kind or "")
    if kind is None or value is None:
        return None

    def given(connection: Connection) -> None:
        i, since = t.identity, connection.execute(select(t.clock.c.last_tick)).scalar_one()
        connection.execute(delete(i).where(i.c.kind == kind, i.c.since == since))
        connection.execute(insert(i).values(kind=kind, value=value, customer_id=row.customer_id, since=since))
        connection.execute(update(t.customer).values({kind: value}))

    return Fact("address", f"had there been a usable `{kind}`", given)


def suppression(row: Decided) -> Fact:
    if row.by == HARD_BOUNCE:
        return Fact(
            "bounce",
            "had nothing come back from that address for good",
            lambda connection: _run(connection, update(t.event).values(permanent=None)),
        )
    name = (row.by or "").removeprefix("list ")
    entry = t.list_entry
    gone = delete(entry).where(func.lower(entry.c.list) == name.lower())
    return Fact("list", f"had the customer not been in {row.by}", lambda connection: _run(connection, gone))


def _channel(row: Decided) -> str:
    return short(row.step).removeprefix("send ").partition(" ")[0]


def _run(connection: Connection, statement: Any) -> None:  # noqa: ANN401  # any that is executed
    connection.execute(statement)


def _at(clauses: tuple[C, ...], row: Decided) -> C | None:
    return next((each for each in clauses if each.place == row.rule), None)


@dataclass(frozen=True, slots=True)
class _Clause:
    """What a clause says, and which it is of those that say just that: with every deployment it may stand in another
    line.
    """

    says: object
    number: int

    @classmethod
    def of(cls, clause: C, clauses: tuple[C, ...]) -> _Clause:
        equal = [each for each in clauses if _placeless(each) == _placeless(clause)]
        return cls(_placeless(clause), equal.index(clause))

    def changed(self, clauses: tuple[C, ...], change: Callable[[C], C] | None = None) -> tuple[C, ...]:
        """None: it is gone."""
        equal = [position for position, each in enumerate(clauses) if _placeless(each) == self.says]
        this = equal[self.number] if len(equal) > self.number else -1
        kept = (each if position != this else change and change(each) for position, each in enumerate(clauses))
        return tuple(each for each in kept if each is not None)


def _placeless(clause: C) -> C:
    return replace(clause, place="")


def _rule(
    change: Change, condition: str, campaign: str, of: Callable[[Campaign], Campaign], about: object = None
) -> Rule:
    """In one campaign, and without a limit."""
    return Rule(change, (change, campaign, about), condition, lambda _limit: _in_campaign(campaign, of))


def _in_campaign(name: str, change: Callable[[Campaign], Campaign]) -> Otherwise:
    def of(model: Model) -> Model:
        return replace(model, campaigns=tuple(change(each) if each.name == name else each for each in model.campaigns))

    return Otherwise(of)
