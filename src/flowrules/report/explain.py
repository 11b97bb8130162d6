"""Why a customer did or did not get something: for a support person with the customer on the phone.

Takes a connection, a customer and an instant; gives an Explanation. Everything is read from the journal and the
ledger as they were written; nothing is decided again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row, func, select

from flowrules.content.deployed import Deployed, Library
from flowrules.content.outgoing import details, key_of
from flowrules.model.campaign import (
    Campaign,
    Cap,
    ChangeTrigger,
    DateTrigger,
    EventTrigger,
    SegmentTrigger,
    StageTrigger,
    TagTrigger,
    Trigger,
)
from flowrules.model.schema import EventType, Property
from flowrules.model.values import display
from flowrules.report.ledger import decisions, of_customer
from flowrules.report.lookup import find_campaign, find_customer, reason
from flowrules.report.words import answer, iso, next_begins
from flowrules.sql import tables
from flowrules.sql.codes import Decision, Reason, Status
from flowrules.sql.columns import property_column, tables_for
from flowrules.sql.suppression import HARD_BOUNCE

_FACT, _MESSAGE, _DECISION = range(3)
_NEXT_DAY = "the channel has sent as many as it may on one day; it leaves on the next"
_NOTES: dict[int, tuple[str, ...]] = {
    Reason.ON_HOLD: ("asked for again as soon as that is no longer so",),
    Reason.EXPIRED: ("too late to be of use",),
    Reason.MOVED_ON: ("it still waited when the journey went on without it",),
    Reason.JOURNEY_ENDED: ("it still waited when the journey ended",),
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the story.

    kind: event, consent, change, decision or message; what: the name of the event, attribute, channel, decision or
    status; label: what it is about; text: the words at `rule`; notes: what else a person asks then; next_possible:
    when a withheld message could next have left; key: what tells the journey entered from others.
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

    def facts(self) -> dict[str, object]:
        return {
            "at": iso(self.at),
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
        }


@dataclass(frozen=True, slots=True)
class Standing:
    """The customer in one campaign. `reason`: why not entered, or how the last journey ended; `words`: said plainly."""

    campaign: str
    entered: bool
    reason: str | None
    rule: str | None
    text: str | None
    words: str
    next_eligible: int | None

    def facts(self) -> dict[str, object]:
        return {
            "campaign": self.campaign,
            "entered": self.entered,
            "reason": self.reason,
            "rule": self.rule,
            "text": self.text,
            "words": self.words,
            "next_eligible": iso(self.next_eligible),
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

    def facts(self) -> dict[str, object]:
        """`entered`, `reason`, `rule`, `next_eligible` are those of the one campaign asked for."""
        one = self.standings[0] if self.campaign is not None else None
        return {
            "customer": self.customer,
            "campaign": self.campaign,
            "entered": any(standing.entered for standing in self.standings),
            "reason": None if one is None else one.reason,
            "rule": None if one is None else one.rule,
            "timeline": [moment.facts() for moment in self.timeline],
            "next_eligible": None if one is None else iso(one.next_eligible),
            "zone": self.zone,
            "standings": [standing.facts() for standing in self.standings],
        }


def explain(
    connection: Connection, customer: str, campaign: str | None, at: int, known: dict[int, Deployed] | None = None
) -> Explanation:
    """As things stood at the instant `at`. `known`: as of Library."""
    customer_id = find_customer(connection, customer)
    campaign_id = None if campaign is None else find_campaign(connection, campaign)
    story = _Story(connection, customer_id, at, Library(connection, known))
    names = tables.campaign.c
    query = select(names.name).where(names.lives_from.is_not(None) if campaign_id is None else names.id == campaign_id)
    timeline = sorted(
        [
            *story.events(),
            *story.changes(),
            *story.consents(),
            *story.decisions(campaign_id),
            *story.messages(campaign_id),
        ],
        key=lambda moment: (moment.at, moment.order),
    )
    return Explanation(
        customer=story.customer,
        zone=story.zone,
        campaign=campaign,
        standings=tuple(story.standing(name) for name in connection.execute(query.order_by(names.name)).scalars()),
        timeline=tuple(timeline),
    )


class _Story:
    def __init__(self, connection: Connection, customer_id: int, at: int, library: Library) -> None:
        self._connection = connection
        self._id = customer_id
        self._at = at
        self._library = library
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
            label = self._properties(row, declared.get(row.event)) if row.about is None else _short(row.about)
            notes = [f"happened {iso(row.event_time)}, received later"] if row.event_time != row.at else []
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
            shown = (
                str(value) if type_ is None or self._now is None else display(value, type_, self._now.model.currency)
            )
            yield Moment(
                at=row.at, order=(_FACT, row.seq), kind="change", what=row.attribute,
                label="has no value any more" if value is None else shown,
            )  # fmt: skip

    def consents(self) -> Iterator[Moment]:
        consent = tables.consent.c
        query = select(tables.consent).where(consent.customer_id == self._id, consent.at <= self._at)
        for row in self._connection.execute(query):
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
        for row in self._connection.execute(query.order_by(decision.at, decision.turn)):
            word = Decision(row.decision).word
            withheld = row.decision == Decision.WITHHELD
            notes, next_possible = self._why_withheld(row) if withheld else ((), None)
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
                text=self._line(row.rule, row.at),
                until=row.until,
                counter=row.counter,
                limit=row.limit,
                window=row.window,
                notes=notes,
                next_possible=next_possible,
                key=row.key or None,
            )

    def _about(self, row: Row[*tuple[Any, ...]]) -> str:
        """The author's words, what excluded, ended or is started, the arm of a split, or the step; of an entry its key,
        and what started it.
        """
        step = _short(row.step)
        if row.decision == Decision.BRANCH and row.words:
            return f"{step}: {row.words}"
        if row.decision not in {Decision.ENTERED, Decision.NOT_ENTERED}:
            return row.words or (row.decision != Decision.WITHHELD and row.by) or step
        excluded = row.by if row.reason == Reason.EXCLUDED else ""
        started = f"started by {row.by}" if row.by and not excluded else ""
        return ", ".join(filter(None, (self._key(row), started, excluded))) or step

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
                select(tables.attempt).where(tables.attempt.c.customer_id == self._id).order_by(tables.attempt.c.number)
            )
        }
        for row in self._connection.execute(query):
            when = row.sent_at or known.get(key_of(row))
            waits = row.status < Status.SENT and row.status != Status.UNKNOWN
            if row.status == Status.HELD and row.place_id is not None:
                continue  # its decision tells it
            if row.status == Status.GHOST or (when is None and not waits) or when == row.decided_at:
                continue
            when = row.decided_at if when is None else when
            words = _NEXT_DAY if row.reason == Reason.SEND_LIMIT else answer(tries.get(key_of(row)))
            if when <= self._at + 1:  # what was handed over at this very instant
                yield Moment(
                    at=when,
                    order=(_DECISION if waits else _MESSAGE, row.turn),
                    kind="message",
                    what=Status(row.status).word,
                    label=_short(row.step),
                    campaign=row.campaign,
                    instance=row.instance,
                    reason=reason(row.reason),
                    rule=row.rule,
                    text=self._line(row.rule, row.decided_at),
                    notes=(words,) if words and row.status != Status.SENT else (),
                )

    def _line(self, place: str, at: int) -> str | None:
        deployed = self._library.in_force(at)
        return None if deployed is None else deployed.line(place)

    # --- why not, and when next -----------------------------------------------------------------------

    def _why_withheld(self, row: Row[*tuple[Any, ...]]) -> tuple[tuple[str, ...], int | None]:
        deployed = self._library.in_force(row.at)
        campaign = None if deployed is None else deployed.campaigns.get(row.campaign)
        if deployed is None or campaign is None:
            return (), None
        channel = _short(row.step).removeprefix("send ").partition(" ")[0]
        purpose = campaign.message_class.purpose.name
        match row.reason:
            case Reason.CAPPED:
                return self._why_capped(row, campaign, deployed)
            case Reason.NO_CONSENT:
                note = f"no consent to {purpose} by {channel} had been given; possible once it is"
            case Reason.UNSUBSCRIBED:
                said = self._consent(channel, purpose, row.at)
                note = f"{said}; possible again once consent is given"
            case Reason.SUPPRESSED:
                note = _suppressed(row.by, channel)
            case Reason.NO_ADDRESS:
                address = next((each.address for each in deployed.model.channels if each.name == channel), None)
                note = f"the customer had no `{address}` that can be used; possible once there is one"
            case other:
                return _NOTES.get(other, ()), None
        return (note,), None

    def _why_capped(
        self, row: Row[*tuple[Any, ...]], campaign: Campaign, deployed: Deployed
    ) -> tuple[tuple[str, ...], int | None]:
        own = next((cap for cap in campaign.caps if cap.place == row.rule), None)
        cap = own or next((cap for cap in deployed.model.policy.caps if cap.place == row.rule), None)
        if cap is None:
            return (), None
        of_period = f"{row.counter} of {row.limit} contacts in this calendar {cap.calendar}"
        waits = row.until is not None or cap.number == 0
        return (
            (of_period,) if cap.calendar is not None else (),
            None if waits else self._room(row, cap, None if own is None else row.campaign_id),
        )

    def _consent(self, channel: str, purpose: str, at: int) -> str:
        consent = tables.consent.c
        query = (
            select(tables.consent)
            .where(
                consent.customer_id == self._id,
                consent.channel == channel,
                consent.purpose == purpose,
                consent.at <= at,
            )
            .order_by(consent.at.desc(), consent.seq.desc())
        )
        row = self._connection.execute(query.limit(1)).first()
        if row is None:
            return ""
        since = f" on {(iso(row.event_time) or '')[:10]}" if row.event_time > 0 else ""
        return f"{row.state} {purpose} by {channel}{since}"

    def _room(self, row: Row[*tuple[Any, ...]], cap: Cap, campaign_id: int | None) -> int | None:
        """The first instant at which the cap has a free slot, by the contacts known up to `at`."""
        if cap.calendar is not None:
            return next_begins(cap.calendar, self.zone, row.at)
        contacts = self._contacts(cap, campaign_id)
        for free in sorted(at + cap.per for at in contacts if at + cap.per > row.at):
            if sum(free - cap.per < at <= free for at in contacts) < cap.number:
                return free
        return None

    def _contacts(self, cap: Cap, campaign_id: int | None) -> Sequence[int]:
        contact = tables.contact.c
        query = (
            select(contact.at)
            .join_from(tables.contact, tables.channel, tables.channel.c.id == contact.channel_id)
            .where(contact.customer_id == self._id, contact.ghost == 0, contact.at <= self._at)
        )
        query = (
            query.where(contact.counted == 1)
            if campaign_id is None
            else query.where(contact.campaign_id == campaign_id)
        )
        if cap.channels:
            query = query.where(tables.channel.c.name.in_(cap.channels))
        return self._connection.execute(query).scalars().all()

    def standing(self, name: str) -> Standing:
        campaign_id = find_campaign(self._connection, name)
        campaign = None if self._now is None else self._now.campaigns.get(name)
        place = None if campaign is None else campaign.entry.place
        enrollment, decision = tables.enrollment.c, tables.decision.c
        journeys = self._connection.execute(
            select(tables.enrollment)
            .where(enrollment.customer_id == self._id, enrollment.campaign_id == campaign_id)
            .where(enrollment.entered_at <= self._at)
            .order_by(enrollment.instance)
        ).all()
        inside = [each for each in journeys if each.ended_at is None or each.ended_at > self._at]
        lately = inside or sorted(journeys, key=lambda each: (each.ended_at or 0, each.instance))
        last = lately[-1] if lately else None
        refused = self._connection.execute(
            decisions()
            .where(of_customer(self._id), decision.campaign_id == campaign_id, decision.at <= self._at)
            .where(decision.decision == Decision.NOT_ENTERED)
            .order_by(decision.at.desc(), decision.turn.desc())
            .limit(1)
        ).first()
        next_eligible = None
        if last is not None and campaign is not None and campaign.entry.mode == "again after" and not last.key:
            next_eligible = last.entered_at + campaign.entry.gap
        if last is not None:
            word = None if inside else reason(last.exit)
            said = None if inside else self._label(last.words_id)
            words = _entered(len(journeys), len(inside), said or word or "")
            return Standing(name, True, word, place, self._text(place), words, next_eligible)
        if refused is not None:
            said = (reason(refused.reason) or "").replace("_", " ")
            by = refused.by if refused.reason == Reason.EXCLUDED else None
            words = f"did not enter: {said}" + (f" by {by}" if by else "")
            text = self._line(refused.rule, refused.at)
            return Standing(name, False, reason(refused.reason), refused.rule, text, words, next_eligible)
        return Standing(name, False, None, place, self._text(place), self._untriggered(campaign), None)

    def _label(self, label_id: int | None) -> str | None:
        label = tables.label.c
        found: str | None = self._connection.execute(select(label.text).where(label.id == label_id)).scalar()
        return None if found is None else f'"{found}"'

    def _text(self, place: str | None) -> str | None:
        return None if place is None or self._now is None else self._now.line(place)

    def _never(self, trigger: Trigger) -> str:
        """What did not happen."""
        match trigger:
            case StageTrigger():
                return f"never came to stage `{trigger.campaign}.{trigger.stage}`"
            case TagTrigger():
                return f"was never given the tag `{trigger.tag}`"
            case SegmentTrigger():
                return self._never_moved(trigger)
            case ChangeTrigger():
                return f"`{trigger.attribute.name}` never changed so"
            case DateTrigger():
                return f"the day by `{trigger.attribute.name}` did not come"
            case _:
                return "not in the segment at any occurrence"

    def _never_moved(self, trigger: SegmentTrigger) -> str:
        membership, segment = tables.membership.c, tables.segment.c
        member = self._connection.execute(
            select(membership.member)
            .join_from(tables.membership, tables.segment, segment.id == membership.segment_id)
            .where(membership.customer_id == self._id, segment.name == trigger.segment.name)
        ).scalar()
        name = f"segment `{trigger.segment.name}`"
        if trigger.joins:
            return f"was in {name} already, which does not count" if member else f"never joined {name}"
        return f"never left {name}" if member else f"was not in {name}, so never left it"

    def _untriggered(self, campaign: Campaign | None) -> str:
        """No row of the ledger: no trigger matched. Say how close it was."""
        if campaign is None:
            return "did not enter: the campaign is not in force"
        lives_from = self._connection.execute(
            select(tables.campaign.c.lives_from).where(tables.campaign.c.name == campaign.name)
        ).scalar()
        since = f"in force since {iso(lives_from)}"
        trigger = campaign.entry.trigger
        if trigger is None:
            return f"did not enter: no campaign started it ({since})"
        if not isinstance(trigger, EventTrigger):
            return f"did not enter: no trigger matched; {self._never(trigger)} ({since})"
        event = tables.event.c
        seen = self._connection.execute(
            select(func.count().label("number"), func.max(event.event_time).label("last"))
            .join_from(tables.event, tables.event_type, tables.event_type.c.id == event.type_id)
            .where(event.customer_id == self._id, event.at <= self._at, tables.event_type.c.name == trigger.event.name)
        ).one()
        if not seen.number:
            return f"did not enter: no trigger matched; `{trigger.event.name}` never happened"
        times = "once" if seen.number == 1 else f"{seen.number} times"
        what = f"`{trigger.event.name}` happened {times}, last {iso(seen.last)}"
        before = lives_from is not None and seen.last < lives_from
        why = f"before the campaign was in force ({since})" if before else "but did not match the filter"
        return f"did not enter: no trigger matched; {what}, {why}"


def _entered(number: int, inside: int, ended: str) -> str:
    times = "entered" if number == 1 else f"entered {number} times"
    if inside:
        return f"{times}, is inside" if inside == 1 else f"{times}, is on {inside} journeys"
    return f"{times}, left: {ended.replace('_', ' ')}"


def _suppressed(by: str | None, channel: str) -> str:
    if by == HARD_BOUNCE:
        return f"a message to the same address came back for good; no {channel} until the address changes"
    return f"the customer is in {by}; possible once they are not"


def _proof(source: str, proof: str | None) -> tuple[str, ...]:
    given = {} if proof is None else json.loads(proof)
    return tuple(f"{name}: {value}" for name, value in [("source", source), *given.items()] if value)


def _short(step: str | None) -> str:
    """`lead/send email hello` without its stage."""
    return (step or "").rpartition("/")[2]
