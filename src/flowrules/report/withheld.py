"""Why a message was withheld, and when it could next have left, said plainly.

Takes rows of the ledger; gives notes for people. What held then is read from the journal, as of that instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from flowrules.content.deployed import Deployed, Library
from flowrules.model.campaign import Campaign, Cap
from flowrules.report.words import iso, next_begins, short
from flowrules.sql import tables
from flowrules.sql.codes import Reason
from flowrules.sql.suppression import HARD_BOUNCE

_NOTES: dict[int, tuple[str, ...]] = {
    Reason.ON_HOLD: ("asked for again as soon as that is no longer so",),
    Reason.EXPIRED: ("too late to be of use",),
    Reason.ALREADY_SENT: ("the version the customer was moved from had sent it on this journey",),
    Reason.MOVED_ON: ("it still waited when the journey went on without it",),
    Reason.JOURNEY_ENDED: ("it still waited when the journey ended",),
}


_PAUSED = "the campaign is paused: asked for again when it is resumed"
_RESUMED_WITHOUT = "the pause had held it, and the campaign was resumed without what had waited"


class Withheld:
    """Of one customer, by what is known up to the instant `at`."""

    def __init__(self, connection: Connection, library: Library, customer_id: int, zone: str, at: int) -> None:
        self._connection = connection
        self._library = library
        self._id = customer_id
        self._zone = zone
        self._at = at

    def why(self, row: Row[*tuple[Any, ...]]) -> tuple[tuple[str, ...], int | None]:
        deployed = self._library.in_force(row.at)
        campaign = None if deployed is None else deployed.campaigns.get(row.campaign)
        if deployed is None or campaign is None:
            return (), None
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
                consent.state != tables.OUTDATED,
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
            return next_begins(cap.calendar, self._zone, row.at)
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


def _suppressed(by: str | None, channel: str) -> str:
    if by == HARD_BOUNCE:
        return f"a message to the same address came back for good; no {channel} until the address changes"
    return f"the customer is in {by}; possible once they are not"
