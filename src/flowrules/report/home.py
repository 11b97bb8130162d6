"""All campaigns at a glance, beside the outbox, the channels, the caps and the holdout.

Takes a connection and the instant now; gives frozen figures that are equal as long as nothing happens. Reads summaries
and a bounded number of rows: what it costs does not grow with the customers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Literal

from sqlalchemy import Connection, func, select

from flowrules.content.deployed import Deployed, Library
from flowrules.model.campaign import Cap
from flowrules.model.values import instant
from flowrules.report.alerts import Alert, AlertKind
from flowrules.report.catalogue import campaign_versions, open_pauses
from flowrules.report.heartbeat import Heartbeat, heartbeat
from flowrules.report.outbox import Outbox, Queue, outbox
from flowrules.report.words import SECOND, local
from flowrules.sql import tables
from flowrules.sql.codes import Reason, Status
from flowrules.sql.counting import QUARTER
from flowrules.store.canaries import Canary, canaries
from flowrules.store.tallies import Tallies, What

DAYS = 14
DUE_COUNTED = 100_000

_HOUR, _DAY = 3_600 * SECOND, 86_400 * SECOND
_STANDS = 600 * SECOND
_MOSTLY = 20
"""Fewer messages than this say nothing about a reason or a channel."""

State = Literal["live", "paused", "removed"]


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """entered, in_journey, goals: of those treated; control: those held out who entered, control_goals: of these.

    sent_24h, withheld_24h: since the quarter hour that began up to 24 hours ago; withheld by reason, most frequent
    first. sends: of the last 14 days in the workspace's zone, today's last. unknown: deliveries. hold_out: millionths.
    canary: where `version` is entered by a share only.
    """

    name: str
    title: str | None
    version: int
    state: State
    paused_since: int | None
    entered: int
    in_journey: int
    has_goal: bool
    goals: int
    control: int
    control_goals: int
    hold_out: int
    sent_24h: int
    withheld_24h: tuple[tuple[str, int], ...]
    sends: tuple[int, ...]
    unknown: int
    canary: Canary | None = None

    @property
    def conversion(self) -> float | None:
        """The part of those treated that reached the goal so far."""
        return self.goals / self.entered if self.has_goal and self.entered else None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What channels said of messages."""

    sent: int = 0
    refused: int = 0
    unknown: int = 0
    expired: int = 0


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """hour, day: since the quarter hour that began up to so long ago. waiting: to be sent, retrying: to be tried again,
    of the messages looked at. limit: messages a day where there is one, today: how many of them are used.
    """

    name: str
    hour: Outcomes
    day: Outcomes
    waiting: int
    retrying: int
    unknown: int
    limit: int | None
    today: int


@dataclass(frozen=True, slots=True)
class CapRow:
    """words: the rule's; campaign None: of the policy. withheld_24h: messages that it finally kept back."""

    words: str
    place: str
    campaign: str | None
    cap: Cap
    withheld_24h: int


@dataclass(frozen=True, slots=True)
class Holdout:
    """The universal one: millionths of all, 0 where there is none; entered, held_out: over all campaigns, by
    whatever holdout.
    """

    millionths: int
    place: str | None
    entered: int
    held_out: int


@dataclass(frozen=True, slots=True)
class Home:
    """due: timers at or before now. days: the first instants of the days that `CampaignRow.sends` counts.

    as_of: what was decided later is not counted yet, for a long tick goes on; None: all is.
    """

    heartbeat: Heartbeat
    due: int
    due_more: bool
    campaigns: tuple[CampaignRow, ...]
    outbox: tuple[Queue, ...]
    channels: tuple[ChannelRow, ...]
    caps: tuple[CapRow, ...]
    holdout: Holdout
    alerts: tuple[Alert, ...]
    days: tuple[int, ...]
    as_of: int | None = None


