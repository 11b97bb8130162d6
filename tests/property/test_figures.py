"""The figures of the monitor, of `status` and `funnel`, beside SQL over the tables that the engine writes.

Whatever happened, however the ticks were cut, and however far it was summed up.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from flowrules.content.deployed import Library
from flowrules.report.allowance import allowances
from flowrules.report.campaign import CampaignFigures, campaign
from flowrules.report.funnel import funnel
from flowrules.report.home import Home, home
from flowrules.report.recent import latest
from flowrules.report.status import status
from flowrules.runtime.deliver import deliver
from flowrules.runtime.sum_up import sum_up
from flowrules.runtime.tick import planner
from flowrules.sql.codes import Reason, Status
from flowrules.store.database import Database
from tests.property.examples import examples
from tests.property.test_outbox import Moody
from tests.reference.generate import cuts, scenarios
from tests.reference.scenario import DAY, HOUR
from tests.support.engine import Reactions, deployed

QUARTER = 900_000_000


@pytest.mark.slow
@pytest.mark.timeout(1200)
@examples(5)
@given(st.data())
def test_figures_are_what_the_tables_say(database_url: str, data: st.DataObject) -> None:
    scenario = data.draw(scenarios())
    ticks = [*data.draw(cuts(scenario)), scenario.until]
    summed = data.draw(st.lists(st.booleans(), min_size=len(ticks), max_size=len(ticks)))
    with deployed(scenario, database_url) as database:
        with planner(database) as planning:
            for instant, now in zip(ticks, summed, strict=True):
                planning.tick(instant, answer=Reactions(scenario).answer)
                if now:
                    sum_up(database)
                lately(database, instant)
        agree(database, scenario.until)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@examples(5)
@given(st.data())
def test_also_where_messages_are_handed_over(database_url: str, data: st.DataObject) -> None:
    scenario = data.draw(scenarios())
    channels = dict.fromkeys(scenario.channels, Moody())
    with deployed(scenario, database_url) as database:
        with planner(database) as planning:
            for number in range(9):
                now = scenario.deployed_at + number * DAY + HOUR
                planning.tick(now)
                deliver(database, channels, now + (0, HOUR, 5 * HOUR)[number % 3])
                if data.draw(st.booleans()):
                    sum_up(database)
                lately(database, now + 5 * HOUR)
            planning.tick(scenario.until)
        agree(database, scenario.until)


def agree(database: Database, now: int) -> None:
    """As it is, and when all is summed up: the same, and what the tables say."""
    with database.read() as connection:
        before = compare(connection, now)
    sum_up(database)
    with database.read() as connection:
        assert compare(connection, now) == before
        parts = connection.execute(text("SELECT count(*) FROM resting WHERE part_at <> 0")).scalar_one()
        assert parts == 0
        shown = status(connection, now)
        for each in shown.campaigns:
            sent = rows(
                connection,
                "SELECT count(*) FROM message m JOIN campaign c ON c.id = m.campaign_id WHERE c.name = :name "
                "AND m.status = 10 AND m.sent_at > :after AND m.sent_at <= :until",
                name=each.name,
                after=now - DAY,
                until=now + 1_000_000,
            )
            assert each.sent_24h == sent[0][0]


def compare(connection: Connection, now: int) -> tuple[Home, list[CampaignFigures]]:
    found = home(connection, now)
    close = [campaign(connection, row.name, now) for row in found.campaigns]
    enrolled(connection, found)
    for figures in close:
        scanned = funnel(connection, figures.funnel.campaign)
        assert figures.funnel.facts() == scanned.facts()
        waits(connection, figures)
        handed_over(connection, figures)
    of_now(connection, found, now)
    newest = [each.at for each in latest(connection, 40)]
    assert newest == [row[0] for row in rows(connection, "SELECT at FROM decision ORDER BY at DESC LIMIT 40")]
    return found, close


def lately(database: Database, now: int) -> None:
    """While much happens, and not only when all is over."""
    with database.read() as connection:
        of_now(connection, home(connection, now), now)


def of_now(connection: Connection, found: Home, now: int) -> None:
    sent_by_day(connection, found)
    waiting_to_be_sent(connection, found, now)
    said_by_channels(connection, found, now)
    kept_back(connection, found, now)
    left_by_caps(connection, now)


def enrolled(connection: Connection, found: Home) -> None:
    wanted = rows(
        connection,
        "SELECT c.name, CASE WHEN e.ghost > 0 THEN 1 ELSE 0 END, count(*), "
        "sum(CASE WHEN e.ended_at IS NULL THEN 1 ELSE 0 END), count(e.goal_at) "
        "FROM enrollment e JOIN campaign c ON c.id = e.campaign_id GROUP BY 1, 2",
    )
    got: dict[tuple[str, int], tuple[int, int | None, int]]
    got = {(row.name, 0): (row.entered, row.in_journey, row.goals) for row in found.campaigns if row.entered}
    got |= {(row.name, 1): (row.control, None, row.control_goals) for row in found.campaigns if row.control}
    assert got == {
        (name, ghost): (entered, None if ghost else int(inside), goals)
        for name, ghost, entered, inside, goals in wanted
    }
    assert found.holdout.entered == sum(row[2] for row in wanted)


def waits(connection: Connection, figures: CampaignFigures) -> None:
    wanted = rows(
        connection,
        "SELECT s.key, count(*) FROM enrollment e JOIN node n ON n.version_id = e.version_id AND n.node = e.node "
        "JOIN step s ON s.id = n.stage_id JOIN campaign c ON c.id = e.campaign_id "
        "WHERE c.name = :name AND e.ended_at IS NULL AND e.ghost = 0 GROUP BY s.key",
        name=figures.funnel.campaign,
    )
    assert {stage.name: stage.waiting for stage in figures.stages if stage.waiting} == dict(wanted)
    for stage in figures.stages:
        assert stage.waiting == stage.older + sum(step.waiting for step in stage.steps)


def handed_over(connection: Connection, figures: CampaignFigures) -> None:
    name = figures.funnel.campaign
    messages: Counter[str] = Counter()
    for code, number in rows(
        connection,
        "SELECT m.status, count(*) FROM message m JOIN campaign c ON c.id = m.campaign_id "
        "WHERE c.name = :name GROUP BY m.status",
        name=name,
    ):
        messages[Status(code).word] = number
    got = dict(figures.messages)
    for word in ("sent", "ghost", "refused"):
        assert got.get(word, 0) == messages[word], word
    still = {status.word for status in Status if status < Status.SENT}
    assert dict(figures.open) == {word: number for word, number in messages.items() if word in still}
    kept = rows(
        connection,
        "SELECT d.reason, count(*) FROM decision d JOIN campaign c ON c.id = d.campaign_id "
        "JOIN label p ON p.id = d.place_id WHERE c.name = :name AND d.decision = 11 AND d.until IS NULL "
        # What is on hold, or held by a pause until its resume, may still be sent.
        "AND d.reason <> 10 AND (d.reason <> 9 OR p.text = 'operator') GROUP BY d.reason",
        name=name,
    )
    assert dict(figures.withheld) == {Reason(code).word: number for code, number in kept}


def sent_by_day(connection: Connection, found: Home) -> None:
    ends = [*found.days[1:], found.days[-1] + 2 * DAY]
    for row in found.campaigns:
        days = [
            rows(
                connection,
                "SELECT count(*) FROM message m JOIN campaign c ON c.id = m.campaign_id "
                "WHERE c.name = :name AND m.status = 10 AND m.sent_at >= :first AND m.sent_at < :end",
                name=row.name,
                first=first,
                end=end,
            )[0][0]
            for first, end in zip(found.days, ends, strict=True)
        ]
        assert list(row.sends) == days


def waiting_to_be_sent(connection: Connection, found: Home, now: int) -> None:
    wanted = rows(connection, "SELECT status, count(*), min(decided_at) FROM message WHERE status < 10 GROUP BY status")
    got = {(each.status, each.number, each.oldest) for each in found.outbox}
    assert got == {(Status(code).word, number, oldest) for code, number, oldest in wanted}
    unknown = rows(
        connection,
        "SELECT c.name, count(*) FROM message m JOIN campaign c ON c.id = m.campaign_id WHERE m.status = :unknown "
        "GROUP BY c.name",
        unknown=int(Status.UNKNOWN),
    )
    assert {row.name: row.unknown for row in found.campaigns if row.unknown} == dict(unknown)
    assert found.due == rows(connection, "SELECT count(*) FROM enrollment WHERE due_at <= :now", now=now)[0][0]


def said_by_channels(connection: Connection, found: Home, now: int) -> None:
    waiting = rows(
        connection,
        "SELECT h.name, m.status, count(*) FROM message m JOIN channel h ON h.id = m.channel_id WHERE m.status < 10 "
        "GROUP BY h.name, m.status",
    )
    open_: Counter[tuple[str, str]] = Counter()
    for name, code, number in waiting:
        status = Status(code)
        open_[name, "waiting" if status in {Status.INTENDED, Status.CLAIMED} else status.word] += number
    for each in found.channels:
        got = {"waiting": each.waiting, "retrying": each.retrying, "unknown": each.unknown}
        assert got == {word: open_[each.name, word] for word in got}
        for ago, shown in ((HOUR, each.hour), (DAY, each.day)):
            span: dict[str, str | int] = {
                "name": each.name,
                "after": (now - ago) // QUARTER * QUARTER,
                "until": now + 1_000_000,
            }
            sent = rows(
                connection,
                "SELECT count(*) FROM message m JOIN channel h ON h.id = m.channel_id WHERE h.name = :name "
                "AND m.status = 10 AND m.sent_at >= :after AND m.sent_at <= :until",
                **span,
            )
            refused = rows(
                connection,
                "SELECT count(*) FROM outcome o JOIN message m ON m.customer_id = o.customer_id "
                "AND m.campaign_id = o.campaign_id AND m.instance = o.instance AND m.step_id = o.step_id "
                "AND m.pass = o.pass JOIN channel h ON h.id = m.channel_id WHERE h.name = :name "
                "AND o.status = :refused AND o.at >= :after AND o.at <= :until",
                refused=int(Status.REFUSED),
                **span,
            )
            assert (shown.sent, shown.refused) == (sent[0][0], refused[0][0]), (each.name, ago)


def kept_back(connection: Connection, found: Home, now: int) -> None:
    """By each cap, and of each campaign by reason, since the quarter hour that began up to a day ago."""
    kept = (
        "FROM decision d JOIN campaign c ON c.id = d.campaign_id JOIN label p ON p.id = d.place_id "
        "WHERE d.decision = 11 AND d.until IS NULL AND d.at >= :after "
    )
    after = (now - DAY) // QUARTER * QUARTER
    capped = rows(connection, f"SELECT p.text, count(*) {kept} AND d.reason = 1 GROUP BY p.text", after=after)
    assert {cap.place: cap.withheld_24h for cap in found.caps if cap.withheld_24h} == dict(capped)
    by_reason = rows(
        connection,
        f"SELECT c.name, d.reason, count(*) {kept} AND d.reason <> 10 AND (d.reason <> 9 OR p.text = 'operator') "
        "GROUP BY c.name, d.reason",
        after=after,
    )
    got = {(row.name, word): number for row in found.campaigns for word, number in row.withheld_24h}
    assert got == {(name, Reason(code).word): number for name, code, number in by_reason}


def left_by_caps(connection: Connection, now: int) -> None:
    """What stands beside a customer's card, of caps by length."""
    deployed = Library(connection).newest
    assert deployed is not None
    lengths = {cap.place: cap for cap in deployed.model.policy.caps if not cap.calendar}
    for (customer,) in rows(connection, "SELECT id FROM customer ORDER BY id LIMIT 8"):
        contacts = rows(
            connection,
            "SELECT k.at, h.name FROM contact k JOIN channel h ON h.id = k.channel_id WHERE k.customer_id = :customer "
            "AND k.ghost = 0 AND k.counted <> 0 AND k.at <= :now",
            customer=customer,
            now=now,
        )
        for each in allowances(connection, deployed, customer, "UTC", now):
            cap = lengths.get(each.rule)
            if cap is not None and each.campaign is None:
                used = sum(at > now - cap.per and (not cap.channels or name in cap.channels) for at, name in contacts)
                assert (each.used, each.left) == (used, max(0, cap.number - used))


def rows(connection: Connection, query: str, **values: str | int) -> list[Any]:
    return [tuple(row) for row in connection.execute(text(query), values)]
