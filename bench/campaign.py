"""W as a campaign of FlowRules, and a database that stands ready for its first hour."""

from __future__ import annotations

from datetime import UTC, datetime

from flowrules.check import check
from flowrules.model.campaign import Model
from flowrules.model.schema import Channel
from flowrules.model.snapshot import Snapshot, Template
from flowrules.runtime.deploy import apply
from flowrules.source import Source
from flowrules.store.columns import add_columns
from flowrules.store.database import Database
from flowrules.store.journal import NewCustomer, add_customers

HOUR = 3_600_000_000
START = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp()) * 1_000_000
BATCH = 10_000
"""Facts a transaction, as `flowrules import` takes them in."""

# A cap that never bites is still counted: W runs with ledger, caps and journal.
RULES = """\
policy:
    time zone of customer, else "UTC"
    purpose marketing: unless refused
    class marketing: purpose marketing, limited, counted
    cap 10 contacts per 7 days across email, sms

event signup
event purchase

campaign w:
    class marketing
    enter when signup
    stage journey:
        send email welcome
        if email unopened after 2 days:
            send sms nudge
        else:
            wait 1 day
            send email offer
        wait for purchase up to 3 days, else:
            tag lapsed
            exit "lapsed"
        tag customer
"""
WELCOME = ("w", 1, "journey/send email welcome", 1)
"""campaign, instance, step, pass of the message that is opened."""
NUDGE = "nudge"
TEMPLATES = {"email": ("welcome", "offer"), "sms": (NUDGE,)}


def snapshot(rules: str = RULES) -> Snapshot:
    return Snapshot(
        sources=(Source("rules/w.flow", rules),),
        templates=tuple(
            Template(channel, name, f"templates/{channel}/{name}.txt", "---\nsubject: News\n---\nHello")
            for channel, names in TEMPLATES.items()
            for name in names
        ),
        lists=frozenset(),
        channels=(Channel("email", "email"), Channel("sms", "phone")),
        currency="EUR",
        zone="UTC",
    )


def model(rules: str = RULES) -> Model:
    checked = check(snapshot(rules))
    if checked.model is None:
        raise SystemExit("\n".join(f"{item.code} {item.message}" for item in checked.diagnostics))
    return checked.model


def customer_name(number: int) -> str:
    return f"u{number}"


def prepare(url: str, n: int, rules: str = RULES) -> Database:
    """A fresh database with n customers, an hour before they sign up."""
    database = Database.create(url, zone="UTC", salt="bench")
    known = model(rules)
    for first in range(0, n, BATCH):
        customers = [
            NewCustomer(
                customer_name(number),
                START - HOUR,
                {"email": f"u{number}@x.test", "phone": f"+1{number:010}", "timezone": "UTC"},
            )
            for number in range(first, min(n, first + BATCH))
        ]
        with database.intake() as connection:
            if first == 0:
                add_columns(connection, known)
            add_customers(connection, known, customers, START - HOUR)
    apply(database, snapshot(rules), known, START - HOUR)
    database.checkpoint()
    return database