def home(
    connection: Connection,
    now: int | None,
    *,
    known: dict[int, Deployed] | None = None,
    limits: Mapping[str, int] | None = None,
) -> Home:
    """`now` None: the clock is virtual and stands where the last tick was.

    known: deployments built before, kept from call to call. limits: messages a day by channel, as the workspace says.
    """
    beat = heartbeat(connection, now)
    now = (beat.last_tick or 0) if now is None else now
    tallies, box, library = Tallies(connection), outbox(connection), Library(connection, known)
    due, due_more = due_count(connection, now)
    days = local_days(now, beat.zone)
    campaigns = tuple(_campaigns(connection, tallies, box, library, now, days))
    channels = tuple(_channels(connection, tallies, box, now, beat.zone, limits or {}))
    policy = None if library.newest is None else library.newest.model.policy
    entered = tallies.sums(("held_out",), What.ENTERED)
    found = Home(
        heartbeat=beat,
        due=due,
        due_more=due_more,
        campaigns=campaigns,
        outbox=box.queues,
        channels=channels,
        caps=tuple(_caps(connection, tallies, library, now)),
        holdout=Holdout(
            millionths=0 if policy is None or policy.hold_out is None else policy.hold_out.millionths,
            place=None if policy is None or policy.hold_out is None else policy.hold_out.place,
            entered=sum(entered.values()),
            held_out=entered[(1,)],
        ),
        alerts=(),
        days=days,
        as_of=tallies.as_of,
    )
    return found if beat.deployment == 0 else _with_alerts(connection, found, box, now)


def due_count(connection: Connection, now: int) -> tuple[int, bool]:
    """Timers at or before now; whether counting ended there."""
    due = tables.enrollment.c.due_at
    some = select(due).where(due <= now).limit(DUE_COUNTED).subquery()
    number = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return number, number >= DUE_COUNTED


def local_days(now: int, zone: str, number: int = DAYS) -> tuple[int, ...]:
    """The first instants of so many days of the zone, today's last."""
    today = local(now, zone).date()
    days = (today - timedelta(days=back) for back in range(number - 1, -1, -1))
    return tuple(instant(datetime.combine(day, time()), zone) for day in days)


def since_quarter(now: int, ago: int) -> int:
    return (now - ago) // QUARTER * QUARTER


# --- rows ---------------------------------------------------------------------------------------------


def _campaigns(
    connection: Connection, tallies: Tallies, box: Outbox, library: Library, now: int, days: Sequence[int]
) -> Iterator[CampaignRow]:
    totals = tallies.sums(("campaign_id", "what", "held_out"), What.ENTERED, What.EXIT, What.GOAL)
    day_ago = since_quarter(now, _DAY)
    sent: Counter[int] = Counter()
    daily: dict[int, list[int]] = {}
    for (campaign_id, code, at), number in tallies.sums(
        ("campaign_id", "code", "at"), What.MESSAGE, since=days[0], until=now + SECOND
    ).items():
        if code == Status.SENT:
            day = sum(first <= at for first in days) - 1
            daily.setdefault(campaign_id, [0] * len(days))[day] += number
            sent[campaign_id] += number if at >= day_ago else 0
    withheld: dict[int, Counter[str]] = {}
    for (campaign_id, code), number in tallies.sums(("campaign_id", "code"), What.WITHHELD, since=day_ago).items():
        withheld.setdefault(campaign_id, Counter())[Reason(code).word] += number
    unknown: Counter[int] = Counter()
    for each in box.waiting:
        unknown[each.campaign_id] += each.number if each.status is Status.UNKNOWN else 0
    pauses, tried = open_pauses(connection), canaries(connection)
    newest = library.newest
    for row in campaign_versions(connection):
        meant = None if newest is None else newest.campaigns.get(row.name)
        if meant is None:
            meant = library.of_version(row.version_id).campaigns[row.name]
        entered = totals[row.id, What.ENTERED, 0]
        yield CampaignRow(
            name=row.name,
            title=meant.title,
            version=row.number,
            state="removed" if row.lives_from is None else "paused" if row.id in pauses else "live",
            paused_since=pauses.get(row.id),
            entered=entered,
            in_journey=entered - totals[row.id, What.EXIT, 0],
            has_goal=meant.goal is not None,
            goals=totals[row.id, What.GOAL, 0],
            control=totals[row.id, What.ENTERED, 1],
            control_goals=totals[row.id, What.GOAL, 1],
            hold_out=0 if meant.hold_out is None else meant.hold_out.millionths,
            sent_24h=sent[row.id],
            withheld_24h=tuple(ranked(withheld.get(row.id, {}))),
            sends=tuple(daily.get(row.id, [0] * len(days))),
            unknown=unknown[row.id],
            canary=tried.get(row.name),
        )


