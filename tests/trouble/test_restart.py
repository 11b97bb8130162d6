"""A PostgreSQL server that is stopped and started again, or stands still, and a disk that is full and has room again.

Real processes, a real server, real mail. No mail twice, none lost, none in doubt: who handed it over writes it down
when the server is back.
"""

from __future__ import annotations

import os
import resource
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.schedule.runs import Shop, shop, until
from tests.support.mailserver import MailServer, mail_server
from tests.support.postgres import Server, find_binaries

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CUSTOMERS = 60
MAILS = 2 * CUSTOMERS
LITTLE = 16_000  # the lines that it prints go into a file as well
SMTP = """\
type = "smtp"
host = "127.0.0.1"
port = {port}
security = "none"
sender = "Shop <news@example.com>"
bounces = "bounces.example.com"
"""


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server(find_binaries()[0])
    try:
        found.start()
        yield found
    finally:
        found.stop()


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def made(server: Server, mails: MailServer, tmp_path: Path) -> Shop:
    return mailing(tmp_path, server.url, mails)


def mailing(tmp_path: Path, url: str, mails: MailServer) -> Shop:
    begun = shop(tmp_path, url, CUSTOMERS)
    settings = tmp_path / "flowrules.toml"
    settings.write_text(settings.read_text().replace('type = "file"\n', SMTP.format(port=mails.port)))
    return begun


def everybody(made: Shop) -> None:
    made.signups([f"c{number}" for number in range(CUSTOMERS)])


def stand_still(server: Server, seconds: float) -> None:
    stopped = server.processes()
    for process in stopped:
        os.kill(process, signal.SIGSTOP)
    time.sleep(seconds)
    for process in stopped:
        os.kill(process, signal.SIGCONT)


def some_arrived(mails: MailServer, fifths: int) -> None:
    until(lambda: len(mails.received) >= fifths * MAILS // 5)


def all_arrived_once(made: Shop, mails: MailServer) -> None:
    until(lambda: len(mails.received) >= MAILS)
    until(lambda: "nothing waits" in made.done("outbox"))
    counted = Counter((mail.recipient, mail.read["Message-ID"]) for mail in mails.received)
    assert set(counted.values()) == {1}
    assert len(counted) == MAILS


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_a_leader_and_a_standby(made: Shop, mails: MailServer, server: Server, number: int) -> None:
    with made.process("run") as one, made.process("run") as two:
        until(lambda: "leading" in one.said + two.said)
        everybody(made)
        for part in range(1, 4):
            some_arrived(mails, part)
            server.end(number)
            time.sleep(1)
            server.start_again()
        all_arrived_once(made, mails)
        for run in (one, two):
            assert run.stop() == 0, run.said
            assert "trying again" in run.said
            assert "works again" in run.said
            assert "FR900" not in run.said


def test_a_server_that_stands_still(made: Shop, mails: MailServer, server: Server) -> None:
    """Long enough for a lease of three seconds to run out."""
    with made.process("run") as one, made.process("run") as two:
        until(lambda: "leading" in one.said + two.said)
        everybody(made)
        until(lambda: len(mails.received) >= MAILS // 5)
        stand_still(server, 15)
        all_arrived_once(made, mails)
        for run in (one, two):
            assert run.stop() == 0, run.said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_a_delivery(made: Shop, mails: MailServer, server: Server, number: int) -> None:
    """It ends with a sentence; if the server is back within seconds, nothing is left in doubt."""
    everybody(made)
    made.done("tick")
    mails.pause = 0.05  # so that it is not done before
    with made.process("deliver") as delivering:
        until(lambda: len(mails.received) >= MAILS // 8)
        server.end(number)
        mails.pause = 0
        time.sleep(1)  # it asks the database meanwhile
        server.start_again()
        assert delivering.popen.wait(timeout=120) == 1, delivering.said
        told, error, hint = delivering.said.splitlines()
        assert told.startswith("until it broke off: "), delivering.said
        assert error.startswith("error: "), delivering.said
        assert hint.startswith("  hint: "), delivering.said
    while made.done("status", "--format", "json").count('"in_journey": 0') == 0:
        made.done("run", "--once")
    assert "nothing waits" in (left := made.done("outbox")), left
    all_arrived_once(made, mails)


def test_a_full_disk(sqlite_url: str, mails: MailServer, tmp_path: Path) -> None:
    """No file of the process may grow beyond a little, three times; then it may again."""
    made = mailing(tmp_path, sqlite_url, mails)
    with made.process("run") as run:
        until(lambda: "leading" in run.said)
        everybody(made)
        hard = resource.prlimit(run.popen.pid, resource.RLIMIT_FSIZE)[1]
        for part in range(1, 4):
            some_arrived(mails, part)
            resource.prlimit(run.popen.pid, resource.RLIMIT_FSIZE, (LITTLE, hard))
            time.sleep(3)  # several beats
            resource.prlimit(run.popen.pid, resource.RLIMIT_FSIZE, (hard, hard))
        all_arrived_once(made, mails)
        assert run.stop() == 0, run.said
        assert "can not be written to its disk; trying again" in run.said
