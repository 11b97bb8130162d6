"""The hand-over gate, which tells whether a message may leave now.

Takes what is known of a customer at the real instant; gives the reason why not. It may only withhold: the planner has
already decided that the message is wanted. Pure; the order of tests is that of docs/meaning.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flowrules.model.campaign import Campaign, Cap, Policy
from flowrules.sql.codes import Reason

Key = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Contact:
    """A slot that caps count, of a real message."""

    key: Key
    at: int
    channel: str
    counted: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """`suppressed`: by a list of the policy, or because the address is closed.

    `consents`: purpose to the latest state for the message's channel; `contacts`: of the customer, itself too.
    """

    key: Key
    channel: str
    addressed: bool
    ended: bool
    consents: Mapping[str, str]
    contacts: Sequence[Contact]
    suppressed: bool = False


def refusal(candidate: Candidate, campaign: Campaign, policy: Policy, now: int) -> Reason | None:
    """None: it may leave. `campaign` and `policy` are those in force now."""
    if candidate.ended:
        return Reason.JOURNEY_ENDED
    if not candidate.addressed:
        return Reason.NO_ADDRESS
    if candidate.suppressed:
        return Reason.SUPPRESSED
    return _without_consent(candidate, campaign) or _capped(candidate, campaign, policy, now)


def _without_consent(candidate: Candidate, campaign: Campaign) -> Reason | None:
    purpose = campaign.message_class.purpose
    state = candidate.consents.get(purpose.name)
    if state in {"refused", "withdrawn"}:
        return Reason.UNSUBSCRIBED
    return Reason.NO_CONSENT if purpose.asks_first and state != "granted" else None


def _capped(candidate: Candidate, campaign: Campaign, policy: Policy, now: int) -> Reason | None:
    others = [contact for contact in candidate.contacts if contact.key != candidate.key]
    counted = [contact for contact in others if contact.counted]
    own = [contact for contact in others if contact.key[1] == candidate.key[1]]
    full = [_full(cap, candidate.channel, counted, now) for cap in policy.caps if campaign.message_class.limited]
    full += [_full(cap, candidate.channel, own, now) for cap in campaign.caps]
    return Reason.CAPPED if any(full) else None


def _full(cap: Cap, channel: str, contacts: Sequence[Contact], now: int) -> bool:
    if cap.channels and channel not in cap.channels:
        return False
    within = [
        contact
        for contact in contacts
        if now - cap.per < contact.at <= now and (not cap.channels or contact.channel in cap.channels)
    ]
    return len(within) >= cap.number
