"""What each screen shows, and that it stays fresh."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select, update

from flowrules.content.deployed import Deployed
from flowrules.monitor.once import once_lines
from flowrules.monitor.screens import home as homing
from flowrules.monitor.screens.campaign import CampaignScreen
from flowrules.monitor.screens.customer import CustomerScreen
from flowrules.monitor.widgets.listing import Listing
from flowrules.monitor.widgets.source import SourceView
from flowrules.report.alerts import Alert, AlertKind
from flowrules.report.home import Home as Figures
from flowrules.report.home import home
from flowrules.runtime.deploy import apply
from flowrules.sql import tables
from flowrules.store.database import Database
from flowrules.whatif import looks as what_if
from flowrules.whatif.replay import Aside, Ledger, Otherwise, Stage
from tests.monitor.conftest import DAY, MINUTE, START, Look, Shop, monitor, open_shop, run


def cells(look: Look, listing: str, key: str) -> list[str]:
    """Of a row."""
    for line in look.app.screen.query_one(f"#{listing}", Listing).shown:
        if line.key == key:
            return [str(cell) for cell in line.cells]
    raise AssertionError(look.text)


# --- home ---------------------------------------------------------------------------------------------


def test_home_counts_what_the_tables_hold(shop: Shop) -> None:
    async def look() -> None:
        async with monitor(shop.workspace) as look:
            await look.sees("Welcome, new customer")
            with shop.world.database.read() as connection:
                enrollment = tables.enrollment.c
                entered = connection.execute(select(func.count()).select_from(tables.enrollment)).scalar_one()
                inside = connection.execute(select(func.count()).where(enrollment.ended_at.is_(None))).scalar_one()
            assert (entered, inside) == (3, 3)
            row = cells(look, "campaigns", "welcome")
            assert row[:5] == ["welcome", "● live", "1", "3", "3"]
            assert "2 to be sent" in look.text
            assert re.search(r"│ +0 cap 2 contacts per 7 days ", look.text)
            assert "◷ virtual Mon 2026-03-02 10:02 Europe/Madrid" in look.lines[0]

    run(look)


def test_home_has_room_for_decisions_in_30_lines(sqlite_shop: Shop) -> None:
    async def look() -> None:
        async with monitor(sqlite_shop.workspace, 100, 30) as look:
            await look.sees("Last decisions", "nobody is held out", "next timer")

    run(look)


def test_home_leaves_nothing_out_in_silence(sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """More alerts and channels than there is room for, and figures that lag behind a long tick."""

    def crowded(
        connection: Connection, now: int | None, *, known: dict[int, Deployed], limits: Mapping[str, int]
    ) -> Figures:
        found = home(connection, now, known=known, limits=limits)
        alerts = tuple(Alert(kind, campaign="welcome", channel="email", number=3, of=9) for kind in AlertKind)
        channels = tuple(replace(found.channels[0], name=f"channel_{number}", waiting=7) for number in range(12))
        return replace(found, alerts=alerts, channels=channels, as_of=START)

    monkeypatch.setattr(homing, "home", crowded)

    async def look() -> None:
        async with monitor(sqlite_shop.workspace, 80, 24) as look:
            await look.sees(f"! {len(AlertKind) - 4} more; `flowrules monitor --once` lists them all")
            await look.until(lambda: "? Help" in look.lines[-1])
            await look.press("tab")
            glance = look.app.screen.query_one("#glance")
            await look.until(lambda: glance.has_focus)
            for _ in range(30):
                await look.press("down")
            await look.sees("counted up to Mon", "tick goes on")

    run(look)


def test_home_tells_who_leads_and_who_stands_by(tmp_path: Path, sqlite_url: str) -> None:
    shop = open_shop(tmp_path / "shop", sqlite_url)
    settings = shop.root / "flowrules.toml"
    settings.write_text(settings.read_text().replace("virtual_clock = true", "virtual_clock = false"))
    until = time.time_ns() // 1000 + 3_600_000_000

    def move_away() -> None:
        Path(shop.url.removeprefix("sqlite:///")).rename(tmp_path / "away")

    async def look() -> None:
        with shop.world.database.write() as connection:
            for leads, owner in ((1, "here 11 x"), (0, "there 12 y")):
                row = {"owner": owner, "leads": leads, "since": 0, "expires_at": until}
                connection.execute(insert(tables.scheduler).values(**row))
        async with monitor(shop.workspace, 120, 40) as look:
            await look.sees("here process 11", "there process 12", "last tick", " ago", "1 standby · Europe/Madrid")
            move_away()
            await look.sees("lost; this is how it was before", "no contact with the database")

    run(look)
    shop.world.database.close()


def test_home_follows_the_engine(shop: Shop) -> None:
    async def look() -> None:
        async with monitor(shop.workspace) as look:
            await look.sees("Welcome, new customer")
            shop.world.event(["dan"], "signup", START + 5 * MINUTE, source="web")
            shop.world.tick(START + 6 * MINUTE)
            await look.until(lambda: cells(look, "campaigns", "welcome")[3] == "4")
            await look.sees("10:06", "dan")

    run(look)


def test_home_without_rules_says_what_to_do(tmp_path: Path, sqlite_shop: Shop) -> None:
    url = f"sqlite:///{tmp_path / 'fresh.db'}"
    Database.create(url).close()

    async def look() -> None:
        async with monitor(replace(sqlite_shop.workspace, database=url)) as look:
            await look.sees("no rules are in force yet", "`flowrules apply` puts them in force", "nothing is deployed")

    run(look)


# --- campaign -----------------------------------------------------------------------------------------


def test_campaign_shows_funnel_steps_messages_and_decisions(shop: Shop) -> None:
    shop.world.event(["ana"], "visit", START + DAY)
    shop.world.tick(START + 3 * DAY)

    async def look() -> None:
        async with monitor(shop.workspace) as look:
            await look.sees("Welcome, new customer")
            await look.press("enter")
            await look.sees("Steps of lead")
            assert isinstance(look.app.screen, CampaignScreen)
            lead = cells(look, "funnel", "lead")
            assert (lead[0], lead[2], lead[3]) == ("lead", "3", "3")
            assert cells(look, "funnel", "visited")[2] == "0"
            await look.sees("3 entered", "3 in journey", "no consent", "nobody is held out")
            waiting = [
                line for line in look.app.screen.query_one("#steps", Listing).shown if line.cells[1].plain != "·"
            ]
            assert sum(int(line.cells[1].plain) for line in waiting) == 3
            await look.press("down")
            await look.sees("Steps of visited")
            await look.press("escape")
            await look.sees("Channels, 24 h")

    run(look)


def test_a_decision_leads_to_its_customer(sqlite_shop: Shop) -> None:
    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.sees("Welcome, new customer")
            await look.press("enter")
            await look.sees("Last decisions")
            await look.press("d")
            decisions = look.app.screen.query_one("#decisions", Listing)
            await look.until(lambda: decisions.rows.has_focus)
            await look.press("enter")
            await look.until(lambda: isinstance(look.app.screen, CustomerScreen))
            await look.press("escape")
            await look.until(lambda: isinstance(look.app.screen, CampaignScreen))

    run(look)


def test_in_a_small_terminal_one_part_is_shown_at_a_time(sqlite_shop: Shop) -> None:
    async def look() -> None:
        async with monitor(sqlite_shop.workspace, 80, 24) as look:
            await look.sees("welcome")
            await look.press("enter")
            await look.sees("Steps of lead")
            for key, title in (("m", "Messages, treated"), ("d", "Last decisions"), ("s", "Steps of lead")):
                await look.press(key)
                await look.sees(title)
                assert sum(each in look.text for each in ("Messages, treated", "Last decisions", "Steps of lead")) == 1

    run(look)


def test_a_version_for_a_share_is_told_on_every_screen(shop: Shop) -> None:
    made = shop.world
    made.flow = made.flow.replace("after 2 days", "after 3 days")
    shop.rules.write_text(made.flow, encoding="utf-8")
    apply(made.database, made.snapshot(), made.model(), START + 3 * MINUTE, canary=500_000)
    people = [f"p{number}" for number in range(12)]
    made.customers(people)
    made.event(people, "signup", START + 4 * MINUTE, source="web")
    made.tick(START + 5 * MINUTE)
    with made.database.read() as connection:
        newest = connection.execute(select(func.max(tables.version.c.id))).scalar_one()
        of_version = select(func.count()).where(tables.enrollment.c.version_id == newest)
        tried = connection.execute(of_version).scalar_one()
    assert 0 < tried < 12

    async def look() -> None:
        async with monitor(shop.workspace, 80, 24) as look:
            await look.sees("welcome")
            assert "2 for 50%" in cells(look, "campaigns", "welcome")
            await look.press("enter")
            await look.sees("version 2 for 50%", f"{tried} entered version 2")
            await look.press("3")
            await look.sees("version 2 for 50%; as")
            shop.rules.write_text(made.flow.replace("after 3 days", "after 4 days"), encoding="utf-8")
            await look.sees("version 2 for 50%; ch")
        async with monitor(shop.workspace) as look:
            await look.sees("Welcome, new customer")
            await look.press("enter")
            await look.sees("● live  version 2 for 50%, version 1 for the others")
            apply(made.database, made.snapshot(), made.model(), START + 6 * MINUTE)
            await look.misses("for 50%")
            await look.sees("● live  version 2")

    assert any("2 for 50%" in line.plain for line in once_lines(shop.workspace))
    run(look)


# --- customers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["ana", "ana@ex", "+346000000", "ample.com"])
def test_a_customer_is_found_by_a_part(shop: Shop, typed: str) -> None:
    async def look() -> None:
        async with monitor(shop.workspace) as look:
            await look.sees("Welcome, new customer")
            await look.press("f")
            await look.sees("type an id, an email, a phone, or a part of it")
            await look.press(*typed)
            await look.until(
                lambda: any(line.key == "ana" for line in look.app.screen.query_one("#found", Listing).shown)
            )
            await look.press("down")
            while look.app.screen.query_one("#found", Listing).current_key != "ana":
                await look.press("j")
            await look.press("enter")
            await look.sees("ana@example.com", "Timeline, times of Europe/Madrid")

    run(look)


def test_nobody_found_says_how_to_look(sqlite_shop: Shop) -> None:
    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.press("2")
            await look.sees("type an id")
            await look.press(*"zoe")
            await look.sees("no customer has this in an id, an email or a phone")

    run(look)


async def open_customer(look: Look, name: str) -> None:
    await look.until(lambda: look.app.heartbeat is not None)
    look.app.push_screen(CustomerScreen(name))
    await look.sees("Timeline, times of")


async def to_what_was_withheld(look: Look) -> None:
    timeline = look.app.screen.query_one("#timeline", Listing)
    withheld = next(line.key for line in timeline.shown if line.cells[1].plain == "withheld")
    while timeline.current_key != withheld:
        await look.press("j")


def test_a_customer_is_told_with_caps_and_consents(shop: Shop) -> None:
    async def look() -> None:
        async with monitor(shop.workspace) as look:
            await open_customer(look, "ana")
            await look.sees("marketing granted", "1 used", "1 left of 2 contacts per 7", "entered, is inside")
            await open_customer(look, "cid")
            await look.sees("none given: what needs one is", "no consent")

    run(look)


def test_every_line_shows_its_rule(shop: Shop) -> None:
    async def look() -> None:
        async with monitor(shop.workspace) as look:
            await open_customer(look, "cid")
            await to_what_was_withheld(look)
            await look.sees("no consent to marketing by email had been given; possible once it is")
            rule = look.app.screen.query_one(SourceView)
            assert rule.source is not None
            assert rule.line is not None
            assert rule.source.line(rule.line).strip().startswith("send email hello")
            assert re.search(r"▶ +\d+ +send email hello", look.text)

    run(look)


@pytest.mark.parametrize("width", [80, 160])
def test_what_would_have_let_a_message_out(shop: Shop, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked by a key, computed beside the screen, and forgotten when something happens."""
    asked, goes_on = threading.Event(), threading.Event()
    at_once = Stage.play

    def slowly(
        stage: Stage, otherwise: Otherwise, asides: Sequence[Aside] = (), looks: Sequence[what_if.Look] = ()
    ) -> Ledger:
        asked.set()
        goes_on.wait(20)
        return at_once(stage, otherwise, asides, looks)

    monkeypatch.setattr(Stage, "play", slowly)

    async def look() -> None:
        async with monitor(shop.workspace, width, 24 if width == 80 else 50) as look:
            await open_customer(look, "cid")
            await look.press("w")
            await look.hears("nothing to ask here")
            await to_what_was_withheld(look)
            if width == 160:
                await look.sees("w: what would have let it out")
            await look.press("w")
            await look.sees("computing …")
            await look.until(asked.is_set)
            goes_on.set()
            await look.sees("would have been sent at", "had there been consent to marketing")
            await look.press("w")  # it is known by now
            await look.sees("would have been sent at")
            await look.misses("computing")

    run(look)


