"""Writes a small database as it was in a revision, to be upgraded by every later program.

Run once when a revision is new: `python -m tests.store.stored`. The file it leaves is never written again. Nine days of
the world of `tests/support/world.py`: customers in every stage, two deployments, messages sent and still to be sent.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from flowrules.channels.base import Channel
from flowrules.channels.file import FileChannel
from flowrules.runtime.deliver import deliver
from flowrules.store.revisions import head
from tests.support.world import FLOW, START, World, world

HOUR = 3_600_000_000
DAY = 24 * HOUR
NAMES = [f"c{number:02}" for number in range(12)]
UNTIL = START + 9 * DAY


def channels(folder: Path) -> dict[str, Channel]:
    return {name: FileChannel(folder, name) for name in ("email", "sms")}


def play(folder: Path) -> World:
    made = world(f"sqlite:///{folder / 'stored.db'}")
    made.customers(NAMES)
    made.consent(NAMES[:1], "email", "withdrawn", START + HOUR)
    made.event(NAMES[:8], "signup", START + 2 * HOUR, source="fair")
    go_on(made, folder, START, START + DAY)
    made.event(NAMES[1:3], "email_opened", START + DAY + HOUR)
    made.event(NAMES[2:4], "purchase", START + DAY + 2 * HOUR, amount="12.50")
    made.event(NAMES[8:10], "signup", START + 4 * DAY, source="friend")
    go_on(made, folder, START + DAY, START + 5 * DAY)
    made.flow = FLOW.replace("up to 5 days", "up to 9 days")
    made.apply(START + 5 * DAY)
    made.event(NAMES[4:5], "visit", START + 5 * DAY + HOUR)
    made.event(NAMES[10:], "signup", START + 6 * DAY + HOUR, source="friend")
    go_on(made, folder, START + 5 * DAY, UNTIL - DAY)
    made.tick(UNTIL)  # what it decides waits in the outbox
    return made


def go_on(made: World, folder: Path, since: int, until: int) -> None:
    for now in range(since, until + 1, 6 * HOUR):
        made.tick(now)
        deliver(made.database, channels(folder), now)


def dump(file: Path) -> Iterator[str]:
    """As statements; of the calendar only this year's part, which is enough for what these rules ask."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DELETE FROM calendar WHERE month / 12 <> 2026")
        connection.execute("DELETE FROM month WHERE month / 12 <> 2026")
        connection.execute("DELETE FROM zone_offset WHERE utc_to < ? OR utc_from > ?", (START - DAY, UNTIL + 365 * DAY))
        connection.commit()
        yield from (line for line in connection.iterdump() if "sqlite_stat" not in line)


def main() -> None:
    path = Path(__file__).with_name(f"revision_{head()}.sql")
    if path.exists():
        sys.exit(f"{path.name} is there, and stays as it is")
    with tempfile.TemporaryDirectory() as folder:
        play(Path(folder)).database.close()
        path.write_text("\n".join(dump(Path(folder, "stored.db"))) + "\n")


if __name__ == "__main__":
    main()
