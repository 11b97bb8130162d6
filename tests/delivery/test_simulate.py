"""A simulation works on a copy, of either database, and makes up reactions that are always the same."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from statistics import median

import pytest
from sqlalchemy import func, select

from flowrules.errors import StoreError
from flowrules.model.schema import Channel
from flowrules.runtime.answers import SentMessage
from flowrules.runtime.assume import AssumptionError, Assumptions, parse_rates
from flowrules.runtime.copy import copy_to
from flowrules.runtime.simulate import Simulated, simulate
from flowrules.sql import tables
from flowrules.sql.codes import Status
from tests.support.world import START, World, at, world

MINUTE = 60_000_000
HOUR = 60 * MINUTE


def filled(url: str) -> World:
    """Two are under way, their first email not yet sent; two sign up later."""
    made = world(url)
    made.customers(["ana", "bea", "cid", "dan"])
    made.event(["ana", "bea"], "signup", START + MINUTE, source="fair")
    made.tick(START + HOUR)
    made.event(["cid", "dan"], "signup", START + 2 * HOUR, source="web")
    return made


def simulated(made: World, path: Path, out: Path) -> Simulated:
    copy = copy_to(made.database, path)
    done = simulate(
        copy, made.snapshot(), made.model(), START + HOUR, at("2026-03-20 00:00"), answer=lambda _sent: [], out=out
    )
    copy.close()
    return done


def test_both_databases_simulate_alike(sqlite_url: str, postgres_url: str, tmp_path: Path) -> None:
    results = []
    for name, url in (("sqlite", sqlite_url), ("postgresql", postgres_url)):
        made = filled(url)
        done = simulated(made, tmp_path / f"{name}.db", tmp_path / name)
        lines = [(tmp_path / name / f"{channel}.jsonl").read_text() for channel in ("email", "sms")]
        results.append((done.customers, done.campaigns, lines))
        with made.database.read() as connection:
            # What was copied is untouched: the first emails still wait.
            assert connection.execute(select(func.count()).select_from(tables.message)).scalar_one() == 2
            assert set(connection.execute(select(tables.message.c.status)).scalars()) == {Status.INTENDED}
        made.database.close()
    assert results[0] == results[1]
    (campaign,) = results[0][1]
    assert (campaign.entered, campaign.exits, campaign.sent) == (
        2,
        {"exit": 2},
        2 * 2 + 2,
    )  # ana and bea are nudged too


def test_a_file_that_is_there_is_not_overwritten(sqlite_url: str, tmp_path: Path) -> None:
    made = world(sqlite_url)
    (tmp_path / "there.db").write_text("mine")
    with pytest.raises(StoreError, match="is there already"):
        copy_to(made.database, tmp_path / "there.db")
    assert (tmp_path / "there.db").read_text() == "mine"
    made.database.close()


def sent(number: int) -> list[SentMessage]:
    return [
        SentMessage(f"c{i}", "welcome", 1, "lead/send email hello", 1, "email", "hello", START) for i in range(number)
    ]


def test_assumed_reactions_follow_their_rates() -> None:
    assumptions = Assumptions(1, {("email", "opened"): 0.4, ("email", "clicked"): 0.1, ("email", "bounced"): 0.05})
    found = assumptions.answer(sent(20_000))
    counts = Counter(reaction.event for reaction in found)
    assert counts["email_opened"] / 19_000 == pytest.approx(0.4, abs=0.02)
    assert counts["email_clicked"] / 19_000 == pytest.approx(0.1, abs=0.02)
    assert counts["email_bounced"] / 20_000 == pytest.approx(0.05, abs=0.01)
    opened = {reaction.message: reaction.at for reaction in found if reaction.event == "email_opened"}
    clicked = {reaction.message: reaction.at for reaction in found if reaction.event == "email_clicked"}
    bounced = {reaction.message for reaction in found if reaction.event == "email_bounced"}
    assert all(opened[message] <= when for message, when in clicked.items())
    assert not bounced & opened.keys()
    assert median(opened.values()) - START == pytest.approx(6 * HOUR, rel=0.1)
    assert min(opened.values()) > START
    assert max(opened.values()) <= START + 14 * 24 * HOUR


def test_the_seed_alone_decides() -> None:
    rates = {("email", "opened"): 0.4}
    assert Assumptions(1, rates).answer(sent(100)) == Assumptions(1, rates).answer(sent(100))
    assert Assumptions(1, rates).answer(sent(100)) != Assumptions(2, rates).answer(sent(100))
    # More opens keep those that were there.
    few, more = (
        {r.message.customer for r in Assumptions(1, {("email", "opened"): p}).answer(sent(500))} for p in (0.2, 0.6)
    )
    assert few < more


def test_rates_are_read() -> None:
    channels = [Channel("email", "email")]
    assert parse_rates(["email.opened=0.35", "email.clicked = 5%"], channels) == {
        ("email", "opened"): 0.35,
        ("email", "clicked"): 0.05,
    }
    for wrong in (
        "email.opened",
        "mail.opened=1",
        "email.read=1",
        "email.opened=2",
        "email.opened=x",
        "email.opened=nan",
    ):
        with pytest.raises(AssumptionError):
            parse_rates([wrong], channels)
