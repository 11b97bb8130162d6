"""Keys, mouse, sizes, themes: everything that can be done without a mouse, and what the terminal allows."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from sqlalchemy import Connection, update
from textual.command import CommandPalette

from flowrules.monitor import look as looks
from flowrules.monitor.app import Monitor
from flowrules.monitor.screens.customer import CustomerScreen
from flowrules.monitor.screens.customers import Customers
from flowrules.monitor.screens.help import Help
from flowrules.monitor.screens.home import Home
from flowrules.monitor.screens.rules import Rules
from flowrules.monitor.widgets.listing import Listing
from flowrules.sql import tables
from tests.monitor.conftest import START, Shop, monitor, run
from tests.monitor.test_screens import open_customer


def rename(connection: Connection, name: str) -> None:
    """Ana is called something that nobody should be called."""
    customer, identity = tables.customer, tables.identity
    connection.execute(update(customer).where(customer.c.external_id == "ana").values(external_id=name))
    connection.execute(update(identity).where(identity.c.value == "ana").values(value=name))


def test_places_by_number_letter_and_mouse(sqlite_shop: Shop) -> None:
    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.sees("Welcome, new customer")
            for key, screen in (("2", Customers), ("3", Rules), ("1", Home), ("f", Customers)):
                await look.press(key)
                await look.until(lambda screen=screen: isinstance(look.app.screen, screen))  # type: ignore[misc]
                look.app.set_focus(None)
            await look.pilot.click(".place")
            await look.until(lambda: isinstance(look.app.screen, Home))
            await look.press("tab", "enter")
            await look.sees("Steps of lead")
            await look.press("1")  # from below, too
            await look.until(lambda: isinstance(look.app.screen, Home))

    run(look)


def test_the_field_takes_letters_that_are_keys_elsewhere(sqlite_shop: Shop) -> None:
    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.press("2")
            await look.sees("type an id")
            await look.press(*"q1t")
            assert isinstance(look.app.screen, Customers)
            await look.sees("q1t")
            await look.press("escape", "1")  # letters and numbers are keys again
            await look.until(lambda: isinstance(look.app.screen, Home))

    run(look)


def test_vi_and_arrow_keys(sqlite_shop: Shop) -> None:
    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await open_customer(look, "ana")
            timeline = look.app.screen.query_one("#timeline", Listing)
            await look.until(lambda: timeline.rows.has_focus)
            last = len(timeline.shown) - 1
            places = []
            for key in ("j", "down", "k", "up", "G", "g"):
                await look.press(key)
                places.append(timeline.rows.cursor_row)
            assert places == [1, 2, 1, 0, last, 0]

    run(look)


def test_search_in_a_table(sqlite_shop: Shop) -> None:
    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await open_customer(look, "ana")
            timeline = look.app.screen.query_one("#timeline", Listing)
            everything = len(timeline.shown)
            await look.press("slash", *"hello")
            await look.until(lambda: 0 < len(timeline.shown) < everything)
            assert all("hello" in " ".join(map(str, line.values)) for line in timeline.shown)
            await look.sees(f"{len(timeline.shown)} of {everything} with `hello`")
            await look.press("enter")
            await look.until(lambda: timeline.rows.has_focus)
            await look.press("escape")
            assert len(timeline.shown) == everything
            assert isinstance(look.app.screen, CustomerScreen)  # the second Escape leads back
            await look.press("escape")
            await look.until(lambda: not isinstance(look.app.screen, CustomerScreen))

    run(look)


def test_an_id_is_copied(sqlite_shop: Shop) -> None:
    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await open_customer(look, "bea")
            await look.press("y")
            assert look.app.clipboard == "bea"
            await look.hears("copied bea")

    run(look)


def test_a_table_is_written_as_csv_with_formulas_defused(
    sqlite_shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with sqlite_shop.world.database.write() as connection:
        connection.execute(
            update(tables.customer).where(tables.customer.c.external_id == "ana").values(external_id="=1+1")
        )

    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.sees("=1+1")
            look.app.screen.query_one("#decisions", Listing).rows.focus()
            await look.press("e")
            await look.hears("written", "rows")
            look.app.screen.query_one("#campaigns", Listing).rows.focus()
            await look.press("e")
            await look.until(lambda: len(list(tmp_path.glob("flowrules-*.csv"))) == 2)

    run(look)
    (file,) = tmp_path.glob("flowrules-decisions-*.csv")
    rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
    assert list(rows[0]) == ["when (Europe/Madrid)", "customer", "what", "about", "rule", "campaign"]
    assert {row["customer"] for row in rows} == {"'=1+1", "bea", "cid"}
    (file,) = tmp_path.glob("flowrules-campaigns-*.csv")
    (row,) = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    assert (row["campaign"], row["state"], row["entered"]) == ("welcome", "live", "3")


def test_an_unwritable_folder_is_said(sqlite_shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.sees("Welcome, new customer")
            await look.press("e")
            await look.hears("not written")

    run(look)


@pytest.mark.parametrize("key", ["1", "2", "3"])
def test_help_tells_the_keys_of_each_screen(sqlite_shop: Shop, key: str) -> None:
    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.sees("Welcome, new customer")
            await look.press(key)
            await look.until(lambda: look.app.screen.query("#body").first().display)
            look.app.set_focus(None)
            await look.press("question_mark")
            await look.until(lambda: isinstance(look.app.screen, Help))
            await look.sees("Everywhere", "find a customer", "Esc closes")
            await look.press("escape")
            await look.until(lambda: not isinstance(look.app.screen, Help))

    run(look)


def test_the_palette_knows_the_places(sqlite_shop: Shop) -> None:
    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.sees("Welcome, new customer")
            await look.press("ctrl+p")
            await look.sees("Find a customer", "Light or dark", "Rules")
            await look.press(*"rules")
            await look.sees("The workspace's files")
            await look.press("enter", "enter")
            await look.until(lambda: isinstance(look.app.screen, Rules))

    run(look)


def test_the_palette_knows_what_the_keys_do(sqlite_shop: Shop) -> None:
    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.sees("Welcome, new customer")
            await look.press("ctrl+p")
            await look.sees("Unknown sends", "Copy the id", "Export the table", "p: pause or resume the campaign")
            await look.press(*"pause")
            await look.misses("Copy the id")
            while isinstance(look.app.screen, CommandPalette):  # the first may come before what was found is there
                await look.press("enter")
            await look.sees("Pause welcome?")

    run(look)


def test_every_binding_is_told_in_help(sqlite_shop: Shop) -> None:
    """A key that is in no help is found by nobody."""
    from flowrules.monitor.screens import help as helping  # noqa: PLC0415 -- its text only
    from flowrules.monitor.screens.campaign import CampaignScreen  # noqa: PLC0415
    from flowrules.monitor.screens.unknown import UnknownScreen  # noqa: PLC0415

    everywhere = " ".join(key for key, _ in helping._EVERYWHERE).lower().replace("-", "+")
    for screen in (Home, CampaignScreen, Customers, CustomerScreen, Rules, UnknownScreen):
        own = " ".join(key for key, _ in screen.KEYS).lower()
        for bindings in (screen.BINDINGS, Monitor.BINDINGS):
            for binding in bindings:
                keys = binding.key if not isinstance(binding, tuple) else binding[0]
                shown = {"escape": "esc", "question_mark": "?", "slash": "/", "down": "↓"}
                told = [shown.get(key, key) for key in keys.split(",")]
                assert any(key in f"{own} {everywhere} ?".split() for key in told), (screen, keys)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (132, 43), (200, 60), (40, 10)])
def test_sizes(sqlite_shop: Shop, width: int, height: int) -> None:
    async def look() -> None:
        async with monitor(sqlite_shop.workspace, width, height) as look:
            await look.sees("welcome", "live")
            assert "3" in look.line("welcome")
            await look.press("enter")
            await look.sees("lead")
            await look.press("3")
            await look.sees("Files")

    run(look)


def test_it_may_be_resized_at_any_time(sqlite_shop: Shop) -> None:
    async def look() -> None:
        async with monitor(sqlite_shop.workspace, 160, 50) as look:
            await look.sees("Last decisions", "Welcome, new customer")
            await look.pilot.resize_terminal(80, 24)
            await look.misses("Last decisions")
            await look.sees("welcome", "Outbox")
            await open_customer(look, "ana")
            await look.sees("i Who")
            await look.pilot.resize_terminal(160, 50)
            await look.sees("ana@example.com")
            await look.pilot.resize_terminal(20, 5)
            await look.pilot.resize_terminal(160, 50)
            await look.sees("ana@example.com")

    run(look)


def test_light_dark_and_the_terminals_own_word(sqlite_shop: Shop) -> None:
    assert looks.suits({"COLORFGBG": "0;15"}) is looks.LIGHT
    assert looks.suits({"COLORFGBG": "15;default;0"}) is looks.DARK
    assert looks.suits({}) is looks.DARK

    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.sees("Welcome, new customer")
            before = look.app.theme
            await look.press("t")
            assert {before, look.app.theme} == {looks.LIGHT.name, looks.DARK.name}

    run(look)


def test_without_colours_words_and_signs_say_it(sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.sees("● live")
            strips = look.app.screen._compositor.render_strips()
            filtered = [look.app.export_screenshot()]
            colours = {part.split('"')[0] for part in filtered[0].split("fill: ")[1:]}
            grey = [c for c in (each[:7] for each in colours) if c.startswith("#")]
            # Only the frame of the picture has colours of its own.
            assert all(c[1:3] == c[3:5] == c[5:7] for c in grey if c != "#c5c8c6"), grey
            assert strips

    run(look)


def test_texts_of_others_are_never_markup(sqlite_shop: Shop) -> None:
    hostile = "[red]x[/red]"
    with sqlite_shop.world.database.write() as connection:
        rename(connection, hostile)
        connection.exec_driver_sql("UPDATE customer SET a_first_name = '\x1b[31mAna' WHERE id = 1")

    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.sees(hostile)
            await open_customer(look, hostile)
            await look.sees(hostile, " [31mAna")
            await look.press("y")
            await look.hears(f"copied {hostile}")
            await look.press("x")
            await look.sees(f"Take {hostile} out?")
            await look.press("escape")
            assert "\x1b" not in look.text

    run(look)


def test_the_cursor_stays_on_its_row(sqlite_shop: Shop) -> None:
    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.sees("Welcome, new customer")
            decisions = look.app.screen.query_one("#decisions", Listing)
            decisions.rows.focus()
            await look.press("j", "j")
            key = decisions.current_key
            sqlite_shop.world.event(["dan"], "signup", START + 300_000_000, source="web")
            sqlite_shop.world.tick(START + 360_000_000)
            await look.sees("dan")
            assert decisions.current_key == key

    run(look)


def test_q_quits(sqlite_shop: Shop) -> None:
    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.sees("Welcome, new customer")
            await look.press("q")
            assert look.app.return_code == 0

    run(look)
