"""What the monitor is told of a small history that can be counted by hand; on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flowrules.channels.base import Accepted, Outcome, Refused, Unknown
from flowrules.report.alerts import Alert, AlertKind
from flowrules.report.campaign import campaign
from flowrules.report.comparison import Verdict, comparison, difference
from flowrules.report.funnel import Group, funnel
from flowrules.report.heartbeat import heartbeat
from flowrules.report.home import Home, home
from flowrules.report.lookup import find_campaign
from flowrules.report.recent import latest
from flowrules.report.search import search
from flowrules.runtime import operate
from flowrules.runtime.deliver import deliver
from flowrules.runtime.sum_up import sum_up
from tests.delivery.test_deliver import Scripted
from tests.support.world import FLOW, START, TEMPLATES, World, at, signed_up, world

MINUTE = 60_000_000
HOUR, DAY = 60 * MINUTE, 24 * 60 * MINUTE
PEOPLE = [f"c{number:02}" for number in range(30)]
TICK = START + 10 * MINUTE
SENT = START + 15 * MINUTE


@pytest.fixture
def made(database_url: str) -> Iterator[World]:
    made = signed_up(database_url, PEOPLE, TICK)
    yield made
    made.database.close()


def looked(made: World, now: int, limits: dict[str, int] | None = None) -> Home:
    with made.database.read() as connection:
        return home(connection, now, limits=limits)


def alert(made: World, now: int, kind: AlertKind, limits: dict[str, int] | None = None) -> Alert | None:
    return next((each for each in looked(made, now, limits).alerts if each.kind is kind), None)


def hand_over(made: World, answer: Outcome, now: int = SENT) -> None:
    deliver(made.database, {"email": Scripted(answer), "sms": Scripted(answer)}, now)


def test_the_heartbeat(made: World) -> None:
    with made.database.read() as connection:
        beat = heartbeat(connection, SENT)
        assert beat == heartbeat(connection, SENT + MINUTE), "instants, not ages"
    assert (beat.last_tick, beat.target, beat.deployment, beat.zone) == (TICK, None, 1, "Europe/Madrid")
    assert (beat.lag(SENT), beat.stands(TICK + MINUTE), beat.stands(TICK + 3 * MINUTE)) == (5 * MINUTE, False, True)


def test_nothing_deployed_is_no_alarm(database_url: str) -> None:
    from flowrules.store.database import Database  # noqa: PLC0415  # of this test alone

    database = Database.create(database_url)
    with database.read() as connection:
        found = home(connection, START)
    assert (found.campaigns, found.alerts, found.outbox) == ((), (), ())
    assert found.heartbeat.deployment == 0
    database.close()


def test_home(made: World) -> None:
    hand_over(made, Accepted())
    made.tick(SENT + HOUR)
    found = looked(made, SENT + HOUR)
    assert found == looked(made, SENT + HOUR)
    (row,) = found.campaigns
    assert (row.name, row.title, row.version, row.state) == ("welcome", "Welcome, new customer", 1, "live")
    assert (row.entered, row.in_journey, row.goals, row.conversion, row.sent_24h) == (30, 30, 0, 0.0, 30)
    assert row.sends == (0,) * 13 + (30,)
    assert len(found.days) == 14
    assert found.days[-1] == at("2026-03-01 23:00"), "midnight in Madrid"
    email, sms = found.channels
    assert (email.name, email.hour.sent, email.day.sent, sms.day.sent) == ("email", 30, 30, 0)
    (cap,) = found.caps
    assert (cap.words, cap.campaign, cap.withheld_24h) == ("cap 2 contacts per 7 days across email, sms", None, 0)
    assert found.alerts == ()
    assert looked(made, SENT + HOUR + 2 * MINUTE + 1).alerts[0].kind is AlertKind.ENGINE_STANDS
    made.tick(SENT + 2 * DAY + HOUR)
    assert looked(made, SENT + 2 * DAY + HOUR).campaigns[0].sends[-3:] == (30, 0, 0)


def test_deliveries_of_unknown_outcome(made: World) -> None:
    hand_over(made, Unknown("no answer"))
    found = alert(made, SENT, AlertKind.UNKNOWN_DELIVERY)
    assert found == Alert(AlertKind.UNKNOWN_DELIVERY, campaign="welcome", number=30, since=START + MINUTE)
    assert looked(made, SENT).campaigns[0].unknown == 30
    assert alert(made, SENT, AlertKind.CHANNEL_FAILING) == Alert(
        AlertKind.CHANNEL_FAILING, channel="email", number=30, of=30
    )


def test_a_channel_that_refuses(made: World) -> None:
    hand_over(made, Refused("no such mailbox"))
    assert looked(made, SENT).channels[0].hour.refused == 30
    found = alert(made, SENT, AlertKind.CHANNEL_FAILING)
    assert found is not None
    assert (found.channel, found.number, found.of) == ("email", 30, 30)
    assert alert(made, SENT + 2 * HOUR, AlertKind.CHANNEL_FAILING) is None


def test_messages_that_nobody_takes_out(made: World) -> None:
    assert alert(made, TICK, AlertKind.DELIVERY_STANDS) is None
    found = alert(made, TICK + 5 * MINUTE, AlertKind.DELIVERY_STANDS)
    assert found == Alert(AlertKind.DELIVERY_STANDS, number=30, since=START + MINUTE)
    (queue,) = looked(made, TICK).outbox
    assert (queue.status, queue.number, queue.more, queue.oldest) == ("intended", 30, False, START + MINUTE)


def test_a_paused_campaign(made: World) -> None:
    hand_over(made, Accepted())
    made.tick(SENT + HOUR)
    with made.database.read() as connection:
        campaign_id = find_campaign(connection, "welcome")
    operate.pause(made.database, campaign_id, SENT + 2 * HOUR)
    made.tick(SENT + 3 * DAY)
    found = alert(made, SENT + 3 * DAY, AlertKind.PAUSED_OVERDUE)
    assert found is not None
    assert (found.campaign, found.number, found.since) == ("welcome", 30, SENT + 2 * HOUR)
    assert looked(made, SENT + 3 * DAY).campaigns[0].state == "paused"
    with made.database.read() as connection:
        close = campaign(connection, "welcome", SENT + 3 * DAY)
    assert close.paused_since == SENT + 2 * HOUR
    assert close.withheld == (), "they may still be sent"
    assert alert(made, SENT + 3 * DAY, AlertKind.MOSTLY_WITHHELD) is None
    operate.resume(made.database, campaign_id, SENT + 3 * DAY, "skip")
    made.tick(SENT + 3 * DAY + HOUR)
    with made.database.read() as connection:
        assert campaign(connection, "welcome", SENT + 3 * DAY + HOUR).withheld == (("paused", 30),)


def test_mostly_withheld(database_url: str) -> None:
    made = world(database_url)
    made.customers(PEOPLE, consent=False)
    made.event(PEOPLE, "signup", START + MINUTE, source="fair")
    made.tick(TICK)
    found = alert(made, TICK, AlertKind.MOSTLY_WITHHELD)
    assert found == Alert(AlertKind.MOSTLY_WITHHELD, campaign="welcome", reason="no_consent", number=30, of=30)
    with made.database.read() as connection:
        close = campaign(connection, "welcome", TICK)
    assert close.withheld == close.withheld_24h == (("no_consent", 30),)
    made.database.close()


def test_a_template_that_fails(database_url: str) -> None:
    broken = "---\nsubject: Hello\n---\n{{ 1 / (customer.first_name | length - 3) }}\n"
    made = world(database_url, templates={**TEMPLATES, "email/hello.txt": broken})
    made.customers(PEOPLE)
    made.event(PEOPLE, "signup", START + MINUTE, source="fair")
    made.tick(TICK)
    hand_over(made, Accepted())
    found = alert(made, SENT, AlertKind.TEMPLATE_FAILING)
    assert found is not None
    assert (found.campaign, found.number) == ("welcome", 30)
    made.database.close()


def test_the_daily_limit(made: World) -> None:
    from flowrules.runtime.daily import DailyLimits  # noqa: PLC0415  # of this test alone

    daily = DailyLimits("Europe/Madrid", {"email": 10})
    deliver(made.database, {"email": Scripted(Accepted())}, SENT, daily=daily)
    row = looked(made, SENT, {"email": 10}).channels[0]
    assert (row.limit, row.today, row.waiting) == (10, 10, 20)
    assert alert(made, SENT, AlertKind.DAILY_LIMIT, {"email": 10}) == Alert(
        AlertKind.DAILY_LIMIT, channel="email", number=10, of=10
    )
    assert alert(made, SENT + HOUR, AlertKind.DELIVERY_STANDS, {"email": 10}) is None, "these wait rightly"


def test_a_campaign_close(made: World) -> None:
    hand_over(made, Accepted())
    made.tick(SENT + HOUR)
    with made.database.read() as connection:
        found = campaign(connection, "welcome", SENT + HOUR, decisions=5)
    lead, visited = found.stages
    assert (lead.name, lead.waiting, lead.older, visited.waiting) == ("lead", 30, 0, 0)
    assert [(step.kind, step.waiting) for step in lead.steps] == [
        ("send", 0), ("no_reaction", 30), ("send", 0), ("wait_for", 0), ("exit", 0),
    ]  # fmt: skip
    assert lead.steps[1].words == "if email unopened after 2 days send sms nudge"
    assert lead.steps[1].next_due == SENT + 2 * DAY
    assert (found.messages, found.open, found.comparison) == ((("sent", 30),), (), None)
    assert len(found.decisions) == 5
    assert found.decisions[0].decision == "wait"
    assert (found.decisions[0].customer, found.decisions[0].stage) == ("c29", "lead")


def test_the_newest_decisions(made: World) -> None:
    with made.database.read() as connection:
        newest = latest(connection, 100)
        assert newest == latest(connection, 100, 1)
        assert latest(connection, 3) == newest[:3]
    assert [each.at for each in newest] == sorted((each.at for each in newest), reverse=True)
    entered = [each for each in newest if each.decision == "entered"]
    assert len(entered) == 30
    assert (entered[0].campaign, entered[0].rule, entered[0].step) == ("welcome", "rules/welcome.flow:11", None)


# --- treated and control ------------------------------------------------------------------------------


def test_the_interval_is_newcombes() -> None:
    """Of the paper's own examples: 56 of 70 beside 48 of 80, and 9 of 10 beside 3 of 10."""
    assert difference(Group(70, goals=56), Group(80, goals=48)) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert difference(Group(10, goals=9), Group(10, goals=3)) == pytest.approx((0.1705, 0.8090), abs=5e-5)


