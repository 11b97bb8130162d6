"""What can be changed from the monitor: asked first, and done as the commands do it."""

from __future__ import annotations

from sqlalchemy import select, update

from flowrules.monitor.screens.dialogs import Question
from flowrules.monitor.screens.unknown import UnknownScreen
from flowrules.sql import tables
from flowrules.sql.codes import Reason, Status
from tests.monitor.conftest import START, Look, Shop, monitor, run
from tests.monitor.test_screens import open_customer


def pauses(shop: Shop) -> list[tuple[bool, str | None]]:
    pause = tables.pause.c
    with shop.world.database.read() as connection:
        rows = connection.execute(select(pause.until, pause.overdue).order_by(pause.since))
        return [(row.until is None, row.overdue) for row in rows]


async def asked(look: Look, title: str) -> None:
    await look.until(lambda: isinstance(look.app.screen, Question))
    await look.sees(title)


def test_a_pause_is_asked_for_and_enter_does_nothing(sqlite_shop: Shop) -> None:
    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.sees("Welcome, new customer")
            for key in ("enter", "escape", "n"):
                await look.press("p")
                await asked(look, "Pause welcome?")
                assert "nothing is changed" in look.text
                await look.press(key)
                await look.misses("Pause welcome?")
            assert pauses(sqlite_shop) == []

    run(look)


def test_pause_and_resume(shop: Shop) -> None:
    async def look() -> None:
        async with monitor(shop.workspace) as look:
            await look.sees("Welcome, new customer")
            await look.press("p")
            await asked(look, "3 journeys under")
            await look.press("down")
            await look.sees("as: flowrules pause welcome")
            await look.press("enter")
            await look.hears("welcome is paused; 3 journeys under way")
            await look.sees("‖ paused")
            assert pauses(shop) == [(True, None)]
            await look.press("p")
            await asked(look, "Resume welcome?")
            await look.press("j", "j")
            await look.sees("as: flowrules resume welcome --overdue skip")
            await look.press("enter")
            await look.hears("welcome goes on")
            await look.sees("● live")
            assert pauses(shop) == [(False, "skip")]

    run(look)


def test_one_way_only_takes_y(sqlite_shop: Shop) -> None:
    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.sees("Welcome, new customer")
            await look.press("enter")
            await look.sees("Steps of lead")
            await look.press("p")
            await asked(look, "Pause welcome?")
            await look.press("y")
            await look.hears("welcome is paused")
            await look.sees("‖ paused")

    run(look)


def test_a_customer_is_taken_out(shop: Shop) -> None:
    async def look() -> None:
        async with monitor(shop.workspace) as look:
            await open_customer(look, "ana")
            await look.press("x")
            await asked(look, "Take ana out?")
            await look.press("down")
            await look.sees("as: flowrules exit ana welcome")
            await look.press("enter")
            await look.hears("ana leaves welcome with the next tick")
            shop.world.tick(START + 600_000_000)
            await look.sees("left: taken out by an operator")
            await look.press("x")
            await look.hears("ana is in no campaign")

    run(look)


def test_an_unknown_delivery_is_resolved(shop: Shop) -> None:
    message = tables.message
    with shop.world.database.write() as connection:
        connection.execute(
            update(message)
            .where(message.c.status == Status.INTENDED)
            .values(status=Status.UNKNOWN, reason=Reason.OUTCOME_UNKNOWN)
        )

    def statuses() -> list[int]:
        with shop.world.database.read() as connection:
            found = connection.execute(select(message.c.status).where(message.c.channel_id.is_not(None)))
            return sorted(found.scalars())

    before = statuses()
    assert before.count(Status.UNKNOWN) == 2

    async def look() -> None:
        async with monitor(shop.workspace) as look:
            await look.sees("2 of unknown outcome", "u: say what became of them")
            await look.press("u")
            await look.until(lambda: isinstance(look.app.screen, UnknownScreen))
            await look.sees("ana", "bea")
            await look.press("enter")
            await asked(look, "What became of this message?")
            await look.press("down")
            await look.sees("as: flowrules outbox resolve")
            await look.press("enter")
            await look.hears("counts as sent")
            await look.until(lambda: statuses().count(Status.SENT) == 1)
            await look.misses("ana")
            await look.press("enter")
            await asked(look, "What became of this message?")
            await look.press("down", "down", "enter")
            await look.sees("none: of every message it is known whether it was sent")
            assert statuses().count(Status.REFUSED) == 1

    run(look)


def test_what_can_not_be_done_is_said(sqlite_shop: Shop) -> None:
    """Another program writes, for longer than one waits."""

    async def look() -> None:
        async with monitor(sqlite_shop.workspace) as look:
            await look.sees("Welcome, new customer")
            with sqlite_shop.world.database.write() as connection:
                connection.exec_driver_sql("UPDATE clock SET cursor = cursor")
                await look.press("p")
                await asked(look, "Pause welcome?")
                await look.press("y")
                await look.hears("is locked: another program writes into it")
                assert "◷ virtual" in look.text
            assert pauses(sqlite_shop) == []

    run(look)
