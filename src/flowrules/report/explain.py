"""Why a customer did or did not get something: for a support person with the customer on the phone.

Takes a connection, a customer and an instant; gives an Explanation. Everything is read from the journal and the
ledger as they were written; nothing is decided again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row, case, select

from flowrules.content.deployed import Deployed, Library
from flowrules.content.outgoing import details, key_of
from flowrules.model.schema import EventType, Property
from flowrules.model.values import display
from flowrules.program.machine import EventTest, ReactionTest
from flowrules.report.asked import asked
from flowrules.report.clauses import Clause
from flowrules.report.ledger import WITHIN_TURN, Decided, decisions
from flowrules.report.lookup import find_campaign, find_customer, reason
from flowrules.report.matched import Matched
from flowrules.report.messages import word_of
from flowrules.report.standing import Standing, Standings
from flowrules.report.supposed import Answers, Supposed, Where
from flowrules.report.withheld import Because, Counted, Entries, Withheld
from flowrules.report.words import answer, iso, moment, short
from flowrules.sql import tables
from flowrules.sql.codes import Decision, Reason, Status
from flowrules.sql.columns import property_column, tables_for
from flowrules.sql.visits import of_customer

_FACT, _MESSAGE, _DECISION = range(3)
_WAITING = frozenset({Decision.WAIT, Decision.MET, Decision.TIMED_OUT, Decision.NO_MESSAGE})
_OF_VERSION = _WAITING | {
    Decision.STAGE, Decision.BRANCH, Decision.INTERRUPTED, Decision.SEND, Decision.TAG, Decision.UNTAG, Decision.SET,
    Decision.GOAL, Decision.REFRESHED, Decision.START,
}  # fmt: skip
_ENDS_OF_VERSION = frozenset({Reason.COMPLETED, Reason.GOAL, Reason.EXIT, Reason.EXIT_WHEN, Reason.LOOP})
_NEXT_DAY = "the channel has sent as many as it may on one day; it leaves on the next"
_REPAIR = "leaves once the template is repaired and deployed"
_THEN: Mapping[int, str] = {
    Status.UNKNOWN: "it may have arrived or not, and is not sent again by itself: see `flowrules outbox --unknown`",
    Status.RETRYING: "tried again by itself",
    Status.CLAIMED: "it is being handed over",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the story.

    at: 0 or less is from the start. kind: event, consent, change, decision or message; what: the name of the event,
    attribute, channel, decision or status; label: what it is about; text: the words at `rule`; notes: what else a
    person asks then; next_possible: when a withheld message could next have left; key: what tells the journey entered
    from others. contacts: what a cap had counted. asks: a condition about the customer decided; evaluated: what each
    part of it found, or of the filter of an event. what_if: what would have let it out. outcome: see `where`.
    """

    at: int
    order: tuple[int, int]
    kind: str
    what: str
    label: str = ""
    campaign: str | None = None
    instance: int | None = None
    reason: str | None = None
    rule: str | None = None
    text: str | None = None
    until: int | None = None
    counter: int | None = None
    limit: int | None = None
    window: int | None = None
    notes: tuple[str, ...] = ()
    next_possible: int | None = None
    key: str | None = None
    contacts: tuple[Counted, ...] = ()
    asks: bool = False
    evaluated: tuple[Clause, ...] = ()
    what_if: Supposed | None = None
    outcome: Where | None = None

    @property
    def where(self) -> Where:
        """Of a decision: which it is; of a message that was kept back, which one says so."""
        if self.outcome is not None:
            return self.outcome
        return self.at, self.order[1], self.campaign or "", self.instance or 0, self.what, self.key or ""

    @property
    def found(self) -> tuple[Clause, ...]:
        """Of what was evaluated, that which says more than the line: not so the one thing that a branch asked."""
        plain = self.what == "branch" and not any(each.parts or each.value is not None for each in self.evaluated)
        return () if plain and len(self.evaluated) == 1 else self.evaluated

    def supposing(self, answers: Answers) -> Moment:
        found = answers.evaluated.get(self.where, self.evaluated)
        return replace(self, what_if=answers.supposed.get(self.where), evaluated=found)

    def facts(self, zone: str) -> dict[str, object]:
        return {
            "at": iso(self.at) if self.at > 0 else None,
            "kind": self.kind,
            "what": self.what,
            "label": self.label,
            "campaign": self.campaign,
            "instance": self.instance,
            "reason": self.reason,
            "rule": self.rule,
            "text": self.text,
            "until": iso(self.until),
            "counter": self.counter,
            "limit": self.limit,
            "window": None if self.window is None else self.window // 1_000_000,
            "notes": list(self.notes),
            "next_possible": iso(self.next_possible),
            "key": self.key,
            "contacts": [contact.facts() for contact in self.contacts],
            "what_if": None if self.what_if is None else self.what_if.facts(zone, self.at),
            "evaluated": [each.facts() for each in self.evaluated],
        }