CLUB = """
segment fresh: has signup in last 30 days

campaign club:
    class marketing
    enter when every day at 12:00 for segment fresh
    stage joined:
        wait 90 days
"""


def test_what_a_condition_found(sqlite_shop: Shop) -> None:
    """Asked by the same key."""
    made = sqlite_shop.world
    made.flow += CLUB
    made.apply(START + 3 * MINUTE)
    made.tick(START + 4 * 60 * MINUTE)

    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await open_customer(look, "ana")
            timeline = look.app.screen.query_one("#timeline", Listing)
            entered = next(
                line.key
                for line in timeline.shown
                if line.cells[3].plain == "club" and "entered" in line.cells[1].plain
            )
            while timeline.current_key != entered:
                await look.press("j")
            await look.sees("w: what it found of the customer")
            await look.press("w")
            await look.sees("has signup in last 30 days (is 1): yes")

    run(look)


def test_in_the_control_group_nothing_would_have_been_sent(sqlite_shop: Shop) -> None:
    enrollment = tables.enrollment
    with sqlite_shop.world.database.write() as connection:
        connection.execute(update(enrollment).values(ghost=1))

    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await open_customer(look, "cid")
            await to_what_was_withheld(look)
            await look.sees("in the control group: it would not have been sent anyway")

    run(look)


