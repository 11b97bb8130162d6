"""Trials: everything to one address, and nobody is unsubscribed by trying the link."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from flowrules.channels.base import ChannelError
from flowrules.channels.redirect import redirect
from flowrules.channels.registry import make_channels
from tests.channels.test_smtp import HELLO


def test_everything_goes_to_one_address(tmp_path: Path) -> None:
    channels = redirect(make_channels({"email": "file", "sms": "file"}, tmp_path), ["email"], "me@example.com")
    url = HELLO.unsubscribe_url
    channels["email"].send(replace(HELLO, text=f"Stop: {url}", html=f'<a href="{url}">Stop</a>'))
    channels["sms"].send(replace(HELLO, channel="sms", to="+34600000001", subject=None))
    for channel in channels.values():
        channel.flush()
    mail, text = map(json.loads, (tmp_path / "email.jsonl").read_text().splitlines())
    assert not (tmp_path / "sms.jsonl").exists()
    assert (mail["to"], mail["subject"]) == ("me@example.com", "[email for ana@example.com] Hello")
    assert (mail["text"], mail["html"]) == (
        "Stop: https://example.com/u/redirected",
        '<a href="https://example.com/u/redirected">Stop</a>',
    )
    assert (text["to"], text["subject"]) == ("me@example.com", "[sms for +34600000001]")


def test_it_needs_a_channel_for_mail(tmp_path: Path) -> None:
    with pytest.raises(ChannelError, match="no channel for email"):
        redirect(make_channels({"sms": "file"}, tmp_path), [], "me@example.com")