def ranked(numbers: Mapping[str, int]) -> list[tuple[str, int]]:
    """Most frequent first."""
    return sorted(((word, number) for word, number in numbers.items() if number), key=lambda item: (-item[1], item[0]))


def _channels(
    connection: Connection, tallies: Tallies, box: Outbox, now: int, zone: str, limits: Mapping[str, int]
) -> Iterator[ChannelRow]:
    hour: dict[int, Counter[int]] = {}
    day: dict[int, Counter[int]] = {}
    for ago, into in ((_HOUR, hour), (_DAY, day)):
        sums = tallies.sums(("channel_id", "code"), What.MESSAGE, since=since_quarter(now, ago), until=now + SECOND)
        for (channel_id, code), number in sums.items():
            into.setdefault(channel_id, Counter())[code] += number
    waiting: dict[int, Counter[Status]] = {}
    for each in box.waiting:
        waiting.setdefault(each.channel_id, Counter())[each.status] += each.number
    count, channel = tables.daily_count.c, tables.channel.c
    today = local(now, zone).toordinal()
    used = {
        row.channel_id: row.number
        for row in connection.execute(select(count.channel_id, count.number).where(count.day == today))
    }
    for row in connection.execute(select(channel.id, channel.name).order_by(channel.name)):
        open_ = waiting.get(row.id, Counter())
        yield ChannelRow(
            name=row.name,
            hour=_outcomes(hour.get(row.id, {})),
            day=_outcomes(day.get(row.id, {})),
            waiting=open_[Status.INTENDED] + open_[Status.CLAIMED],
            retrying=open_[Status.RETRYING],
            unknown=open_[Status.UNKNOWN],
            limit=limits.get(row.name),
            today=used.get(row.id, 0),
        )


def _outcomes(numbers: Mapping[int, int]) -> Outcomes:
    return Outcomes(
        sent=numbers.get(Status.SENT, 0),
        refused=numbers.get(Status.REFUSED, 0),
        unknown=numbers.get(Status.UNKNOWN, 0),
        expired=numbers.get(Status.EXPIRED, 0),
    )


def _caps(connection: Connection, tallies: Tallies, library: Library, now: int) -> Iterator[CapRow]:
    newest = library.newest
    if newest is None:
        return
    label = tables.label.c
    by_place: Counter[int] = Counter()
    for (code, label_id), number in tallies.sums(
        ("code", "label_id"), What.WITHHELD, since=since_quarter(now, _DAY)
    ).items():
        by_place[label_id] += number if code == Reason.CAPPED else 0
    known: list[tuple[str | None, Cap]] = [(None, cap) for cap in newest.model.policy.caps]
    known += [(campaign.name, cap) for campaign in newest.model.campaigns for cap in campaign.caps]
    places = select(label.id, label.text).where(label.text.in_([cap.place for _, cap in known]))
    ids = {row.text: row.id for row in connection.execute(places)} if known else {}
    for campaign, cap in known:
        words = (newest.line(cap.place) or "").partition("#")[0].strip()
        yield CapRow(words, cap.place, campaign, cap, by_place[ids.get(cap.place, 0)])


# --- alerts -------------------------------------------------------------------------------------------


