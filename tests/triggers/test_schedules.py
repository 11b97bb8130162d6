"""Schedules of customers whose time zone nobody had before, to a planner that goes on from tick to tick."""

from __future__ import annotations

from flowrules.runtime.answers import silent
from flowrules.runtime.tick import planner
from tests.support.engine import ledger
from tests.support.world import START, at, world

HOUR = 3_600_000_000
RULES = """\
attribute first_name: text
event signup
segment everybody: email is known
policy:
    time zone of customer, else "UTC"
    purpose marketing: unless refused
    class marketing: purpose marketing, limited, counted
campaign morning:
    enter when every day at 09:00 for segment everybody
    stage s:
        tag greeted
"""


def test_a_zone_that_is_new_while_the_planner_runs(database_url: str) -> None:
    made = world(database_url, RULES, {})
    try:
        made.customers(["ana"], timezone="Europe/Madrid")
        with planner(made.database) as planning:
            planning.tick(START + HOUR, answer=silent)
            made.customers(["kim"], timezone="Asia/Seoul")
            planning.tick(at("2026-03-04 12:00"), answer=silent)
        with made.database.read() as connection:
            entered = {(row.customer, row.at) for row in ledger(connection) if row.decision == "entered"}
        assert {customer for customer, _ in entered} == {"ana", "kim"}
    finally:
        made.database.close()