@dataclass(frozen=True)
class Explanation:
    customer: str
    zone: str
    campaign: str | None
    standings: tuple[Standing, ...]
    timeline: tuple[Moment, ...]

    @cached_property
    def side_by_side(self) -> frozenset[str]:
        """Campaigns in which several journeys may be meant."""
        found = (each for each in self.timeline if each.kind == "decision" and each.campaign is not None)
        return frozenset(each.campaign for each in found if each.campaign and (each.key or (each.instance or 0) > 1))

    def supposing(self, answers: Answers) -> Explanation:
        """With what would have let messages out, and what conditions found."""
        return replace(self, timeline=tuple(each.supposing(answers) for each in self.timeline))

    def facts(self) -> dict[str, object]:
        """`entered`, `reason`, `rule`, `next_eligible` are those of the one campaign asked for."""
        one = self.standings[0] if self.campaign is not None else None
        return {
            "customer": self.customer,
            "campaign": self.campaign,
            "entered": any(standing.entered for standing in self.standings),
            "reason": None if one is None else one.reason,
            "rule": None if one is None else one.rule,
            "timeline": [moment.facts(self.zone) for moment in self.timeline],
            "next_eligible": None if one is None else iso(one.next_eligible),
            "zone": self.zone,
            "standings": [standing.facts() for standing in self.standings],
        }


def explain(
    connection: Connection,
    customer: str,
    campaign: str | None,
    at: int,
    known: dict[int, Deployed] | None = None,
    asked: Callable[[Connection], Connection | None] = lambda now: now,
) -> Explanation:
    """As things stood at the instant `at`. known: deployments that were built before. asked: of whom it is asked how
    things stood, where that is another database; None: nobody knows.
    """
    customer_id = find_customer(connection, customer)
    campaign_id = None if campaign is None else find_campaign(connection, campaign)
    story = _Story(connection, customer_id, at, known, asked(connection))
    names = story.standings.in_force if campaign is None else [campaign]
    decided = list(story.decisions(campaign_id))
    outcomes = {_about(each): each for each in decided if each.what == "outcome"}
    timeline = sorted(
        [
            *story.events(),
            *story.changes(),
            *story.consents(),
            *decided,
            *(_with(each, outcomes.get(_about(each))) for each in story.messages(campaign_id)),
        ],
        key=lambda each: (each.at, each.order),
    )
    return Explanation(
        customer=story.customer,
        zone=story.zone,
        campaign=campaign,
        standings=tuple(map(story.standings.of, names)),
        timeline=tuple(timeline),
    )