def _with_alerts(connection: Connection, found: Home, box: Outbox, now: int) -> Home:
    paused = open_pauses(connection)
    alerts = [
        *_engine_alerts(found, box, paused, now),
        *_campaign_alerts(connection, found, box, paused),
        *_channel_alerts(found),
    ]
    order = list(AlertKind)
    return replace(
        found,
        alerts=tuple(sorted(alerts, key=lambda alert: (order.index(alert.kind), -alert.number))),
    )


def _engine_alerts(found: Home, box: Outbox, paused: Mapping[int, int], now: int) -> Iterator[Alert]:
    beat = found.heartbeat
    if beat.stands(now):
        yield Alert(AlertKind.ENGINE_STANDS, since=beat.last_tick)
    # Those of a paused campaign, and those over the day's limit, wait rightly.
    late = [
        each
        for each in box.waiting
        if each.status is Status.INTENDED
        and each.oldest < now - _STANDS
        and each.campaign_id not in paused
        and each.reason != Reason.SEND_LIMIT
    ]
    if late:
        number = sum(each.number for each in late)
        oldest = min(each.oldest for each in late)
        yield Alert(AlertKind.DELIVERY_STANDS, number=number, more=not box.complete, since=oldest)


def _campaign_alerts(connection: Connection, found: Home, box: Outbox, paused: Mapping[int, int]) -> Iterator[Alert]:
    names = {row.id: row.name for row in campaign_versions(connection)}
    unknown: dict[int, tuple[int, int]] = {}
    failing: Counter[int] = Counter()
    for each in box.waiting:
        if each.status is Status.UNKNOWN:
            number, oldest = unknown.get(each.campaign_id, (0, each.oldest))
            unknown[each.campaign_id] = (number + each.number, min(oldest, each.oldest))
        elif each.reason == Reason.TEMPLATE_ERROR:
            failing[each.campaign_id] += each.number
    for campaign_id, (number, oldest) in unknown.items():
        yield Alert(AlertKind.UNKNOWN_DELIVERY, campaign=names[campaign_id], number=number, since=oldest)
    for campaign_id, number in failing.items():
        yield Alert(AlertKind.TEMPLATE_FAILING, campaign=names[campaign_id], number=number)
    yield from _mostly_withheld(found)
    numbers, more = _overdue(connection) if paused else ({}, False)
    for campaign_id, number in numbers.items():
        if campaign_id in paused:
            yield Alert(
                AlertKind.PAUSED_OVERDUE,
                campaign=names[campaign_id],
                number=number,
                more=more,
                since=paused[campaign_id],
            )


def _mostly_withheld(found: Home) -> Iterator[Alert]:
    for row in found.campaigns:
        asked = row.sent_24h + sum(number for _, number in row.withheld_24h)
        reason, number = next(iter(row.withheld_24h), ("", 0))
        if asked >= _MOSTLY and 2 * number > asked:
            yield Alert(AlertKind.MOSTLY_WITHHELD, campaign=row.name, reason=reason, number=number, of=asked)


def _overdue(connection: Connection) -> tuple[Mapping[int, int], bool]:
    """Journeys that wait for a resume, by campaign; whether counting ended there."""
    enrollment = tables.enrollment.c
    held = enrollment.due_at >= tables.UNTIL_RESUMED
    some = select(enrollment.campaign_id).where(held).limit(DUE_COUNTED).subquery()
    query = select(some.c.campaign_id, func.count().label("number")).group_by(some.c.campaign_id)
    numbers = {row.campaign_id: row.number for row in connection.execute(query)}
    return numbers, sum(numbers.values()) >= DUE_COUNTED


def _channel_alerts(found: Home) -> Iterator[Alert]:
    for row in found.channels:
        failed = row.hour.refused + row.hour.unknown
        of = failed + row.hour.sent
        if of >= _MOSTLY and 5 * failed > of:
            yield Alert(AlertKind.CHANNEL_FAILING, channel=row.name, number=failed, of=of)
        if row.limit is not None and row.today >= row.limit:
            yield Alert(AlertKind.DAILY_LIMIT, channel=row.name, number=row.today, of=row.limit)