def test_what_would_have_let_it_out_can_not_be_told(sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> object:
        raise ZeroDivisionError

    monkeypatch.setattr(Stage, "play", broken)

    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await open_customer(look, "cid")
            await to_what_was_withheld(look)
            await look.press("w")
            await look.sees("a mistake in FlowRules itself (ZeroDivisionError)")

    run(look)


def test_why_not_opens_a_page_in_a_small_terminal(sqlite_shop: Shop) -> None:
    async def look() -> None:
        async with monitor(sqlite_shop.workspace, 80, 24) as look:
            await open_customer(look, "dan")
            look.app.screen.query_one("#standings", Listing).rows.focus()
            await look.press("enter")
            await look.sees("did not enter: no trigger matched; `signup` never", "enter when signup, once")
            await look.press("escape", "i")
            await look.sees("dan@example.com", "consents")

    run(look)


# --- rules --------------------------------------------------------------------------------------------


def test_mistakes_come_and_go_with_the_file(sqlite_shop: Shop) -> None:
    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.press("3")
            await look.sees("Files: no mistakes", "as deployed", "campaign welcome")
            good = sqlite_shop.rules.read_text()
            sqlite_shop.rules.write_text(good.replace("wait for visit up to 5 days", "wait for visit up to 5 dais"))
            await look.sees("1 mistake", "`dais` is no unit of time", "did you mean `days`?", "has mistakes", "changed")
            sqlite_shop.rules.write_text(good.replace("after 2 days", "after 3 days"))
            await look.sees("Files: no mistakes", "changed: `apply` makes a new version")
            sqlite_shop.rules.write_text(good)
            await look.sees("as deployed")

    run(look)


def test_a_campaign_is_drawn(sqlite_shop: Shop) -> None:
    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.press("3")
            await look.sees("Files: no mistakes")
            await look.press("tab")
            await look.sees(
                "▼ enter when signup, once", "╭─ lead", "▶ email hello", "◆ if email unopened after 2 days?"
            )
            await look.press("shift+tab")
            await look.sees("campaign welcome")

    run(look)


def test_rules_are_seen_without_a_database(tmp_path: Path, sqlite_shop: Shop) -> None:
    async def look() -> None:
        (tmp_path / "flowrules.sqlite").rename(tmp_path / "away")
        async with monitor(sqlite_shop.workspace) as look:
            await look.press("3")
            await look.sees("there is no database", "Files: no mistakes", "campaign welcome")

    run(look)


def test_broken_settings_are_a_mistake_like_others(sqlite_shop: Shop) -> None:
    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            settings = sqlite_shop.root / "flowrules.toml"
            settings.write_text('zone = "Europe/Madird"\n')
            await look.press("3")
            await look.sees("there is no time zone `Europe/Madird`")

    run(look)
