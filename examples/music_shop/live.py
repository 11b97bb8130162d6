"""Let the music shop go on, on virtual time, and watch it: `make monitor`.

New people come and buy as the first ones did, 18 months later; nothing is sent to anybody. Works on what `make demo`
made, in the folder `--build`, and goes on where it stopped last time.
"""

from __future__ import annotations

import argparse
import csv
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from datetime import date, datetime, timedelta
from pathlib import Path

sys.dont_write_bytecode = True  # it writes into the build folder and nowhere else
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import make_people

from flowrules.cli.main import run
from flowrules.content.deployed import Library
from flowrules.model.campaign import Model
from flowrules.model.values import coerce, instant
from flowrules.monitor.app import Monitor
from flowrules.runtime.assume import Assumptions
from flowrules.runtime.sum_up import sum_up
from flowrules.runtime.tick import planner
from flowrules.store.database import Database
from flowrules.store.journal import NewEvent, add_events
from flowrules.workspace import load

LATER = timedelta(weeks=78)
SEED, OPENED = 2, 0.35
HOUR = 3_600_000_000
STEP = 6
"""Virtual hours from tick to tick."""
ORDERS, PEOPLE, CONSENTS = "next_orders.csv", "next_customers.csv", "next_consents.csv"


def prepare(folder: Path) -> None:
    """The next people and what they will buy, made once."""
    data = folder / "data"
    if (data / ORDERS).is_file():
        return
    with (data / "customers.csv").open(encoding="utf-8", newline="") as file:
        known = list(csv.DictReader(file))
    people = [f"N{row['id']}" for row in known]
    taken = {row["phone"] for row in known}
    header = "id,email,phone,first_name,country,language,timezone"
    make_people.write(data / PEOPLE, header, (make_people.person(SEED, each, taken) for each in people))
    agreed = (row for each in people for row in make_people.consents(SEED, each))
    make_people.write(data / CONSENTS, "customer,channel,purpose,state,time,source", agreed)
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):  # noqa: PTH123
        for what, name in (("customers", PEOPLE), ("consents", CONSENTS)):
            code = run(["-C", str(folder), "import", what, str(data / name)])
            if code != 0:
                sys.exit(f"{name} could not be taken in: make the demo anew")
    with (data / "cdnow_sample_orders.csv").open(encoding="utf-8", newline="") as file:
        orders = [[f"N{row['customer_id']}", str(date.fromisoformat(row["date"]) + LATER), row["cds"], row["usd"]]
                  for row in csv.DictReader(file)]  # fmt: skip
    make_people.write(data / ORDERS, "customer_id,date,cds,usd", orders)


# --- the engine, in a process of its own -----------------------------------------------------------------------


def purchases(folder: Path, model: Model) -> Iterator[NewEvent]:
    """In order of time: each at noon in New York."""
    (bought,) = (event for event in model.events if event.name == "purchase")
    types = {each.name: each.type for each in bought.properties}
    with (folder / "data" / ORDERS).open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: (row["date"], row["customer_id"]))
    for number, row in enumerate(rows):
        at = instant(datetime.fromisoformat(f"{row['date']} 12:00"), "America/New_York")
        given = {"amount": f"{row['usd']} USD", "cds": row["cds"]}
        values = {name: coerce(text, types[name], "USD", "UTC") for name, text in given.items()}
        yield NewEvent("purchase", row["customer_id"], at, at, f"next {number}", values)


def drive(folder: Path, url: str, speed: float) -> None:
    """`speed`: virtual days a minute. Ends when nobody holds the other end of the pipe."""
    database = Database.open(url)
    with database.read() as connection:
        newest = Library(connection).newest
        now = connection.exec_driver_sql("SELECT last_tick FROM clock").scalar_one()
    if newest is None:
        sys.exit("nothing is deployed")
    model = newest.model
    coming = [event for event in purchases(folder, model) if event.event_time > now]
    reactions = Assumptions(SEED, {("email", "opened"): OPENED})
    pause = 60 / (speed * 24 / STEP)
    with planner(database) as planning:
        while True:
            began = time.monotonic()
            until = now + STEP * HOUR
            due = [event for event in coming if event.event_time <= until]
            del coming[: len(due)]
            if due:
                with database.intake() as connection:
                    add_events(connection, model, due)
            planning.tick(until, answer=reactions.answer)
            sum_up(database)
            now = until
            rest = max(0.05, pause - (time.monotonic() - began))
            if select.select([sys.stdin], [], [], rest)[0]:
                return


# --- both together ---------------------------------------------------------------------------------------------


def watch(folder: Path, speed: float) -> None:
    workspace, wrong = load(folder, {})
    if workspace is None:
        sys.exit(f"{folder} is no workspace any more: {wrong[0].message}")
    command = [sys.executable, str(Path(__file__)), "--build", str(folder), "--speed", str(speed), "--engine"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as engine:
        monitor = Monitor(workspace)
        monitor.run()
        _, said = engine.communicate()
    if monitor.failure is not None:
        raise monitor.failure
    if engine.returncode != 0:
        sys.exit(said.strip().rpartition("\n")[2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speed", type=float, default=30, help="virtual days a minute (30)")
    parser.add_argument("--build", type=Path, default=HERE.parents[1] / "build" / "demo", help="the demo's folder")
    parser.add_argument("--engine", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    os.environ.pop("FLOWRULES_DATABASE_URL", None)
    folder: Path = arguments.build.absolute()
    if arguments.speed <= 0:
        parser.error("--speed must be more than 0")
    if arguments.engine:
        drive(folder, f"sqlite:///{folder / 'music_shop.db'}", arguments.speed)
        return
    if not (folder / "music_shop.db").is_file():
        subprocess.run([sys.executable, str(HERE / "demo.py"), "--build", str(folder)], check=True)
    print("18 months later, new people come: a moment ...", flush=True)
    prepare(folder)
    watch(folder, arguments.speed)


if __name__ == "__main__":
    main()