@pytest.mark.parametrize(
    ("treated", "control", "verdict"),
    [
        (Group(1000, goals=300), Group(1000, goals=200), Verdict.BETTER),
        (Group(1000, goals=200), Group(1000, goals=300), Verdict.WORSE),
        (Group(1000, goals=200), Group(1000, goals=201), Verdict.CHANCE),
        (Group(1000, goals=900), Group(29, goals=0), Verdict.NOT_ENOUGH),
        (Group(1000, goals=4), Group(1000, goals=0), Verdict.NOT_ENOUGH),
    ],
)
def test_the_verdict(treated: Group, control: Group, verdict: Verdict) -> None:
    found = comparison(treated, control)
    assert found is not None
    assert found.verdict is verdict
    assert comparison(treated, Group()) is None


def test_held_out_customers_beside(database_url: str) -> None:
    made = world(database_url, FLOW.replace("    goal purchase", "    hold out 50%\n    goal purchase"))
    made.customers(PEOPLE)
    made.event(PEOPLE, "signup", START + MINUTE, source="fair")
    made.event(PEOPLE[:10], "purchase", START + HOUR, amount="1")
    made.tick(START + DAY, answer=lambda _sent: [])
    row = looked(made, START + DAY).campaigns[0]
    assert row.entered + row.control == 30
    assert row.goals + row.control_goals == 10
    assert row.hold_out == 500_000
    with made.database.read() as connection:
        found = campaign(connection, "welcome", START + DAY)
    assert found.comparison is not None
    assert found.comparison.control == row.control
    made.database.close()


