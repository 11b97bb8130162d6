"""What must be true of messages whatever the program: counted over by brute force, without the reference."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tests.reference.clock import elapsed, known_zones, moment, to_local
from tests.reference.outcome import Contact
from tests.reference.program import load

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowrules.syntax import tree
    from tests.reference.program import Program
    from tests.reference.scenario import LedgerRow, Scenario


def contacts(rows: Iterable[LedgerRow]) -> list[Contact]:
    """The real messages of a ledger."""
    return [
        Contact(row.at, row.customer, row.campaign, row.instance, row.step, row.step.rsplit("/")[-1].split()[1], None)
        for row in rows
        if row.decision == "send" and row.reason is None and row.step is not None
    ]


def exceeded(scenario: Scenario, sent: list[Contact]) -> list[str]:
    """Messages too many for a cap.

    A limited message has fewer than N counted ones before it; of one instant only those in which the cap holds for all
    are compared, for what is not limited may come on top.
    """
    program = load(scenario)
    found = []
    caps: list[tuple[tree.Cap, str | None]] = [(cap, None) for cap in program.caps]
    caps += [(cap, campaign.name) for campaign in program.campaigns.values() for cap in campaign.caps]
    for cap, campaign_name in caps:
        channels = {name.text for name in cap.channels} or set(scenario.channels)
        for last in sent:
            of_class = program.campaigns[last.campaign].message_class
            if last.channel not in channels or campaign_name not in (None, last.campaign):
                continue
            if campaign_name is None and not of_class.limited:
                continue
            others = [
                each
                for each in sent
                if each is not last
                and each.customer == last.customer
                and each.channel in channels
                and campaign_name in (None, each.campaign)
                and (campaign_name is not None or program.campaigns[each.campaign].message_class.counted)
                and each.at <= last.at
                and within(cap, each.at, last, scenario, program)
            ]
            before = [each for each in others if each.at < last.at]
            beside = [
                each
                for each in others
                if each.at == last.at
                and (campaign_name is not None or program.campaigns[each.campaign].message_class.limited)
            ]
            counts = campaign_name is not None or of_class.counted
            if len(before) >= cap.number or (counts and len(before) + len(beside) >= cap.number):
                found.append(f"{cap.span.text}: {len(before)} and {len(beside)} before {last}")
    return found


def within(cap: tree.Cap, at: int, last: Contact, scenario: Scenario, program: Program) -> bool:
    if not isinstance(cap.per, str):
        return at > last.at - elapsed(cap.per)
    zone = zone_of(last.customer, scenario, program)
    if zone is None:
        return False
    one, other = to_local(at, zone).date(), to_local(last.at, zone).date()
    match cap.per:
        case "day":
            return one == other
        case "week":
            return one.isocalendar()[:2] == other.isocalendar()[:2]
        case "month":
            return (one.year, one.month) == (other.year, other.month)


def zone_of(customer: str, scenario: Scenario, program: Program) -> str | None:
    """None where it changes."""
    if any(change.customer == customer and change.attribute == "timezone" for change in scenario.changes):
        return None
    known = next(each for each in scenario.customers if each.id == customer).timezone
    return known if program.zone_of_customer and known in known_zones() else program.zone


def in_quiet_hours(scenario: Scenario, sent: list[Contact]) -> list[str]:
    """By the customer's clock; not on days on which it is changed."""
    program = load(scenario)
    found = []
    for quiet in program.quiet:
        for each in sent:
            zone = zone_of(each.customer, scenario, program)
            if (
                zone is None
                or each.channel not in {name.text for name in quiet.channels}
                or clock_changes(each.at, zone)
            ):
                continue
            local = to_local(each.at, zone).time()
            over_midnight = quiet.end <= quiet.start
            after, before = local >= quiet.start, local < quiet.end
            if (after or before) if over_midnight else (after and before):
                found.append(f"{quiet.span.text}: {each}, {local} in {zone}")
    return found


def clock_changes(at: int, zone: str) -> bool:
    here: datetime = moment(at).astimezone(ZoneInfo(zone))
    around = (here + timedelta(days=1)).utcoffset(), (here - timedelta(days=1)).utcoffset()
    return any(offset != here.utcoffset() for offset in around)