class _Story:
    def __init__(
        self,
        connection: Connection,
        customer_id: int,
        at: int,
        known: dict[int, Deployed] | None,
        asked: Connection | None,
    ) -> None:
        self._connection = connection
        self._id = customer_id
        self._at = at
        self._library = Library(connection, known)
        self._now = self._library.in_force(at)
        customer, zone = tables.customer.c, tables.zone.c
        row = connection.execute(
            select(customer.external_id, zone.name)
            .outerjoin_from(tables.customer, tables.zone, zone.id == customer.zone_id)
            .where(customer.id == customer_id)
        ).one()
        self.customer: str = row.external_id
        policy = None if self._now is None else self._now.model.policy
        default = "UTC" if policy is None else policy.zone
        self.zone: str = row.name if row.name and (policy is None or policy.zone_of_customer) else default
        self.standings = Standings(connection, self._library, customer_id, self.zone, at, asked)
        self._withheld = Withheld(connection, self._library, customer_id, self.zone, at)
        self._matched = Matched(connection, self._library, customer_id)

    # --- facts ----------------------------------------------------------------------------------------

    def events(self) -> Iterator[Moment]:
        event = tables.event if self._now is None else tables_for(self._now.model).event
        declared = {} if self._now is None else {each.name: each for each in self._now.model.events}
        step, campaign = tables.step.c, tables.campaign.c
        query = (
            select(
                event, tables.event_type.c.name.label("event"), step.key.label("about"), campaign.name.label("campaign")
            )
            .join_from(event, tables.event_type, tables.event_type.c.id == event.c.type_id)
            .outerjoin(tables.step, step.id == event.c.ref_step_id)
            .outerjoin(tables.campaign, campaign.id == event.c.ref_campaign_id)
            .where(event.c.customer_id == self._id, event.c.at <= self._at)
        )
        for row in self._connection.execute(query):
            label = self._properties(row, declared.get(row.event)) if row.about is None else short(row.about)
            late = row.event_time != row.at
            notes = [f"happened {moment(row.event_time, self.zone)}, received later"] if late else []
            notes += ["by a program, not a person: does not count"] if row.machine else []
            notes += ["for good: nothing goes to that address any more"] if row.permanent else []
            yield Moment(
                at=row.at, order=(_FACT, row.seq), kind="event", what=row.event, label=label, campaign=row.campaign,
                instance=row.ref_instance, notes=tuple(notes),
            )  # fmt: skip

    def _properties(self, row: Row[*tuple[Any, ...]], event: EventType | None) -> str:
        if event is None or self._now is None:
            return ""
        currency = self._now.model.currency

        def shown(prop: Property) -> str | None:
            value = row._mapping[property_column(prop)]  # noqa: SLF001 -- the column's name is made
            if value is None:
                return None
            text = display(value, prop.type, currency)
            return f'{prop.name} "{text}"' if isinstance(value, str) else f"{prop.name} {text}"

        return ", ".join(text for prop in event.properties if (text := shown(prop)) is not None)

    def changes(self) -> Iterator[Moment]:
        change = tables.attribute_change.c
        query = select(tables.attribute_change).where(change.customer_id == self._id, change.at <= self._at)
        types = {} if self._now is None else {each.name: each.type for each in self._now.model.attributes}
        for row in self._connection.execute(query):
            value = row.text if row.number is None else row.number
            type_ = types.get(row.attribute)
            shown = str(value)
            if value is not None and type_ is not None and self._now is not None:
                shown = display(value, type_, self._now.model.currency)
            yield Moment(
                at=row.at, order=(_FACT, row.seq), kind="change", what=row.attribute,
                label="has no value any more" if value is None else shown,
            )  # fmt: skip

    def consents(self) -> Iterator[Moment]:
        consent = tables.consent.c
        query = select(tables.consent).where(consent.customer_id == self._id, consent.at <= self._at)
        query = query.where(consent.channel != tables.EVERY, consent.purpose != tables.EVERY)
        for row in self._connection.execute(query.order_by(consent.channel, consent.purpose)):
            yield Moment(
                at=row.at, order=(_FACT, row.seq), kind="consent", what=row.state,
                label=f"{row.purpose} by {row.channel}", notes=_proof(row.source, row.proof),
            )  # fmt: skip

    # --- decisions and messages -----------------------------------------------------------------------

    def decisions(self, campaign_id: int | None) -> Iterator[Moment]:
        decision = tables.decision.c
        query = decisions().where(of_customer(self._id), decision.at <= self._at)
        if campaign_id is not None:
            query = query.where(decision.campaign_id == campaign_id)
        entries = Entries(self._library, self.zone)
        # Who is moved is then in another stage.
        moved_first = case((decision.decision == Decision.MOVED, 0), else_=1)
        for row in self._connection.execute(query.order_by(decision.at, decision.turn, moved_first, *WITHIN_TURN)):
            word = Decision(row.decision).word
            because = Because()
            if row.decision == Decision.WITHHELD or (
                row.decision == Decision.OUTCOME and row.reason != Reason.ACCEPTED
            ):
                because = self._withheld.why(row)
            elif row.decision in {Decision.ENTERED, Decision.NOT_ENTERED}:
                because = entries.why(row)
            yield Moment(
                at=row.at,
                order=(_DECISION, row.turn),
                kind="decision",
                what=word,
                label=self._about(row),
                campaign=row.campaign,
                instance=row.instance,
                reason=reason(row.reason),
                rule=row.rule,
                text=self._said(row),
                until=row.until,
                counter=row.counter,
                limit=row.limit,
                window=row.window,
                notes=because.notes,
                next_possible=because.next_possible,
                key=row.key or None,
                contacts=because.contacts,
                asks=self._asks(row),
                evaluated=self._matched.of(row),
            )

    def _asks(self, row: Decided) -> bool:
        return asked(row, self._library.in_force(row.at), self._library.of_version(row.version_id)) is not None

    def _about(self, row: Row[*tuple[Any, ...]]) -> str:
        """The author's words, what excluded, ended or is started, the arm of a split, or the step; of an entry its key,
        and what started it.
        """
        step = self._waited(row) if row.decision in _WAITING else short(row.step)
        if row.decision == Decision.BRANCH:
            asked = (self._line(row.rule, row.at) or step).rstrip(":")
            return f"{step}: {row.words}" if row.words else asked if asked.startswith(("if ", "else if ")) else step
        if row.decision == Decision.MOVED:
            return f"to {row.step}, version {row.version}"
        if row.decision not in {Decision.ENTERED, Decision.NOT_ENTERED}:
            return row.words or (row.decision != Decision.WITHHELD and row.by) or step
        excluded = row.by if row.reason == Reason.EXCLUDED else ""
        started = f"started by {row.by}" if row.by and not excluded else ""
        tried = f"version {row.version}: {row.words}" if row.words else ""
        return ", ".join(filter(None, (self._key(row), started, excluded, tried))) or step

    def _waited(self, row: Row[*tuple[Any, ...]]) -> str:
        """What is waited for, as the language would say it."""
        nodes = self._library.of_version(row.version_id).machines[row.campaign].nodes
        test = next((node.test for node in nodes if node.key == row.step and node.duration is not None), None)
        match test:
            case EventTest():
                return f"wait for {test.event.name}"
            case ReactionTest():
                message = " ".join(filter(None, (test.channel, test.template)))
                return f"wait for {message} {test.reaction}"
            case _:
                return short(row.step).partition(" #")[0]

    def _key(self, row: Row[*tuple[Any, ...]]) -> str:
        """`order_id A17`, as people write it."""
        deployed = self._library.in_force(row.at)
        campaign = None if deployed is None else deployed.campaigns.get(row.campaign)
        key = None if campaign is None else campaign.entry.key
        if not row.key or deployed is None or key is None:
            return str(row.key)
        value = row.key if key.type.textual else int(row.key)
        return f"{key.name} {display(value, key.type, deployed.model.currency)}"

    def messages(self, campaign_id: int | None) -> Iterator[Moment]:
        """What the outbox made of them, where that was not at the instant of the decision."""
        message, outcome = tables.message.c, tables.outcome.c
        query = details().where(message.customer_id == self._id, message.decided_at <= self._at)
        if campaign_id is not None:
            query = query.where(message.campaign_id == campaign_id)
        known = {
            key_of(row): row.at
            for row in self._connection.execute(select(tables.outcome).where(outcome.customer_id == self._id))
        }
        tries = {
            key_of(row): row.outcome
            for row in self._connection.execute(
                select(tables.attempt)
                .where(
                    tables.attempt.c.customer_id == self._id,
                    tables.attempt.c.started_at <= self._at,
                    tables.attempt.c.finished_at.is_not(None),  # before, it holds whose it is
                )
                .order_by(tables.attempt.c.number)
            )
        }
        order = (tables.campaign.c.name, message.instance, message.step_id, message["pass"])
        for row in self._connection.execute(query.order_by(*order)):
            when = row.sent_at or known.get(key_of(row))
            waits = row.status < Status.SENT and row.status != Status.UNKNOWN
            if row.status == Status.HELD and row.place_id is not None:
                continue  # its decision tells it
            if row.status == Status.GHOST or (when is None and not waits) or when == row.decided_at:
                continue
            when = row.decided_at if when is None else when
            words = _NEXT_DAY if row.reason == Reason.SEND_LIMIT else answer(tries.get(key_of(row)))
            then = _REPAIR if row.reason == Reason.TEMPLATE_ERROR else _THEN.get(row.status)
            if when <= self._at + 1:  # what was handed over at this very instant
                yield Moment(
                    at=when,
                    order=(_DECISION if waits else _MESSAGE, row.turn),
                    kind="message",
                    what=word_of(row.status),
                    label=short(row.step),
                    campaign=row.campaign,
                    instance=row.instance,
                    reason=reason(row.reason),
                    rule=row.rule,
                    text=self._line(row.rule, row.decided_at),
                    notes=tuple(each for each in (words, then) if each) if row.status != Status.SENT else (),
                )

    def _said(self, row: Row[*tuple[Any, ...]]) -> str | None:
        """The words at the rule: of the version somebody is in where that decided, else of what was in force."""
        now, then = self._library.in_force(row.at), self._library.of_version(row.version_id)
        of_version = row.decision in _OF_VERSION or (row.decision == Decision.EXIT and row.reason in _ENDS_OF_VERSION)
        if of_version and now is not None and not now.means(then, row.campaign):
            return then.line(row.rule)
        return self._line(row.rule, row.at)

    def _line(self, place: str, at: int) -> str | None:
        deployed = self._library.in_force(at)
        return None if deployed is None else deployed.line(place)


def _about(each: Moment) -> tuple[object, ...]:
    return each.at, each.campaign, each.instance, each.label


def _with(each: Moment, outcome: Moment | None) -> Moment:
    """A message that was kept back when it was about to leave, with what kept it back."""
    if outcome is None or outcome.reason != each.reason:
        return each
    notes = (*outcome.notes, *each.notes)
    return replace(
        each, rule=outcome.rule, text=outcome.text, notes=notes, next_possible=outcome.next_possible,
        contacts=outcome.contacts, outcome=outcome.where,
    )  # fmt: skip


def _proof(source: str, proof: str | None) -> tuple[str, ...]:
    given = {} if proof is None else json.loads(proof)
    return tuple(f"{name}: {value}" for name, value in [("source", source), *given.items()] if value)
