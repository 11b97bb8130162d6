from __future__ import annotations

import io
from dataclasses import replace

from flowrules.channels.base import Accepted
from flowrules.channels.console import ConsoleChannel
from tests.channels.test_file import MESSAGE


def test_one_line_a_message_without_control_characters() -> None:
    out = io.StringIO()
    channel = ConsoleChannel(out)
    assert channel.send(replace(MESSAGE, subject="red \x1b[31m\nalert")) == Accepted()
    assert out.getvalue() == "2026-03-02T09:00:00.500000Z  email hello to ana@example.com: red [31m alert\n"
    assert channel.settle(["k1"]) == {}
