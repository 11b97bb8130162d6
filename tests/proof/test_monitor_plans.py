"""The page of one customer, unknown deliveries, rules against what is deployed, and what an order looks up
walk over nobody else either.
"""

from __future__ import annotations

import pytest
from sqlalchemy import select

from flowrules.content.deployed import Deployed, Library
from flowrules.content.outgoing import details, id_of
from flowrules.report.allowance import allowances
from flowrules.report.customer import card
from flowrules.report.explain import explain
from flowrules.report.heartbeat import heartbeat
from flowrules.report.lookup import find_campaign, find_customer, find_message
from flowrules.report.unknown import unknown
from flowrules.runtime import tick
from flowrules.runtime.plan import campaign_changes
from flowrules.sql import tables
from flowrules.sql.codes import Decision, Reason
from flowrules.whatif.answer import supposing
from tests.proof.copies import Copies, opened
from tests.proof.everything import DEPLOYED
from tests.proof.plans import Plans
from tests.proof.story import deploy, long_ago, make
from tests.proof.test_figure_plans import STORY, bounded, explained
from tests.reference.scenario import HOUR


@pytest.fixture(scope="module")
def plans(copies: Copies) -> Plans:
    url = copies.fresh()
    make(url, STORY)
    long_ago(url, 2500)
    with opened(url) as database:
        deploy(database, STORY, DEPLOYED)
        tick.tick(database, DEPLOYED + 25 * HOUR)
        found = Plans(database.dialect, "as deployed")
        now = DEPLOYED + 28 * HOUR
        known: dict[int, Deployed] = {}
        with database.read() as connection:
            busiest = select(tables.enrollment.c.customer_id).order_by(tables.enrollment.c.customer_id).limit(1)
            number = connection.execute(busiest).scalar_one()
            name = select(tables.customer.c.external_id).where(tables.customer.c.id == number)
            customer: str = connection.execute(name).scalar_one()
            d, c = tables.decision.c, tables.customer.c
            withheld = select(c.external_id).join_from(tables.customer, tables.decision, c.id == d.customer_id)
            kept_back: str = connection.execute(
                withheld.where(d.decision == Decision.WITHHELD, d.reason == Reason.NO_CONSENT).limit(1)
            ).scalar_one()
            message = id_of(connection.execute(details().limit(1)).one())
            newest = Library(connection, known).newest
            assert newest is not None
            with explained(connection, found):
                heartbeat(connection, now)
                card(connection, number, now, known)
                explain(connection, customer, None, now, known)
                allowances(connection, newest, number, "UTC", now)
                unknown(connection, 500)
                # what would have let a message out: all is read before it is played
                with supposing(connection, kept_back, None, "UTC", now, known):
                    pass
                # the page of rules, and a decision's line in the rules of its time
                campaign_changes(connection, newest.model)
                Library(connection, {}).in_force(now)
                # what is looked up before an order is given
                find_campaign(connection, newest.model.campaigns[0].name)
                find_customer(connection, customer)
                find_message(connection, message)
        return found


def test_no_question_walks_over_customers(plans: Plans) -> None:
    led_astray = [
        f"{access}\n    {text}" for text, accesses in plans.items() for access in accesses if not bounded(text, access)
    ]
    assert not led_astray, "\n".join(led_astray)


def test_they_were_worth_looking_at(plans: Plans) -> None:
    found = {access.table for _, accesses in plans.items() for access in accesses}
    assert found >= {"customer", "identity", "consent", "event", "decision", "message", "enrollment", "contact"}
