"""Delivers by SMTP once, as a process that a test may kill: `python -m tests.delivery.mail URL PORT NOW`."""

from __future__ import annotations

import sys

from flowrules.channels.mail import Sender, mailbox
from flowrules.channels.smtp import SmtpChannel, SmtpSettings
from flowrules.runtime.deliver import Delivered, deliver
from flowrules.store.database import Database


def smtp(port: int) -> SmtpChannel:
    address = mailbox("Music Shop <news@example.com>")
    assert address is not None
    return SmtpChannel(SmtpSettings("127.0.0.1", Sender(address, bounces="bounces.example.com"), port, "none"))


def main(url: str, port: int, now: int) -> Delivered:
    database = Database.open(url)
    try:
        return deliver(database, {"email": smtp(port)}, now)
    finally:
        database.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
