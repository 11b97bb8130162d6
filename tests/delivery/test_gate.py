"""The gate's verdicts, one after the other."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

import pytest

from flowrules.model.campaign import (
    Campaign,
    Cap,
    Entry,
    EventTrigger,
    MessageClass,
    Period,
    Policy,
    Purpose,
    QuietHours,
)
from flowrules.model.schema import EventType
from flowrules.runtime.gate import Candidate, Contact, Refusal, refusal
from flowrules.runtime.sender import LEASE, alive, sender
from flowrules.sql.codes import Reason
from tests.support.world import at

NOW = 1_000_000
PURPOSE = Purpose("marketing", asks_first=True, place="p:1")
CLASS = MessageClass("marketing", PURPOSE, limited=True, counted=True, rank=0, place="p:2")
CAMPAIGN = Campaign(
    "c", None, None, CLASS, 0, Entry(EventTrigger(EventType("e"), None), "once", 0, "c:1"), None, (), (), (), None, (),
    "c:0", "digest",
)  # fmt: skip
POLICY = Policy(zone_of_customer=False, zone="UTC", purposes=(PURPOSE,), classes=(CLASS,), caps=(), hold_out=None)
KEY = (1, 1, 1, 1, 1)
FINE = Candidate(KEY, "email", addressed=True, ended=False, consents={"marketing": "granted"}, contacts=())


def contact(number: int, at: int, *, channel: str = "email", counted: bool = True, campaign: int = 2) -> Contact:
    return Contact((1, campaign, 1, 1, number), at, channel, counted)


def verdict(candidate: Candidate, campaign: Campaign, policy: Policy, now: int) -> Reason | None:
    against = refusal(candidate, campaign, policy, now)
    return None if against is None else against.reason


def test_all_is_well() -> None:
    assert refusal(FINE, CAMPAIGN, POLICY, NOW) is None


def test_what_decided_is_told() -> None:
    cap, quiet = Cap(1, 100, (), "p:3"), QuietHours(time(0), time(0), ("email",), "p:4")
    of_list, of_hold = Refusal(Reason.SUPPRESSED, "p:5", "list x"), Refusal(Reason.ON_HOLD, "c:6")
    full = replace(FINE, contacts=[contact(1, NOW)])
    assert refusal(full, CAMPAIGN, replace(POLICY, caps=(cap,)), NOW) == Refusal(Reason.CAPPED, "p:3")
    assert refusal(FINE, CAMPAIGN, replace(POLICY, quiet=(quiet,)), NOW) == Refusal(Reason.QUIET_UNTIL, "p:4")
    policy = replace(POLICY, quiet=(quiet,), caps=(cap,))
    assert refusal(replace(full, suppressed=of_list, holds=of_hold), CAMPAIGN, policy, NOW) == of_list
    assert refusal(replace(full, holds=of_hold), CAMPAIGN, policy, NOW) == of_hold
    assert verdict(replace(full, holds=of_hold, consents={}), CAMPAIGN, policy, NOW) is Reason.NO_CONSENT
    excluded = Refusal(Reason.EXCLUDED, "c:7", "list y")
    assert refusal(replace(full, ends=excluded, addressed=False), CAMPAIGN, policy, NOW) == excluded


def test_the_first_reason_counts() -> None:
    worst = replace(FINE, ended=True, addressed=False, consents={})
    assert verdict(worst, CAMPAIGN, POLICY, NOW) is Reason.JOURNEY_ENDED
    assert verdict(replace(worst, ended=False), CAMPAIGN, POLICY, NOW) is Reason.NO_ADDRESS


@pytest.mark.parametrize(
    ("state", "asks_first", "expected"),
    [
        ("granted", True, None),
        ("granted", False, None),
        (None, True, Reason.NO_CONSENT),
        (None, False, None),
        ("refused", True, Reason.UNSUBSCRIBED),
        ("withdrawn", False, Reason.UNSUBSCRIBED),
    ],
)
def test_consent(state: str | None, asks_first: bool, expected: Reason | None) -> None:  # noqa: FBT001 -- parametrized
    of_class = replace(CLASS, purpose=replace(PURPOSE, asks_first=asks_first))
    candidate = replace(FINE, consents={} if state is None else {"marketing": state})
    assert verdict(candidate, replace(CAMPAIGN, message_class=of_class), POLICY, NOW) is expected


@pytest.mark.parametrize(
    ("contacts", "full"),
    [
        ([contact(1, NOW)], True),
        ([contact(1, NOW - 99)], True),
        ([contact(1, NOW - 100)], False),  # exactly D later is outside
        ([contact(1, NOW + 1)], False),
        ([contact(1, NOW, counted=False)], False),
        ([contact(1, NOW, channel="call")], False),
        ([Contact(KEY, NOW, "email", counted=True)], False),  # itself
    ],
)
def test_caps_of_the_policy(contacts: list[Contact], full: bool) -> None:  # noqa: FBT001 -- parametrized
    policy = replace(POLICY, caps=(Cap(1, 100, ("email", "sms"), "p:3"),))
    expected = Reason.CAPPED if full else None
    assert verdict(replace(FINE, contacts=contacts), CAMPAIGN, policy, NOW) is expected
    unlimited = replace(CAMPAIGN, message_class=replace(CLASS, limited=False))
    assert verdict(replace(FINE, contacts=contacts), unlimited, policy, NOW) is None


def test_a_cap_on_other_channels_does_not_concern_it() -> None:
    policy = replace(POLICY, caps=(Cap(0, 100, ("sms",), "p:3"),))
    assert verdict(FINE, CAMPAIGN, policy, NOW) is None


def test_caps_of_the_campaign_count_its_own() -> None:
    campaign = replace(CAMPAIGN, caps=(Cap(1, 100, (), "c:3"),))
    assert verdict(replace(FINE, contacts=[contact(1, NOW)]), campaign, POLICY, NOW) is None
    own = contact(2, NOW, campaign=1, counted=False)
    assert verdict(replace(FINE, contacts=[own]), campaign, POLICY, NOW) is Reason.CAPPED


DAY = 86_400_000_000
MADRID = "Europe/Madrid"
NINE_PM = 1_772_481_600_000_000  # 2026-03-02 20:00 UTC: 21:00 in Madrid


@pytest.mark.parametrize(
    ("now", "zone", "channel", "quiet"),
    [
        (NINE_PM - 1, MADRID, "email", False),
        (NINE_PM, MADRID, "email", True),
        (NINE_PM, "UTC", "email", False),
        (NINE_PM, MADRID, "sms", False),
        (NINE_PM + DAY // 2 - 1, MADRID, "email", True),
        (NINE_PM + DAY // 2, MADRID, "email", False),
    ],
)
def test_quiet_hours(now: int, zone: str, channel: str, quiet: bool) -> None:  # noqa: FBT001 -- parametrized
    policy = replace(POLICY, quiet=(QuietHours(time(21), time(9), ("email",), "p:4"),))
    expected = Reason.QUIET_UNTIL if quiet else None
    assert verdict(replace(FINE, zone=zone, channel=channel), CAMPAIGN, policy, now) is expected


def test_what_has_expired_does_not_wait_for_the_morning() -> None:
    policy = replace(POLICY, quiet=(QuietHours(time(21), time(9), ("email",), "p:4"),))
    candidate = replace(FINE, zone=MADRID, expires_at=NINE_PM)
    assert verdict(candidate, CAMPAIGN, policy, NINE_PM) is Reason.EXPIRED
    assert verdict(candidate, CAMPAIGN, POLICY, NINE_PM - 1) is None


@pytest.mark.parametrize(
    ("period", "begun"),
    [
        ("day", "2026-03-01 23:00"),
        ("week", "2026-03-01 23:00"),  # the second of March is a Monday
        ("month", "2026-02-28 23:00"),
    ],
)
def test_calendar_caps(period: Period, begun: str) -> None:
    """By the calendar of the customer, here an hour ahead."""
    start = at(begun)
    policy = replace(POLICY, caps=(Cap(1, 0, (), "p:3", period),))
    for earlier, expected in ((start, Reason.CAPPED), (start - 1, None)):
        candidate = replace(FINE, zone=MADRID, contacts=[contact(1, earlier)])
        assert verdict(candidate, CAMPAIGN, policy, NINE_PM) is expected


def test_a_sender_lives_as_long_as_its_run() -> None:
    with sender() as name:
        assert alive(name, 0, 10 * LEASE)
    assert not alive(name, 0, 1)
    elsewhere = "other-machine " + name.partition(" ")[2]
    assert alive(elsewhere, 0, LEASE - 1)
    assert not alive(elsewhere, 0, LEASE)
    gone = " ".join([name.split()[0], "4194304", "1", "1"])
    assert not alive(gone, 0, 1)
    assert not alive(None, 0, LEASE)
