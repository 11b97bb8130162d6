"""The hand-over gate, which tells whether a message may leave now.

Takes what is known of a customer at the real instant; gives the reason why not. It may only withhold: the planner has
already decided that the message is wanted. Pure; the order of tests is that of docs/meaning.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flowrules.model.campaign import Campaign, Cap, Period, Policy, QuietHours
from flowrules.model.values import instant
from flowrules.sql.codes import Reason

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Key = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Contact:
    """A slot that caps count, of a real message."""

    key: Key
    at: int
    channel: str
    counted: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """place: of the words that decide, None: the step's own; by: as the ledger says it."""

    reason: Reason
    place: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """ends, holds: by a condition of the campaign; `suppressed`: by a list of the policy, or because the address is
    closed.

    `consents`: purpose to the latest state for the message's channel; `contacts`: of the customer, itself too.
    zone: the customer's; expires_at: None for ever.
    """

    key: Key
    channel: str
    addressed: bool
    ended: bool
    consents: Mapping[str, str]
    contacts: Sequence[Contact]
    suppressed: Refusal | None = None
    ends: Refusal | None = None
    holds: Refusal | None = None
    zone: str = "UTC"
    expires_at: int | None = None


def refusal(candidate: Candidate, campaign: Campaign, policy: Policy, now: int) -> Refusal | None:
    """None: it may leave. `campaign` and `policy` are those in force now."""
    if candidate.ended:
        return Refusal(Reason.JOURNEY_ENDED)
    if candidate.ends is not None:
        return candidate.ends
    if candidate.expires_at is not None and now >= candidate.expires_at:
        return Refusal(Reason.EXPIRED)
    if not candidate.addressed:
        return Refusal(Reason.NO_ADDRESS)
    return (
        candidate.suppressed
        or _without_consent(candidate, campaign)
        or candidate.holds
        or _quiet(candidate, policy, now)
        or _capped(candidate, campaign, policy, now)
    )


def _quiet(candidate: Candidate, policy: Policy, now: int) -> Refusal | None:
    for each in policy.quiet:
        if candidate.channel in each.channels and is_quiet(each, candidate.zone, now):
            return Refusal(Reason.QUIET_UNTIL, each.place)
    return None


def is_quiet(quiet: QuietHours, zone: str, now: int) -> bool:
    """From the start on a local date to before the end on the same or the next one."""
    today = local_date(now, zone)
    length = timedelta(days=1 if quiet.end <= quiet.start else 0)
    for day in (today + timedelta(days=number) for number in (-1, 0, 1)):
        begins = instant(datetime.combine(day, quiet.start), zone)
        if begins <= now < instant(datetime.combine(day + length, quiet.end), zone):
            return True
    return False


def _without_consent(candidate: Candidate, campaign: Campaign) -> Refusal | None:
    purpose = campaign.message_class.purpose
    state = candidate.consents.get(purpose.name)
    if state in {"refused", "withdrawn"}:
        return Refusal(Reason.UNSUBSCRIBED)
    return Refusal(Reason.NO_CONSENT) if purpose.asks_first and state != "granted" else None


def _capped(candidate: Candidate, campaign: Campaign, policy: Policy, now: int) -> Refusal | None:
    others = [contact for contact in candidate.contacts if contact.key != candidate.key]
    counted = [contact for contact in others if contact.counted]
    own = [contact for contact in others if contact.key[1] == candidate.key[1]]
    full = [cap for cap in policy.caps if campaign.message_class.limited and _full(cap, candidate, counted, now)]
    full += [cap for cap in campaign.caps if _full(cap, candidate, own, now)]
    return Refusal(Reason.CAPPED, full[0].place) if full else None


def _full(cap: Cap, candidate: Candidate, contacts: Sequence[Contact], now: int) -> bool:
    if cap.channels and candidate.channel not in cap.channels:
        return False
    first = now - cap.per + 1 if cap.calendar is None else begun(cap.calendar, candidate.zone, now)
    within = [
        contact
        for contact in contacts
        if first <= contact.at <= now and (not cap.channels or contact.channel in cap.channels)
    ]
    return len(within) >= cap.number


def begun(period: Period, zone: str, now: int) -> int:
    """The first instant of the customer's day, week (from Monday) or month."""
    today = local_date(now, zone)
    match period:
        case "week":
            today -= timedelta(days=today.weekday())
        case "month":
            today = today.replace(day=1)
        case "day":
            pass
    return instant(datetime.combine(today, time()), zone)


def local_date(at: int, zone: str) -> date:
    return (_EPOCH + timedelta(microseconds=at)).astimezone(ZoneInfo(zone)).date()
