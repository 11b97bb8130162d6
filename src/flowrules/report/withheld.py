"""Why a message was withheld or a customer was not let in, and when it would next be possible, said plainly.

Takes rows of the ledger; gives notes for people. What held then is read from the journal, as of that instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from flowrules.content.deployed import Deployed, Library
from flowrules.model.campaign import Campaign, Cap
from flowrules.report.words import begun, iso, message, moment, next_begins, short, window
from flowrules.sql import tables
from flowrules.sql.codes import Decision, Reason
from flowrules.sql.suppression import HARD_BOUNCE

_NOTES: dict[int, tuple[str, ...]] = {
    Reason.ON_HOLD: ("asked for again as soon as that is no longer so",),
    Reason.EXPIRED: ("too late to be of use",),
    Reason.ALREADY_SENT: ("the version the customer was moved from had sent it on this journey",),
    Reason.MOVED_ON: ("it still waited when the journey went on without it",),
    Reason.JOURNEY_ENDED: ("it still waited when the journey ended",),
}


_ENTRIES: dict[int, str] = {
    Reason.PAUSED: "the campaign was paused; who would have entered then does not enter later",
    Reason.LOOP: "campaigns let the customer into one another in a circle; it was cut here",
}

_PAUSED = "the campaign is paused: asked for again when it is resumed"
_RESUMED_WITHOUT = "the pause had held it, and the campaign was resumed without what had waited"


@dataclass(frozen=True, slots=True)
class Counted:
    """A message that a cap had counted."""

    message: str
    campaign: str
    at: int

    def facts(self) -> dict[str, object]:
        return {"message": self.message, "campaign": self.campaign, "at": iso(self.at)}


@dataclass(frozen=True, slots=True)
class Because:
    """notes: what a person asks then; next_possible: when it could next be; contacts: what a cap had counted."""

    notes: tuple[str, ...] = ()
    next_possible: int | None = None
    contacts: tuple[Counted, ...] = ()


class Withheld:
    """Of one customer, by what is known up to the instant `at`."""

    def __init__(self, connection: Connection, library: Library, customer_id: int, zone: str, at: int) -> None:
        self._connection = connection
        self._library = library
        self._id = customer_id
        self._zone = zone
        self._at = at

    def why(self, row: Row[*tuple[Any, ...]]) -> Because:
        deployed = self._library.in_force(row.at)
        campaign = None if deployed is None else deployed.campaigns.get(row.campaign)
        if deployed is None or campaign is None:
            return Because()
        channel = short(row.step).removeprefix("send ").partition(" ")[0]
        purpose = campaign.message_class.purpose.name
        match row.reason:
            case Reason.PAUSED:
                note = _RESUMED_WITHOUT if row.rule == tables.OPERATOR else _PAUSED
            case Reason.CAPPED:
                return self._why_capped(row, campaign, deployed)
            case Reason.NO_CONSENT:
                note = f"no consent to {purpose} by {channel} had been given; possible once it is"
            case Reason.UNSUBSCRIBED:
                said = self._consent(channel, purpose, row.at)
                note = f"{said}; possible again once consent is given"
            case Reason.EXCLUDED:
                note = f"the customer was in {row.by} when it was about to leave"
            case Reason.SUPPRESSED:
                note = _suppressed(row.by, channel)
            case Reason.NO_ADDRESS:
                address = next((each.address for each in deployed.model.channels if each.name == channel), None)
                note = f"the customer had no `{address}` that can be used; possible once there is one"
            case other:
                return Because(_NOTES.get(other, ()))
        return Because((note,))

    def _why_capped(self, row: Row[*tuple[Any, ...]], campaign: Campaign, deployed: Deployed) -> Because:
        own = next((cap for cap in campaign.caps if cap.place == row.rule), None)
        cap = own or next((cap for cap in deployed.model.policy.caps if cap.place == row.rule), None)
        if cap is None:
            return Because()
        waits = row.until is not None or cap.number == 0
        found = self._contacts(cap, None if own is None else row.campaign_id)
        since = begun(cap.calendar, self._zone, row.at) if cap.calendar else row.at - cap.per + 1
        counted = [each for each in found if since <= each.at <= row.at]
        by_the_gate = row.decision == Decision.OUTCOME  # which writes down no number
        number, limit = (len(counted), cap.number) if by_the_gate else (row.counter, row.limit)
        notes = []
        if cap.calendar is not None:
            notes.append(f"{number} of {limit} contacts in this calendar {cap.calendar}")
        elif by_the_gate:
            notes.append(f"{number} of {limit} contacts in the {window(cap.per)} before")
        return Because(
            tuple(notes) if not by_the_gate or number >= limit else (),
            None if waits else self._room(row.at, cap, [each.at for each in found]),
            # Where one was taken back or moved since, or a held out customer's count, these are not what was found.
            tuple(counted) if number == len(counted) >= (limit if by_the_gate else 0) else (),
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
                consent.state != tables.OUTDATED,
            )
            .order_by(consent.at.desc(), consent.seq.desc())
        )
        row = self._connection.execute(query.limit(1)).first()
        if row is None:
            return ""
        since = f" on {(iso(row.event_time) or '')[:10]}" if row.event_time > 0 else ""
        return f"{row.state} {purpose} by {channel}{since}"

    def _room(self, at: int, cap: Cap, contacts: Sequence[int]) -> int | None:
        """The first instant at which the cap has a free slot, by the contacts known up to the end."""
        if cap.calendar is not None:
            return next_begins(cap.calendar, self._zone, at)
        for free in sorted(each + cap.per for each in contacts if each + cap.per > at):
            if sum(free - cap.per < each <= free for each in contacts) < cap.number:
                return free
        return None

    def _contacts(self, cap: Cap, campaign_id: int | None) -> Sequence[Counted]:
        contact = tables.contact.c
        query = (
            select(contact.at, tables.step.c.key, tables.campaign.c.name)
            .join_from(tables.contact, tables.channel, tables.channel.c.id == contact.channel_id)
            .join(tables.step, tables.step.c.id == contact.step_id)
            .join(tables.campaign, tables.campaign.c.id == contact.campaign_id)
            .where(contact.customer_id == self._id, contact.ghost == 0, contact.at <= self._at)
        )
        query = (
            query.where(contact.counted == 1)
            if campaign_id is None
            else query.where(contact.campaign_id == campaign_id)
        )
        if cap.channels:
            query = query.where(tables.channel.c.name.in_(cap.channels))
        rows = self._connection.execute(query.order_by(contact.at, contact.campaign_id, contact.step_id))
        return [Counted(message(row.key), row.name, row.at) for row in rows]


class Entries:
    """Of one customer's entries, taken one after the other in order of time."""

    def __init__(self, library: Library, zone: str) -> None:
        self._library = library
        self._zone = zone
        self._entered: dict[tuple[str, str], list[int]] = {}

    def why(self, row: Row[*tuple[Any, ...]]) -> Because:
        before = self._entered.setdefault((row.campaign, row.key), [])
        if row.decision == Decision.ENTERED:
            before.append(row.at)
            return Because()
        deployed = self._library.in_force(row.at)
        campaign = None if deployed is None else deployed.campaigns.get(row.campaign)
        last = f" {moment(before[-1], self._zone)}" if before else ""
        note, next_possible = _ENTRIES.get(row.reason, ""), None
        match row.reason:
            case Reason.ALREADY_INSIDE if last:
                note = f"inside since{last}"
            case Reason.ENTERED_BEFORE if last:
                note = f"lets everybody in once only, and this customer on{last}"
            case Reason.TOO_SOON if last and campaign is not None:
                note, next_possible = f"entered last on{last}", before[-1] + campaign.entry.gap
            case Reason.NO_KEY if campaign is not None and campaign.entry.key is not None:
                note = f"the event came without `{campaign.entry.key.name}`, by which journeys are told apart"
            case _:
                pass
        return Because((note,) if note else (), next_possible)


def _suppressed(by: str | None, channel: str) -> str:
    if by == HARD_BOUNCE:
        return f"a message to the same address came back for good; no {channel} until the address changes"
    return f"the customer is in {by}; possible once they are not"