# --- who ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "names", "more"),
    [
        ("c07", ["c07"], False),
        ("C07@Example.com", ["c07"], False),
        ("+34600000007", ["c07"], False),
        ("+3460000000", PEOPLE[:10], False),
        ("34 600 00 0001", ["c01"], False),
        ("c1", PEOPLE[10:20], False),
        ("07@exam", ["c07"], False),
        ("example.com", PEOPLE[:12], True),
        ("nobody", [], False),
        ("%", [], False),
        ("  ", [], False),
    ],
)
def test_search(made: World, given: str, names: list[str], *, more: bool) -> None:
    with made.database.read() as connection:
        found = search(connection, given, 12)
    assert [hit.customer for hit in found.hits] == names
    assert found.more is more


# --- back again ---------------------------------------------------------------------------------------


def test_who_comes_back_to_a_stage_counts_once(database_url: str) -> None:
    """By the last stay, as `funnel` counts: whether the way there was summed up before or not."""
    flow = FLOW.replace("    stage visited:", "    stage visited:\n        on visit go to lead")
    made = world(database_url, flow.replace("send email thanks", "wait 3 days"))
    made.customers(PEOPLE)
    made.event(PEOPLE, "signup", START + MINUTE, source="fair")
    made.event(PEOPLE[:5], "visit", START + 3 * DAY - HOUR)
    made.event(PEOPLE[5:9], "visit", START + 3 * DAY)
    made.event(PEOPLE[:5], "visit", START + 4 * DAY)
    stages: list[tuple[str, int, int, int, dict[str, int]]] = []
    for day in (1, 3.5, 5):
        made.tick(int(START + day * DAY), answer=lambda _sent: [])
        with made.database.read() as connection:
            found = campaign(connection, "welcome", int(START + day * DAY)).funnel.treated
            scanned = funnel(connection, "welcome").treated
        if day != 1:
            sum_up(made.database)
        stages = [(stage.name, stage.entered, stage.now, stage.moved_on, stage.left) for stage in found.stages]
        assert [stage.facts() for stage in found.stages] == [stage.facts() for stage in scanned.stages]
    assert stages == [("lead", 30, 26, 4, {}), ("visited", 9, 4, 5, {})]
    made.database.close()


def test_steps_stand_as_they_are_written(database_url: str) -> None:
    block = (
        "if email unopened after 2 days:\n            wait until 09:00\n            send sms nudge\n"
        "        else:\n            tag reader\n            wait 1 day\n"
    )
    made = world(database_url, FLOW.replace("if email unopened after 2 days send sms nudge\n", block))
    with made.database.read() as connection:
        lead = campaign(connection, "welcome", None).stages[0]
    made.database.close()
    assert list(dict.fromkeys((step.indent, step.under, step.words) for step in lead.steps)) == [
        (0, "", 'send email hello (from_us "Music Shop", came_by entry.source)'),
        (0, "", "if email unopened after 2 days:"),
        (4, "", "wait until 09:00"),
        (4, "", "send sms nudge"),
        (4, "else:", "tag reader"),
        (4, "else:", "wait 1 day"),
        (0, "", 'wait for visit up to 5 days, else exit "no answer"'),
    ]
