"""Trials: everything to one address, and nobody is unsubscribed by trying the link."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from flowrules.channels.base import ChannelError
from flowrules.channels.redirect import redirect
from flowrules.channels.registry import make_channels
from flowrules.sql.token import bounce_token, read_bounce
from tests.channels.test_smtp import HELLO
from tests.delivery.test_deliver import Scripted


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


def test_a_link_with_a_query_unsubscribes_nobody_either(tmp_path: Path) -> None:
    """In a page its `&` is written `&amp;`."""
    channels = redirect(make_channels({"email": "file"}, tmp_path), ["email"], "me@example.com")
    page = '<a href="https://example.com/u?a=1&amp;t=abc234">Stop</a>'
    channels["email"].send(replace(HELLO, unsubscribe_url="https://example.com/u?a=1&t=abc234", html=page))
    channels["email"].flush()
    (mail,) = map(json.loads, (tmp_path / "email.jsonl").read_text().splitlines())
    assert mail["html"] == '<a href="https://example.com/u?a=1&amp;t=redirected">Stop</a>'


def test_a_trial_that_comes_back_closes_nobodys_address() -> None:
    """A slip in the address of the trial, and each of its mails comes back to the token of a customer's message."""
    kept = Scripted()
    channel = redirect({"email": kept}, ["email"], "me@example.com")["email"]
    for number in range(2):
        channel.send(replace(HELLO, token=bounce_token("salt", (1, 1, number, 1, 1))))
    assert len({message.token for message in kept.sent}) == 2  # or their Message-ID would be one
    assert [read_bounce("salt", message.token) for message in kept.sent] == [None, None]


def test_it_needs_a_channel_for_mail(tmp_path: Path) -> None:
    with pytest.raises(ChannelError, match="no channel for email"):
        redirect(make_channels({"sms": "file"}, tmp_path), [], "me@example.com")
