"""A shop in the middle of its campaign, commands called in it as users call them, and what an undisturbed run gives."""

from __future__ import annotations

import json
import os
import pwd
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from flowrules.cli.main import program

RULES = """\
attribute first_name: text
event signup
event visit

campaign welcome:
    class marketing
    enter when signup, once

    stage lead:
        send email hello
        wait for visit up to 4 days, else exit "no answer"
        send email thanks
        tag visitor

policy:
    time zone "UTC"
    purpose marketing: ask first
    class marketing: purpose marketing, limited, counted
    cap 3 contacts per 7 days
"""
NAMES = [f"c{number:02}" for number in range(80)]
FILES = {
    "flowrules.toml": 'zone = "UTC"\nvirtual_clock = true\n\n[channels.email]\ntype = "file"\n',
    "rules/welcome.flow": RULES,
    "templates/email/hello.txt": "---\nsubject: Hello {{ customer.first_name }}\n---\nHello\n",
    "templates/email/thanks.txt": "---\nsubject: Thanks\n---\nThank you\n",
    "customers.csv": "id,email,first_name,consent_email\n"
    + "".join(f"{name},{name}@example.com,{name.title()},{'no' if name == 'c01' else 'yes'}\n" for name in NAMES),
    "events.csv": "id,event,customer,time\n"
    + "".join(f"s{name},signup,{name},2026-03-02T10:00:00Z\n" for name in NAMES),
    "visits.csv": "id,event,customer,time\n"
    + "".join(f"v{name},visit,{name},2026-03-06T10:00:00Z\n" for name in NAMES[::2]),
}
BEFORE = (
    "import customers customers.csv",
    "import events events.csv",
    "apply --yes --now 2026-03-02",
    "tick --now 2026-03-03",
)
WORK = (
    "deliver --now 2026-03-03",
    "import events visits.csv",
    "apply --yes --now 2026-03-05",
    "tick --now 2026-03-20",
    "deliver --now 2026-03-20",
    "tick --now 2026-03-21",
)
"""What the troubles interrupt."""


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Shop:
    folder: Path
    url: str

    def __call__(self, command: str) -> Said:
        environment = {"FLOWRULES_DATABASE_URL": self.url}
        result = CliRunner().invoke(program, ["-C", str(self.folder), *self._absolute(command)], env=environment)
        return Said(result.exit_code, result.stdout, result.stderr)

    def _absolute(self, command: str) -> list[str]:
        return [str(self.folder / word) if word.endswith(".csv") else word for word in command.split()]

    @property
    def file(self) -> Path:
        return Path(self.url.removeprefix("sqlite:///"))

    def fails(self, command: str, message: str, hint: str) -> None:
        """One sentence and the way out, and nothing else but what was delivered before."""
        said = self(command)
        assert (said.code, said.out) == (1, ""), said
        told, error, rest = said.err.partition("error: ")
        assert error + rest == f"error: {message}\n  hint: {hint}\n", said
        assert re.fullmatch(r"(until it broke off: \d+ sent, .*\n)?" if "deliver" in command else "", told), said

    def go_on(self, done: int = 0) -> None:
        for command in WORK[done:]:
            said = self(command)
            assert said.code == 0, said

    def result(self) -> list[str]:
        """The ledger, what was sent, and that the database is sound."""
        said = self("db check")
        assert said.code == 0, said
        lines = self("ledger --format jsonl").out.splitlines()
        outbox = (self.folder / "outbox" / "email.jsonl").read_text().splitlines()
        return [*lines, *sorted(json.loads(line)["message_id"] for line in outbox)]


def write(folder: Path) -> Path:
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def begun(folder: Path, url: str) -> Shop:
    shop = Shop(write(folder), url)
    for command in BEFORE:
        said = shop(command)
        assert said.code == 0, said
    return shop


def given_away(folder: Path) -> None:
    if os.geteuid() == 0:
        account = pwd.getpwnam("nobody")
        for path in (folder, *folder.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid)


def unprivileged(work: Callable[[], Said]) -> Said:
    """In a process of its own, which no rights of a file are waived for, as they are for root."""
    return apart(work, unprivileged=True)


def apart(work: Callable[[], Said], *, unprivileged: bool = False) -> Said:
    """In a process of its own."""
    read, written = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(read)
            if unprivileged and os.geteuid() == 0:
                account = pwd.getpwnam("nobody")
                os.setgroups([])
                os.setgid(account.pw_gid)
                os.setuid(account.pw_uid)
            said = work()
            os.write(written, json.dumps([said.code, said.out, said.err]).encode())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(written)
    with os.fdopen(read) as answer:
        text = answer.read()
    assert os.waitpid(child, 0)[1] == 0, "the work failed by itself"
    return Said(*json.loads(text))
