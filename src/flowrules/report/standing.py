"""How a customer stands in a campaign: on a journey, gone, refused, or why no trigger ever matched.

Takes a customer and an instant. What no row of the ledger says, because nothing matched, is evaluated: with the guards
that the planner uses, as things stand at that instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection, func, select

from flowrules.content.deployed import Deployed, Library
from flowrules.model.campaign import (
    Campaign,
    ChangeTrigger,
    DateTrigger,
    EventTrigger,
    ScheduleTrigger,
    SegmentTrigger,
    StageTrigger,
    TagTrigger,
    Trigger,
)
from flowrules.model.values import instant
from flowrules.report.clauses import Asking, Clause, clause, written_of
from flowrules.report.ledger import decisions
from flowrules.report.lookup import find_campaign, reason
from flowrules.report.words import iso, moment
from flowrules.sql import tables
from flowrules.sql.codes import Decision, Reason
from flowrules.sql.visits import of_customer
from flowrules.syntax import tree


@dataclass(frozen=True, slots=True)
class Standing:
    """The customer in one campaign. `reason`: why not entered, or how the last journey ended; `words`: said plainly.

    evaluated: where no trigger matched, what is asked of the customer for it, and what each part says.
    """

    campaign: str
    entered: bool
    reason: str | None
    rule: str | None
    text: str | None
    words: str
    next_eligible: int | None
    evaluated: tuple[Clause, ...] = ()

    def facts(self) -> dict[str, object]:
        return {
            "campaign": self.campaign,
            "entered": self.entered,
            "reason": self.reason,
            "rule": self.rule,
            "text": self.text,
            "words": self.words,
            "next_eligible": iso(self.next_eligible),
            "evaluated": [clause.facts() for clause in self.evaluated],
        }


class Standings:
    """Of one customer, at the instant `at`. asked: where things are as they were then; None: that is not on record."""

    def __init__(
        self,
        connection: Connection,
        library: Library,
        customer_id: int,
        zone: str,
        at: int,
        asked: Connection | None,
    ) -> None:
        self._connection = connection
        self._asked = asked
        self._library = library
        self._now = library.in_force(at)
        self._id = customer_id
        self._zone = zone
        self._at = at

    @property
    def in_force(self) -> list[str]:
        """The campaigns of then, by name."""
        deployment = tables.deployment.c
        first = self._connection.execute(select(func.min(deployment.at))).scalar()
        return [] if self._now is None or first is None or first > self._at else sorted(self._now.campaigns)

    def of(self, name: str) -> Standing:
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
            .order_by(decision.at.desc(), decision.turn.desc(), decision.instance.desc(), decision.key)
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
        words, clauses = self._untriggered(campaign)
        return Standing(name, False, None, place, self._text(place), words, None, tuple(clauses))

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

    def _missed(self, once: int, lives_from: int | None) -> str:
        when = moment(once, self._zone)
        if lives_from is not None and once < lives_from:
            return f"{when} lay before the campaign was in force"
        return f"not in the segment on {when}" if once <= self._at else f"{when} has not come yet"

    def _never_moved(self, trigger: SegmentTrigger) -> str:
        membership, segment = tables.membership.c, tables.segment.c
        if self._asked is None:
            return f"it is not on record whether they were in segment `{trigger.segment.name}` then"
        member = self._asked.execute(
            select(membership.member)
            .join_from(tables.membership, tables.segment, segment.id == membership.segment_id)
            .where(membership.customer_id == self._id, segment.name == trigger.segment.name)
        ).scalar()
        name = f"segment `{trigger.segment.name}`"
        if trigger.joins:
            return f"was in {name} already, which does not count" if member else f"never joined {name}"
        return f"never left {name}" if member else f"was not in {name}, so never left it"

    def _untriggered(self, campaign: Campaign | None) -> tuple[str, Sequence[Clause]]:
        """No row of the ledger: no trigger matched. Say how close it was."""
        if campaign is None or self._now is None:
            return "did not enter: the campaign is not in force", ()
        lives_from = self._lives_from(campaign.name)
        since = "" if lives_from is None else f"in force since {moment(lives_from, self._zone)}"
        trigger = campaign.entry.trigger
        if isinstance(trigger, EventTrigger):
            return self._unmatched(self._now, campaign, trigger, lives_from, since)
        if trigger is None:
            return f"did not enter: no campaign started it ({since})", ()
        once = trigger.moment if isinstance(trigger, ScheduleTrigger) else None
        never = self._never(trigger) if once is None else self._missed(instant(once, self._zone), lives_from)
        words = f"did not enter: no trigger matched; {never} ({since})"
        return words, self._asked_of_the_customer(self._now, campaign, trigger)

    def _lives_from(self, name: str) -> int | None:
        """The beginning of the life of then: of this one, or of an earlier one as far as versions tell."""
        c, v = tables.campaign.c, tables.version.c
        lives: int | None = self._connection.execute(select(c.lives_from).where(c.name == name)).scalar()
        if lives is not None and lives <= self._at:
            return lives
        first = select(func.min(v.at)).join_from(tables.version, tables.campaign, c.id == v.campaign_id)
        return self._connection.execute(first.where(c.name == name, v.at <= self._at)).scalar()

    def _unmatched(
        self, deployed: Deployed, campaign: Campaign, trigger: EventTrigger, lives_from: int | None, since: str
    ) -> tuple[str, Sequence[Clause]]:
        """Of the last such event, what its filter says."""
        event = tables.event.c
        seen = self._connection.execute(
            select(event.event_time, event.type_id, event.at, event.seq, func.count().over().label("number"))
            .join_from(tables.event, tables.event_type, tables.event_type.c.id == event.type_id)
            .where(event.customer_id == self._id, event.at <= self._at, tables.event_type.c.name == trigger.event.name)
            .order_by(event.event_time.desc(), event.at.desc(), event.seq.desc())
            .limit(1)
        ).first()
        if seen is None:
            return f"did not enter: no trigger matched; `{trigger.event.name}` never happened", ()
        times = "once" if seen.number == 1 else f"{seen.number} times"
        what = f"`{trigger.event.name}` happened {times}, last {moment(seen.event_time, self._zone)}"
        if lives_from is not None and seen.event_time < lives_from:
            return f"did not enter: no trigger matched; {what}, before the campaign was in force ({since})", ()
        words = f"did not enter: no trigger matched; {what}, but did not match the filter"
        written = _trigger(deployed, campaign)
        if trigger.filter is None or not isinstance(written, tree.EventTrigger) or written.filter is None:
            return words, ()
        if self._asking is None:
            return words, ()
        found = self._asking.of_events(self._id, seen.type_id, written.filter, trigger.filter)
        return words, found[seen.at, seen.seq]

    def _asked_of_the_customer(self, deployed: Deployed, campaign: Campaign, trigger: Trigger) -> Sequence[Clause]:
        if self._asking is None:
            return ()
        match trigger:
            case ScheduleTrigger() | SegmentTrigger():
                condition = written_of(deployed, trigger.segment.name)
                return self._asking.of_customer(self._id, condition, trigger.segment.condition)
            case ChangeTrigger() | DateTrigger():
                said = _trigger(deployed, campaign)
                value = self._asking.value(self._id, trigger.attribute)
                return () if said is None else (clause(said.span, value, holds=False),)
            case _:
                return ()

    @cached_property
    def _asking(self) -> Asking | None:
        if self._now is None or self._asked is None:
            return None
        return Asking(self._asked, self._now, self._at)

    def _line(self, place: str, at: int) -> str | None:
        deployed = self._library.in_force(at)
        return None if deployed is None else deployed.line(place)


def _trigger(deployed: Deployed, campaign: Campaign) -> tree.Trigger | None:
    """As its author wrote it."""
    found = (each for each in deployed.declarations if isinstance(each, tree.CampaignDecl))
    clauses = (clause for each in found if each.name.text == campaign.name for clause in each.header)
    return next(clause.trigger for clause in clauses if isinstance(clause, tree.Enter))


def _entered(number: int, inside: int, ended: str) -> str:
    times = "entered" if number == 1 else f"entered {number} times"
    if inside:
        return f"{times}, is inside" if inside == 1 else f"{times}, is on {inside} journeys"
    return f"{times}, left: {'taken out by an operator' if ended == 'operator' else ended.replace('_', ' ')}"
